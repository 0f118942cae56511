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
    hyperv = $null
}
$global:certificate = [pscustomobject]@{ Thumbprint = 'AB12'; Subject = 'CN=host-a'; NotAfter = (Get-Date).AddDays(700) }

function Add-Change([string]$what) { $global:changes += $what }
function Get-PfxData { [pscustomobject]@{ EndEntityCertificates = @($global:certificate) } }
function Get-ChildItem { $global:state.certificates }
function Import-PfxCertificate { Add-Change 'certificate'; $global:state.certificates += $global:certificate }
function Get-LocalUser($Name) { $global:state.users[$Name] }
function New-LocalUser($Name, $Password, $Description, [switch]$PasswordNeverExpires, [switch]$UserMayNotChangePassword) {
    Add-Change "user $Name"
    $global:state.users[$Name] = [pscustomobject]@{ Name = $Name }
}
function Set-LocalUser($Name, $Password) { Add-Change "password $Name" }
function Get-LocalGroupMember($SID) { $global:state.members }
function Add-LocalGroupMember($SID, $Member) {
    Add-Change "member $SID $Member"
    $global:state.members += [pscustomobject]@{ Name = "$env:COMPUTERNAME\$Member" }
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
    [pscustomobject]$global:state.wsman[$ResourceURI]
}
function New-WSManInstance($ResourceURI, $SelectorSet, $ValueSet) {
    Add-Change "listener $($SelectorSet.Transport) $($ValueSet.CertificateThumbprint)"
    $global:state.listeners += [pscustomobject]@{
        Address = $SelectorSet.Address; Transport = $SelectorSet.Transport; CertificateThumbprint = $ValueSet.CertificateThumbprint
    }
}
function Set-WSManInstance($ResourceURI, $SelectorSet, $ValueSet) {
    foreach ($name in $ValueSet.Keys) {
        Add-Change "wsman $name $($ValueSet[$name])"
        if ($SelectorSet) {
            $global:state.listeners[0].$name = $ValueSet[$name]
        } else {
            $global:state.wsman[$ResourceURI][$name] = $ValueSet[$name]
        }
    }
}
function Get-NetFirewallRule($Name, [Parameter(ValueFromPipeline = $true)] $InputObject) {
    process { if ($InputObject) { $InputObject.Rule } else { $global:state.rules[$Name] } }
}
function New-NetFirewallRule($Name, $DisplayName, $Direction, $Action, $Protocol, $LocalPort, $RemoteAddress) {
    Add-Change "rule $Name $LocalPort $($RemoteAddress -join ',')"
    $global:state.rules[$Name] = [pscustomobject]@{
        Name = $Name; DisplayName = $DisplayName; Direction = $Direction; Action = $Action; Enabled = 'True'
        RemoteAddress = $RemoteAddress; LocalPort = "$LocalPort"
    }
}
function Set-NetFirewallRule($Name, $LocalPort, $RemoteAddress) {
    Add-Change "changed rule $Name $LocalPort $($RemoteAddress -join ',')"
    $global:state.rules[$Name].RemoteAddress = $RemoteAddress
    $global:state.rules[$Name].LocalPort = "$LocalPort"
}
function Get-NetFirewallAddressFilter([Parameter(ValueFromPipeline = $true)] $Rule) {
    process { [pscustomobject]@{ RemoteAddress = $Rule.RemoteAddress } }
}
function Get-NetFirewallPortFilter($Protocol, [Parameter(ValueFromPipeline = $true)] $Rule) {
    process {
        foreach ($one in @(if ($Rule) { $Rule } else { $global:state.rules.Values })) {
            [pscustomobject]@{ LocalPort = $one.LocalPort; Rule = $one }
        }
    }
}
function netsh.exe {
    Add-Change "netsh $($args -join ' ')"
    $global:state.registry['HKLM:\SYSTEM\CurrentControlSet\Services\PortProxy\v4tov4\tcp|192.0.2.11/2222'] = '127.0.0.1/2222'
    $global:LASTEXITCODE = 0
}
function Get-NetFirewallHyperVRule($Name) { $global:state.hyperv }
function Remove-NetFirewallHyperVRule($Name) { Add-Change "remove hyper-v $Name" }
function New-NetFirewallHyperVRule($Name, $DisplayName, $Direction, $Action, $VMCreatorId, $Protocol, $LocalPorts, $RemoteAddresses) {
    Add-Change "hyper-v $Name $LocalPorts $($RemoteAddresses -join ',')"
    $global:state.hyperv = [pscustomobject]@{ LocalPorts = "$LocalPorts"; RemoteAddresses = $RemoteAddresses }
}

$secret = New-Object SecureString
$account = New-Object PSCredential 'flatnet-bot', $secret
foreach ($run in @($runs | ConvertFrom-Json)) {
    $global:changes = @()
    if ($run.rule) { New-NetFirewallRule 'WINRM-HTTPS' 'Windows Remote Management' 'Inbound' 'Allow' 'TCP' 5986 @('Any') }
    $given = @{ CertificateFile = 'host-a.pfx'; CertificatePassword = $secret; Account = $account; WhatIf = [bool]$run.what_if }
    $given.BotAddress = @($run.bot)
    if ($run.networking) { $given.WslNetworking = $run.networking }
    if ($run.host_address) { $given.HostAddress = $run.host_address }
    try {
        & $script @given -WarningVariable warnings 6> $null 3> $null
        $failed = ''
    } catch {
        $failed = $_.Exception.Message
    }
    ConvertTo-Json -Compress -InputObject @{ changes = @($global:changes); warnings = @($warnings | ForEach-Object { "$_" }); failed = $failed }
}
