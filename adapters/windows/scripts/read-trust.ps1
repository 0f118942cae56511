# Whether Nebula takes a file of CAs, whether a certificate is one of theirs, and whether Nebula was started since.
# In:  folder (the operation's), file (of CAs: the present one, or the one that is staged), certificate (PEM), service,
#      nebula_exe, nebula_cert_exe, config (full paths), limit (bytes).
# Out: the fields of adapters.windows.trust.Trust.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: folder
# Part: operation
# Part: configuration
# Part: bundle
# Part: replaced
# Part: start

Test-Ours $a.folder
if (-not (Test-Path -LiteralPath $a.file -PathType Leaf)) {
    Stop-Script 'FileMissing' "there is no file $($a.file)"
}
$hash = Get-Hash (Read-Bytes $a.file $a.limit)
$text = Get-Replaced @{ ca = $a.file }
Open-Folder $a.folder
$trial = "$($a.folder)\trial.crt"
try {
    Write-Text $trial $a.certificate
    $distrust = Get-Distrust $a.file $trial $a.folder
} finally {
    [System.IO.File]::Delete((Get-Full $trial))
}
$refusal = Get-Refusal $text
@{
    sha256 = $hash
    verified = $distrust -eq ''
    accepted = $refusal -eq ''
    says = @(@($refusal, $distrust) | Where-Object { $_ }) -join '; '
    written_at = (Get-Item -LiteralPath $a.file).LastWriteTimeUtc.ToString('o')
    running_since = Read-Start
}
