# Lines of Nebula's log beyond a place that tell of a handshake received and hold a name and a fingerprint.
# In:  log (full path), after (bytes), name, fingerprint.
# Out: lines, the newest 20 of them; adapters.windows.nebula.FindHandshake reads them.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files

# Of each log the newest 8 MB: what came since is far less, and a log without end must not stop us.
$newest = 8000000

# The newest log that was put aside: beside it, with more in its name (nebula-20261125T090544.log).
function Find-Rotated {
    $full = Get-Full $a.log
    $folder = [System.IO.Path]::GetDirectoryName($full)
    $filter = [System.IO.Path]::GetFileNameWithoutExtension($full) + '*' + [System.IO.Path]::GetExtension($full)
    Get-ChildItem -LiteralPath $folder -Filter $filter -File -ErrorAction SilentlyContinue |
        Where-Object { $_.FullName -ne $full } | Sort-Object -Property LastWriteTimeUtc | Select-Object -Last 1
}

function Read-Found {
    $length = 0
    if (Test-Path -LiteralPath $a.log -PathType Leaf) {
        $file = Open-Shared $a.log
        $length = $file.Length
        $file.Close()
    }
    if ($length -ge $a.after) {
        return Read-Handshakes $a.log $a.after $newest
    }
    Find-Rotated | ForEach-Object { Read-Handshakes $_.FullName $a.after $newest }
    Read-Handshakes $a.log 0 $newest
}

$found = @(Read-Found | Where-Object { $_.Contains($a.name) -and $_.Contains($a.fingerprint) })
@{ lines = @($found | Select-Object -Last 20) }
