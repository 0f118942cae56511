# New lines of Nebula's log that tell of a handshake received, or of a peer refused: the newest of each certificate, and of
# each refused peer, and how many there were.
# In:  log (full path), position (where to go on: offset, head, sha256; or null: the newest bytes), head_limit, bytes_limit,
#      milliseconds (how long may be read), line_limit (characters), most (certificates), most_refusals.
# Out: the fields of adapters.windows.handshakes.HandshakeReading; instead of handshakes "lines", of refusals "refusals".
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files
# Part: rotated
# Part: log
# Part: position
# Part: lines

$received = 'Handshake message received'
$refused = 'Invalid certificate from host'

function Add-Lines($counts, [string]$text) {
    Add-Matching $counts $text $received
    Add-Matching $counts $text $refused
}

function Add-Matching($counts, [string]$text, [string]$message) {
    $at = 0
    while (($hit = $text.IndexOf($message, $at, [System.StringComparison]::Ordinal)) -ge 0) {
        $begin = $text.LastIndexOf([char]10, $hit) + 1
        $at = $text.IndexOf([char]10, $hit)
        if ($at -lt 0) {
            $at = $text.Length
        }
        $line = $text.Substring($begin, $at - $begin)
        $line = $line.TrimEnd([char]13)
        if ($message -eq $received) {
            Add-Handshake $counts $line
        } else {
            Add-Refusal $counts $line
        }
    }
}

# A peer writes its own name, and no quote in it that would not be escaped. Each fingerprint of a line counts for what tells
# it from others, so that a name with the fingerprint of another peer hides neither of them.
function Add-Handshake($counts, [string]$line) {
    $counts.received++
    $prints = @([regex]::Matches($line, '[0-9a-f]{64}', 'CultureInvariant') | ForEach-Object { $_.Value })
    if ($line.Length -gt $a.line_limit -or $prints.Count -eq 0) {
        $counts.unparsed++
        return
    }
    $name = [regex]::Match($line, 'certName"?[=:](?:"(?:[^"\\]|\\.)*"|[^\s",]+)', 'CultureInvariant').Value
    $key = "$name $prints"
    $counts.lines.Remove($key)
    $counts.lines.Add($key, $line)
    if ($counts.lines.Count -gt $a.most) {
        $counts.lines.RemoveAt(0)
        $counts.dropped++
    }
}

# A refused peer tries again and again, from many ports. Its addresses, its certificate and the reason tell it from others.
function Add-Refusal($counts, [string]$line) {
    $counts.refused++
    if ($line.Length -gt $a.line_limit) {
        return
    }
    $places = @([regex]::Matches($line, '[0-9]+(?:\.[0-9]+){3}|[0-9a-f]{64}', 'CultureInvariant') | ForEach-Object { $_.Value })
    $why = [regex]::Match($line, 'error"?[=:](?:"(?:[^"\\]|\\.)*"|[^\s",]+)', 'CultureInvariant').Value
    $key = "$why $places"
    $counts.refusals.Remove($key)
    $counts.refusals.Add($key, $line)
    if ($counts.refusals.Count -gt $a.most_refusals) {
        $counts.refusals.RemoveAt(0)
    }
}

function Read-NewHandshakes($answer, $counts) {
    $named = Open-Named
    $answer.state = $named.state
    $new = @()
    if ($null -ne $a.position) {
        $new = @(Find-New $named)
    } elseif ($null -ne $named.stream) {
        $new = @(@{ stream = $named.stream; from = [long]0; to = $named.stream.Length; ended = $false; lost = $false })
    }
    if ($new.Count -gt 0) {
        $reading = New-Reading $counts
        $answer.lost = $new[0].lost
        $offset = Read-New $reading $new
        $answer.position = Get-Position $new[-1].stream $offset
        $answer.skipped = $reading.skipped
    }
}

function New-Answer($state) {
    $counts = @{ lines = @(); received = 0; unparsed = 0; dropped = 0; refusals = @(); refused = 0 }
    $counts + @{ state = $state; position = $a.position; skipped = [long]0; lost = $false }
}

# The disk may fail at any of this. Names are UTF-8, although each byte was read as one character.
function Read-Safely {
    $answer = New-Answer 'absent'
    $lines = New-Object System.Collections.Specialized.OrderedDictionary
    $refusals = New-Object System.Collections.Specialized.OrderedDictionary
    $counts = @{ received = 0; unparsed = 0; dropped = 0; lines = $lines; refused = 0; refusals = $refusals }
    try {
        Read-NewHandshakes $answer $counts
    } catch {
        return New-Answer 'unreadable'
    } finally {
        Close-Opened
    }
    $utf8 = New-Object System.Text.UTF8Encoding $false
    $answer.lines = @($counts.lines.Values | ForEach-Object { $utf8.GetString($latin.GetBytes($_)) })
    $answer.refusals = @($counts.refusals.Values | ForEach-Object { $utf8.GetString($latin.GetBytes($_)) })
    $answer.received = $counts.received
    $answer.refused = $counts.refused
    $answer.unparsed = $counts.unparsed
    $answer.dropped = $counts.dropped
    $answer
}

$answer = Read-Safely
$answer.clock = (Get-Date).ToUniversalTime().ToString('o')
$answer
