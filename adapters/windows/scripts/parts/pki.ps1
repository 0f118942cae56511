# The entries ca, cert and key of the pki block of config.yaml that stand on lines of their own, by name: the line, its
# indentation and the value without quotes; "inline" where no path stands there (a PEM text, or the key itself).
function Find-Pki([string[]]$lines) {
    $found = @{}
    $inside = $false
    $indent = ''
    for ($number = 0; $number -lt $lines.Count; $number++) {
        $line = $lines[$number].TrimEnd()
        if ($line -match '^\s*(#.*)?$') {
            continue
        }
        if ($line -match '^\S') {
            $inside = $line -cmatch '^pki:\s*(#.*)?$'
            $indent = ''
            continue
        }
        $space = [regex]::Match($line, '^ *').Value
        if ($indent -eq '') {
            $indent = $space
        }
        if ($inside -and $space -eq $indent -and $line -cmatch '^ +(ca|cert|key):\s+([^\s#].*)$') {
            $name = $Matches[1]
            $found[$name] = @{ line = $number; indent = $indent; value = Get-Value $Matches[2] }
        }
    }
    $found
}

function Get-Value([string]$text) {
    if ($text -match '^[|>]|-----BEGIN' -or $text -match '[A-Za-z0-9+/]{43,}=') {
        return 'inline'
    }
    if ($text -match "^'((?:[^']|'')*)'") {
        return $Matches[1].Replace("''", "'")
    }
    if ($text -match '^"((?:[^"\\]|\\.)*)"') {
        return $Matches[1] -replace '\\(["\\])', '$1'
    }
    $text -replace '\s+#.*', ''
}
