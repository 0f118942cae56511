# How large logs are, and what rotation has left beside them: names, sizes and times, and no log is opened.
# Part: rotated

function Read-Logs($a) {
    Read-Log 'nebula' $a.nebula_log
    Read-Log 'access' $a.access_log
    Read-Log 'error' $a.error_log
}

# The log is asked for by its path: of a file that a program holds open, a listing tells the size it had when last closed.
function Read-Log([string]$name, [string]$path) {
    $log = @{
        name = $name; path = $path; state = 'unknown'; size = 0; written_at = $null
        rotated = 0; rotated_size = 0; rotated_at = $null
    }
    try {
        $file = Get-Item -LiteralPath $path -Force -ErrorAction Stop
        if (-not $file.PSIsContainer) {
            Add-Rotated $log $file
            $log.size = $file.Length
            $log.written_at = $file.LastWriteTime.ToUniversalTime().ToString('o')
            $log.state = 'present'
        }
    } catch {
        if ($_.FullyQualifiedErrorId -like 'PathNotFound,*' -or $_.FullyQualifiedErrorId -like 'DriveNotFound,*') {
            $log.state = 'absent'
        }
    }
    $log
}

function Add-Rotated($log, $file) {
    $rotated = @(Find-Rotated $file)
    if ($rotated.Count -gt 0) {
        $log.rotated = $rotated.Count
        $log.rotated_size = [long]($rotated | Measure-Object -Property Length -Sum).Sum
        $log.rotated_at = $rotated[-1].LastWriteTime.ToUniversalTime().ToString('o')
    }
}
