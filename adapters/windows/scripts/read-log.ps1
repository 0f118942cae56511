# The newest lines of a log that fit a question. Its neighbours that rotation left are read on, newest first, while lines
# are wanted. Memory does not grow with the log: it is read in blocks.
# In:  log (full path), tail, pattern ("=" and the pattern), fixed, case, since, until (milliseconds since 1970, or null),
#      milliseconds (how long may be searched), line_limit (characters), bytes_limit,
#      days (so far back changes of the local clock are told).
# Out: the fields of adapters.logs.LogText.
param($a)
Set-StrictMode -Version 3
# Part: rotated
# Part: log
# Part: blocks
# Part: offsets

# The log, open, and what lay beside it just before. A log that is shorter than it was has been put aside between the two
# looks, so its lines lie in a neighbour that is not listed yet: then both are looked at again.
function Open-All {
    for ($try = 1; ; $try++) {
        $log = Find-Log $a.log
        $rotated = @(Find-Rotated $log)
        [array]::Reverse($rotated)
        $stream = Open-Log $log
        if ($stream.Length -ge $log.Length -or $try -eq 5) {
            return @{ log = $log; stream = $stream; rotated = $rotated }
        }
        $stream.Close()
    }
}

# A neighbour: plain from its end, packed by gzip from its beginning, packed otherwise not at all. One that ended before
# the time in question is left out; of a plain one Windows tells too old a time while a program still holds it open.
function Search-Rotated($search, $answer, $file) {
    $packed = $file.Extension -in '.gz', '.zip', '.bz2', '.xz', '.zst', '.7z'
    $written = (New-Object System.DateTimeOffset $file.LastWriteTimeUtc).ToUnixTimeMilliseconds()
    if ($packed -and $null -ne $search.since -and $written -lt $search.since) {
        return
    }
    if (($packed -and $file.Extension -ne '.gz') -or $file.LinkType -eq 'SymbolicLink') {
        $answer.cut.unread = $true
        return
    }
    try {
        $stream = Open-Shared $file.FullName
    } catch {
        $answer.cut.unread = $true
        return
    }
    try {
        if ($packed) {
            Search-Packed $search $answer $stream $file.Name
        } else {
            Search-Stream $search $answer $stream $file.Name
        }
    } finally {
        $stream.Close()
    }
}

$search = New-Search $a
$answer = New-Answer $a
$all = Open-All
$size = $all.stream.Length
try {
    Search-Stream $search $answer $all.stream $all.log.Name
} finally {
    $all.stream.Close()
}
foreach ($file in $all.rotated) {
    $size += $file.Length
    if (-not (Test-Done $search $answer)) {
        Search-Rotated $search $answer $file
    } elseif ($answer.full) {
        $answer.cut.lines = $true
    }
}
$answer.lines.Reverse()
$answer.openings.Reverse()
$answer.files.Reverse()
@{
    lines = @($answer.lines.ToArray())
    openings = @($answer.openings.ToArray())
    cut = @('lines', 'bytes', 'time', 'partly', 'long', 'unread' | Where-Object { $answer.cut[$_] })
    searched = $answer.searched
    size = $size
    files = @($answer.files.ToArray())
    encoding = $answer.encoding
    clock = (Get-Date).ToUniversalTime().ToString('o')
    offsets = @(Get-Offsets $a.days)
}
