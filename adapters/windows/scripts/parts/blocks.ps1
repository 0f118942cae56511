# Logs in blocks: of a plain file from its end, of a packed one from its beginning. At most a block and the beginning of
# one line, twice as text, is in memory, however long a file or a line is.
# Part: files
# Part: encodings
# Part: search

# Of a line that goes on beyond its block so many bytes are searched, far more than are ever shown.
$beginning = 65536

function New-Answer($a) {
    @{
        lines = New-Object System.Collections.Generic.List[string]
        openings = New-Object System.Collections.Generic.List[string]
        files = New-Object System.Collections.Generic.List[string]
        heads = New-Object System.Collections.Generic.List[string]
        tail = $a.tail
        room = $a.bytes_limit
        encoding = 'utf-8'
        searched = [long]0
        done = $false
        full = $false
        cut = @{ lines = $false; bytes = $false; time = $false; partly = $false; long = $false; unread = $false }
    }
}

# The length is that of the beginning: what is written later is not read, and a file that was cut short meanwhile is read
# no further. Only the first piece is small, for most questions are answered by the end of a log.
function Search-Stream($search, $answer, $stream, [string]$name) {
    $to = $stream.Length
    $form = Get-Known $answer $stream
    if ($null -eq $form) {
        return
    }
    $to -= ($to - $form.start) % $form.unit
    $bytes = New-Object byte[] 0
    $rest = New-Object byte[] 0
    $below = ''
    for ($size = 65536; $to -gt $form.start -and -not (Test-Done $search $answer); $size = [Math]::Min(4 * $size, 4194304)) {
        # The first argument decides: with an int there a log beyond 2 GiB would not fit.
        $from = [Math]::Max([long]$form.start, $to - $size)
        if ($bytes.Length -lt $to - $from + $rest.Length) {
            $bytes = New-Object byte[] ($to - $from + $beginning)
        }
        $null = $stream.Seek($from, [System.IO.SeekOrigin]::Begin)
        $got = Read-Block $stream $bytes 0 ($to - $from)
        if ($got -lt $to - $from) {
            $answer.cut.unread = $true
            $answer.done = $true
            return
        }
        [array]::Copy($rest, 0, $bytes, $got, $rest.Length)
        $end = $got + $rest.Length
        $first = if ($from -gt $form.start) { Find-Break $form $bytes 0 $end } else { 0 }
        $rest = Get-Beginning $search $answer $form $bytes $(if ($first -lt 0) { $end } else { $first })
        if ($first -ge 0) {
            $text = Get-Text $search $form $bytes $first $end
            if (-not (Test-Text $answer $text)) {
                return
            }
            $parts = Split-Text $search (Join-Text $text $below) ($from -gt $form.start)
            $below = $parts.below
            Add-Found $search $answer $parts.text @{ name = $name; form = $form }
        }
        $answer.searched += $to - $(if ($from -gt $form.start) { $from } else { 0 })
        $to = $from
    }
    if ($answer.full -and $to -gt $form.start) {
        $answer.cut.lines = $true
    }
}

# How a file is to be read; $null where rotation has given a file that was read already another name meanwhile.
function Get-Known($answer, $stream) {
    $sample = New-Object byte[] 4096
    $count = Read-Block $stream $sample 0 $sample.Length
    if (Test-Known $answer $sample $count) { $null } else { Get-Form $sample $count }
}

# By its beginning, which has a time in it; that of a file that was short may have grown meanwhile.
function Test-Known($answer, [byte[]]$sample, [int]$count) {
    $head = [System.BitConverter]::ToString($sample, 0, [Math]::Min(512, $count))
    foreach ($known in $answer.heads) {
        if ($head -eq $known -or ($known.Length -gt 192 -and $head.StartsWith($known, [System.StringComparison]::Ordinal))) {
            $answer.cut.unread = $true
            return $true
        }
    }
    if ($count -gt 0) {
        $answer.heads.Add($head)
    }
    $false
}

