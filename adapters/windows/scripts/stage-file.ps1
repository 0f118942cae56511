# Write a new file into the folder of an operation. Nothing that is live is touched.
# In:  folder (the operation's), base, file, staged (full paths), content (base64), sha256, limit (bytes).
# Out: the fields of adapters.windows.configuration.StagedEdit.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: configuration
# Part: folder
# Part: operation

Test-Ours $a.folder
$content = [Convert]::FromBase64String($a.content)
if ($content.Length -gt $a.limit) {
    Stop-Script 'FileTooLarge' "$($a.file) would have $($content.Length) bytes, more than $($a.limit)"
}
Test-NoKey $a.file $content
switch (Get-Standing $a.base $a.file) {
    'outside' { Stop-Script 'FileOutside' "$($a.file) is not in $($a.base), or there is a link on its path" }
    'unreadable' { Stop-Script 'FileUnreadable' "$($a.file) may not be read" }
}
if (Test-Path -LiteralPath $a.file) {
    if (-not (Test-Path -LiteralPath $a.file -PathType Leaf) -or (Get-Hash (Read-Bytes $a.file $a.limit)) -ne $a.sha256) {
        Stop-Script 'FileThere' "there is another $($a.file) already"
    }
}
Open-Folder $a.folder
@{ file = $a.staged; sha256 = $a.sha256; changed = Add-Bytes $a.staged $content }
