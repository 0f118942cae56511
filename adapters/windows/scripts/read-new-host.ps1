# What lies on this host of Flatnet: programs and their versions, files by their hashes, the address on the overlay.
# In:  nebula_exe, nebula_cert_exe, gateway_exe, config, certificate, key, ca, ca_key, gateway_config (full paths),
#      address, limit (bytes of a file), others_limit.
# Out: the fields of adapters.windows.new_host.NewHostState.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: pki
# Part: configuration

Import-Module NetTCPIP -ErrorAction SilentlyContinue

# nginx answers on stderr. A program that is missing, cannot be run or hangs has no version.
function Read-Version([string]$path, [string]$option, [string]$pattern) {
    try {
        $run = Invoke-Program $path @($option) 3000
    } catch {
        return ''
    }
    if ("$($run.stdout)`n$($run.stderr)" -match $pattern) {
        return $Matches[1]
    }
    ''
}

function Read-FileHash([string]$path) {
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        return ''
    }
    Get-Hash (Read-Bytes $path $a.limit)
}

# What else lies in the folder of Nebula's configuration.
function Find-Others {
    $own = @($a.config, $a.certificate, $a.key, $a.ca, $a.ca_key | ForEach-Object { Get-Plain $_ })
    $folder = (Get-Plain $a.config) -replace '\\[^\\]*\z', ''
    if (Test-Path -LiteralPath $folder -PathType Container) {
        foreach ($item in @(Get-ChildItem -LiteralPath $folder -Force | Sort-Object -Property Name)) {
            if ("$folder\$($item.Name)" -notin $own) {
                $item.Name
            }
        }
    }
}

$gateway = (Get-Plain $a.gateway_config) -replace '\\[^\\]*\z', ''
@{
    nebula_version = Read-Version $a.nebula_exe '-version' 'Version: (\S{1,64})'
    nebula_cert_version = Read-Version $a.nebula_cert_exe '-version' 'Version: (\S{1,64})'
    nginx_version = Read-Version $a.gateway_exe '-v' 'nginx version: (\S{1,64})'
    config = Read-FileHash $a.config
    certificate = Read-FileHash $a.certificate
    ca = Read-FileHash $a.ca
    gateway_config = Read-FileHash $a.gateway_config
    key_present = Test-Path -LiteralPath $a.key -PathType Leaf
    others = @(Find-Others | Select-Object -First $a.others_limit)
    overlay = @(Get-NetIPAddress -AddressFamily IPv4 | Where-Object { $_.IPAddress -eq $a.address }).Count -gt 0
    modules = Test-Path -LiteralPath "$gateway\lualib\flatnet" -PathType Container
    snippets = Test-Path -LiteralPath "$gateway\conf.d" -PathType Container
}
