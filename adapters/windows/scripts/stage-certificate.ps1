# Lay a signed certificate beside its key, and have both tried with this host's CA and configuration.
# In:  folder, certificate (PEM), nebula_exe, nebula_cert_exe, config, ca (full paths).
# Out: the fields of adapters.windows.nebula.Staged.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: pki

# The live configuration with the two new files in place of the old ones, everything else as it is.
function Get-Replaced([string]$certificate, [string]$key) {
    if (-not (Test-Path -LiteralPath $a.config -PathType Leaf)) {
        Stop-Script 'ConfigMissing' "there is no configuration $($a.config)"
    }
    $lines = (Read-Text $a.config 1000000) -split '\n'
    $entries = Find-Pki $lines
    $new = @{ cert = $certificate; key = $key }
    foreach ($name in 'cert', 'key') {
        if (-not $entries.ContainsKey($name) -or $entries[$name].value -eq 'inline') {
            Stop-Script 'ConfigNotKnown' "$($a.config) does not name pki.$name as a path on a line of its own"
        }
        $quoted = $new[$name].Replace("'", "''")
        $lines[$entries[$name].line] = "$($entries[$name].indent)${name}: '$quoted'"
    }
    $lines -join "`n"
}

function Test-Nebula([string]$text) {
    $copy = "$($a.folder)\config.yaml"
    try {
        Write-Text $copy $text
        $run = Invoke-Program $a.nebula_exe @('-test', '-config', (Get-Full $copy))
    } finally {
        [System.IO.File]::Delete((Get-Full $copy))
    }
    if ($run.code -ne 0) {
        Stop-Script 'NotTaken' "nebula -test: $(Get-LastWords "$($run.stdout)`n$($run.stderr)")"
    }
}

$certificate = "$($a.folder)\host.crt"
$key = "$($a.folder)\host.key"
if (-not (Test-Path -LiteralPath $key -PathType Leaf)) {
    Stop-Script 'KeyMissing' "there is no key $key; it must be made first"
}
$text = Get-Replaced $certificate $key
Open-Folder $a.folder
$changed = (Read-Text $certificate 64000) -cne $a.certificate
if ($changed) {
    Write-Text $certificate $a.certificate
}
$run = Invoke-Program $a.nebula_cert_exe @('verify', '-ca', (Get-Full $a.ca), '-crt', (Get-Full $certificate))
if ($run.code -ne 0) {
    Stop-Script 'NotVerified' "nebula-cert verify: $(Get-LastWords $run.stderr)"
}
Test-Nebula $text
@{ certificate_file = $certificate; key_file = $key; changed = $changed }
