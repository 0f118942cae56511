# Overwrite and delete private keys. It cannot be taken back, so all are looked at before one is touched.
# In:  files, folders, roots, ca_key (full paths).
# Out: the fields of adapters.windows.key_files.WipedKeys.
param($a)
Set-StrictMode -Version 3
# Part: remains
# Part: change
# Part: wipe

# While a change is not at its end, the folder of its operation holds the only copy of what it has put aside.
function Test-Ended([string]$path) {
    if ($path -cnotmatch '\\operations\\(op-[0-9a-f]{12})(\\|\z)') {
        return
    }
    $operation = $Matches[1]
    $state = (Read-State (Get-ChangeFolder $operation)).state
    if ($state -in 'applying', 'applied', 'reverting', 'stuck') {
        Stop-Script 'ChangeNotEnded' "the change of $operation is $state, and its old files are still needed"
    }
}

$remains = @(Find-Remains)
foreach ($path in $remains) {
    Test-Ended $path
}
foreach ($path in $remains) {
    $null = Clear-Key $path
}
@{ wiped = $remains.Count; changed = $remains.Count -gt 0 }
