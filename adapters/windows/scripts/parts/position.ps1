# What is new in a log ($a.log) beyond a position ($a.position: offset, head, sha256; or null), also where it was rotated since.

# All that is to be closed.
$open = New-Object System.Collections.Generic.List[System.IO.FileStream]

# The log by its name; or why it is not read.
function Open-Named {
    try {
        $stream = Open-Log (Find-Log $a.log)
        $open.Add($stream)
        @{ state = 'present'; stream = $stream }
    } catch {
        $state = switch -wildcard ($_.FullyQualifiedErrorId) {
            'LogMissing*' { 'absent' }
            'LogDenied*' { 'denied' }
            'LogIsFolder*' { 'folder' }
            'LogOutside*' { 'outside' }
            default { 'unreadable' }
        }
        @{ state = $state; stream = $null }
    }
}

# The one that was put aside, beside it, and whether another one was after it; nothing where there is none. Fewer bytes
# hardly hold a time, so that another log could begin with them. A packed one begins otherwise.
function Open-Aside {
    if ($a.position.head -lt 64) {
        return
    }
    try {
        $beside = @(Find-Rotated (New-Object System.IO.FileInfo (Get-Full $a.log)) | Select-Object -Last 10)
    } catch {
        return
    }
    foreach ($file in $beside) {
        # A link may lead to another machine, which would get the login of this session.
        if ($file.LinkType -eq 'SymbolicLink') {
            continue
        }
        try {
            $stream = Open-Shared $file.FullName
        } catch {
            continue
        }
        $open.Add($stream)
        if (Test-Same $stream) {
            $packed = '.gz', '.zip', '.bz2', '.xz', '.zst', '.7z'
            $later = @($beside | Where-Object { $_.LastWriteTime -gt $file.LastWriteTime -and $_.Extension -notin $packed })
            return @{ stream = $stream; followed = $later.Count -gt 0 }
        }
    }
}

function Test-Same($stream) {
    if ($stream.Length -lt $a.position.offset) {
        return $false
    }
    $head = New-Object byte[] $a.position.head
    $null = $stream.Seek(0, [System.IO.SeekOrigin]::Begin)
    $count = Read-Block $stream $head 0 $head.Length
    $count -eq $head.Length -and (Get-Hash $head $count) -eq $a.position.sha256
}

function Get-Position($stream, [long]$offset) {
    $head = New-Object byte[] $a.head_limit
    $null = $stream.Seek(0, [System.IO.SeekOrigin]::Begin)
    $count = Read-Block $stream $head 0 $head.Length
    @{ offset = $offset; head = $count; sha256 = Get-Hash $head $count }
}

function Get-Hash([byte[]]$bytes, [int]$count) {
    $hash = [System.Security.Cryptography.SHA256]::Create().ComputeHash($bytes, 0, $count)
    [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
}

# What is new, oldest first. `ended`: nothing is written there any more, so that its last line is a whole one. While there
# is no successor the program still writes into the log that was put aside. `lost`: lines before it are not found.
function Find-New($named) {
    $offset = [long]$a.position.offset
    if ($null -ne $named.stream -and (Test-Same $named.stream)) {
        return @{ stream = $named.stream; from = $offset; to = $named.stream.Length; ended = $false; lost = $false }
    }
    $aside = Open-Aside
    $succeeded = $null -ne $named.stream
    if ($null -ne $aside) {
        $lost = $succeeded -and $aside.followed
        @{ stream = $aside.stream; from = $offset; to = $aside.stream.Length; ended = $succeeded; lost = $lost }
    }
    if ($succeeded) {
        @{ stream = $named.stream; from = [long]0; to = $named.stream.Length; ended = $false; lost = $null -eq $aside }
    }
}

function Close-Opened {
    foreach ($stream in $open) {
        $stream.Close()
    }
}
