# Have nginx or Nebula test its configuration: the present one, or, with a folder, the one with what is staged there.
# In:  program (nginx, nebula), exe, base (folder), main, prefix (nginx's folder, or ""), folder (the operation's, or ""; full
#      paths), limit (bytes of a file), files_limit, milliseconds (how long the program may take).
# Out: code, lines (those with an error), syntax (whether nginx says that the syntax is good).
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: includes
# Part: folder
# Part: operation
# Part: trial

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

if ($a.folder -eq '') {
    Test-Standing $a.base $a.main
    return Get-Told (Invoke-Test $a $a.main) $a.base $a.base
}
Test-Ours $a.folder
$new = (Get-Standing $a.base $a.main) -eq 'missing' # then it is staged alone
if (-not ($new -and (Test-Path -LiteralPath "$($a.folder)\edit$($a.main.Substring($a.base.Length))" -PathType Leaf))) {
    Test-Standing $a.base $a.main
}
$copy = "$($a.folder)\test"
try {
    Open-Folder $a.folder
    if (Test-Path -LiteralPath $copy) {
        [System.IO.Directory]::Delete((Get-Full $copy), $true)
    }
    Copy-Tree $copy
    Get-Told (Invoke-Test $a "$copy$($a.main.Substring($a.base.Length))") $copy $a.base
} finally {
    if (Test-Path -LiteralPath $copy) {
        [System.IO.Directory]::Delete((Get-Full $copy), $true)
    }
}
