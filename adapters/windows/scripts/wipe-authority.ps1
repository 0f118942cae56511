# Wipe a CA's key, and remove its folder.
# In:  folder (full path).
# Out: the fields of adapters.windows.nebula.Forgotten.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: acl
# Part: authority

Test-Home $a.folder
$there = Test-Path -LiteralPath $a.folder
foreach ($name in 'ca', 'canary', 'trial') {
    $null = Clear-Key "$($a.folder)\$name.key"
}
if ($there) {
    [System.IO.Directory]::Delete((Get-Full $a.folder), $true)
}
@{ changed = $there }
