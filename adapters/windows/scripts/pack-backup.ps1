# Pack a part of a backup into its folder: a plain tar whose bytes depend on names and contents alone. Private keys, passwords
# and links stay out and are named. A file that cannot be read whole ends it: a backup without it would be taken for whole.
# In:  folder (of the backup), name, source (full paths), folders (in source, null for all), limit (bytes), files_limit,
#      missing_limit.
# Out: the fields of adapters.windows.backups.PackedPart.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: folder
# Part: files
# Part: spool
# Part: room
# Part: tar
# Part: keys

$missing = @{}
$left = New-Object System.Collections.Generic.List[string]
$names = New-Object System.Collections.Generic.List[string]
$counts = @{ files = 0; bytes = [long]0 }

function Add-Missing([string]$name, [string]$why) {
    $missing[$name] = $why
    $left.Add($name)
    if ($missing.Count -gt $a.missing_limit) {
        Stop-Script 'TooMany' "more than $($a.missing_limit) files of $($a.source) would be left out"
    }
}

function Find-Files([string]$folder, [string]$above) {
    foreach ($item in @(Get-ChildItem -LiteralPath $folder -Force)) {
        $name = "$above$($item.Name)"
        if ($item.PSIsContainer -and $above -eq '' -and $null -ne $a.folders -and $item.Name -notin $a.folders) {
            continue
        }
        if (($item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) -ne 0) {
            Add-Missing $name 'link'
        } elseif ($item.PSIsContainer) {
            Find-Files "$folder\$($item.Name)" "$name/"
        } else {
            $names.Add($name)
            $counts.bytes += 1024 + $item.Length
        }
    }
    if ($names.Count -gt $a.files_limit) {
        Stop-Script 'TooMany' "$($a.source) has more than $($a.files_limit) files"
    }
}

# The bytes between two looks at the file that agree: one that is written meanwhile is read again. The time of a file is that of
# the beginning of a write, so one of these seconds may be half written: it must have the same bytes a while later.
function Read-Stable([string]$path) {
    $why = 'changes again and again while it is read'
    for ($try = 0; $try -lt 3; $try++) {
        if ($try -gt 0) {
            Start-Sleep -Milliseconds 300
        }
        try {
            $before = New-Object System.IO.FileInfo (Get-Full $path)
            $time = $before.LastWriteTimeUtc
            $bytes = Read-Bytes $path $before.Length
            $settled = $true
            $age = ([System.DateTime]::UtcNow - $time).TotalSeconds
            if ($age -gt -5 -and $age -lt 5) {
                Start-Sleep -Milliseconds 300
                $settled = (Get-Digest $bytes) -eq (Get-Digest (Read-Bytes $path $before.Length))
            }
            $before.Refresh()
            if ($settled -and $before.LastWriteTimeUtc -eq $time -and $before.Length -eq $bytes.Length) {
                return , $bytes
            }
        } catch {
            $why = 'cannot be read: another program keeps it open, or its access list forbids it'
        }
    }
    Stop-Script 'FileUnreadable' "$path $why"
}

function Get-Digest([byte[]]$bytes) {
    [System.BitConverter]::ToString([System.Security.Cryptography.SHA256]::Create().ComputeHash($bytes))
}

function Read-Bytes([string]$path, [long]$length) {
    $file = Open-Shared $path
    try {
        $bytes = New-Object byte[] $length
        $got = 0
        while ($got -lt $length) {
            $read = $file.Read($bytes, $got, $length - $got)
            if ($read -eq 0) {
                break
            }
            $got += $read
        }
        , $bytes
    } finally {
        $file.Close()
    }
}

function Add-File($archive, [string]$name) {
    $bytes = Read-Stable "$($a.source)\$($name.Replace('/', '\'))"
    if ($archive.Length + $bytes.Length -gt $a.limit) {
        Stop-Script 'TooLarge' "$($a.source) has more than $($a.limit) bytes"
    }
    $why = Get-Reason $name $bytes
    if ($why -ne '') {
        return Add-Missing $name $why
    }
    Add-Entry $archive $name $bytes
    $counts.files += 1
}

$full = Get-Spool $a.folder $a.name
if (-not (Test-Path -LiteralPath $a.source -PathType Container)) {
    Stop-Script 'FolderMissing' "there is no folder $($a.source)"
}
Find-Files $a.source ''
if ($counts.bytes -gt 4 * [long]$a.limit) {
    Stop-Script 'TooLarge' "$($a.source) has more than $($a.limit) bytes"
}
Test-Space $a.folder $counts.bytes
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
$out = foreach ($name in $without) {
    @{ path = $name; why = $missing[$name] }
}
@{ size = Get-Length $full; sha256 = Get-Hash $full; files = $counts.files; missing = @($out); changed = $true }
