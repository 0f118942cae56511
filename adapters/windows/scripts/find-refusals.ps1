# Lines of Nebula's log beyond a place that tell of a peer's certificate that was not taken, for another reason than a few.
# In:  log (full path), after (bytes), expected (texts: a line with one of them does not count).
# Out: lines, the newest 20 of them, and count; adapters.windows.refusals.FindRefusals reads them.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files
# Part: beyond

function Test-Expected([string]$line) {
    foreach ($text in @($a.expected)) {
        if ($line.Contains($text)) {
            return $true
        }
    }
    $false
}

$found = @(Read-Beyond 'Invalid certificate from host' | Where-Object { -not (Test-Expected $_) })
@{ lines = @($found | Select-Object -Last 20); count = $found.Count }
