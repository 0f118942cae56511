# The last good configuration that the host keeps: good.json says which, and its copies lie in a folder by its hash.
# Part: record
# Part: configuration

$good = "$($env:ProgramData)\flatnet-bot\good"

# %ProgramData% is open to all, so what others could have written there is not taken for ours.
function Read-Good {
    if (-not (Test-Path -LiteralPath "$good\good.json" -PathType Leaf)) {
        return $null
    }
    foreach ($folder in "$($env:ProgramData)\flatnet-bot", $good) {
        Test-Link $folder
        Test-Closed $folder
    }
    try {
        [System.IO.File]::ReadAllText((Get-Full "$good\good.json")) | ConvertFrom-Json
    } catch {
        Stop-Script 'GoodUnreadable' "$good\good.json cannot be read; remove it, and keep a configuration anew"
    }
}

function Get-Kept($document) {
    "$good\$($document.sha256.Substring(0, 16))"
}

function Test-Intact($document) {
    foreach ($each in $document.files) {
        $copy = "$(Get-Kept $document)$($each.file.Substring($document.base.Length))"
        if (-not (Test-Path -LiteralPath $copy -PathType Leaf) -or (Get-Hash (Read-Bytes $copy 2147483647)) -ne $each.sha256) {
            return $false
        }
    }
    $true
}

function New-Good($document, [bool]$intact, [bool]$changed) {
    @{
        base = $document.base
        folder = Get-Kept $document
        sha256 = $document.sha256
        kept_at = ([datetime]$document.kept_at).ToUniversalTime().ToString('o')
        files = @($document.files)
        intact = $intact
        changed = $changed
    }
}
