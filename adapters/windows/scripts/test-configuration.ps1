# Have nginx or Nebula test its configuration: the present one, or, with a folder, the one with what is staged there.
# In:  program (nginx, nebula), exe, base (folder), main, prefix (nginx's folder, or ""), folder (the operation's, or ""; full
#      paths), limit (bytes of a file), files_limit, milliseconds (how long the program may take).
# Out: code, lines (those with an error), syntax (whether nginx says that the syntax is good).
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: pki
# Part: includes
# Part: folder
# Part: operation

$key = '[A-Za-z0-9+/]{43,}='

# The configuration once more, with what is staged, in a folder of its own: what it includes is included from there.
function Copy-Tree([string]$copy) {
    foreach ($one in (Read-Tree "$($a.folder)\edit")) {
        if ($null -ne $one.failure) {
            throw $one.failure
        }
        if ($null -ne $one.bytes) {
            Test-NoKey $one.file $one.bytes
            $text = Get-Redirected $one $copy
            Write-Bytes "$copy$($one.file.Substring($a.base.Length))" ([System.Text.Encoding]::GetEncoding(28591).GetBytes($text))
        }
    }
}

# Includes lead to the copy, other names to where they led. The lines stay the same.
function Get-Redirected($one, [string]$copy) {
    $text = Get-Latin $one.bytes
    for ($n = $one.names.Count - 1; $n -ge 0; $n--) {
        $name = $one.names[$n]
        $path = $name.path
        if ($path -notmatch '^[A-Z]:' -or $path -match '\$') {
            continue
        }
        if ($name.include -and (Test-Copied $path)) {
            $path = "$copy$($path.Substring($a.base.Length))"
        }
        $bytes = (New-Object System.Text.UTF8Encoding $false).GetBytes('"' + (Get-Full $path).Replace('\', '/') + '"')
        $text = $text.Remove($name.at, $name.length).Insert($name.at, (Get-Latin $bytes))
    }
    $text
}

# Where a link leads away from the folder, nothing was copied.
function Test-Copied([string]$path) {
    if (-not (Test-Inside $a.base $path)) {
        return $false
    }
    $folder = $path.Substring(0, $path.LastIndexOf('\'))
    $place = if ($path.IndexOfAny('*?'.ToCharArray()) -lt 0) { $path } else { $folder }
    $place -eq $a.base -or (Get-Standing $a.base $place) -ne 'outside'
}

function Invoke-Test([string]$config) {
    if ($a.program -eq 'nebula') {
        $run = Invoke-Program $a.exe @('-test', '-config', (Get-Full $config)) $a.milliseconds
        $words = Get-LastWords "$($run.stdout)`n$($run.stderr)"
        return @{ code = $run.code; lines = @(if ($run.code -ne 0) { $words }); syntax = $false }
    }
    $arguments = @('-t', '-p', (Get-Full $a.prefix), '-c', (Get-Full $config))
    $run = Invoke-Program $a.exe $arguments $a.milliseconds
    $lines = @("$($run.stdout)`n$($run.stderr)" -split '\r?\n' | Where-Object { $_.Trim() })
    $errors = @($lines | Where-Object { $_ -cmatch '\[(emerg|alert|crit|error)\]' })
    if ($errors.Count -eq 0) {
        $errors = @($lines | Select-Object -Last 1)
    }
    @{ code = $run.code; lines = @(if ($run.code -ne 0) { $errors | Select-Object -First 20 }); syntax = $run.stderr -cmatch ' syntax is ok' }
}

# The words of the program name files as they are called where people look for them, and no key.
function Get-Told($tested, [string]$folder) {
    $from = [regex]::Escape((Get-Full $folder).Replace('\', '/')).Replace('/', '[\\/]')
    $lines = foreach ($line in $tested.lines) {
        [regex]::Replace($line, $from, $a.base.Replace('$', '$$')) -replace $key, '...' -replace '\A([\s\S]{1000})[\s\S]*', '$1'
    }
    @{ code = $tested.code; lines = @($lines); syntax = $tested.syntax }
}

Test-Standing $a.base $a.main
if ($a.folder -eq '') {
    return Get-Told (Invoke-Test $a.main) $a.base
}
Test-Ours $a.folder
$copy = "$($a.folder)\test"
try {
    Open-Folder $a.folder
    if (Test-Path -LiteralPath $copy) {
        [System.IO.Directory]::Delete((Get-Full $copy), $true)
    }
    Copy-Tree $copy
    Get-Told (Invoke-Test "$copy$($a.main.Substring($a.base.Length))") $copy
} finally {
    if (Test-Path -LiteralPath $copy) {
        [System.IO.Directory]::Delete((Get-Full $copy), $true)
    }
}
