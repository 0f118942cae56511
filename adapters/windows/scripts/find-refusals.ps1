# Lines of Nebula's log that tell of a peer's certificate that was not taken: beyond a place, and before it.
# In:  log (full path), after (bytes), expected (texts: a line with one of them does not count), most (lines).
# Out: lines, earlier: the newest of each; adapters.windows.refusals.FindRefusals reads them.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files
# Part: beyond

$refused = 'Invalid certificate from host'

function Test-Expected([string]$line) {
    foreach ($text in @($a.expected)) {
        if ($line.Contains($text)) {
            return $true
        }
    }
    $false
}

# What stands in the present log before the place, or nothing where the log was put aside since.
function Read-Earlier([int]$beyond) {
    $all = @(Read-Matching $a.log 0 $newest $refused)
    $all | Select-Object -First ([Math]::Max(0, $all.Count - $beyond))
}

$new = @(Read-Beyond $refused)
$earlier = @(Read-Earlier $new.Count)
@{
    lines = @($new | Where-Object { -not (Test-Expected $_) } | Select-Object -Last $a.most)
    earlier = @($earlier | Select-Object -Last $a.most)
}
