# Write an edited copy of a configuration file into the folder of an operation. Nothing that is live is touched.
# In:  folder (the operation's), base, file, staged (full paths), sha256 (before), splices (offset, removed, inserted: base64),
#      new_sha256 (after), limit (bytes).
# Out: the fields of adapters.windows.configuration.StagedEdit.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: configuration
# Part: folder
# Part: operation

# Each splice stands behind the one before, and removes what it says.
function Get-Edited([byte[]]$old) {
    $new = New-Object System.IO.MemoryStream
    $text = Get-Latin $old
    $at = 0
    foreach ($splice in $a.splices) {
        $removed = [Convert]::FromBase64String($splice.removed)
        $inserted = [Convert]::FromBase64String($splice.inserted)
        $end = $splice.offset + $removed.Length
        if ($splice.offset -lt $at -or $end -gt $old.Length) {
            Stop-Script 'EditDiffers' "the edit does not fit into $($a.file)"
        }
        $found = $text.Substring($splice.offset, $removed.Length)
        if (-not [string]::Equals($found, (Get-Latin $removed), [System.StringComparison]::Ordinal)) {
            Stop-Script 'EditDiffers' "the edit removes other bytes than those in $($a.file)"
        }
        $new.Write($old, $at, $splice.offset - $at)
        $new.Write($inserted, 0, $inserted.Length)
        $at = $end
    }
    $new.Write($old, $at, $old.Length - $at)
    , $new.ToArray()
}

Test-Ours $a.folder
$old = Read-Configuration $a.base $a.file $a.limit
if ((Get-Hash $old) -ne $a.sha256) {
    Stop-Script 'FileChanged' "$($a.file) has changed"
}
$new = Get-Edited $old
if ($new.Length -gt $a.limit) {
    Stop-Script 'FileTooLarge' "$($a.file) would have $($new.Length) bytes, more than $($a.limit)"
}
Test-NoKey $a.file $new
if ((Get-Hash $new) -ne $a.new_sha256) {
    Stop-Script 'EditDiffers' "the edit of $($a.file) does not lead to the text that was planned"
}
Open-Folder $a.folder
@{ file = $a.staged; sha256 = $a.new_sha256; changed = Add-Bytes $a.staged $new }
