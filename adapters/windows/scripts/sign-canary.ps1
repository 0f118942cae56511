# Sign a certificate whose private key is discarded, with the CA in this folder: what verifies it trusts that CA.
# In:  folder, nebula_cert_exe (full paths), curve (25519, P256), network (its address).
# Out: certificate, ca (PEM each), changed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: acl
# Part: authority

$key = "$($a.folder)\ca.key"
$own = "$($a.folder)\ca.crt"
$certificate = "$($a.folder)\canary.crt"
Test-Home $a.folder
if (-not (Test-CaKey $key)) {
    Stop-Script 'CaKeyMissing' "there is no CA key $key"
}
Open-Folder $a.folder
$null = Clear-Key "$($a.folder)\canary.key"
$known = Read-Text $certificate 64000
if ($known.TrimEnd().EndsWith('-----', [System.StringComparison]::Ordinal)) {
    return @{ certificate = $known; ca = Read-Text $own 64000; changed = $false }
}
[System.IO.File]::Delete((Get-Full $certificate))
$null = Invoke-Canary $key $own 'canary' $a.network
@{ certificate = Read-Text $certificate 64000; ca = Read-Text $own 64000; changed = $true }
