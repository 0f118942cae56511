# Remove the folder of a backup with its files. One with anything else in it stays as it is, and so does a link.
# In:  folder (full path).
# Out: the fields of adapters.windows.backups.FirstPlaceState.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: first_place

Test-Backup $a.folder
if (-not (Test-Path -LiteralPath $a.folder)) {
    return @{ present = $false; changed = $false }
}
$link = [System.IO.FileAttributes]::ReparsePoint

function Test-Own([string]$path, $item, [bool]$own) {
    if (-not $own -or ($item.Attributes -band $link) -ne 0) {
        Stop-Script 'NotOurs' "$path does not belong to a backup; look at it, then remove it"
    }
}

Test-Own $a.folder (Get-Item -LiteralPath $a.folder -Force) $true
$items = @(Get-ChildItem -LiteralPath $a.folder -Force)
foreach ($item in $items) {
    $plain = -not $item.PSIsContainer -and $item.Name -cmatch '\A[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){1,3}\z'
    Test-Own "$($a.folder)\$($item.Name)" $item $plain
}
foreach ($item in $items) {
    [System.IO.File]::Delete((Get-Full "$($a.folder)\$($item.Name)"))
}
[System.IO.Directory]::Delete((Get-Full $a.folder))
@{ present = $false; changed = $true }
