# Where guarded changes are recorded; it is made for SYSTEM and Administrators alone.
# Part: folder

# %ProgramData% is open to all, so a link may lie there in place of the folder, or be put there while we look.
function Open-Root {
    $root = "$($env:ProgramData)\flatnet-bot"
    if (Test-Path -LiteralPath $root) {
        Test-Link $root
    }
    Open-Folder $root
    Test-Link $root
    $null = New-Item -Path "$root\changes" -ItemType Directory -Force
}

function Test-Link([string]$path) {
    if ((Get-Item -LiteralPath $path -Force).LinkType) {
        Stop-Script 'FolderNotSafe' "$path is a link; look at it, then remove it"
    }
}

# Whether it was written: what lies there already stays, for another may have come first. Nobody sees a half of it.
function Add-Document([string]$path, $document) {
    $new = "$path.$PID"
    Write-Text $new (ConvertTo-Json -InputObject $document -Depth 8 -Compress)
    try {
        [System.IO.File]::Move((Get-Full $new), (Get-Full $path))
        return $true
    } catch {
        [System.IO.File]::Delete((Get-Full $new))
        if (-not (Test-Path -LiteralPath $path)) {
            throw
        }
    }
    $false
}
