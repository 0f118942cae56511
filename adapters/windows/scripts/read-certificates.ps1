# Certificate, CA, configuration and what goes with them. A part that cannot be read hides no other; no private key is told.
# In:  service, nebula_exe, nebula_cert_exe, config, certificate, key, ca, ca_key, log (full paths).
# Out: the fields of adapters.windows.nebula.NebulaFiles; instead of sightings "handshakes", lines of the log.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: pki
# Part: acl
# Part: start

# A file of certificates may hold a private key by mistake, whole or cut off.
function Read-Certificates([string]$path) {
    $banner = '[A-Z0-9 ]*PRIVATE KEY-----'
    [regex]::Replace((Read-Text $path 64000), "(?s)-----BEGIN $banner.*?(-----END $banner|\z)", '')
}

function Read-Printed([string]$path) {
    try {
        $run = Invoke-Program $a.nebula_cert_exe @('print', '-json', '-path', (Get-Full $path))
    } catch {
        return ''
    }
    if ($run.code -ne 0) {
        return ''
    }
    $run.stdout.TrimEnd()
}

function Test-Nebula {
    if (-not (Test-Path -LiteralPath $a.config)) {
        return @{ matches = $null; says = '' }
    }
    try {
        $run = Invoke-Program $a.nebula_exe @('-test', '-config', (Get-Full $a.config))
    } catch {
        return @{ matches = $null; says = '' }
    }
    if ($run.code -eq 0) {
        return @{ matches = $true; says = '' }
    }
    @{ matches = $false; says = Get-LastWords "$($run.stdout)`n$($run.stderr)" }
}

function Read-Written([string]$path) {
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        return $null
    }
    (Get-Item -LiteralPath $path).LastWriteTimeUtc.ToString('o')
}

# The newest line for each name, at most 300 of them.
function Select-Newest([string[]]$lines) {
    $newest = New-Object System.Collections.Specialized.OrderedDictionary
    foreach ($line in $lines) {
        if ($line -cmatch 'certName"?[=:]("[^"]*"|[^\s",]+)') {
            $newest.Remove($Matches[1])
            $newest.Add($Matches[1], $line)
        }
    }
    @($newest.Values) | Select-Object -Last 300
}

$entries = Find-Pki ((Read-Text $a.config 1000000) -split '\n')
$configured = @{ ca = ''; cert = ''; key = '' }
foreach ($name in @($entries.Keys)) {
    $configured[$name] = $entries[$name].value
}
$key = Test-Path -LiteralPath $a.key -PathType Leaf
$tested = Test-Nebula
@{
    certificate = Read-Certificates $a.certificate
    printed = Read-Printed $a.certificate
    ca = Read-Certificates $a.ca
    ca_printed = Read-Printed $a.ca
    configured_certificate = $configured.cert
    configured_key = $configured.key
    configured_ca = $configured.ca
    key_present = $key
    readers = @(if ($key) { Read-Readers $a.key })
    key_matches = $tested.matches
    test_says = $tested.says
    written_at = Read-Written $a.certificate
    ca_written_at = Read-Written $a.ca
    running_since = Read-Start
    ca_key = Test-Path -LiteralPath $a.ca_key -PathType Leaf
    ca_key_encrypted = (Read-Text $a.ca_key 4000).Contains(' ENCRYPTED ')
    clock = (Get-Date).ToUniversalTime().ToString('o')
    handshakes = @(Select-Newest @(Read-Matching $a.log 0 512000 'Handshake message received'))
}
