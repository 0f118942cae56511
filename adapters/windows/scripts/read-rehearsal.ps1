# How far a rehearsed change is, what lies in its file, and what its guard and this host say of themselves.
# In:  operation (the name of the change), target (full path of the file).
# Out: the fields of adapters.windows.rehearsal.RehearsalReading.
param($a)
Set-StrictMode -Version 3
Import-Module CimCmdlets, ScheduledTasks -ErrorAction SilentlyContinue
# Part: script
# Part: change

$folder = Get-ChangeFolder $a.operation
$now = Read-State $folder

# What the guard found of itself; nothing where it has not come so far.
function Read-Facts {
    if (Test-Path -LiteralPath "$folder\facts.json") {
        return [System.IO.File]::ReadAllText((Get-Full "$folder\facts.json")) | ConvertFrom-Json
    }
    @{ account = ''; version = ''; edition = ''; culture = ''; ui_culture = '' }
}

# As the Task Scheduler has them; the task is gone when the change has ended.
function Read-Arguments {
    $found = @(Get-ScheduledTask -TaskName "flatnet-bot change $($a.operation)" -ErrorAction SilentlyContinue)
    if ($found.Count -eq 0) {
        return ''
    }
    $found[0].Actions[0].Arguments
}

function Get-Hash([string]$text) {
    $bytes = (New-Object System.Text.UTF8Encoding $false).GetBytes($text)
    $hash = [System.Security.Cryptography.SHA256]::Create().ComputeHash($bytes)
    [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
}

function Read-Build {
    try {
        (Get-CimInstance Win32_OperatingSystem -Property Version -OperationTimeoutSec 5 -ErrorAction Stop).Version
    } catch {
        ''
    }
}

function Read-Content {
    if (-not (Test-Path -LiteralPath $a.target -PathType Leaf)) {
        return @{ text = 'absent'; sddl = '' }
    }
    $text = [System.IO.File]::ReadAllText((Get-Full $a.target))
    $what = if ($text -cmatch '\Arehearsal: (old|new)') { $Matches[1] } else { 'other' }
    @{ text = $what; sddl = (Get-Acl -LiteralPath $a.target).Sddl }
}

$facts = Read-Facts
$content = Read-Content
$arguments = Read-Arguments
@{
    operation = $a.operation
    state = $now.state
    why = $now.why
    text = $content.text
    sddl = $content.sddl
    account = $facts.account
    powershell = $facts.version
    edition = $facts.edition
    culture = $facts.culture
    ui_culture = $facts.ui_culture
    arguments_length = $arguments.Length
    arguments_hash = if ($arguments -eq '') { '' } else { Get-Hash $arguments }
    build = Read-Build
    clock = (Get-Date).ToUniversalTime().ToString('o')
}
