# Pack a folder into one file of an operation: a plain tar whose bytes depend on names and contents alone. Private keys, passwords
# and links are left out and named.
# In:  folder (the operation's, full path), name, source (full path), limit (bytes).
# Out: the fields of adapters.windows.spool.Packed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: folder
# Part: spool
# Part: tar
# Part: keys

$left = New-Object System.Collections.Generic.List[string]
$names = New-Object System.Collections.Generic.List[string]
$packed = New-Object System.Collections.Generic.List[string]

function Find-Files([string]$folder, [string]$above) {
    foreach ($item in @(Get-ChildItem -LiteralPath $folder -Force)) {
        $name = "$above$($item.Name)"
        if (($item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) -ne 0) {
            $left.Add($name)
        } elseif ($item.PSIsContainer) {
            Find-Files "$folder\$($item.Name)" "$name/"
        } else {
            $names.Add($name)
        }
    }
}

function Add-File($archive, [string]$name) {
    $path = "$($a.source)\$($name.Replace('/', '\'))"
    if ($archive.Length + (Get-Item -LiteralPath $path -Force).Length -gt $a.limit) {
        Stop-Script 'TooLarge' "$($a.source) has more than $($a.limit) bytes"
    }
    $bytes = [System.IO.File]::ReadAllBytes((Get-Full $path))
    if ((Get-Reason $name $bytes) -ne '') {
        $left.Add($name)
        return
    }
    Add-Entry $archive $name $bytes
    $packed.Add($name)
}

$full = Get-Spool $a.folder $a.name
if (-not (Test-Path -LiteralPath $a.source -PathType Container)) {
    Stop-Script 'FolderMissing' "there is no folder $($a.source)"
}
Find-Files $a.source ''
$sorted = $names.ToArray()
[System.Array]::Sort($sorted, [System.StringComparer]::Ordinal)
Open-Folder $a.folder
$archive = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::Create), ([System.IO.FileAccess]::Write)
$whole = $false
try {
    foreach ($name in $sorted) {
        Add-File $archive $name
    }
    Close-Archive $archive
    $whole = $true
} finally {
    $archive.Close()
    if (-not $whole) {
        [System.IO.File]::Delete($full)
    }
}
$without = $left.ToArray()
[System.Array]::Sort($without, [System.StringComparer]::Ordinal)
@{ size = Get-Length $full; sha256 = Get-Hash $full; files = $packed.Count; left_out = $without; changed = $true }
