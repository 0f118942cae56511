# Pack a folder into one file of an operation: a plain tar whose bytes depend on names and contents alone. Files with a private
# key in them, or named like one, and links are left out and named: no key ever leaves its host.
# In:  folder (the operation's, full path), name, source (full path), limit (bytes).
# Out: the fields of adapters.windows.spool.Packed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: folder
# Part: spool

$utf8 = New-Object System.Text.UTF8Encoding $false
$latin = [System.Text.Encoding]::GetEncoding(28591)
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

# Of a text in UTF-16, too: its zero bytes do not count.
function Test-Key([string]$name, [byte[]]$bytes) {
    if ($name -match '\.(key|pem|pfx|p12)\z') {
        return $true
    }
    $latin.GetString($bytes).Replace([string][char]0, '') -match 'PRIVATE\s+KEY-----'
}

function Split-Name([string]$name) {
    if ($utf8.GetByteCount($name) -le 100) {
        return @{ name = $name; above = '' }
    }
    for ($cut = $name.IndexOf('/'); $cut -gt 0; $cut = $name.IndexOf('/', $cut + 1)) {
        $above = $name.Substring(0, $cut)
        $rest = $name.Substring($cut + 1)
        if ($utf8.GetByteCount($above) -le 155 -and $utf8.GetByteCount($rest) -le 100) {
            return @{ name = $rest; above = $above }
        }
    }
    Stop-Script 'NameTooLong' "the name of $name is too long for an archive"
}

function Set-Field([byte[]]$header, [int]$at, [string]$text) {
    $bytes = $utf8.GetBytes($text)
    [array]::Copy($bytes, 0, $header, $at, $bytes.Length)
}

function Get-Octal([long]$number, [int]$digits) {
    [Convert]::ToString($number, 8).PadLeft($digits, '0')
}

function Get-Header([string]$name, [long]$size) {
    $header = New-Object byte[] 512
    $parts = Split-Name $name
    Set-Field $header 0 $parts.name
    Set-Field $header 100 '0000644'
    Set-Field $header 108 '0000000'
    Set-Field $header 116 '0000000'
    Set-Field $header 124 (Get-Octal $size 11)
    Set-Field $header 136 '00000000000'
    Set-Field $header 148 '        '
    Set-Field $header 156 '0'
    Set-Field $header 257 'ustar'
    Set-Field $header 263 '00'
    Set-Field $header 345 $parts.above
    $sum = 0
    foreach ($byte in $header) {
        $sum += $byte
    }
    Set-Field $header 148 "$(Get-Octal $sum 6)"
    $header[154] = 0
    $header[155] = 32
    , $header
}

function Add-File($archive, [string]$name) {
    $path = "$($a.source)\$($name.Replace('/', '\'))"
    if ($archive.Length + (Get-Item -LiteralPath $path -Force).Length -gt $a.limit) {
        Stop-Script 'TooLarge' "$($a.source) has more than $($a.limit) bytes"
    }
    $bytes = [System.IO.File]::ReadAllBytes((Get-Full $path))
    if (Test-Key $name $bytes) {
        $left.Add($name)
        return
    }
    $archive.Write((Get-Header $name $bytes.Length), 0, 512)
    $archive.Write($bytes, 0, $bytes.Length)
    $filling = (512 - $bytes.Length % 512) % 512
    $archive.Write((New-Object byte[] $filling), 0, $filling)
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
    $archive.Write((New-Object byte[] 1024), 0, 1024)
    $archive.Flush($true)
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
