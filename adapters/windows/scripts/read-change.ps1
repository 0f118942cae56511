# How far the guarded change of an operation is (guard.ps1 records it).
# In:  operation.
# Out: the fields of adapters.windows.commit_confirm.ChangeStatus.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: change

$now = Read-State (Get-ChangeFolder $a.operation)
New-Status $now $false