function Test-Done($search, $answer) {
    if (-not $answer.done -and $search.watch.ElapsedMilliseconds -ge $search.milliseconds) {
        $answer.cut.time = $true
        $answer.done = $true
    }
    $answer.done
}

# $false where the time was over before there was a text.
function Test-Text($answer, $text) {
    if ($null -eq $text) {
        $answer.cut.time = $true
        $answer.done = $true
    }
    $null -ne $text
}

# Never ends within a character.
function Get-Beginning($search, $answer, $form, [byte[]]$bytes, [int]$count) {
    if ($count -gt $beginning) {
        $answer.cut.partly = $answer.cut.partly -or $search.asks
        $count = $beginning
        while ($form.unit -eq 1 -and $count -gt $beginning - 4 -and ($bytes[$count] -band 192) -eq 128) {
            $count--
        }
    }
    $kept = New-Object byte[] $count
    [array]::Copy($bytes, $kept, $count)
    , $kept
}

function Join-Text([string]$text, [string]$below) {
    if ($below -eq '') {
        return $text
    }
    $break = if ($text -eq '' -or $text[-1] -eq [char]10) { '' } else { "`n" }
    $text + $break + $below
}

# Where times count, or lines are picked, those above the first that has a time belong to the block before: a stack trace is
# not torn apart.
function Split-Text($search, [string]$text, [bool]$more) {
    if (-not $more -or -not ($search.asks -or $null -ne $search.since -or $null -ne $search.until)) {
        return @{ text = $text; below = '' }
    }
    $stamp = $search.stamps.Match($text)
    $head = if ($stamp.Success) { $stamp.Index } else { $text.Length }
    if ($head -gt $beginning) {
        $head = 0
    }
    @{ text = $text.Substring($head); below = $text.Substring(0, $head) }
}

# A block that lies before the time in question as a whole is where reading ends.
function Add-Found($search, $answer, [string]$text, $source) {
    $place = Get-Place $search $text
    Add-Piece $search $answer @{ text = $text; place = $place } $source
    if ($place -eq 'before') {
        $answer.done = $true
    }
}

# To read the time of every line takes long, so a piece that is partly in question is halved until it is small.
function Add-Piece($search, $answer, $piece, $source) {
    $text = $piece.text
    if ($piece.place -eq 'mixed' -and $text.Length -gt 16384) {
        $middle = $search.stamps.Match($text, [int]($text.Length / 2))
        if ($middle.Success) {
            foreach ($half in $text.Substring($middle.Index), $text.Substring(0, $middle.Index)) {
                if (-not $answer.done) {
                    Add-Piece $search $answer @{ text = $half; place = Get-Place $search $half } $source
                }
            }
            return
        }
    }
    $found = Find-Lines $search $text $piece.place
    if ($found.late) {
        $answer.cut.time = $true
        $answer.done = $true
        return
    }
    Add-Lines $search $answer $found $source
}

# The newest first. As JSON writes them, control characters and a few others count six, those that only 5.1 escapes as
# well: no answer may grow too long for it, which stops at two million.
function Add-Lines($search, $answer, $found, $source) {
    $lines = $found.lines
    $utf8 = New-Object System.Text.UTF8Encoding $false
    $costly = [regex]'[\x00-\x1f<>&''\u0085\u2028\u2029]'
    for ($n = $lines.Count - 1; $n -ge 0; $n--) {
        if ($answer.lines.Count -ge $answer.tail) {
            $answer.cut.lines = $true
            break
        }
        $line = Limit-Line $lines[$n] $search.limit
        $answer.room -= $utf8.GetByteCount($line) + 5 * $costly.Matches($line).Count + 1
        if ($answer.room -lt 0) {
            $answer.cut.bytes = $true
            $answer.done = $true
            return
        }
        $answer.cut.long = $answer.cut.long -or $line.Length -lt $lines[$n].Length
        $answer.lines.Add($line)
        if ($search.asks) {
            $known = $null -ne $found.openings
            $answer.openings.Add($(if ($known) { $found.openings[$n] } else { Find-Opening $search $found $found.starts[$n] }))
        }
        if (-not $answer.files.Contains($source.name)) {
            $answer.files.Add($source.name)
        }
        if ($answer.files.Count -eq 1) {
            $answer.encoding = $source.form.name
        }
    }
    $answer.full = $answer.lines.Count -ge $answer.tail
    $answer.done = $answer.done -or $answer.full
}

