# How far local time was from UTC, in seconds: at first, and from each change on (seconds since 1970). Between two looks a
# week apart a change is searched for by halves. No function is called in between: that would take ten times as long.
function Get-Offsets([int]$days) {
    $zone = [System.TimeZoneInfo]::Local
    $clock = New-Object System.DateTimeOffset (Get-Date)
    $now = [System.DateTimeOffset]::FromUnixTimeSeconds($clock.ToUnixTimeSeconds())
    $at = $now.AddDays(-$days)
    $offset = $zone.GetUtcOffset($at)
    @{ begins = 0; seconds = [int]$offset.TotalSeconds }
    while ($at -lt $now) {
        $next = if ($at.AddDays(7) -lt $now) { $at.AddDays(7) } else { $now }
        if ($zone.GetUtcOffset($next) -eq $offset) {
            $at = $next
            continue
        }
        while ($at.AddSeconds(1) -lt $next) {
            $middle = $at.AddSeconds([Math]::Floor(($next - $at).TotalSeconds / 2))
            if ($zone.GetUtcOffset($middle) -eq $offset) {
                $at = $middle
            } else {
                $next = $middle
            }
        }
        $at = $next
        $offset = $zone.GetUtcOffset($next)
        @{ begins = $at.ToUnixTimeSeconds(); seconds = [int]$offset.TotalSeconds }
    }
}
