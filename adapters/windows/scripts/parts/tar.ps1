# A plain tar whose bytes depend on names and contents alone.

$utf8 = New-Object System.Text.UTF8Encoding $false

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

function Add-Entry($archive, [string]$name, [byte[]]$bytes) {
    $archive.Write((Get-Header $name $bytes.Length), 0, 512)
    $archive.Write($bytes, 0, $bytes.Length)
    $filling = (512 - $bytes.Length % 512) % 512
    $archive.Write((New-Object byte[] $filling), 0, $filling)
}

function Close-Archive($archive) {
    $archive.Write((New-Object byte[] 1024), 0, 1024)
    $archive.Flush($true)
}
