<#
.SYNOPSIS
Prepares the Windows side of a Flatnet host for flatnet-bot: WinRM over HTTPS, for one account, from one address.

.DESCRIPTION
Read it, then run it once in an elevated PowerShell (5.1 or 7). Run again it changes only what is not as it should be.
With -WhatIf it says what it would do and does nothing. docs/hosts.md says why each step is there, and how to undo it.

  1. the certificate goes into the machine's store, its key not exportable
  2. a local account for the bot, in the group Administrators (WinRS lets nobody else in)
  3. that account keeps its rights when it comes over the network (LocalAccountTokenFilterPolicy)
  4. WinRM starts by itself and listens with that certificate; Basic is off and nothing crosses unencrypted
  5. the firewall lets the bot's address in at 5986, and nobody else by this rule
  6. with -WslNetworking: the way to sshd in WSL2, for the bot's address only

.EXAMPLE
.\prepare-windows.ps1 -CertificateFile .\host-a.pfx -BotAddress 192.0.2.5 -WhatIf

.EXAMPLE
.\prepare-windows.ps1 -CertificateFile .\host-a.pfx -BotAddress 192.0.2.5 -WslNetworking Nat -HostAddress 192.0.2.11
#>
#Requires -Version 5.1
#Requires -RunAsAdministrator
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    # The host's certificate with its key (PFX), made by docs/hosts/winrm-certificate.sh or your own CA.
    [Parameter(Mandatory = $true)] [string]$CertificateFile,
    # The password of that file.
    [Parameter(Mandatory = $true)] [SecureString]$CertificatePassword,
    # The address (or addresses) from which the bot comes.
    [Parameter(Mandatory = $true)] [string[]]$BotAddress,
    # The account's name and its password: the bot's user and the secret winrm_password.
    [Parameter(Mandatory = $true)] [PSCredential]$Account,
    # How WSL2 is reached: not through this host, by a port proxy (NAT), or by itself (mirrored networking).
    [ValidateSet('None', 'Nat', 'Mirrored')] [string]$WslNetworking = 'None',
    # This host's own address, at which the port proxy listens.
    [string]$HostAddress = '',
    # Where sshd listens in WSL2 (prepare-wsl.sh --port).
    [ValidateRange(1, 65535)] [int]$SshPort = 2222
)
Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

$WinRmPort = 5986
# By number, because Windows translates the group's name.
$AdministratorsSid = 'S-1-5-32-544'
$PolicyPath = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
$ProxyPath = 'HKLM:\SYSTEM\CurrentControlSet\Services\PortProxy\v4tov4\tcp'
# The virtual machine of WSL2, as the Hyper-V firewall knows it.
$WslVirtualMachine = '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}'

function Install-HostCertificate {
    $data = Get-PfxData -FilePath $CertificateFile -Password $CertificatePassword
    $certificate = $data.EndEntityCertificates[0]
    if ($certificate.NotAfter -lt (Get-Date)) {
        throw "$CertificateFile ended on $($certificate.NotAfter); make a new one"
    }
    $known = @(Get-ChildItem -Path Cert:\LocalMachine\My | Where-Object { $_.Thumbprint -eq $certificate.Thumbprint })
    if ($known.Count -eq 0 -and $PSCmdlet.ShouldProcess('Cert:\LocalMachine\My', "import $($certificate.Subject)")) {
        Import-PfxCertificate -FilePath $CertificateFile -CertStoreLocation Cert:\LocalMachine\My -Password $CertificatePassword | Out-Null
    }
    return $certificate.Thumbprint
}

function Set-BotAccount {
    $name = $Account.UserName
    $user = Get-LocalUser -Name $name -ErrorAction SilentlyContinue
    if ($null -eq $user) {
        if ($PSCmdlet.ShouldProcess($name, 'make the local account')) {
            New-LocalUser -Name $name -Password $Account.Password -Description 'flatnet-bot, over WinRM' -PasswordNeverExpires -UserMayNotChangePassword | Out-Null
        }
    } elseif ($PSCmdlet.ShouldProcess($name, 'set the password')) {
        # Nobody can read it back and compare: this is the one step that is always done.
        Set-LocalUser -Name $name -Password $Account.Password
    }
    $members = @(Get-LocalGroupMember -SID $AdministratorsSid | Where-Object { $_.Name -eq "$env:COMPUTERNAME\$name" })
    if ($members.Count -eq 0 -and $PSCmdlet.ShouldProcess($name, 'add to the group Administrators')) {
        Add-LocalGroupMember -SID $AdministratorsSid -Member $name
    }
}

