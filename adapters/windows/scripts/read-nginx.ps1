# The gateway's nginx: its version, its processes, and what error.log says of [emerg] beyond a place.
# In:  program, log (full paths), after (bytes, or null), lines_limit.
# Out: the fields of adapters.windows.nginx.NginxReading.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: rotated

# nginx answers on stderr. Missing, not runnable or hanging: no version.
function Read-Version {
    try {
        $run = Invoke-Program $a.program @('-v')
    } catch {
        return ''
    }
    [regex]::Match("$($run.stdout)$($run.stderr)", 'nginx version: (\S{1,64})').Groups[1].Value
}

# The one that was started first is the master, which starts all others.
function Read-Processes {
    $own = @(Get-Process -Name nginx -ErrorAction SilentlyContinue | Where-Object { $_.Path -eq $a.program })
    foreach ($process in @($own | Sort-Object -Property StartTime, Id)) {
        $at = $process.StartTime
        @{ pid = $process.Id; started_at = if ($null -eq $at) { $null } else { $at.ToUniversalTime().ToString('o') } }
    }
}

# At most the last eight million bytes beyond a place.
function Read-Emergencies([string]$path, [long]$after) {
    $file = Open-Shared $path
    try {
        $null = $file.Seek([Math]::Max($after, $file.Length - 8000000), [System.IO.SeekOrigin]::Begin)
        $reader = New-Object System.IO.StreamReader $file, (New-Object System.Text.UTF8Encoding $false)
        while ($null -ne ($line = $reader.ReadLine())) {
            if ($line -cmatch ' \[emerg\] ') {
                $line -replace '(?s)\A(.{500}).*', '$1' -replace '[A-Za-z0-9+/]{43,}=', '...'
            }
        }
    } finally {
        $file.Close()
    }
}

# A log that is shorter than it was has been rotated: what was put aside is read on, and the log from its beginning.
function Find-Emergencies([long]$length) {
    if ($length -ge $a.after) {
        return Read-Emergencies $a.log $a.after
    }
    foreach ($file in @(Find-Rotated (New-Object System.IO.FileInfo (Get-Full $a.log)) | Select-Object -Last 1)) {
        Read-Emergencies $file.FullName $a.after
    }
    Read-Emergencies $a.log 0
}

$position = $null
if (Test-Path -LiteralPath $a.log -PathType Leaf) {
    $log = Open-Shared $a.log
    $position = $log.Length
    $log.Close()
}
$found = @(if ($null -ne $position -and $null -ne $a.after) { Find-Emergencies $position })
$all = @(Read-Processes)
@{
    version = Read-Version
    master = if ($all.Count -gt 0) { $all[0] } else { $null }
    workers = @($all | Select-Object -Skip 1)
    clock = (Get-Date).ToUniversalTime().ToString('o')
    position = $position
    emergencies = $found.Count
    emergency_lines = @($found | Select-Object -Last $a.lines_limit)
}
