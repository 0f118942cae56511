# Hand a change to the scheduled task that applies and guards it (guard.ps1), and return while it does.
# In:  operation, swaps and fallbacks (source, target, kind: file or folder), services (service, verb: start, stop, restart or
#      reload, nginx: program, folder, config, or null: used where there is no such service, and to reload), window, patience
#      (seconds), guard (what powershell.exe gets: our own constant code), and perhaps term (of the lead that asks).
# Out: the fields of adapters.windows.commit_confirm.ChangeStatus.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: change
# Part: record
Import-Module CimCmdlets, ScheduledTasks -ErrorAction SilentlyContinue

$folder = Get-ChangeFolder $a.operation
$task = "flatnet-bot change $($a.operation)"
$doing = @{ start = 'start'; stop = 'stop'; restart = 'stop', 'start'; reload = 'test', 'reload' }
# Seconds for which a step of the undo is tried again.
$soon = [Math]::Min(10, $a.patience)

function Test-NoOther {
    $changes = "$($env:ProgramData)\flatnet-bot\changes"
    foreach ($other in @(Get-ChildItem -LiteralPath $changes -Directory)) {
        $state = (Read-State "$changes\$($other.Name)").state
        if ($state -in 'applying', 'applied', 'reverting') {
            Stop-Script 'ChangeUnderWay' "the change of $($other.Name) is still under way on this host"
        }
    }
}

# What runs now, and whether it can be moved at all. `nginx` is null where there is a service.
function Read-Move($move) {
    try {
        $service = Get-Service -Name $move.service -ErrorAction Stop
    } catch {
        if ($_.FullyQualifiedErrorId -like 'NoServiceFoundForGivenName,*') {
            return Read-Nginx $move
        }
        throw
    }
    if ($move.verb -eq 'reload') {
        Test-Nginx $move
    } else {
        Test-Service $move $service
    }
    New-Move $move $null ($service.Status.ToString() -notin 'Stopped', 'StopPending')
}

function New-Move($move, $nginx, [bool]$runs) {
    @{ service = $move.service; verb = $move.verb; nginx = $nginx; reloads = $move.nginx; was_running = $runs }
}

function Test-Service($move, $service) {
    if ($move.verb -ne 'stop' -and $service.StartType.ToString() -eq 'Disabled') {
        Stop-Script 'ServiceDisabled' "the service $($move.service) is Disabled, so it cannot be started"
    }
    # What the same change stops as well is not stopped behind its back.
    $moved = @($a.services | Where-Object { $_.verb -ne 'reload' } | ForEach-Object { $_.service })
    $needed_by = @($service.DependentServices | Where-Object { $_.Status.ToString() -ne 'Stopped' -and $_.Name -notin $moved })
    if ($move.verb -ne 'start' -and $needed_by.Count -gt 0) {
        $names = ($needed_by | ForEach-Object { $_.Name }) -join ', '
        Stop-Script 'ServicesDepend' "$names would be stopped with $($move.service) and not started again; stop it first"
    }
}

function Read-Nginx($move) {
    if ($null -eq $move.nginx) {
        Stop-Script 'ServiceAbsent' "there is no service $($move.service)"
    }
    if (-not (Test-Path -LiteralPath $move.nginx.program)) {
        Stop-Script 'NginxAbsent' "there is neither a service $($move.service) nor $($move.nginx.program)"
    }
    if ($move.verb -eq 'reload') {
        Test-Nginx $move
    }
    New-Move $move $move.nginx (Test-Running $move.nginx)
}

function Test-Running($nginx) {
    @(Get-Process -Name nginx -ErrorAction SilentlyContinue | Where-Object { $_.Path -eq $nginx.program }).Count -gt 0
}

# Only what runs can reload its configuration.
function Test-Nginx($move) {
    if (-not (Test-Running $move.nginx)) {
        Stop-Script 'NginxNotRunning' "$($move.nginx.program) is not running, so it cannot reload its configuration"
    }
}

function Read-Swap($swap, $moves) {
    if ($swap.kind -eq 'folder') {
        return Read-Folder $swap
    }
    if (-not (Test-Path -LiteralPath $swap.source -PathType Leaf)) {
        Stop-Script 'SourceAbsent' "there is no file $($swap.source)"
    }
    if (Test-Path -LiteralPath $swap.target -PathType Container) {
        Stop-Script 'TargetNotFile' "$($swap.target) is a folder"
    }
    $private = Test-Key $swap.source
    if ($private) {
        foreach ($move in @($moves | Where-Object { $null -eq $_.nginx })) {
            Test-Account $move.service
        }
    }
    New-Swap $swap $private
}