# A file packed by gzip. Where the time is over in the middle nothing of it counts: its newest lines come last.
function Search-Packed($search, $answer, $stream, [string]$name) {
    $packed = New-Object System.IO.Compression.GZipStream $stream, ([System.IO.Compression.CompressionMode]::Decompress)
    $kept = @{
        lines = New-Object System.Collections.Generic.List[string]
        openings = New-Object System.Collections.Generic.List[string]
    }
    $rest = New-Object byte[] 0
    $form = $null
    $more = $true
    $unpacked = [long]0
    while ($more) {
        if (Test-Done $search $answer) {
            return
        }
        $bytes = New-Object byte[] ($rest.Length + 1048576)
        [array]::Copy($rest, $bytes, $rest.Length)
        $got = Read-Packed $answer $packed $bytes $rest.Length
        $more = $got -eq 1048576
        $unpacked += $got
        $end = $rest.Length + $got
        $from = 0
        if ($null -eq $form) {
            if (Test-Known $answer $bytes $end) {
                return
            }
            $form = Get-Form $bytes ([Math]::Min(4096, $end))
            $from = $form.start
        }
        $to = if ($more) { Find-LastBreak $form $bytes $end } else { $end }
        if ($to -lt 0) {
            $rest = Get-Beginning $search $answer $form $bytes $end
            continue
        }
        $text = Get-Text $search $form $bytes $from $to
        if (-not (Test-Text $answer $text)) {
            return
        }
        $found = Find-Lines $search $text (Get-Place $search $text)
        if ($found.late) {
            $answer.cut.time = $true
            $answer.done = $true
            return
        }
        Add-Kept $search $answer $kept $found
        $rest = New-Object byte[] ($end - $to)
        [array]::Copy($bytes, $to, $rest, 0, $rest.Length)
    }
    $answer.searched += $stream.Length
    $answer.cut.unread = $answer.cut.unread -or -not (Test-Whole $stream $unpacked)
    Add-Lines $search $answer $kept @{ name = $name; form = $form }
}

# One that is damaged ends where the damage begins: what was unpacked before counts.
function Read-Packed($answer, $packed, [byte[]]$bytes, [int]$at) {
    $end = $at
    try {
        while ($end -lt $bytes.Length) {
            $more = $packed.Read($bytes, $end, $bytes.Length - $end)
            if ($more -eq 0) {
                break
            }
            $end += $more
        }
    } catch {
        $answer.cut.unread = $true
    }
    $end - $at
}

# .NET Framework stops without an error after the first of several members, and where a file was cut short. The last four
# bytes of a whole file of one member are its length when unpacked; several members are never called whole.
function Test-Whole($stream, [long]$unpacked) {
    if ($stream.Position -lt $stream.Length -or $stream.Length -lt 18) {
        return $false
    }
    $length = New-Object byte[] 4
    $null = $stream.Seek(-4, [System.IO.SeekOrigin]::End)
    (Read-Block $stream $length 0 4) -eq 4 -and [System.BitConverter]::ToUInt32($length, 0) -eq $unpacked % 4294967296
}

# No more than can be wanted, and one, so that it shows whether there are more.
function Add-Kept($search, $answer, $kept, $found) {
    $most = $answer.tail - $answer.lines.Count + 1
    for ($n = [Math]::Max(0, $found.lines.Count - $most); $n -lt $found.lines.Count; $n++) {
        $kept.lines.Add($found.lines[$n])
        $kept.openings.Add($(if ($search.asks) { Find-Opening $search $found $found.starts[$n] } else { '' }))
    }
    $over = $kept.lines.Count - $most
    if ($over -gt 0) {
        $kept.lines.RemoveRange(0, $over)
        $kept.openings.RemoveRange(0, $over)
    }
}
