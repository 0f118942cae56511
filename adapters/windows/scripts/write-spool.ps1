# Take a file of an operation piece by piece: prepare makes room, write takes a piece behind what is there or once more in its
# own place, finish compares size and hash and gives the file its name.
# In:  folder (full path), name, move, size, sha256, limit (bytes), offset, data (base64).
# Out: the fields of adapters.transfer.SpoolState.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: folder
# Part: spool
# Part: room

function Start-Spool([string]$full) {
    if ([System.IO.File]::Exists($full) -and (Get-Hash $full) -ceq $a.sha256) {
        return @{ received = $a.size; sha256 = $a.sha256; changed = $false }
    }
    if ($a.size -gt $a.limit) {
        Stop-Script 'TooLarge' "$($a.size) bytes are more than the limit of $($a.limit)"
    }
    Test-Space $a.folder $a.size
    Open-Folder $a.folder
    [System.IO.File]::Delete($full)
    $file = New-Object System.IO.FileStream "$full.part", ([System.IO.FileMode]::Create), ([System.IO.FileAccess]::Write)
    $file.Close()
    @{ received = 0; sha256 = ''; changed = $true }
}

function Add-Piece([string]$part) {
    $bytes = [Convert]::FromBase64String($a.data)
    $file = New-Object System.IO.FileStream $part, ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Write)
    try {
        if ($file.Length -notin $a.offset, ($a.offset + $bytes.Length)) {
            Stop-Script 'OutOfOrder' "a piece for byte $($a.offset) came where $($file.Length) bytes are"
        }
        $null = $file.Seek($a.offset, [System.IO.SeekOrigin]::Begin)
        $file.Write($bytes, 0, $bytes.Length)
        $file.Flush($true)
        @{ received = $a.offset + $bytes.Length; sha256 = ''; changed = $true }
    } finally {
        $file.Close()
    }
}

function Complete-Spool([string]$full) {
    if (-not [System.IO.File]::Exists("$full.part") -and [System.IO.File]::Exists($full)) {
        return @{ received = Get-Length $full; sha256 = Get-Hash $full; changed = $false }
    }
    $size = Get-Length "$full.part"
    $hash = Get-Hash "$full.part"
    if ($size -eq $a.size -and $hash -ceq $a.sha256) {
        [System.IO.File]::Move("$full.part", $full)
    }
    @{ received = $size; sha256 = $hash; changed = $true }
}

$full = Get-Spool $a.folder $a.name
if ($a.move -eq 'prepare') {
    return Start-Spool $full
}
if (-not [System.IO.File]::Exists("$full.part") -and -not [System.IO.File]::Exists($full)) {
    Stop-Script 'SpoolMissing' "there is no file $($a.folder)\$($a.name).part"
}
if ($a.move -eq 'write') {
    return Add-Piece "$full.part"
}
Complete-Spool $full
