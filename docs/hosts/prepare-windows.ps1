<#
.SYNOPSIS
Prepares the Windows side of a Flatnet host for flatnet-bot: WinRM over HTTPS, for one account, from one address.

.DESCRIPTION
Read it, then run it once in an elevated PowerShell (5.1 or 7). Run again it changes only what is not as it should be.
With -WhatIf it says what it would do and does nothing. Otherwise it says what it does, and at the end how to undo that.
docs/hosts.md says why each step is there.

  1. the certificate goes into the machine's store, its key not exportable
  2. a local account for the bot, in the group Administrators (WinRS lets nobody else in)
  3. that account keeps its rights when it comes over the network (LocalAccountTokenFilterPolicy)
  4. the firewall lets the bot's address in at 5986, and nobody else by this rule
  5. with -WslNetworking: the way to sshd in WSL2, for the bot's address only
  6. WinRM starts by itself and listens with that certificate; Basic is off and nothing crosses unencrypted
  7. prints the fingerprint of that certificate, for: host add NAME --windows-fingerprint

.EXAMPLE
powershell -ExecutionPolicy Bypass -File .\prepare-windows.ps1 -CertificateFile .\host-a.pfx -BotAddress 192.0.2.5 -WhatIf

.EXAMPLE
powershell -ExecutionPolicy Bypass -File .\prepare-windows.ps1 -CertificateFile .\host-a.pfx -BotAddress 192.0.2.5 -WslNetworking Nat -HostAddress 192.0.2.11
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

# Commands that undo what was done, the last one first.
$undo = New-Object System.Collections.Generic.List[string]

# Whether something is to be done now; then it is said.
function Test-Step([string]$target, [string]$action) {
    if (-not $PSCmdlet.ShouldProcess($target, $action)) {
        return $false
    }
    Write-Host "${target}: $action"
    $true
}

function Install-HostCertificate {
    $data = Get-PfxData -FilePath $CertificateFile -Password $CertificatePassword
    $certificate = $data.EndEntityCertificates[0]
    if ($certificate.NotAfter -lt (Get-Date)) {
        throw "$CertificateFile ended on $($certificate.NotAfter); make a new one"
    }
    $known = @(Get-ChildItem -Path Cert:\LocalMachine\My | Where-Object { $_.Thumbprint -eq $certificate.Thumbprint })
    if ($known.Count -eq 0 -and (Test-Step 'Cert:\LocalMachine\My' "import $($certificate.Subject)")) {
        Import-PfxCertificate -FilePath $CertificateFile -CertStoreLocation Cert:\LocalMachine\My -Password $CertificatePassword | Out-Null
        $undo.Insert(0, "Remove-Item -Path Cert:\LocalMachine\My\$($certificate.Thumbprint) -DeleteKey")
    }
    return $certificate
}

# Windows itself shows SHA-1 alone.
function Get-Fingerprint([byte[]]$bytes) {
    $sha256 = [System.Security.Cryptography.SHA256]::Create()
    try {
        ([BitConverter]::ToString($sha256.ComputeHash($bytes)) -replace '-', '').ToLowerInvariant()
    } finally {
        $sha256.Dispose()
    }
}

function Set-BotAccount {
    $name = $Account.UserName
    $user = Get-LocalUser -Name $name -ErrorAction SilentlyContinue
    if ($null -eq $user) {
        if (Test-Step $name 'make the local account') {
            New-LocalUser -Name $name -Password $Account.Password -Description 'flatnet-bot, over WinRM' -PasswordNeverExpires -UserMayNotChangePassword | Out-Null
            $undo.Insert(0, "Remove-LocalUser -Name $name")
        }
    } elseif (Test-Step $name 'set the password') {
        # Nobody can read it back and compare: this is the one step that is always done.
        Set-LocalUser -Name $name -Password $Account.Password
    }
    if (Test-Step $name 'member of the group Administrators') {
        Add-Administrator $name
    }
}

# Added without a look at the members: Get-LocalGroupMember stops at the first one that Windows cannot name, as there are
# after an Entra join or where an account was removed (PowerShell#2996).
function Add-Administrator([string]$name) {
    try {
        Add-LocalGroupMember -SID $AdministratorsSid -Member $name -ErrorAction Stop
    } catch {
        if ($_.FullyQualifiedErrorId -notlike 'MemberExists,*') {
            throw
        }
        return
    }
    $undo.Insert(0, "Remove-LocalGroupMember -SID $AdministratorsSid -Member $name")
}

