# Files of a configuration: their paths, their bytes and their hashes, and that no key is among them. Only what lies in the
# folder of the configuration is opened: a link may lead to another machine, which would get the login of this session.
# Part: files

# As text, for the drives of PowerShell are not those of .NET: backslashes alone, without . and ..
function Get-Plain([string]$path) {
    $kept = New-Object System.Collections.Generic.List[string]
    foreach ($name in $path.Replace('/', '\').Split('\')) {
        if ($name -eq '..' -and $kept.Count -gt 1) {
            $kept.RemoveAt($kept.Count - 1)
        } elseif ($name -notin '', '.', '..') {
            $kept.Add($name)
        }
    }
    $kept -join '\'
}

function Test-Inside([string]$base, [string]$path) {
    $path.StartsWith("$base\", [System.StringComparison]::OrdinalIgnoreCase)
}

# present, missing, unreadable, or outside: a path or a link leads out of the folder. Links above it are the administrator's.
function Get-Standing([string]$base, [string]$file) {
    if (-not (Test-Inside $base $file)) {
        return 'outside'
    }
    $path = $base
    foreach ($name in $file.Substring($base.Length + 1).Split('\')) {
        $path = "$path\$name"
        try {
            $item = Get-Item -LiteralPath $path -Force -ErrorAction Stop
        } catch {
            if ($_.FullyQualifiedErrorId -like 'PathNotFound,*' -or $_.FullyQualifiedErrorId -like 'DriveNotFound,*') {
                return 'missing'
            }
            return 'unreadable'
        }
        if ($item.LinkType -in 'SymbolicLink', 'Junction') {
            return 'outside'
        }
    }
    if ($item.PSIsContainer) { 'missing' } else { 'present' }
}

function Test-Standing([string]$base, [string]$file) {
    switch (Get-Standing $base $file) {
        'missing' { Stop-Script 'FileMissing' "there is no file $file" }
        'outside' { Stop-Script 'FileOutside' "$file is not in $base, or there is a link on its path" }
        'unreadable' { Stop-Script 'FileUnreadable' "$file may not be read" }
    }
}

function Read-Bytes([string]$file, [long]$limit) {
    try {
        $stream = Open-Shared $file
    } catch {
        Stop-Script 'FileUnreadable' "$file cannot be opened"
    }
    try {
        if ($stream.Length -gt $limit) {
            Stop-Script 'FileTooLarge' "$file has $($stream.Length) bytes, more than $limit"
        }
        $bytes = New-Object byte[] ([int]$stream.Length)
        $got = 0
        while ($got -lt $bytes.Length) {
            $count = $stream.Read($bytes, $got, $bytes.Length - $got)
            if ($count -eq 0) {
                Stop-Script 'FileUnreadable' "$file was cut short while it was read"
            }
            $got += $count
        }
    } finally {
        $stream.Close()
    }
    , $bytes
}

function Read-Configuration([string]$base, [string]$file, [long]$limit) {
    Test-Standing $base $file
    $bytes = Read-Bytes $file $limit
    Test-NoKey $file $bytes
    , $bytes
}

function Get-Hash([byte[]]$bytes) {
    $hash = [System.Security.Cryptography.SHA256]::Create().ComputeHash($bytes)
    [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
}

# One character for each byte, so that places in the text are places in the file, whatever its encoding is.
function Get-Latin([byte[]]$bytes) {
    [System.Text.Encoding]::GetEncoding(28591).GetString($bytes)
}

# Nothing of the key is told, only where it stands. Without its zeros UTF-16 reads as ASCII.
function Test-NoKey([string]$file, [byte[]]$bytes) {
    $text = (Get-Latin $bytes).Replace("$([char]0)", '')
    $at = $text.IndexOf('PRIVATE KEY-----', [System.StringComparison]::Ordinal)
    $line = if ($at -ge 0) { @($text.Substring(0, $at) -split '\n').Count } else { 0 }
    $key = (Find-Pki ($text -split '\n'))['key']
    if ($null -ne $key -and $key.value -eq 'inline' -and ($line -eq 0 -or $key.line -lt $line)) {
        $line = $key.line + 1
    }
    if ($line -gt 0) {
        Stop-Script 'KeyInside' "$file has a private key in line $line"
    }
}

# With the folders on its way. Nobody sees a half of it: the folder is the operation's or ours.
function Write-Bytes([string]$path, [byte[]]$bytes) {
    $full = Get-Full $path
    $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($full))
    $file = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::Create), ([System.IO.FileAccess]::Write)
    try {
        $file.Write($bytes, 0, $bytes.Length)
        $file.Flush($true)
    } finally {
        $file.Close()
    }
}

# Whether it was written: what is there already stays.
function Add-Bytes([string]$path, [byte[]]$bytes) {
    if ((Test-Path -LiteralPath $path -PathType Leaf) -and (Get-Hash (Read-Bytes $path 2147483647)) -eq (Get-Hash $bytes)) {
        return $false
    }
    Write-Bytes $path $bytes
    $true
}
