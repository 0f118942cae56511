# How far a rehearsed change is, what lies in its files, and what its guard and this host say of themselves.
# In:  operation (the name of the change), target and others (full paths of the private file and of those beside it).
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

function Read-Word([string]$path) {
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        return 'absent'
    }
    if ([System.IO.File]::ReadAllText((Get-Full $path)) -cmatch '\Arehearsal: (old|new)') {
        return $Matches[1]
    }
    'other'
}

# One word for all: where they differ, the swap was not that of all or of none.
function Read-Content {
    $words = @(foreach ($path in @($a.target) + $a.others) { Read-Word $path })
    $what = if (@($words | Where-Object { $_ -ne $words[0] }).Count -eq 0) { $words[0] } else { 'other' }
    $sddl = if ($words[0] -eq 'absent') { '' } else { (Get-Acl -LiteralPath $a.target).Sddl }
    @{ text = $what; sddl = $sddl }
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
