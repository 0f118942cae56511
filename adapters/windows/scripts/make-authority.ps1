# Make a CA in a folder of its own, or find the one that was made there before: ca.key, ca.crt. The key is never told.
# In:  folder, nebula_cert_exe (full paths), name, seconds (how long it is valid), curve (25519, P256), version (1, 2), groups,
#      networks, unsafe_networks (what it may sign; nothing: all).
# Out: certificate (PEM), changed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: acl
# Part: authority

# 1.10 and newer make version 2 unless they are told, and 1.9 knows no other than 1.
function Test-Newer {
    $run = Invoke-Program $a.nebula_cert_exe @('-version')
    if ("$($run.stdout)`n$($run.stderr)" -notmatch 'Version: (\d+)\.(\d+)') {
        Stop-Script 'VersionUnknown' "$($a.nebula_cert_exe) does not tell its version"
    }
    $newer = [int]$Matches[1] -gt 1 -or [int]$Matches[2] -ge 10
    if ($a.version -ne 1 -and -not $newer) {
        Stop-Script 'VersionUnknown' "$($a.nebula_cert_exe) is too old for certificates of version $($a.version)"
    }
    $newer
}

$key = "$($a.folder)\ca.key"
$certificate = "$($a.folder)\ca.crt"
Test-Home $a.folder
$newer = Test-Newer
Open-Folder $a.folder
$known = Read-Text $certificate 64000
$whole = $known.TrimEnd().EndsWith('-----', [System.StringComparison]::Ordinal)
if ($whole -and (Test-CaKey $key) -and @(Read-Readers $key).Count -eq 0) {
    return @{ certificate = $known; changed = $false }
}
$null = Clear-Key $key
[System.IO.File]::Delete((Get-Full $certificate))
$arguments = @('ca', '-name', $a.name, '-duration', "$($a.seconds)s", '-curve', $a.curve)
$arguments += @('-out-key', (Get-Full $key), '-out-crt', (Get-Full $certificate))
if ($newer) {
    $arguments += @('-version', "$($a.version)")
}
if (@($a.groups).Count -gt 0) {
    $arguments += @('-groups', (@($a.groups) -join ','))
}
if (@($a.networks).Count -gt 0) {
    $arguments += @($(if ($newer) { '-networks' } else { '-ips' }), (@($a.networks) -join ','))
}
if (@($a.unsafe_networks).Count -gt 0) {
    $arguments += @($(if ($newer) { '-unsafe-networks' } else { '-subnets' }), (@($a.unsafe_networks) -join ','))
}
$run = Invoke-Program $a.nebula_cert_exe $arguments
if ($run.code -ne 0) {
    $null = Clear-Key $key
    [System.IO.File]::Delete((Get-Full $certificate))
    $words = Get-LastWords $run.stderr
    $code = if ($words -match 'not enough space|no space left') { 'DiskFull' } else { 'CaFailed' }
    Stop-Script $code "nebula-cert ca: $words"
}
Test-Readers $key
@{ certificate = Read-Text $certificate 64000; changed = $true }
