# Look at the files of a backup, and have nginx and Nebula test what is in its archives: each is unpacked into a folder of its
# own, in which its configuration leads to the unpacked files. Keys that no backup holds are the host's present ones.
# In:  folder (of the backup, full path), scratch (full path), names (of files), tests (part, file, sha256, program, exe, main,
#      base and prefix as full paths, folders (those in it that were packed) or null for all, keep: names of files that are
#      taken over from base), limit (bytes of a file that is redirected), bytes_limit, files_limit, milliseconds (of a program).
# Out: files (name, size, sha256), manifest (format, id, host; null where it is none), tests (part, failure, words, code, lines,
#      syntax).
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: folder
# Part: unpack
# Part: pki
# Part: configuration
# Part: trial

$limits = @{ bytes = $a.bytes_limit; files = $a.files_limit }

function Get-FileHash256([string]$path) {
    $file = Open-Shared $path
    try {
        $hash = [System.Security.Cryptography.SHA256]::Create().ComputeHash($file)
        [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
    } finally {
        $file.Close()
    }
}

function Read-Files {
    foreach ($name in $a.names) {
        $path = "$($a.folder)\$name"
        if (Test-Path -LiteralPath $path -PathType Leaf) {
            @{ name = $name; size = (Get-Item -LiteralPath $path -Force).Length; sha256 = Get-FileHash256 $path }
        }
    }
}

# Which backup the manifest says it is of.
function Read-Manifest {
    $path = "$($a.folder)\manifest.json"
    try {
        $read = (New-Object System.Text.UTF8Encoding $false).GetString((Read-Bytes $path $a.bytes_limit)) | ConvertFrom-Json
        @{ format = [int]$read.format; id = [string]$read.id; host = [string]$read.host }
    } catch {
        $null
    }
}

function Remove-Scratch {
    if (Test-Path -LiteralPath $a.scratch) {
        [System.IO.Directory]::Delete((Get-Full $a.scratch), $true)
    }
}

# Only an archive with the hash that is expected is opened.
function Test-Part($test, $files) {
    $answer = @{ part = $test.part; failure = ''; words = ''; code = 0; lines = @(); syntax = $false }
    if (@($files | Where-Object { $_.name -ceq $test.file -and $_.sha256 -ceq $test.sha256 }).Count -eq 0) {
        $answer.failure = 'Skipped'
        return $answer
    }
    try {
        Remove-Scratch
        $entries = @(Expand-Part "$($a.folder)\$($test.file)" $a.scratch $limits)
        foreach ($entry in $entries) {
            Edit-Paths $test "$($a.scratch)\$($entry.name.Replace('/', '\'))"
        }
        foreach ($name in $test.keep) {
            Test-Name $name
            Copy-Present $test $name.Replace('/', '\')
        }
        $told = Get-Told (Invoke-Test $test "$($a.scratch)\$($test.main)") $a.scratch $test.base
        $answer.code = $told.code
        $answer.lines = $told.lines
        $answer.syntax = $told.syntax
    } catch {
        $answer.failure = $_.FullyQualifiedErrorId -replace ',.*', ''
        $answer.words = "$_"
    } finally {
        Remove-Scratch
    }
    $answer
}

# Full paths of what the archive holds lead into the copy, with any slashes; the lines stay the same.
function Edit-Paths($test, [string]$path) {
    if ((Get-Item -LiteralPath $path -Force).Length -gt $a.limit) {
        return
    }
    $text = Get-Latin (Read-Bytes $path $a.limit)
    $slash = '[\\/]{1,2}'
    $end = '(?=[\\/"''\s;]|\z)'
    $folder = ($test.base.Split('\') | ForEach-Object { [regex]::Escape((Get-Octets $_)) }) -join $slash
    if ($null -ne $test.folders) {
        $inside = ($test.folders | ForEach-Object { [regex]::Escape((Get-Octets $_)) }) -join '|'
        $end = "(?=$slash(?:$inside)$end|$slash[^\\/`"'\s;]+(?=[`"'\s;]|\z)|[`"'\s;]|\z)"
    }
    $to = (Get-Octets ((Get-Full $a.scratch).Replace('\', '/'))).Replace('$', '$$')
    $new = [regex]::Replace($text, "(?i)(?<![^\s`"'=;,])$folder$end", $to)
    if ($new -cne $text) {
        Write-Bytes $path ([System.Text.Encoding]::GetEncoding(28591).GetBytes($new))
    }
}

# A text as the octets of its UTF-8, one character each.
function Get-Octets([string]$text) {
    Get-Latin ((New-Object System.Text.UTF8Encoding $false).GetBytes($text))
}

function Copy-Present($test, [string]$name) {
    if ((Get-Standing $test.base "$($test.base)\$name") -eq 'present') {
        $to = Get-Full "$($a.scratch)\$name"
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($to))
        [System.IO.File]::Copy((Get-Full "$($test.base)\$name"), $to, $true)
    }
}

if (-not (Test-Path -LiteralPath $a.folder -PathType Container)) {
    Stop-Script 'BackupMissing' "there is no folder $($a.folder)"
}
Test-Closed $a.folder
$files = @(Read-Files)
$manifest = Read-Manifest
@{ files = $files; manifest = $manifest; tests = @(foreach ($test in $a.tests) { Test-Part $test $files }) }
