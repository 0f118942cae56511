# Tell whether the folder of a backup is there.
# In:  folder (full path).
# Out: the fields of adapters.windows.backups.FirstPlaceState.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: first_place

Test-Backup $a.folder
@{ present = Test-Path -LiteralPath $a.folder }
