# Remove a file of an operation, whole or not, and the folder if nothing else lies in it.
# In:  folder (full path), name.
# Out: the fields of adapters.transfer.SpoolState.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: spool

$full = Get-Spool $a.folder $a.name
$there = [System.IO.File]::Exists($full) -or [System.IO.File]::Exists("$full.part")
if ($there) {
    [System.IO.File]::Delete($full)
    [System.IO.File]::Delete("$full.part")
}
if ((Test-Path -LiteralPath $a.folder) -and @(Get-ChildItem -LiteralPath $a.folder -Force).Count -eq 0) {
    [System.IO.Directory]::Delete((Get-Full $a.folder))
}
@{ received = 0; sha256 = ''; changed = $there }
