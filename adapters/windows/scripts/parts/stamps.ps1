# The times at which lines were written: as Nebula writes them (text, JSON, slog: RFC 3339), and nginx in its access log,
# and in its error log (the host's own time). All are compared as milliseconds since 1970. A time of the host's own that
# came twice, as clocks were set back, is taken for both: which one it was is told by the lines around it, and not here.

function New-Stamps {
    $expression = '^(?:(?:time="?|\{[^\n]*?"time":")(?<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?)\d*(?<zone>Z|[+-]\d\d:\d\d)' +
        '|[^\n]{0,300}?\[(?<access>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]' +
        '|(?<error>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d))'
    New-Object regex $expression, ([System.Text.RegularExpressions.RegexOptions]'Compiled, CultureInvariant, Multiline')
}

# `first`, `last`: the same but where a time came twice. $null where it is no time after all.
function Get-Time($stamp) {
    $invariant = [cultureinfo]::InvariantCulture
    $style = [System.Globalization.DateTimeStyles]::AssumeLocal
    $at = [System.DateTimeOffset]::MinValue
    $iso = $stamp.Groups['iso'].Value + $stamp.Groups['zone'].Value
    $access = $stamp.Groups['access'].Value
    $known = if ($iso) {
        [System.DateTimeOffset]::TryParse($iso, $invariant, $style, [ref]$at)
    } elseif ($access) {
        [System.DateTimeOffset]::TryParseExact($access, 'dd/MMM/yyyy:HH:mm:ss zzz', $invariant, $style, [ref]$at)
    } else {
        [System.DateTimeOffset]::TryParseExact($stamp.Groups['error'].Value, 'yyyy/MM/dd HH:mm:ss', $invariant, $style, [ref]$at)
    }
    if (-not $known) {
        return $null
    }
    if (-not $iso -and -not $access -and [System.TimeZoneInfo]::Local.IsAmbiguousTime($at.DateTime)) {
        return Get-Both $at.DateTime
    }
    $time = $at.ToUnixTimeMilliseconds()
    @{ first = $time; last = $time }
}

function Get-Both([datetime]$local) {
    $both = @(foreach ($offset in [System.TimeZoneInfo]::Local.GetAmbiguousTimeOffsets($local)) {
            (New-Object System.DateTimeOffset $local, $offset).ToUnixTimeMilliseconds()
        })
    @{ first = [Math]::Min($both[0], $both[-1]); last = [Math]::Max($both[0], $both[-1]) }
}

# Where a time lies: 'before' or 'after' what is asked for, or 'in' it. What cannot be read is not left out: nobody knows.
function Compare-Time($search, $time) {
    if ($null -ne $time -and $null -ne $search.since -and $time.last -lt $search.since) {
        return 'before'
    }
    if ($null -ne $time -and $null -ne $search.until -and $time.first -gt $search.until) {
        return 'after'
    }
    'in'
}

# The same of a piece of a log, by its first and its last time; 'mixed' where they differ. Where they agree no time between
# them is looked at: a clock that was set back and forth within one piece is not noticed, one that moves an end of it is.
function Get-Place($search, [string]$text) {
    if ($null -eq $search.since -and $null -eq $search.until) {
        return 'in'
    }
    $first = $search.stamps.Match($text)
    if (-not $first.Success) {
        return 'in'
    }
    $last = $first
    $near = [Math]::Max($first.Index + 1, $text.Length - 8000)
    $stamp = $search.stamps.Match($text, [Math]::Min($near, $text.Length))
    while ($stamp.Success) {
        $last = $stamp
        $stamp = $stamp.NextMatch()
    }
    $from = Compare-Time $search (Get-Time $first)
    $to = Compare-Time $search (Get-Time $last)
    if ($from -eq $to -and ($last.Index -gt $near -or $near -eq $first.Index + 1)) {
        return $from
    }
    'mixed'
}
