# Lines of Nebula's log beyond a place that tell of a handshake received and hold a name and a fingerprint.
# In:  log (full path), after (bytes), name, fingerprint.
# Out: lines, the newest 20 of them; adapters.windows.nebula.FindHandshake reads them.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files
# Part: beyond

$received = @(Read-Beyond 'Handshake message received')
$found = @($received | Where-Object { $_.Contains($a.name) -and $_.Contains($a.fingerprint) })
@{ lines = @($found | Select-Object -Last 20) }
