# Private keys of Nebula where none belongs, with the certificate beside each. Nothing of a key itself is told.
# In:  folders (searched with what is in them), skipped, expected (keys in use; full paths), keys_limit, folders_limit,
#      milliseconds (how long may be searched), pem_limit (bytes of a certificate).
# Out: keys (file, kind, written_at, certificate: a text, '' where there is none), complete, clock.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: keyfiles

$watch = [System.Diagnostics.Stopwatch]::StartNew()
$keys = New-Object System.Collections.Generic.List[object]
$waiting = New-Object System.Collections.Generic.List[string]
$counts = @{ complete = $true }

# A file of certificates may hold a private key by mistake, whole or cut off.
function Read-Beside([string]$folder, [string]$name) {
    $banner = '[A-Z0-9 ]*PRIVATE KEY-----'
    $text = Read-Text "$folder\$($name -replace '\.key(\.[A-Za-z0-9-]+)?\z', '.crt$1')" $a.pem_limit
    [regex]::Replace($text, "(?s)-----BEGIN $banner.*?(-----END $banner|\z)", '')
}

function Add-Keys([string]$folder) {
    foreach ($name in @(Find-Names $folder)) {
        $path = "$folder\$name"
        if ($path -in $a.expected) {
            continue
        }
        $kind = Get-KeyKind $path
        if ($kind -ne '') {
            $keys.Add(@{
                    file = $path
                    kind = $kind
                    written_at = (Get-Item -LiteralPath $path -Force).LastWriteTimeUtc.ToString('o')
                    certificate = Read-Beside $folder $name
                })
        }
    }
}

# What cannot be listed hides nothing else, but then not all was searched.
function Add-Folder([string]$folder) {
    try {
        Add-Keys $folder
        foreach ($inside in @(Find-Inside $folder)) {
            if ($inside -notin $a.skipped) {
                $waiting.Add($inside)
            }
        }
    } catch {
        $counts.complete = $false
    }
}

foreach ($root in $a.folders) {
    if (Test-Path -LiteralPath $root -PathType Container) {
        $waiting.Add($root)
    }
}
for ($at = 0; $at -lt $waiting.Count; $at++) {
    if ($watch.ElapsedMilliseconds -ge $a.milliseconds -or $at -ge $a.folders_limit -or $keys.Count -gt $a.keys_limit) {
        $counts.complete = $false
        break
    }
    Add-Folder $waiting[$at]
}
@{ keys = @($keys | Select-Object -First $a.keys_limit); complete = $counts.complete; clock = (Get-Date).ToUniversalTime().ToString('o') }
