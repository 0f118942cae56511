# Lay a signed certificate beside its key, and have both tried with this host's CA and configuration.
# In:  folder, certificate (PEM), nebula_exe, nebula_cert_exe, config, ca (the CAs that will be trusted; full paths).
# Out: the fields of adapters.windows.nebula.Staged.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: bundle
# Part: replaced

$certificate = "$($a.folder)\host.crt"
$key = "$($a.folder)\host.key"
if (-not (Test-Path -LiteralPath $key -PathType Leaf)) {
    Stop-Script 'KeyMissing' "there is no key $key; it must be made first"
}
$text = Get-Replaced @{ ca = $a.ca; cert = $certificate; key = $key }
Open-Folder $a.folder
$changed = (Read-Text $certificate 64000) -cne $a.certificate
if ($changed) {
    Write-Text $certificate $a.certificate
}
$why = Get-Distrust $a.ca $certificate $a.folder
if ($why) {
    Stop-Script 'NotVerified' "nebula-cert verify: $why"
}
$why = Get-Refusal $text
if ($why) {
    Stop-Script 'NotTaken' "nebula -test: $why"
}
@{ certificate_file = $certificate; key_file = $key; changed = $changed }