function Set-TokenFilterPolicy {
    $policy = Get-ItemProperty -Path $PolicyPath -Name LocalAccountTokenFilterPolicy -ErrorAction SilentlyContinue
    if ($null -ne $policy -and $policy.LocalAccountTokenFilterPolicy -eq 1) {
        return
    }
    if (Test-Step $PolicyPath 'LocalAccountTokenFilterPolicy = 1') {
        New-ItemProperty -Path $PolicyPath -Name LocalAccountTokenFilterPolicy -Value 1 -PropertyType DWord -Force | Out-Null
        if ($null -eq $policy) {
            $undo.Insert(0, "Remove-ItemProperty -Path $PolicyPath -Name LocalAccountTokenFilterPolicy")
        } else {
            $undo.Insert(0, "Set-ItemProperty -Path $PolicyPath -Name LocalAccountTokenFilterPolicy -Value $($policy.LocalAccountTokenFilterPolicy)")
        }
    }
}

function Start-WinRm {
    $service = Get-Service -Name WinRM
    $type = $service.StartType.ToString()
    if ($type -ne 'Automatic' -and (Test-Step 'WinRM' 'start type Automatic')) {
        Set-Service -Name WinRM -StartupType Automatic
        $undo.Insert(0, "Set-Service -Name WinRM -StartupType $type")
    }
    if ($service.Status.ToString() -ne 'Running' -and (Test-Step 'WinRM' 'start')) {
        Start-Service -Name WinRM
        $undo.Insert(0, 'Stop-Service -Name WinRM')
    }
}

# A value of WinRM's configuration. One that group policy sets comes as an element with an attribute.
function Get-Text($value) {
    if ($null -ne $value -and $value -isnot [string]) {
        return $value.InnerText
    }
    "$value"
}

function Set-HttpsListener([string]$thumbprint) {
    $selector = @{ Address = '*'; Transport = 'HTTPS' }
    $values = @{ CertificateThumbprint = $thumbprint }
    $listeners = @(Get-WSManInstance -ResourceURI winrm/config/Listener -Enumerate | Where-Object { (Get-Text $_.Transport) -eq 'HTTPS' })
    if ($listeners.Count -eq 0) {
        if (Test-Step "port $WinRmPort" "listen with the certificate $thumbprint") {
            New-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet $selector -ValueSet $values | Out-Null
            $undo.Insert(0, "Remove-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet @{ Address = '*'; Transport = 'HTTPS' }")
        }
        return
    }
    foreach ($listener in $listeners) {
        $address = Get-Text $listener.Address
        $before = (Get-Text $listener.CertificateThumbprint) -replace '\s', ''
        if ($before -ne $thumbprint -and (Test-Step "listener $address" "use the certificate $thumbprint")) {
            $selector = @{ Address = $address; Transport = 'HTTPS' }
            Set-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet $selector -ValueSet $values | Out-Null
            $chosen = "@{ Address = '$address'; Transport = 'HTTPS' } -ValueSet @{ CertificateThumbprint = '$before' }"
            $undo.Insert(0, "Set-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet $chosen")
        }
    }
}

function Set-WinRmValue([string]$resource, [string]$name, [string]$wanted) {
    $value = Get-WSManInstance -ResourceURI $resource | Select-Object -ExpandProperty $name
    $now = Get-Text $value
    if ($now -eq $wanted) {
        return
    }
    if ($value -isnot [string] -and $value.OuterXml -match '\bSource="GPO"') {
        throw "group policy sets $name of $resource to $now; set it to $wanted there, then run this again"
    }
    if (Test-Step $resource "$name = $wanted") {
        Write-WinRmValue $resource $name $wanted
        $undo.Insert(0, "Set-WSManInstance -ResourceURI $resource -ValueSet @{ $name = '$now' }")
    }
}

# WinRM takes no change of these while a network is Public, and that of WSL2 (vEthernet) usually is.
function Write-WinRmValue([string]$resource, [string]$name, [string]$wanted) {
    try {
        Set-WSManInstance -ResourceURI $resource -ValueSet @{ $name = $wanted } -ErrorAction Stop | Out-Null
    } catch {
        $why = $_.Exception.Message
        $public = @(Get-NetConnectionProfile -ErrorAction SilentlyContinue | Where-Object { "$($_.NetworkCategory)" -eq 'Public' })
        if ($public.Count -eq 0) {
            throw
        }
        $names = @($public | ForEach-Object { $_.InterfaceAlias }) -join ', '
        throw "$name of $resource could not be set to ${wanted}: $why Networks that are Public now: $names. Set them to Private for a moment (Set-NetConnectionProfile -InterfaceAlias ... -NetworkCategory Private), then run this again"
    }
}

# The firewall tells a network with its mask, however it was given: 192.0.2.0/255.255.255.0.
function Get-Network([string]$address) {
    if ($address -notmatch '^([\d.]+)/(\d+\.\d+\.\d+\.\d+)$') {
        return $address
    }
    $network = $Matches[1]
    $bits = @($Matches[2] -split '\.' | ForEach-Object { [Convert]::ToString([int]$_, 2) }) -join ''
    "$network/$(($bits -replace '0', '').Length)"
}

