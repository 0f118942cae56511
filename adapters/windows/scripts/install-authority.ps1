# Put a CA's key from its folder in its usual place, and wipe the one that was there. It cannot be taken back.
# In:  folder, nebula_cert_exe, ca_key (the usual place), ca (file of CAs; full paths), fingerprint (of the CA), curve (25519,
#      P256), network (for a trial).
# Out: changed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: acl
# Part: bundle
# Part: authority

# The key is tried, for the old one is gone afterwards: nebula-cert signs with no other than the CA's.
function Test-Pair([string]$key, [string]$certificate) {
    [System.IO.File]::Delete((Get-Full "$($a.folder)\trial.crt"))
    [System.IO.File]::Delete((Get-Full (Invoke-Canary $key $certificate 'trial' $a.network)))
}

# A file keeps the access list of the folder that it comes from, which Windows may give anew where it is moved.
function Close-Key([string]$path) {
    $null = icacls.exe $path /setowner '*S-1-5-32-544'
    if ($LASTEXITCODE -eq 0) {
        $null = icacls.exe $path /inheritance:r /grant:r '*S-1-5-18:(F)' '*S-1-5-32-544:(F)'
    }
    $readers = @(Read-Readers $path)
    if ($LASTEXITCODE -ne 0 -or $readers.Count -gt 0) {
        Stop-Script 'KeyNotSafe' "others than SYSTEM and Administrators may read $path; close it, then ask again"
    }
}

$new = "$($a.folder)\ca.key"
$own = "$($a.folder)\ca.crt"
$old = "$($a.ca_key).old"
Test-Home $a.folder
$signer = Find-Block $a.ca $a.fingerprint
if ($null -eq $signer) {
    Stop-Script 'CaDiffers' "$($a.ca) does not hold the CA $($a.fingerprint)"
}
$waits = Test-Path -LiteralPath $new -PathType Leaf
$key = if ($waits) { $new } else { $a.ca_key }
if (-not (Test-CaKey $key)) {
    Stop-Script 'CaKeyMissing' "there is no CA key $key"
}
Open-Folder $a.folder
Write-Text $own "$($signer.block)`n"
Test-Pair $key $own
if ($waits) {
    if (Test-Path -LiteralPath $a.ca_key -PathType Leaf) {
        $null = Clear-Key $old
        [System.IO.File]::Move((Get-Full $a.ca_key), (Get-Full $old))
    }
    [System.IO.File]::Move((Get-Full $new), (Get-Full $a.ca_key))
}
Close-Key $a.ca_key
$wiped = Clear-Key $old
@{ changed = $waits -or $wiped }