function New-Swap($swap, [bool]$private) {
    @{
        source = $swap.source
        target = $swap.target
        kind = $swap.kind
        existed = Test-Path -LiteralPath $swap.target
        private = $private
    }
}

function Test-Key([string]$file) {
    [System.IO.File]::ReadAllText((Get-Full $file)).Contains('PRIVATE KEY-----')
}

# Windows moves no folder to another drive. What is moved takes the access list of the old one, which is too open for a key.
function Read-Folder($swap) {
    if (-not (Test-Path -LiteralPath $swap.source -PathType Container)) {
        Stop-Script 'SourceAbsent' "there is no folder $($swap.source)"
    }
    if (Test-Path -LiteralPath $swap.target -PathType Leaf) {
        Stop-Script 'TargetNotFolder' "$($swap.target) is a file"
    }
    if ((Split-Path -Path $swap.source -Qualifier) -ne (Split-Path -Path $swap.target -Qualifier)) {
        Stop-Script 'FoldersApart' "$($swap.source) and $($swap.target) are on different drives"
    }
    foreach ($path in @($swap.source, $swap.target)) {
        if ((Test-Path -LiteralPath $path) -and (Get-Item -LiteralPath $path -Force).LinkType) {
            Stop-Script 'FolderNotSafe' "$path is a link; look at it, then remove it"
        }
    }
    foreach ($file in @(Get-ChildItem -LiteralPath $swap.source -Recurse -File -Force)) {
        $present = "$($swap.target)$($file.FullName.Substring((Get-Item -LiteralPath $swap.source -Force).FullName.Length))"
        if ($file.Length -le 100000 -and (Test-Key $file.FullName) -and -not (Test-Same $file.FullName $present)) {
            Stop-Script 'KeyInFolder' "there is a private key in $($swap.source); swap it as a file"
        }
    }
    New-Swap $swap $false
}

# A key that lies in the present folder is as open as that already, and stays what it is.
function Test-Same([string]$file, [string]$present) {
    if (-not (Test-Path -LiteralPath $present -PathType Leaf)) {
        return $false
    }
    $one = [Convert]::ToBase64String([System.IO.File]::ReadAllBytes((Get-Full $file)))
    $one -ceq [Convert]::ToBase64String([System.IO.File]::ReadAllBytes((Get-Full $present)))
}

