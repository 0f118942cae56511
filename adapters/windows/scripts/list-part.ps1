# List the present files of a part of a backup, with their hashes, and those among them that no backup holds.
# In:  source (full path), folders (in source, null for all), limit (bytes of all files), files_limit.
# Out: files (path, size, sha256, why: key, password, link, or "").
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files
# Part: keys

$counts = @{ files = 0; bytes = [long]0 }
$found = @{}
$names = New-Object System.Collections.Generic.List[string]

function Add-Found([string]$name, [long]$size, [string]$sha256, [string]$why) {
    $found[$name] = @{ path = $name; size = $size; sha256 = $sha256; why = $why }
    $names.Add($name)
}

function Find-Files([string]$folder, [string]$above) {
    foreach ($item in @(Get-ChildItem -LiteralPath $folder -Force)) {
        $name = "$above$($item.Name)"
        if ($item.PSIsContainer -and $above -eq '' -and $null -ne $a.folders -and $item.Name -notin $a.folders) {
            continue
        }
        if (($item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) -ne 0) {
            Add-Found $name 0 '' 'link'
        } elseif ($item.PSIsContainer) {
            Find-Files "$folder\$($item.Name)" "$name/"
        } else {
            Read-File $name "$folder\$($item.Name)"
        }
    }
}

function Read-File([string]$name, [string]$path) {
    $counts.files += 1
    if ($counts.files -gt $a.files_limit) {
        Stop-Script 'TooMany' "$($a.source) has more than $($a.files_limit) files"
    }
    $bytes = Read-Whole $path
    $hash = [System.Security.Cryptography.SHA256]::Create().ComputeHash($bytes)
    $sha256 = [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
    Add-Found $name $bytes.Length $sha256 (Get-Reason $name $bytes)
}

function Read-Whole([string]$path) {
    try {
        $file = Open-Shared $path
    } catch {
        Stop-Script 'FileUnreadable' "$path cannot be opened"
    }
    try {
        $counts.bytes += $file.Length
        if ($counts.bytes -gt $a.limit) {
            Stop-Script 'TooLarge' "$($a.source) has more than $($a.limit) bytes"
        }
        $bytes = New-Object byte[] $file.Length
        $got = 0
        while ($got -lt $bytes.Length) {
            $count = $file.Read($bytes, $got, $bytes.Length - $got)
            if ($count -eq 0) {
                Stop-Script 'FileUnreadable' "$path was cut short while it was read"
            }
            $got += $count
        }
    } finally {
        $file.Close()
    }
    , $bytes
}

if (Test-Path -LiteralPath $a.source -PathType Container) {
    Find-Files $a.source ''
}
$sorted = $names.ToArray()
[System.Array]::Sort($sorted, [System.StringComparer]::Ordinal)
@{ files = @($sorted | ForEach-Object { $found[$_] }) }
