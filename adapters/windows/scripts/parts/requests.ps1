# Requests in nginx's access log, counted in blocks. Each line becomes one of a few characters, by a single expression, for a
# loop over lines would take most of the time.

# A client writes no quote: nginx writes it as \x22, or \" in JSON. So the first quote of a line is that of the request, and
# no field of a client's passes for another one. A time has three decimals; it stands behind the status, alone or as
# rt= or request_time=. All take time linear in the length of a line.
$plain = '^(?:[^"\n]*\] "[^"\n]*" (?<status>\d{3})(?!\d)(?=(?:[^\n]*?"(?<own>flatnet-bot)")?)' +
    '(?=(?:(?:[^"\n]|"[^"\n]*")*? (?:(?:rt|request_time)="?)?(?<time>\d{1,6}\.\d{3})(?=["\s]|\z))?))?[^\n]*$'
$json = '^(?:\{(?=[^\n]*?"status": ?"?(?<status>\d{3})(?!\d))(?=(?:[^\n]*?: ?"(?<own>flatnet-bot)")?)' +
    '(?=(?:[^\n]*?"(?:rt|request_time)": ?"?(?<time>\d{1,6}\.\d{3})(?!\d))?))?[^\n]*$'

# Of a line that has not ended so much is kept until it does; a longer one is dropped.
$longest = 65536

function New-Requests {
    @{
        counts = @{ requests = 0; errors = 0; own = 0; unparsed = 0; timed = 0; time_ms = [long]0; slowest_ms = [long]0 }
        skipped = [long]0
        watch = [System.Diagnostics.Stopwatch]::StartNew()
        bytes = New-Object byte[] (1048576 + $longest)
    }
}

# Where the next read of the last part goes on. Beyond the limit the oldest bytes are skipped.
function Read-New($requests, $new) {
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
        $requests.skipped += $skip
        $offset = Read-Part $requests $part
    }
    $offset
}

function Read-Part($requests, $part) {
    $bytes = $requests.bytes
    $at = $part.from
    $whole = Test-Beginning $part.stream $at
    $rest = 0
    while ($at -lt $part.to) {
        if ($requests.watch.ElapsedMilliseconds -ge $a.milliseconds) {
            $requests.skipped += $part.to - $at + $rest
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
            Add-Lines $requests.counts ($latin.GetString($bytes, $first, $last - $first))
        }
        $whole = $whole -or $last -ge 0
        $rest = $end - $last - 1
        if ($rest -gt $longest -or -not $whole) {
            $requests.counts.unparsed += [int]$whole
            $whole = $false
            $rest = 0
        }
        [array]::Copy($bytes, $end - $rest, $bytes, 0, $rest)
    }
    if ($part.ended -and $rest -gt 0) {
        Add-Lines $requests.counts ($latin.GetString($bytes, 0, $rest))
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

function Add-Lines($counts, [string]$text) {
    $form = if ($text.StartsWith('{', [System.StringComparison]::Ordinal)) { $json } else { $plain }
    # By the type itself: it keeps the expressions that it was given, while one of our own would be compiled each minute.
    $short = [regex]::Replace($text, $form, '${status} ${own} ${time}', 'Compiled, CultureInvariant, Multiline')
    $counts.requests += Measure-Lines $short '^\d{3}  '
    $counts.errors += Measure-Lines $short '^5\d\d  '
    $counts.own += Measure-Lines $short '^\d{3} f'
    $counts.unparsed += Measure-Lines $short '^ '
    $times = [regex]::Replace($short, '^(?:\d{3}  (\d+)\.(\d+)|[^\n]*)\n?', '$1$2 ', 'CultureInvariant, Multiline')
    $times = [long[]]$times.Split([char[]]' ', [System.StringSplitOptions]::RemoveEmptyEntries)
    if ($times.Length -gt 0) {
        $counts.timed += $times.Length
        $counts.time_ms += [System.Linq.Enumerable]::Sum($times)
        $counts.slowest_ms = [Math]::Max([long]$counts.slowest_ms, [System.Linq.Enumerable]::Max($times))
    }
}

function Measure-Lines([string]$text, [string]$expression) {
    [regex]::Matches($text, $expression, 'CultureInvariant, Multiline').Count
}
