# Requests in nginx's access log, counted in blocks. Each line becomes one of a few characters, by a single expression, for a
# loop over lines would take most of the time.

# A client writes no quote: nginx writes it as \x22, or \" in JSON. So the first quote of a line is that of the request, and
# no field of a client's passes for another one. A time has three decimals; it stands behind the status, alone or as
# rt= or request_time=. All take time linear in the length of a line.
$plain = '^(?:[^"\n]*\] "[^"\n]*" (?<status>\d{3})(?!\d)(?=(?:[^\n]*?"(?<own>flatnet-bot)")?)' +
    '(?=(?:(?:[^"\n]|"[^"\n]*")*? (?:(?:rt|request_time)="?)?(?<time>\d{1,6}\.\d{3})(?=["\s]|\z))?))?[^\n]*$'
$json = '^(?:\{(?=[^\n]*?"status": ?"?(?<status>\d{3})(?!\d))(?=(?:[^\n]*?: ?"(?<own>flatnet-bot)")?)' +
    '(?=(?:[^\n]*?"(?:rt|request_time)": ?"?(?<time>\d{1,6}\.\d{3})(?!\d))?))?[^\n]*$'

function New-Counts {
    @{ requests = 0; errors = 0; own = 0; unparsed = 0; timed = 0; time_ms = [long]0; slowest_ms = [long]0 }
}

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
