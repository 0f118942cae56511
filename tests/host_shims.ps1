# Stands in for Windows while tests/test_host_scripts.py runs docs/hosts/prepare-windows.ps1 in PowerShell 7 on Linux:
# every cmdlet that the script uses and Linux lacks, acting on $state; every change is a line of $changes.
# Prints one JSON line per run of the script: what it changed, and what it warned of.
param([string]$script, [string]$runs)
$ErrorActionPreference = 'Stop'

$global:changes = @()
$global:state = @{
    certificates = @(); users = @{}; members = @(); registry = @{}; rules = @{}; listeners = @()
    service = @{ StartType = 'Manual'; Status = 'Stopped' }
    wsman = @{ 'winrm/config/service' = @{ AllowUnencrypted = 'true' }; 'winrm/config/service/auth' = @{ Basic = 'true' } }
    hyperv = $null; policy = @(); public = $false; firewall_broken = $false
}
$global:certificate = [pscustomobject]@{ Thumbprint = 'AB12'; RawData = [byte[]](1, 2, 3); Subject = 'CN=host-a'; NotAfter = (Get-Date).AddDays(700) }

function global:Add-Change([string]$what) { $global:changes += $what }
function Get-PfxData { [pscustomobject]@{ EndEntityCertificates = @($global:certificate) } }
function Get-ChildItem { $global:state.certificates }
function Import-PfxCertificate { Add-Change 'certificate'; $global:state.certificates += $global:certificate }
function Get-LocalUser($Name) { $global:state.users[$Name] }
function New-LocalUser($Name, $Password, $Description, [switch]$PasswordNeverExpires, [switch]$UserMayNotChangePassword) {
    Add-Change "user $Name"
    $global:state.users[$Name] = [pscustomobject]@{ Name = $Name }
}
function Set-LocalUser($Name, $Password) { Add-Change "password $Name" }
# One of the group's members is an account that was removed.
function Get-LocalGroupMember($SID) { throw 'Failed to compare two elements in the array.' }
function Add-LocalGroupMember {
    [CmdletBinding()] param($SID, $Member)
    if ($global:state.members -contains $Member) {
        $why = New-Object System.Exception "$Member is already a member of group Administrators."
        $PSCmdlet.WriteError((New-Object System.Management.Automation.ErrorRecord $why, 'MemberExists', 'ResourceExists', $Member))
        return
    }
    Add-Change "member $SID $Member"
    $global:state.members += $Member
}
function Get-ItemProperty($Path, $Name) {
    $key = "$Path|$Name"
    if ($global:state.registry.ContainsKey($key)) { [pscustomobject]@{ $Name = $global:state.registry[$key] } }
}
function New-ItemProperty($Path, $Name, $Value, $PropertyType, [switch]$Force) {
    Add-Change "registry $Name $Value"
    $global:state.registry["$Path|$Name"] = $Value
}
function Get-Service($Name) { [pscustomobject]$global:state.service }
function Set-Service($Name, $StartupType) { Add-Change "service $StartupType"; $global:state.service.StartType = $StartupType }
function Start-Service($Name) { Add-Change 'service start'; $global:state.service.Status = 'Running' }
function Get-WSManInstance($ResourceURI, [switch]$Enumerate) {
    if ($Enumerate) { return $global:state.listeners }
    $shown = @{}
    foreach ($name in $global:state.wsman[$ResourceURI].Keys) { $shown[$name] = Get-Shown $name $global:state.wsman[$ResourceURI][$name] }
    [pscustomobject]$shown
}
# What group policy sets is an element with an attribute, for which PowerShell has no text of its own.
function Get-Shown($name, $value) {
    if ($global:state.policy -notcontains $name) { return $value }
    ([xml]"<$name Source='GPO'>$value</$name>").DocumentElement
}
function New-WSManInstance($ResourceURI, $SelectorSet, $ValueSet) {
    Add-Change "listener $($SelectorSet.Transport) $($ValueSet.CertificateThumbprint)"
    $global:state.listeners += [pscustomobject]@{
        Address = $SelectorSet.Address; Transport = $SelectorSet.Transport; CertificateThumbprint = $ValueSet.CertificateThumbprint
    }
}
function Set-WSManInstance {
    [CmdletBinding()] param($ResourceURI, $SelectorSet, $ValueSet)
    if ($global:state.public -and -not $SelectorSet) {
        throw 'WinRM firewall exception will not work since one of the network connection types on this machine is set to Public.'
    }
    foreach ($name in $ValueSet.Keys) {
        Add-Change "wsman $name $($ValueSet[$name])"
        if ($SelectorSet) {
            $global:state.listeners[0].$name = $ValueSet[$name]
        } else {
            $global:state.wsman[$ResourceURI][$name] = $ValueSet[$name]
        }
    }
}
function netsh.exe {
    Add-Change "netsh $($args -join ' ')"
    $global:state.registry['HKLM:\SYSTEM\CurrentControlSet\Services\PortProxy\v4tov4\tcp|192.0.2.11/2222'] = '127.0.0.1/2222'
    $global:LASTEXITCODE = 0
}
# As on Windows these are functions of a module: they do not see the $ErrorActionPreference of the script that calls them.
New-Module -Name LabNetSecurity -ScriptBlock {
    function Get-NetFirewallRule {
        [CmdletBinding()] param($Name, [Parameter(ValueFromPipeline = $true)] $InputObject)
        process { if ($InputObject) { $InputObject.Rule } else { $global:state.rules[$Name] } }
    }
    function New-NetFirewallRule {
        [CmdletBinding()] param($Name, $DisplayName, $Direction, $Action, $Protocol, $LocalPort, $RemoteAddress)
        if ($global:state.firewall_broken) {
            $PSCmdlet.WriteError((New-Object System.Management.Automation.ErrorRecord (New-Object System.Exception 'Access is denied.'), 'HRESULT 0x80070005', 'PermissionDenied', $null))
            return
        }
        Add-Change "rule $Name $LocalPort $($RemoteAddress -join ',')"
        $global:state.rules[$Name] = [pscustomobject]@{
            Name = $Name; DisplayName = $DisplayName; Direction = $Direction; Action = $Action; Enabled = 'True'
            RemoteAddress = $RemoteAddress; LocalPort = "$LocalPort"
        }
    }
    function Set-NetFirewallRule {
        [CmdletBinding()] param($Name, $LocalPort, $RemoteAddress)
        Add-Change "changed rule $Name $LocalPort $($RemoteAddress -join ',')"
        $global:state.rules[$Name].RemoteAddress = $RemoteAddress
        $global:state.rules[$Name].LocalPort = "$LocalPort"
    }
    function Get-NetFirewallAddressFilter {
        [CmdletBinding()] param([Parameter(ValueFromPipeline = $true)] $Rule)
        process { [pscustomobject]@{ RemoteAddress = @($Rule.RemoteAddress) -replace '/24$', '/255.255.255.0' } }
    }
    function Get-NetFirewallPortFilter {
        [CmdletBinding()] param($Protocol, [Parameter(ValueFromPipeline = $true)] $Rule)
        process {
            foreach ($one in @(if ($Rule) { $Rule } else { $global:state.rules.Values })) {
                [pscustomobject]@{ LocalPort = $one.LocalPort; Rule = $one }
            }
        }
    }
    function Get-NetFirewallHyperVRule {
        [CmdletBinding()] param($Name)
        $global:state.hyperv }
    function Remove-NetFirewallHyperVRule {
        [CmdletBinding()] param($Name)
        Add-Change "remove hyper-v $Name" }
    function New-NetFirewallHyperVRule {
        [CmdletBinding()] param($Name, $DisplayName, $Direction, $Action, $VMCreatorId, $Protocol, $LocalPorts, $RemoteAddresses)
        Add-Change "hyper-v $Name $LocalPorts $($RemoteAddresses -join ',')"
        $global:state.hyperv = [pscustomobject]@{ LocalPorts = "$LocalPorts"; RemoteAddresses = $RemoteAddresses }
    }
    function Get-NetConnectionProfile {
        [CmdletBinding()] param()
        if ($global:state.public) {
            [pscustomobject]@{ InterfaceAlias = 'vEthernet (WSL)'; NetworkCategory = 'Public' }
        }
        [pscustomobject]@{ InterfaceAlias = 'Ethernet'; NetworkCategory = 'Private' }
    }
} | Import-Module -Global