# The commands for the firewall are functions of a module, which do not know this script's $ErrorActionPreference.
function Set-Firewall([string]$name, [string]$title, [int]$port) {
    $rule = Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue
    if ($null -eq $rule) {
        if (Test-Step "firewall rule $name" "allow TCP $port from $($BotAddress -join ', ')") {
            New-NetFirewallRule -Name $name -DisplayName $title -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port -RemoteAddress $BotAddress -ErrorAction Stop | Out-Null
            $undo.Insert(0, "Remove-NetFirewallRule -Name $name")
        }
        return
    }
    $addresses = @(($rule | Get-NetFirewallAddressFilter -ErrorAction Stop).RemoteAddress | ForEach-Object { Get-Network $_ })
    $ports = @(($rule | Get-NetFirewallPortFilter -ErrorAction Stop).LocalPort)
    $other = @(Compare-Object $addresses @($BotAddress | ForEach-Object { Get-Network $_ })) + @(Compare-Object $ports @("$port"))
    if ($other.Count -gt 0 -and (Test-Step "firewall rule $name" "allow TCP $port from $($BotAddress -join ', ')")) {
        Set-NetFirewallRule -Name $name -LocalPort $port -RemoteAddress $BotAddress -ErrorAction Stop
        $undo.Insert(0, "Set-NetFirewallRule -Name $name -LocalPort $($ports -join ', ') -RemoteAddress $($addresses -join ', ')")
    }
}

# Another rule may let everybody in at the same port. Whether somebody needs it, this script cannot know.
function Find-WiderRule([string]$name, [int]$port) {
    $filters = @(Get-NetFirewallPortFilter -Protocol TCP -ErrorAction Stop | Where-Object { $_.LocalPort -contains "$port" })
    foreach ($filter in $filters) {
        $rule = $filter | Get-NetFirewallRule -ErrorAction Stop
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
    if (Test-Step "port proxy ${HostAddress}:$SshPort" "to 127.0.0.1:$SshPort") {
        netsh.exe interface portproxy add v4tov4 "listenaddress=$HostAddress" "listenport=$SshPort" connectaddress=127.0.0.1 "connectport=$SshPort" | Out-Null
        if ($LASTEXITCODE -ne 0) {
            throw "netsh ended with $LASTEXITCODE"
        }
        $undo.Insert(0, "netsh interface portproxy delete v4tov4 listenaddress=$HostAddress listenport=$SshPort")
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
    if (Test-Step "Hyper-V firewall rule $name" "allow TCP $SshPort from $($BotAddress -join ', ')") {
        if ($null -ne $rule) {
            Remove-NetFirewallHyperVRule -Name $name -ErrorAction Stop
        }
        New-NetFirewallHyperVRule -Name $name -DisplayName 'flatnet-bot: SSH to WSL2' -Direction Inbound -Action Allow -VMCreatorId $WslVirtualMachine -Protocol TCP -LocalPorts $SshPort -RemoteAddresses $BotAddress -ErrorAction Stop | Out-Null
        $undo.Insert(0, "Remove-NetFirewallHyperVRule -Name $name")
    }
}

if ($Account.UserName -match '[\\@]') {
    throw 'give the plain name of a local account; docs/hosts.md says what to do with one of a domain'
}
if ($WslNetworking -eq 'Nat' -and $HostAddress -notmatch '^\d{1,3}(\.\d{1,3}){3}$') {
    throw 'with -WslNetworking Nat give this host''s own IPv4 address as -HostAddress'
}
# powershell -File hands a list over as one text.
$BotAddress = @($BotAddress | ForEach-Object { $_ -split ',' } | ForEach-Object { $_.Trim() })
try {
    $certificate = Install-HostCertificate
    Set-BotAccount
    Set-TokenFilterPolicy
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
    Start-WinRm
    if ((Get-Service -Name WinRM).Status.ToString() -eq 'Running') {
        Set-HttpsListener $certificate.Thumbprint
        Set-WinRmValue 'winrm/config/service' 'AllowUnencrypted' 'false'
        Set-WinRmValue 'winrm/config/service/auth' 'Basic' 'false'
    } else {
        Write-Warning 'WinRM is not running, so its listeners cannot be looked at; without -WhatIf they would be set now'
    }
} finally {
    # Also after an error: what was done until then is not undone by itself.
    if ($undo.Count -gt 0) {
        Write-Host 'To undo what was done:'
    }
    foreach ($command in $undo) {
        Write-Host "  $command"
    }
}
Write-Host 'Fingerprint of this host for flatnet-bot (host add NAME --windows-fingerprint):'
Write-Host "  $(Get-Fingerprint $certificate.RawData)"