function Set-TokenFilterPolicy {
    $policy = Get-ItemProperty -Path $PolicyPath -Name LocalAccountTokenFilterPolicy -ErrorAction SilentlyContinue
    if ($null -ne $policy -and $policy.LocalAccountTokenFilterPolicy -eq 1) {
        return
    }
    if ($PSCmdlet.ShouldProcess($PolicyPath, 'LocalAccountTokenFilterPolicy = 1')) {
        New-ItemProperty -Path $PolicyPath -Name LocalAccountTokenFilterPolicy -Value 1 -PropertyType DWord -Force | Out-Null
    }
}

function Start-WinRm {
    $service = Get-Service -Name WinRM
    if ($service.StartType.ToString() -ne 'Automatic' -and $PSCmdlet.ShouldProcess('WinRM', 'start type Automatic')) {
        Set-Service -Name WinRM -StartupType Automatic
    }
    if ($service.Status.ToString() -ne 'Running' -and $PSCmdlet.ShouldProcess('WinRM', 'start')) {
        Start-Service -Name WinRM
    }
}

function Set-HttpsListener([string]$thumbprint) {
    $selector = @{ Address = '*'; Transport = 'HTTPS' }
    $values = @{ CertificateThumbprint = $thumbprint }
    $listeners = @(Get-WSManInstance -ResourceURI winrm/config/Listener -Enumerate | Where-Object { $_.Transport -eq 'HTTPS' })
    if ($listeners.Count -eq 0) {
        if ($PSCmdlet.ShouldProcess("port $WinRmPort", "listen with the certificate $thumbprint")) {
            New-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet $selector -ValueSet $values | Out-Null
        }
        return
    }
    foreach ($listener in $listeners) {
        $same = ($listener.CertificateThumbprint -replace '\s', '') -eq $thumbprint
        if (-not $same -and $PSCmdlet.ShouldProcess("listener $($listener.Address)", "use the certificate $thumbprint")) {
            $selector = @{ Address = $listener.Address; Transport = 'HTTPS' }
            Set-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet $selector -ValueSet $values | Out-Null
        }
    }
}

function Set-WinRmValue([string]$resource, [string]$name, [string]$wanted) {
    $now = Get-WSManInstance -ResourceURI $resource | Select-Object -ExpandProperty $name
    if ("$now" -ne $wanted -and $PSCmdlet.ShouldProcess($resource, "$name = $wanted")) {
        Set-WSManInstance -ResourceURI $resource -ValueSet @{ $name = $wanted } | Out-Null
    }
}

function Set-Firewall([string]$name, [string]$title, [int]$port) {
    $rule = Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue
    if ($null -eq $rule) {
        if ($PSCmdlet.ShouldProcess("firewall rule $name", "allow TCP $port from $($BotAddress -join ', ')")) {
            New-NetFirewallRule -Name $name -DisplayName $title -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port -RemoteAddress $BotAddress | Out-Null
        }
        return
    }
    $addresses = @(($rule | Get-NetFirewallAddressFilter).RemoteAddress)
    $ports = @(($rule | Get-NetFirewallPortFilter).LocalPort)
    $other = @(Compare-Object $addresses $BotAddress) + @(Compare-Object $ports @("$port"))
    if ($other.Count -gt 0 -and $PSCmdlet.ShouldProcess("firewall rule $name", "allow TCP $port from $($BotAddress -join ', ')")) {
        Set-NetFirewallRule -Name $name -LocalPort $port -RemoteAddress $BotAddress
    }
}

