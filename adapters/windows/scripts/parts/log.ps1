# A log: opened by its path ($a.log), or why it cannot be, as the code of a failure; and read in blocks.

# A file, or what stands in its place. It may be a link to another file of its folder, and to nowhere else.
function Find-Log([string]$path) {
    $file = Get-There $path
    $folder = [System.IO.Path]::GetDirectoryName($file.FullName)
    for ($hop = 0; $file.LinkType -eq 'SymbolicLink' -and -not $file.PSIsContainer; $hop++) {
        $target = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($folder, @($file.Target)[0]))
        if ($hop -eq 8 -or [System.IO.Path]::GetDirectoryName($target) -ne $folder) {
            Stop-Script 'LogOutside' "$path is a link out of its folder"
        }
        $file = Get-There $target
    }
    if ($file.PSIsContainer) {
        Stop-Script 'LogIsFolder' "$path is a folder"
    }
    $file
}

function Get-There([string]$path) {
    try {
        Get-Item -LiteralPath $path -Force -ErrorAction Stop
    } catch {
        if ($_.FullyQualifiedErrorId -like 'PathNotFound,*' -or $_.FullyQualifiedErrorId -like 'DriveNotFound,*') {
            Stop-Script 'LogMissing' "there is no log $($a.log)"
        }
        Stop-Script 'LogDenied' "$($a.log) may not be read"
    }
}

function Open-Log($file) {
    try {
        Open-Shared $file.FullName
    } catch {
        # Within switch, $_ is what is looked at.
        $why = $_.Exception.GetBaseException()
        switch ($why.GetType().Name) {
            'FileNotFoundException' { Stop-Script 'LogMissing' "there is no log $($a.log)" }
            'UnauthorizedAccessException' { Stop-Script 'LogDenied' "$($a.log) may not be read" }
            default { Stop-Script 'LogUnreadable' "$($a.log) cannot be opened: $($why.Message)" }
        }
    }
}

# How many bytes there were; fewer than asked for where the file ends, or was cut short meanwhile.
function Read-Block($stream, [byte[]]$bytes, [int]$at, [int]$count) {
    $got = 0
    while ($got -lt $count) {
        $more = $stream.Read($bytes, $at + $got, $count - $got)
        if ($more -eq 0) {
            break
        }
        $got += $more
    }
    $got
}
