# One part of a backup, out of its archive: plain files of a tar (ustar) under names that mean the same on Windows. All of the
# archive is read before a byte is written, so that a bad one leaves nothing.
# Part: script
# Part: folder

$strict = New-Object System.Text.UTF8Encoding $false, $true
$octets = [System.Text.Encoding]::GetEncoding(28591)

function Stop-Archive([string]$why) {
    Stop-Script 'BadArchive' $why
}

# The entries of an archive in their order: name, at (the first byte of the content), size, end (of what fills its last
# block). `limits` has bytes (of the archive) and files.
function Read-Archive($stream, $limits) {
    if ($stream.Length -gt $limits.bytes) {
        Stop-Script 'TooLarge' "the archive has $($stream.Length) bytes, more than $($limits.bytes)"
    }
    $names = @{
        files = New-Object System.Collections.Generic.HashSet[string] ([System.StringComparer]::OrdinalIgnoreCase)
        folders = New-Object System.Collections.Generic.HashSet[string] ([System.StringComparer]::OrdinalIgnoreCase)
    }
    $header = New-Object byte[] 512
    for ($at = [long]0; Read-Header $stream $header $at; $at = $entry.end) {
        $entry = Get-Entry $header $at
        Test-Name $entry.name
        Add-Name $names $entry.name
        if ($names.files.Count -gt $limits.files) {
            Stop-Script 'TooLarge' "the archive has more than $($limits.files) files"
        }
        if ($entry.at + $entry.size -gt $stream.Length) {
            Stop-Archive "the archive ends within $($entry.name)"
        }
        $entry
    }
}

# $false at the end, which two empty blocks mark.
function Read-Header($stream, [byte[]]$header, [long]$at) {
    Read-Exactly $stream $header $at
    if (-not (Test-Empty $header)) {
        return $true
    }
    Read-Exactly $stream $header ($at + 512)
    if (-not (Test-Empty $header)) {
        Stop-Archive 'there is an entry behind the end of the archive'
    }
    $false
}

function Read-Exactly($stream, [byte[]]$bytes, [long]$at) {
    $null = $stream.Seek($at, [System.IO.SeekOrigin]::Begin)
    $got = 0
    while ($got -lt $bytes.Length) {
        $count = $stream.Read($bytes, $got, $bytes.Length - $got)
        if ($count -eq 0) {
            Stop-Archive 'the archive is cut short'
        }
        $got += $count
    }
}

function Test-Empty([byte[]]$header) {
    $octets.GetString($header).Trim([char]0) -eq ''
}

# Only plain files: no link, no device, no folder of its own, and none of the extensions that give an entry another name.
function Get-Entry([byte[]]$header, [long]$at) {
    if ($octets.GetString($header, 257, 8) -cne "ustar$([char]0)00") {
        Stop-Archive "there is no header of a file at byte $at"
    }
    $sum = 256
    foreach ($byte in $header) {
        $sum += $byte
    }
    for ($n = 148; $n -lt 156; $n++) {
        $sum -= $header[$n]
    }
    if ((Get-Number $header 148 8 $at) -ne $sum) {
        Stop-Archive "the header at byte $at is damaged"
    }
    $name = Get-Field $header 0 100 $at
    $above = Get-Field $header 345 155 $at
    if ($above -ne '') {
        $name = "$above/$name"
    }
    $kind = [string][char]$header[156]
    if ($kind -cne '0') {
        Stop-Archive "$name is no plain file, but of type $kind"
    }
    $size = Get-Number $header 124 12 $at
    @{ name = $name; at = $at + 512; size = $size; end = $at + 512 + $size + (512 - $size % 512) % 512 }
}

function Get-Number([byte[]]$header, [int]$from, [int]$count, [long]$at) {
    $digits = $octets.GetString($header, $from, $count).Trim([char]0, [char]32)
    if ($digits -cnotmatch '\A[0-7]{1,11}\z') {
        Stop-Archive "the header at byte $at has no size"
    }
    [Convert]::ToInt64($digits, 8)
}

function Get-Field([byte[]]$header, [int]$from, [int]$count, [long]$at) {
    $end = [array]::IndexOf($header, [byte]0, $from, $count)
    if ($end -lt 0) {
        $end = $from + $count
    }
    try {
        $strict.GetString($header, $from, $end - $from)
    } catch {
        Stop-Archive "the header at byte $at has no name"
    }
}

# A name that leads elsewhere, or that Windows takes for another file, for a stream of one or for a device.
function Test-Name([string]$name) {
    foreach ($part in $name.Split('/')) {
        $wrong = $part -match '[\x00-\x1f<>:"\\|?*]|[. ]\z' -or $part -eq ''
        $device = $part -match '\A(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3])\s*(\.|\z)'
        if ($wrong -or $device) {
            Stop-Archive "$name is no name that a file of a backup can have"
        }
    }
}

# Names that differ by case are one name on Windows; neither can a file be a folder.
function Add-Name($names, [string]$name) {
    $there = -not $names.files.Add($name) -or $names.folders.Contains($name)
    for ($cut = $name.LastIndexOf('/'); $cut -gt 0 -and -not $there; $cut = $name.LastIndexOf('/', $cut - 1)) {
        $there = $names.files.Contains($name.Substring(0, $cut))
        $null = $names.folders.Add($name.Substring(0, $cut))
    }
    if ($there) {
        Stop-Archive "$name is in the archive twice"
    }
}

# Puts all files of an archive into a folder that is made for them, which SYSTEM and Administrators alone can enter. Returns
# their entries. A folder that is there already is refused; after a failure the folder is gone.
function Expand-Part([string]$archive, [string]$folder, $limits) {
    if (Test-Path -LiteralPath $folder) {
        Stop-Script 'FolderThere' "$folder is there already; look at it, then remove it"
    }
    $stream = New-Object System.IO.FileStream (Get-Full $archive), ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Read)
    $whole = $false
    try {
        $entries = @(Read-Archive $stream $limits)
        Open-Folder $folder
        foreach ($entry in $entries) {
            Expand-File $stream $entry "$folder\$($entry.name.Replace('/', '\'))"
        }
        $whole = $true
        $entries
    } finally {
        $stream.Close()
        if (-not $whole -and (Test-Path -LiteralPath $folder)) {
            [System.IO.Directory]::Delete((Get-Full $folder), $true)
        }
    }
}

function Expand-File($stream, $entry, [string]$path) {
    if ($path.Length -gt 259) {
        Stop-Script 'PathTooLong' "Windows takes no path as long as $path"
    }
    $full = Get-Full $path
    $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($full))
    $null = $stream.Seek($entry.at, [System.IO.SeekOrigin]::Begin)
    $bytes = New-Object byte[] ([int][Math]::Min([long]1048576, $entry.size))
    $file = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::CreateNew), ([System.IO.FileAccess]::Write)
    try {
        for ($left = $entry.size; $left -gt 0; $left -= $count) {
            $count = $stream.Read($bytes, 0, [int][Math]::Min([long]$bytes.Length, $left))
            if ($count -eq 0) {
                Stop-Archive "the archive ends within $($entry.name)"
            }
            $file.Write($bytes, 0, $count)
        }
        $file.Flush($true)
    } finally {
        $file.Close()
    }
}
