# Remove the encrypted copy of a CA key, and its folder. Files that are not of the copy stay.
# In:  folder (of the copy, full path).
# Out: changed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: keycopy

Test-CopyFolder $a.folder
$there = Test-Path -LiteralPath $a.folder -PathType Container
if ($there) {
    foreach ($name in $copied) {
        [System.IO.File]::Delete((Get-Full "$($a.folder)\$name"))
    }
    if (@(Get-ChildItem -LiteralPath $a.folder -Force).Count -eq 0) {
        [System.IO.Directory]::Delete((Get-Full $a.folder))
    }
}
@{ changed = $there }
