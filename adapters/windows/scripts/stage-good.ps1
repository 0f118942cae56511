# Write kept copies of the last good configuration into the folder of an operation, as stage-edit does with an edited file.
# In:  folder (the operation's), base (full paths), sha256 (of the whole), files (file, sha256), edit (folder in the
#      operation's), limit (bytes of a file).
# Out: the fields of adapters.windows.good_configuration.StagedFiles.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: good
# Part: operation

Test-Ours $a.folder
$document = Read-Good
if ($null -eq $document -or $document.sha256 -ne $a.sha256 -or $document.base -ne $a.base) {
    Stop-Script 'GoodDiffers' "this host does not keep the configuration $($a.sha256.Substring(0, 12)) as the last good one"
}
Open-Folder $a.folder
$changed = $false
$files = foreach ($each in $a.files) {
    $inside = $each.file.Substring($a.base.Length)
    $bytes = Read-Configuration (Get-Kept $document) "$(Get-Kept $document)$inside" $a.limit
    if ((Get-Hash $bytes) -ne $each.sha256) {
        Stop-Script 'GoodDiffers' "the kept copy of $($each.file) has another hash"
    }
    $staged = "$($a.folder)\$($a.edit)$inside"
    $changed = (Add-Bytes $staged $bytes) -or $changed
    @{ file = $staged; sha256 = $each.sha256 }
}
@{ files = @($files); changed = $changed }