# Another rule may let everybody in at the same port. Whether somebody needs it, this script cannot know.
function Find-WiderRule([string]$name, [int]$port) {
    $filters = @(Get-NetFirewallPortFilter -Protocol TCP | Where-Object { $_.LocalPort -contains "$port" })
    foreach ($filter in $filters) {
        $rule = $filter | Get-NetFirewallRule
        $open = "$($rule.Enabled)" -eq 'True' -and "$($rule.Direction)" -eq 'Inbound' -and "$($rule.Action)" -eq 'Allow'
        if ($open -and $rule.Name -ne $name) {
            Write-Warning "the firewall rule '$($rule.DisplayName)' ($($rule.Name)) also opens port ${port}; disable it if nobody else needs it"
        }
    }
}

# The proxy leads to the loopback address, from where WSL2 forwards (localhostForwarding): WSL2's own address changes.
function Set-PortProxy {
    $entry = "$HostAddress/$SshPort"
    $known = Get-ItemProperty -Path $ProxyPath -Name $entry -ErrorAction SilentlyContinue
    if ($null -ne $known -and ($known | Select-Object -ExpandProperty $entry) -eq "127.0.0.1/$SshPort") {
        return
    }
    if ($PSCmdlet.ShouldProcess("port proxy ${HostAddress}:$SshPort", "to 127.0.0.1:$SshPort")) {
        netsh.exe interface portproxy add v4tov4 "listenaddress=$HostAddress" "listenport=$SshPort" connectaddress=127.0.0.1 "connectport=$SshPort" | Out-Null
        if ($LASTEXITCODE -ne 0) {
            throw "netsh ended with $LASTEXITCODE"
        }
    }
}

function Set-HyperVFirewall {
    $name = 'flatnet-bot-ssh'
    $rule = Get-NetFirewallHyperVRule -Name $name -ErrorAction SilentlyContinue
    if ($null -ne $rule) {
        $same = @(Compare-Object @($rule.RemoteAddresses) $BotAddress).Count -eq 0 -and "$($rule.LocalPorts)" -eq "$SshPort"
        if ($same) {
            return
        }
    }
    if ($PSCmdlet.ShouldProcess("Hyper-V firewall rule $name", "allow TCP $SshPort from $($BotAddress -join ', ')")) {
        if ($null -ne $rule) {
            Remove-NetFirewallHyperVRule -Name $name
        }
        New-NetFirewallHyperVRule -Name $name -DisplayName 'flatnet-bot: SSH to WSL2' -Direction Inbound -Action Allow -VMCreatorId $WslVirtualMachine -Protocol TCP -LocalPorts $SshPort -RemoteAddresses $BotAddress | Out-Null
    }
}

if ($Account.UserName -match '[\\@]') {
    throw 'give the plain name of a local account; docs/hosts.md says what to do with one of a domain'
}
if ($WslNetworking -eq 'Nat' -and $HostAddress -notmatch '^\d{1,3}(\.\d{1,3}){3}$') {
    throw 'with -WslNetworking Nat give this host''s own IPv4 address as -HostAddress'
}
$thumbprint = Install-HostCertificate
Set-BotAccount
Set-TokenFilterPolicy
Start-WinRm
if ((Get-Service -Name WinRM).Status.ToString() -eq 'Running') {
    Set-HttpsListener $thumbprint
    Set-WinRmValue 'winrm/config/service' 'AllowUnencrypted' 'false'
    Set-WinRmValue 'winrm/config/service/auth' 'Basic' 'false'
} else {
    Write-Warning 'WinRM is not running, so its listeners cannot be looked at; without -WhatIf they would be set now'
}
Set-Firewall 'flatnet-bot-winrm' 'flatnet-bot: WinRM over HTTPS' $WinRmPort
Find-WiderRule 'flatnet-bot-winrm' $WinRmPort
if ($WslNetworking -eq 'Nat') {
    Set-PortProxy
    Set-Firewall 'flatnet-bot-ssh' 'flatnet-bot: SSH to WSL2' $SshPort
    Find-WiderRule 'flatnet-bot-ssh' $SshPort
}
if ($WslNetworking -eq 'Mirrored') {
    Set-HyperVFirewall
}
