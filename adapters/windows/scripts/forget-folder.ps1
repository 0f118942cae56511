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
# While a change is not at its end, the folder holds the only copy of what it has put aside. An operation with several changes
# of a host has names for them that begin with its own.
$operation = $Matches[1]
$changes = Split-Path -Path (Get-ChangeFolder $operation) -Parent
foreach ($change in @(Get-ChildItem -LiteralPath $changes -Filter "$operation*" -Directory -ErrorAction SilentlyContinue)) {
    $state = (Read-State $change.FullName).state
    if ($state -in 'applying', 'applied', 'reverting', 'stuck') {
        Stop-Script 'ChangeNotEnded' "the change of $($change.Name) is $state, and the old files lie in $($a.folder)"
    }
}
$there = Test-Path -LiteralPath $a.folder
if ($there) {
    [System.IO.Directory]::Delete((Get-Full $a.folder), $true)
}
@{ changed = $there }
