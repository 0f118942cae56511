# The question, and the lines of one piece of text that fit it.
# Part: script
# Part: stamps

# `words` is tried on one line. `filter` finds in a whole piece where a line may fit, far faster than line by line. Of a
# pattern that looks around itself or names the ends of a text it could miss one, so then it is done without.
function New-Search($a) {
    $pattern = $a.pattern.Substring(1)
    $expression = if ($a.fixed) { [regex]::Escape($pattern) } else { $pattern }
    $options = if ($a.case) { 'Compiled, CultureInvariant' } else { 'Compiled, CultureInvariant, IgnoreCase' }
    try {
        $words = New-Pattern $expression $options
        $filter = New-Pattern $expression "$options, Multiline"
    } catch {
        Stop-Script 'PatternInvalid' "$($_.Exception.GetBaseException().Message)"
    }
    @{
        words = $words
        filter = $filter
        asks = $pattern -ne ''
        each = $pattern -eq '' -or $expression -cmatch '\\[AzZG]|\(\?(?!:|<[A-Za-z])'
        stamps = New-Stamps
        since = $a.since
        until = $a.until
        limit = New-Limit $a.line_limit
        beyond = New-Limit ($a.line_limit + 1)
        milliseconds = $a.milliseconds
        watch = [System.Diagnostics.Stopwatch]::StartNew()
    }
}

# Tried for at most a second at a time: a pattern that goes back again and again must not keep the host busy.
function New-Pattern([string]$expression, [string]$options) {
    New-Object regex $expression, ([System.Text.RegularExpressions.RegexOptions]$options), ([timespan]::FromSeconds(1))
}

# So many characters; .NET counts those outside of Unicode's first 65,536 twice.
function New-Limit([int]$count) {
    $expression = "\A(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|.){0,$count}"
    @{ count = $count; beginning = New-Object regex $expression, ([System.Text.RegularExpressions.RegexOptions]::Singleline) }
}

function Limit-Line([string]$line, $limit) {
    if ($line.Length -le $limit.count) { $line } else { $limit.beginning.Match($line).Value }
}

# The lines of a piece that fit, oldest first, each with one character beyond the limit where it is longer, and where they
# start. None count where the time is over in the middle, for what is newer there has not been looked at.
function Find-Lines($search, [string]$text, [string]$place) {
    $found = New-Object System.Collections.Generic.List[string]
    $starts = New-Object System.Collections.Generic.List[int]
    $next = if ($place -eq 'mixed') { $search.stamps.Match($text) } else { $null }
    $piece = @{
        text = $text; at = 0; found = $found; starts = $starts; next = $next; stamp = $next; place = $place; late = $false
    }
    while ($place -in 'in', 'mixed' -and $piece.at -lt $text.Length -and -not $piece.late) {
        try {
            Step-Lines $search $piece
        } catch [System.Text.RegularExpressions.RegexMatchTimeoutException] {
            if ($search.each) {
                Stop-Script 'PatternSlow' 'the pattern takes too long on a single line'
            }
            $search.each = $true
        }
    }
    @{
        lines = $found; starts = $starts; text = $text; late = $piece.late
        openings = $null; low = -1; high = -1; opening = ''
    }
}

# One loop without calls of functions: it runs for every line, and they would take most of the time.
function Step-Lines($search, $piece) {
    $text = $piece.text
    while ($piece.at -lt $text.Length) {
        if ($search.watch.ElapsedMilliseconds -gt $search.milliseconds) {
            $piece.late = $true
            return
        }
        $start = $piece.at
        $stop = $start
        if (-not $search.each) {
            $match = $search.filter.Match($text, $start)
            if (-not $match.Success) {
                $piece.at = $text.Length
                return
            }
            $stop = $match.Index
            if ($stop -gt $start) {
                $start = $text.LastIndexOf([char]10, $stop - 1, $stop - $start) + 1
                if ($start -eq 0) {
                    $start = $piece.at
                }
            }
        }
        if ($stop -lt $text.Length) {
            $stop = $text.IndexOf([char]10, $stop)
        }
        if ($stop -lt 0) {
            $stop = $text.Length
        }
        if ($start -lt $text.Length) {
            $line = $text.Substring($start, $stop - $start)
            if ($search.words.IsMatch($line) -and ($piece.place -eq 'in' -or (Test-Time $search $piece $start))) {
                $piece.starts.Add($start)
                $piece.found.Add($(if ($line.Length -le $search.beyond.count) { $line } else { Limit-Line $line $search.beyond }))
            }
        }
        $piece.at = $stop + 1
    }
}

# Whether the time of a line, or of the last one before it that has one, is asked for; the first of a piece for those
# above it.
function Test-Time($search, $piece, [int]$start) {
    while ($piece.next.Success -and $piece.next.Index -le $start) {
        $piece.stamp = $piece.next
        $piece.next = $piece.next.NextMatch()
    }
    (Compare-Time $search (Get-Time $piece.stamp)) -eq 'in'
}

# The beginning of the entry that a found line belongs to: of the last line before it that has a time. '' for a line with a
# time of its own, and where no time is near. Between `low` and `high` there is none, which is looked at once.
function Find-Opening($search, $found, [int]$start) {
    if ($start -gt $found.low -and $start -le $found.high) {
        return $found.opening
    }
    $text = $found.text
    $least = [Math]::Max(0, $start - 65536)
    $at = $start
    while ($true) {
        $end = $text.IndexOf([char]10, $at)
        $length = [Math]::Min(4096, $(if ($end -lt 0) { $text.Length } else { $end }) - $at)
        $known = $search.stamps.Match($text, $at, $length).Success
        if ($known -and $at -eq $start) {
            return ''
        }
        if ($known -or $at -le $least) {
            $found.low = $at
            $found.high = $start
            $found.opening = if ($known) { $text.Substring($at, [Math]::Min(120, $length)) } else { '' }
            return $found.opening
        }
        $at = if ($at -lt 2) { 0 } else { $text.LastIndexOf([char]10, $at - 2) + 1 }
    }
}
