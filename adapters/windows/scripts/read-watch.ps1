# Services, nginx processes, the clock, and how many requests are new in the gateway's access log. It runs every minute, so
# neither WMI nor a program is asked. A part that cannot be read hides no other.
# In:  nebula_service, gateway_service (names), log (full path), position (where to go on: offset, head, sha256; or null),
#      head_limit, bytes_limit, milliseconds (how long may be counted).
# Out: the fields of adapters.windows.watch.WatchReading.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: status
# Part: files
# Part: rotated
# Part: log
# Part: position
# Part: lines
# Part: requests

function Read-AccessLog {
    $named = Open-Named
    $answer = @{ state = $named.state; position = $a.position; counts = $null; skipped = [long]0; lost = $false }
    if ($null -eq $a.position) {
        if ($null -ne $named.stream) {
            $answer.position = Get-Position $named.stream $named.stream.Length
        }
        return $answer
    }
    $new = @(Find-New $named)
    if ($new.Count -gt 0) {
        $requests = New-Reading (New-Counts)
        $answer.lost = $new[0].lost
        $offset = Read-New $requests $new
        $answer.position = Get-Position $new[-1].stream $offset
        $answer.counts = $requests.counts
        $answer.skipped = $requests.skipped
    }
    $answer
}

# The disk may fail at any of this.
function Read-Safely {
    try {
        Read-AccessLog
    } catch {
        @{ state = 'unreadable'; position = $a.position; counts = $null; skipped = [long]0; lost = $false }
    } finally {
        Close-Opened
    }
}

@{
    nebula = Read-Status $a.nebula_service
    gateway = Read-Status $a.gateway_service
    nginx_processes = @(Get-Process -Name nginx -ErrorAction SilentlyContinue).Count
    clock = (Get-Date).ToUniversalTime().ToString('o')
    access_log = Read-Safely
}
