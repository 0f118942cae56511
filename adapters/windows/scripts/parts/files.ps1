# Files as bytes of UTF-8, read while others write, rename or remove them.

function Open-Shared([string]$path) {
    $share = [System.IO.FileShare]'ReadWrite, Delete'
    New-Object System.IO.FileStream (Get-Full $path), ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Read), $share
}

# At most that many bytes from the beginning; nothing where there is no such file.
function Read-Text([string]$path, [int]$limit) {
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        return ''
    }
    $file = Open-Shared $path
    try {
        # The first argument decides: with an int there a file beyond 2 GiB would not fit.
        $bytes = New-Object byte[] ([int][Math]::Min([long]$limit, $file.Length))
        $got = 0
        while ($got -lt $bytes.Length) {
            $count = $file.Read($bytes, $got, $bytes.Length - $got)
            if ($count -eq 0) {
                break
            }
            $got += $count
        }
        (New-Object System.Text.UTF8Encoding $false).GetString($bytes, 0, $got)
    } finally {
        $file.Close()
    }
}

# Lines with a message in them: beyond a place, and of the last so many bytes. Longer ones are none of Nebula's.
function Read-Matching([string]$path, [long]$after, [long]$newest, [string]$message) {
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        return
    }
    $file = Open-Shared $path
    try {
        $null = $file.Seek([Math]::Max($after, $file.Length - $newest), [System.IO.SeekOrigin]::Begin)
        $reader = New-Object System.IO.StreamReader $file, (New-Object System.Text.UTF8Encoding $false)
        while ($null -ne ($line = $reader.ReadLine())) {
            if ($line.Contains($message) -and $line.Length -le 2000) {
                $line
            }
        }
    } finally {
        $file.Close()
    }
}
