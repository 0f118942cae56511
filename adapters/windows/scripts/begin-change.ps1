# Hand a change to the scheduled task that applies and guards it (guard.ps1), and return while it does.
# In:  operation, service, verb (start, stop, restart, none: files alone), swaps (source, target), nginx (program, folder, config; or null:
#      used where there is no such service), window, patience (seconds), guard (what powershell.exe gets: our own constant code).
# Out: the fields of adapters.windows.commit_confirm.ChangeStatus.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: change
# Part: record
Import-Module CimCmdlets, ScheduledTasks -ErrorAction SilentlyContinue

$folder = Get-ChangeFolder $a.operation
$task = "flatnet-bot change $($a.operation)"

function Test-NoOther {
    $changes = "$($env:ProgramData)\flatnet-bot\changes"
    foreach ($other in @(Get-ChildItem -LiteralPath $changes -Directory)) {
        $state = (Read-State "$changes\$($other.Name)").state
        if ($state -in 'applying', 'applied', 'reverting') {
            Stop-Script 'ChangeUnderWay' "the change of $($other.Name) is still under way on this host"
        }
    }
}

# What runs now, and whether it can be started at all.
function Read-Running {
    if ($a.verb -eq 'none') {
        return @{ nginx = $null; was_running = $false }
    }
    try {
        $service = Get-Service -Name $a.service -ErrorAction Stop
    } catch {
        if ($_.FullyQualifiedErrorId -like 'NoServiceFoundForGivenName,*') {
            return Read-Nginx
        }
        throw
    }
    if ($a.verb -ne 'stop' -and $service.StartType.ToString() -eq 'Disabled') {
        Stop-Script 'ServiceDisabled' "the service $($a.service) is Disabled, so it cannot be started"
    }
    $needed_by = @($service.DependentServices | Where-Object { $_.Status.ToString() -ne 'Stopped' })
    if ($a.verb -ne 'start' -and $needed_by.Count -gt 0) {
        $names = ($needed_by | ForEach-Object { $_.Name }) -join ', '
        Stop-Script 'ServicesDepend' "$names would be stopped with $($a.service) and not started again; stop it first"
    }
    @{ nginx = $null; was_running = $service.Status.ToString() -notin 'Stopped', 'StopPending' }
}

function Read-Nginx {
    if ($null -eq $a.nginx) {
        Stop-Script 'ServiceAbsent' "there is no service $($a.service)"
    }
    if (-not (Test-Path -LiteralPath $a.nginx.program)) {
        Stop-Script 'NginxAbsent' "there is neither a service $($a.service) nor $($a.nginx.program)"
    }
    $own = @(Get-Process -Name nginx -ErrorAction SilentlyContinue | Where-Object { $_.Path -eq $a.nginx.program })
    @{ nginx = $a.nginx; was_running = $own.Count -gt 0 }
}

function Read-Swap($swap, $nginx) {
    if (-not (Test-Path -LiteralPath $swap.source)) {
        Stop-Script 'SourceAbsent' "there is no file $($swap.source)"
    }
    $private = [System.IO.File]::ReadAllText((Get-Full $swap.source)).Contains('PRIVATE KEY-----')
    if ($private -and $null -eq $nginx -and $a.verb -ne 'none') {
        Test-Account
    }
    @{ source = $swap.source; target = $swap.target; existed = Test-Path -LiteralPath $swap.target; private = $private }
}

# A private key is put in place for SYSTEM and Administrators alone, so whoever runs the service must be one of them.
function Test-Account {
    $quoted = $a.service.Replace('\', '\\').Replace("'", "\'")
    $service = Get-CimInstance Win32_Service -Filter "Name='$quoted'" -Property StartName -OperationTimeoutSec 5 -ErrorAction Stop
    if ($service.StartName -ne 'LocalSystem') {
        $why = "which cannot read a key that is SYSTEM's and Administrators' alone"
        Stop-Script 'ServiceAccount' "the service $($a.service) runs as $($service.StartName), $why"
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
$running = Read-Running
$swaps = @(foreach ($swap in $a.swaps) { Read-Swap $swap $running.nginx })
foreach ($swap in $swaps) {
    Test-Room $swap.source
    Test-Room $swap.target
}
$null = New-Item -Path $folder -ItemType Directory -Force
# Asked twice at once, the first one's word counts: the second may have looked while the service was restarted.
$null = Add-Document "$folder\change.json" @{
    service = $a.service
    verb = $a.verb
    window = $a.window
    patience = $a.patience
    swaps = $swaps
    nginx = $running.nginx
    was_running = $running.was_running
}
# The task comes first: from the first state on, a power cut must not leave the change without its guard.
Register-Guard
$at = (Get-Date).ToUniversalTime().ToString('o')
$changed = Add-Document "$folder\state-0001.json" @{ state = 'applying'; why = ''; saved = $false; at = $at }
if (-not $changed) {
    return New-Status (Read-State $folder) $false
}
Start-ScheduledTask -TaskName $task -ErrorAction Stop
@{ operation = $a.operation; state = 'applying'; why = ''; changed = $true }
