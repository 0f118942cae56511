# New lines of a log, read in blocks. The script's own Add-Lines takes them, with the counts of a reading, in which "unparsed"
# counts the lines that are too long.

# Of a line that has not ended so much is kept until it does; a longer one is dropped.
$longest = 65536

function New-Reading($counts) {
    @{
        counts = $counts
        skipped = [long]0
        watch = [System.Diagnostics.Stopwatch]::StartNew()
        bytes = New-Object byte[] (1048576 + $longest)
    }
}

# Where the next read of the last part goes on. Beyond the limit the oldest bytes are skipped.
function Read-New($reading, $new) {
    $size = [long]0
    foreach ($part in $new) {
        $size += $part.to - $part.from
    }
    $above = [Math]::Max([long]0, $size - $a.bytes_limit)
    $offset = [long]0
    foreach ($part in $new) {
        $skip = [Math]::Min([long]$above, $part.to - $part.from)
        $above -= $skip
        $part.from += $skip
        $reading.skipped += $skip
        $offset = Read-Part $reading $part
    }
    $offset
}

function Read-Part($reading, $part) {
    $bytes = $reading.bytes
    $at = $part.from
    $whole = Test-Beginning $part.stream $at
    $rest = 0
    while ($at -lt $part.to) {
        if ($reading.watch.ElapsedMilliseconds -ge $a.milliseconds) {
            $reading.skipped += $part.to - $at + $rest
            return $part.to
        }
        $got = Read-Block $part.stream $bytes $rest ([int][Math]::Min([long]1048576, $part.to - $at))
        if ($got -eq 0) {
            break
        }
        $at += $got
        $end = $rest + $got
        $first = if ($whole) { 0 } else { [array]::IndexOf($bytes, [byte]10, 0, $end) + 1 }
        $last = [array]::LastIndexOf($bytes, [byte]10, $end - 1, $end)
        if ($last -ge $first) {
            Add-Lines $reading.counts ($latin.GetString($bytes, $first, $last - $first))
        }
        $whole = $whole -or $last -ge 0
        $rest = $end - $last - 1
        if ($rest -gt $longest -or -not $whole) {
            $reading.counts.unparsed += [int]$whole
            $whole = $false
            $rest = 0
        }
        [array]::Copy($bytes, $end - $rest, $bytes, 0, $rest)
    }
    if ($part.ended -and $rest -gt 0) {
        Add-Lines $reading.counts ($latin.GetString($bytes, 0, $rest))
        $rest = 0
    }
    $at - $rest
}

# Whether a line begins there: at the beginning of the file, or behind a line break.
function Test-Beginning($stream, [long]$at) {
    $null = $stream.Seek([Math]::Max([long]0, $at - 1), [System.IO.SeekOrigin]::Begin)
    $at -eq 0 -or $stream.ReadByte() -eq 10
}

# Each byte is one character.
$latin = [System.Text.Encoding]::GetEncoding(28591)
