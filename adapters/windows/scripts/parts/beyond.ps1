# Lines of Nebula's log beyond a place, also where the log was put aside since.

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

function Read-Beyond([string]$message) {
    $length = 0
    if (Test-Path -LiteralPath $a.log -PathType Leaf) {
        $file = Open-Shared $a.log
        $length = $file.Length
        $file.Close()
    }
    if ($length -ge $a.after) {
        return Read-Matching $a.log $a.after $newest $message
    }
    Find-Rotated | ForEach-Object { Read-Matching $_.FullName $a.after $newest $message }
    Read-Matching $a.log 0 $newest $message
}