# A private key is put in place for SYSTEM and Administrators alone, so whoever runs the service must be one of them.
function Test-Account([string]$name) {
    $quoted = $name.Replace('\', '\\').Replace("'", "\'")
    $service = Get-CimInstance Win32_Service -Filter "Name='$quoted'" -Property StartName -OperationTimeoutSec 5 -ErrorAction Stop
    if ($service.StartName -ne 'LocalSystem') {
        $why = "which cannot read a key that is SYSTEM's and Administrators' alone"
        Stop-Script 'ServiceAccount' "the service $name runs as $($service.StartName), $why"
    }
}

function New-Step([string]$verb, $move, [int]$patience, [int]$of) {
    $nginx = if ($verb -in 'test', 'reload') { $move.reloads } else { $move.nginx }
    @{ verb = $verb; service = $move.service; nginx = $nginx; patience = $patience; of = $of }
}

# Services that are stopped first are stopped before the swaps: of a folder no file may be open. All else follows them. The
# undo is the other way round: stop what would run on the new files, put the old ones back, and have run what ran before.
# `of` is the number of the step that is taken back, 0 for what must be so in the end whatever was begun.
function Get-Plan($swaps, $moves) {
    $plan = @{ steps = @(); down = @(); up = @(); last = @() }
    $swapped = $false
    foreach ($move in $moves) {
        if (-not $swapped -and $move.verb -ne 'stop') {
            Add-Swaps $plan $swaps
            $swapped = $true
        }
        Add-Move $plan $move ($swaps.Count -gt 0)
    }
    if (-not $swapped) {
        Add-Swaps $plan $swaps
    }
    $fallbacks = @(for ($n = 0; $n -lt $swaps.Count; $n++) {
            if ($swaps[$n].fallback) {
                @{ verb = 'swap'; index = $n; patience = $soon; of = 1 }
            }
        })
    @{ steps = $plan.steps; undo = @($plan.down) + $fallbacks + $plan.up + $plan.last }
}

function Add-Swaps($plan, $swaps) {
    for ($n = 0; $n -lt $swaps.Count; $n++) {
        if (-not $swaps[$n].fallback) {
            # A file of a folder may be open for a moment after its service has stopped, or while a scanner reads it.
            $held = if ($swaps[$n].kind -eq 'folder') { $soon } else { 0 }
            $plan.steps += @{ verb = 'swap'; index = $n; patience = $held }
            $plan.down = @(@{ verb = 'restore'; index = $n; patience = $soon; of = $plan.steps.Count }) + $plan.down
        }
    }
}

# A move that changed no file is not repeated, only taken back.
function Add-Move($plan, $move, [bool]$files) {
    $of = $plan.steps.Count + 1
    foreach ($verb in @($doing[$move.verb])) {
        $plan.steps += New-Step $verb $move $(if ($verb -eq 'start') { $a.patience } else { 0 }) 0
    }
    if ($move.verb -in 'start', 'restart' -and ($files -or -not $move.was_running)) {
        $plan.down = @(New-Step 'stop' $move $soon $of) + $plan.down
    }
    $back = @(if ($move.was_running) { New-Step 'start' $move $a.patience 0 }) +
        @(if ($move.verb -eq 'reload' -and $files) { New-Step 'reload' $move $a.patience $plan.steps.Count })
    if ($move.verb -eq 'start') {
        $plan.last += $back
    } else {
        $plan.up = $back + $plan.up
    }
}

# At start-up after a power cut, and every minute for a guard that was killed; it never runs twice at a time. 4 is the
# priority of what runs in the foreground: the usual one of a task, 7, is that of what may wait, its disk access too.
function Register-Guard {
    $powershell = "$($env:SystemRoot)\System32\WindowsPowerShell\v1.0\powershell.exe"
    $each = New-TimeSpan -Minutes 1
    $made = @{
        TaskName = $task
        Action = New-ScheduledTaskAction -Execute $powershell -Argument $a.guard
        Trigger = @(
            New-ScheduledTaskTrigger -AtStartup
            New-ScheduledTaskTrigger -Once -At ((Get-Date) + $each) -RepetitionInterval $each
        )
        Principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest
        Settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable `
            -ExecutionTimeLimit (New-TimeSpan -Seconds 0) -MultipleInstances IgnoreNew -Priority 4
    }
    $null = Register-ScheduledTask @made -Force -ErrorAction Stop
}

Open-Root
$now = Read-State $folder
if ($now.state -ne 'absent') {
    return New-Status $now $false
}
Test-NoOther
$moves = @(foreach ($move in $a.services) { Read-Move $move })
$swaps = @(
    foreach ($swap in $a.swaps) { (Read-Swap $swap $moves) + @{ fallback = $false } }
    foreach ($swap in $a.fallbacks) { (Read-Swap $swap $moves) + @{ fallback = $true } }
)
foreach ($swap in $swaps) {
    Test-Room $swap.source
    Test-Room $swap.target
}
$plan = Get-Plan $swaps $moves
$null = New-Item -Path $folder -ItemType Directory -Force
$change = @{
    window = $a.window
    swaps = $swaps
    steps = $plan.steps
    undo = $plan.undo
    facts = $moves.Count -eq 0
}
# The guard may come to it late, and does not begin with it where a later lead of the bot has come meanwhile.
if ('term' -in $a.PSObject.Properties.Name) {
    $change.term = $a.term
}
# Asked twice at once, the first one's word counts: the second may have looked while the service was restarted.
$null = Add-Document "$folder\change.json" $change
# The task comes first: from the first state on, a power cut must not leave the change without its guard.
Register-Guard
$at = (Get-Date).ToUniversalTime().ToString('o')
$changed = Add-Document "$folder\state-0001.json" @{ state = 'applying'; why = ''; saved = $false; at = $at }
if (-not $changed) {
    return New-Status (Read-State $folder) $false
}
Start-ScheduledTask -TaskName $task -ErrorAction Stop
@{ operation = $a.operation; state = 'applying'; why = ''; changed = $true }