$secret = New-Object SecureString
$account = New-Object PSCredential 'flatnet-bot', $secret
# -File runs this in the global scope, which modules do see; the script sets its own preference in a scope of its own.
$ErrorActionPreference = 'Continue'
foreach ($run in @($runs | ConvertFrom-Json)) {
    $global:changes = @()
    $printed = New-Object System.Collections.Generic.List[string]
    $global:state.policy = @($run.policy)
    $global:state.public = [bool]$run.public
    $global:state.firewall_broken = [bool]$run.firewall_broken
    if ($run.encrypted) { $global:state.wsman['winrm/config/service'].AllowUnencrypted = 'false' }
    if ($run.rule) { New-NetFirewallRule 'WINRM-HTTPS' 'Windows Remote Management' 'Inbound' 'Allow' 'TCP' 5986 @('Any') }
    $given = @{ CertificateFile = 'host-a.pfx'; CertificatePassword = $secret; Account = $account; WhatIf = [bool]$run.what_if }
    $given.BotAddress = @($run.bot)
    if ($run.networking) { $given.WslNetworking = $run.networking }
    if ($run.host_address) { $given.HostAddress = $run.host_address }
    try {
        & $script @given -WarningVariable warnings 6>&1 3> $null | ForEach-Object { $printed.Add("$_") }
        $failed = ''
    } catch {
        $failed = $_.Exception.Message
    }
    ConvertTo-Json -Compress -InputObject @{ changes = @($global:changes); warnings = @($warnings | ForEach-Object { "$_" }); failed = $failed; printed = $printed.ToArray() }
}
