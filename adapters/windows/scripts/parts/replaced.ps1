# Nebula's own test of its configuration with other files than the present ones. With programs, files, folder.
# Part: pki

# The live configuration with new files in the place of old ones (ca, cert, key), everything else as it is.
function Get-Replaced($new) {
    if (-not (Test-Path -LiteralPath $a.config -PathType Leaf)) {
        Stop-Script 'ConfigMissing' "there is no configuration $($a.config)"
    }
    $lines = (Read-Text $a.config 1000000) -split '\n'
    $entries = Find-Pki $lines
    foreach ($name in 'ca', 'cert', 'key') {
        if (-not $new.ContainsKey($name)) {
            continue
        }
        if (-not $entries.ContainsKey($name) -or $entries[$name].value -eq 'inline') {
            Stop-Script 'ConfigNotKnown' "$($a.config) does not name pki.$name as a path on a line of its own"
        }
        $quoted = $new[$name].Replace("'", "''")
        $lines[$entries[$name].line] = "$($entries[$name].indent)${name}: '$quoted'"
    }
    $lines -join "`n"
}

# Why Nebula refuses such a configuration; '' where it does not.
function Get-Refusal([string]$text) {
    $copy = "$($a.folder)\config.yaml"
    try {
        Write-Text $copy $text
        $run = Invoke-Program $a.nebula_exe @('-test', '-config', (Get-Full $copy))
    } finally {
        [System.IO.File]::Delete((Get-Full $copy))
    }
    if ($run.code -eq 0) { '' } else { Get-LastWords "$($run.stdout)`n$($run.stderr)" }
}
