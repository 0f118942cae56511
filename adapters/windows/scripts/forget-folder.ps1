# Remove the folder of an operation with all that lies in it; .NET removes a link in it, not what it leads to.
# In:  folder (full path).
# Out: the fields of adapters.windows.nebula.Forgotten.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: change

if ($a.folder -cnotmatch '\\operations\\(op-[0-9a-f]{12})\z') {
    Stop-Script 'NotOurs' "$($a.folder) is not the folder of an operation"
}
# While a change is not at its end, the folder holds the only copy of what it has put aside.
$operation = $Matches[1]
$state = (Read-State (Get-ChangeFolder $operation)).state
if ($state -in 'applying', 'applied', 'reverting', 'stuck') {
    Stop-Script 'ChangeNotEnded' "the change of $operation is $state, and the old files lie in $($a.folder)"
}
$there = Test-Path -LiteralPath $a.folder
if ($there) {
    [System.IO.Directory]::Delete((Get-Full $a.folder), $true)
}
@{ changed = $there }
