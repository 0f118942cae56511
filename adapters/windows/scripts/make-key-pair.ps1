# A key pair for Nebula in the operation's folder: host.key, host.pub. The private half is never told.
# In:  folder, nebula_cert_exe (full paths).
# Out: the fields of adapters.windows.nebula.KeyPair.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: acl

function Test-Key([string]$text, [string]$half) {
    $banner = "NEBULA X25519 $half KEY-----"
    $text -cmatch "\A-----BEGIN $banner\s+[A-Za-z0-9+/]{43}=\s+-----END $banner\s*\z"
}

$key = "$($a.folder)\host.key"
$public = "$($a.folder)\host.pub"
Open-Folder $a.folder
$known = Read-Text $public 1000
$paired = (Test-Key $known 'PUBLIC') -and (Test-Key (Read-Text $key 1000) 'PRIVATE')
if ($paired -and @(Read-Readers $key).Count -eq 0) {
    return @{ public_key = $known; changed = $false }
}
[System.IO.File]::Delete((Get-Full $key))
[System.IO.File]::Delete((Get-Full $public))
$run = Invoke-Program $a.nebula_cert_exe @('keygen', '-out-key', (Get-Full $key), '-out-pub', (Get-Full $public))
if ($run.code -ne 0) {
    Stop-Script 'KeygenFailed' "nebula-cert keygen: $(Get-LastWords $run.stderr)"
}
$made = Read-Text $public 1000
if (-not (Test-Key $made 'PUBLIC')) {
    Stop-Script 'KeygenFailed' 'nebula-cert keygen left no public key'
}
# The program makes the file, which gets the access list of the folder; whether it did is read back.
$readers = @(Read-Readers $key)
if ($readers.Count -gt 0) {
    [System.IO.File]::Delete((Get-Full $key))
    Stop-Script 'KeyNotSafe' "others than SYSTEM and Administrators could read the new key, so it was deleted: $($readers -join ', ')"
}
@{ public_key = $made; changed = $true }
