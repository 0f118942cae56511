# The code of the scheduled task that guards a change. Constant, as the bootstrap is; what it does stands as data in
# %ProgramData%\flatnet-bot\changes\<operation>\change.json (begin-change.ps1). It applies the change, waits for a mark
# (confirm or abort) or the end of the window, and keeps the change or puts the old state back. Each state is recorded
# before the next move, as a new file state-NNNN.json: renaming is atomic, replacing is not. Number 1 is begin-change's,
# so whoever finds more of them was started again in the middle, and puts the old state back. Nobody begins with one that
# is older than its window, for nobody waits for it any more.
# Comments, indentation and empty lines are left out of what is sent. PowerShell 5.1 and 7.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Set-StrictMode -Version 3
$utf8 = New-Object System.Text.UTF8Encoding $false

# .NET takes no path of a PowerShell drive.
function Get-Full([string]$path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
}

function Get-States([string]$folder) {
    Get-ChildItem -LiteralPath $folder -Filter 'state-*.json' | Sort-Object -Property Name
}

function Read-Document([string]$path) {
    [System.IO.File]::ReadAllText((Get-Full $path), $utf8) | ConvertFrom-Json
}

function Write-State([string]$folder, [string]$state, [string]$why, [bool]$saved) {
    $name = 'state-{0:d4}.json' -f (@(Get-States $folder).Count + 1)
    $new = Get-Full "$folder\state.new"
    $json = ConvertTo-Json -InputObject @{ state = $state; why = $why; saved = $saved } -Compress
    Write-Bytes $new ([System.IO.FileMode]::Create) ($utf8.GetBytes($json))
    [System.IO.File]::Move($new, (Get-Full "$folder\$name"))
}

# The end must be told, however long that takes: a disk that is full now may have room later.
function Write-End([string]$folder, [string]$state, [string]$why, [bool]$saved) {
    while ($true) {
        try {
            Write-State $folder $state $why $saved
            return
        } catch {
            Start-Sleep -Seconds 1
        }
    }
}

function Write-Bytes([string]$full, $mode, [byte[]]$bytes) {
    $file = New-Object System.IO.FileStream $full, $mode, ([System.IO.FileAccess]::Write), ([System.IO.FileShare]::None)
    try {
        $file.Write($bytes, 0, $bytes.Length)
        $file.Flush($true)
    } finally {
        $file.Close()
    }
}

# The whole list at once, since icacls leaves the explicit entries of others. What was written counts as it is read back.
function Protect-File([string]$path) {
    $acl = New-Object System.Security.AccessControl.FileSecurity
    $acl.SetSecurityDescriptorSddlForm('O:BAG:SYD:P(A;;FA;;;SY)(A;;FA;;;BA)')
    Set-Acl -LiteralPath $path -AclObject $acl
    Test-Protected $path
}

function Test-Protected([string]$path) {
    $sddl = (Get-Acl -LiteralPath $path).Sddl
    if ($sddl -cnotmatch '^O:(BA|SY)(G:\S*?)?D:P[A-Z]*(\(A;[A-Z]*;FA;;;(BA|SY)\))+(S:.*)?$') {
        throw "others than SYSTEM and Administrators can open ${path}: $sddl"
    }
}

# Nobody else can read the copy, at no instant: the access list comes before the content.
function Copy-Protected([string]$from, [string]$to) {
    $full = Get-Full $to
    [System.IO.File]::Delete($full)
    Write-Bytes $full ([System.IO.FileMode]::CreateNew) (New-Object byte[] 0)
    Protect-File $to
    Write-Bytes $full ([System.IO.FileMode]::Open) ([System.IO.File]::ReadAllBytes((Get-Full $from)))
}

# Replacing keeps the target's own access list, so that of a private key is tightened first, and read once more after.
# There is no instant without the one file or the other; where Windows fails in the middle, the old one lies under the
# third name.
function Set-File([string]$from, [string]$target, [bool]$private) {
    $full = Get-Full $target
    Copy-Protected $from "$target.flatnet-new"
    if ([System.IO.File]::Exists($full)) {
        if ($private) {
            Protect-File $target
        }
        [System.IO.File]::Replace("$full.flatnet-new", $full, "$full.flatnet-old")
        [System.IO.File]::Delete("$full.flatnet-old")
    } else {
        [System.IO.File]::Move("$full.flatnet-new", $full)
    }
    if ($private) {
        Test-Protected $target
    }
}

function Save-Files($change) {
    foreach ($swap in $change.swaps) {
        if ($swap.existed) {
            Copy-Protected $swap.target "$($swap.source).old"
        }
    }
}

# The list of the target is left as it is: putting back is not refused for what others could read before.
function Restore-Files($change) {
    foreach ($swap in $change.swaps) {
        if ($swap.existed) {
            Set-File "$($swap.source).old" $swap.target $false
        } else {
            [System.IO.File]::Delete((Get-Full $swap.target))
        }
        [System.IO.File]::Delete((Get-Full "$($swap.target).flatnet-new"))
        [System.IO.File]::Delete((Get-Full "$($swap.target).flatnet-old"))
    }
}

function Get-Status($change) {
    if ($null -eq $change.nginx) {
        return (Get-Service -Name $change.service -ErrorAction Stop).Status.ToString()
    }
    $own = @(Get-Process -Name nginx -ErrorAction SilentlyContinue | Where-Object { $_.Path -eq $change.nginx.program })
    if ($own.Count -gt 0) {
        return 'Running'
    }
    return 'Stopped'
}

# Seen twice in a row: what runs services for others says Running before their program has failed.
function Wait-Status($change, [string]$wanted) {
    $status = ''
    $seen = 0
    for ($look = 0; $look -lt 30; $look++) {
        Start-Sleep -Seconds 1
        $status = Get-Status $change
        if ($status -eq $wanted) {
            $seen++
        } else {
            $seen = 0
        }
        if ($seen -eq 2) {
            return
        }
        if ($status -eq 'Stopped' -and $wanted -eq 'Running' -and $null -eq $change.nginx) {
            break
        }
    }
    if ($null -eq $change.nginx) {
        throw "the service $($change.service) is $status, not $wanted"
    }
    throw "$($change.nginx.program) is $status, not $wanted"
}

# nginx takes its folder from the working directory unless it is told. WMI starts it, so that it is no child of this task.
function Start-Nginx($nginx, [string]$signal) {
    $line = '"{0}" -p "{1}" -c "{2}"{3}' -f $nginx.program, $nginx.folder.TrimEnd('\'), $nginx.config, $signal
    $started = Invoke-CimMethod -ClassName Win32_Process -MethodName Create -Arguments @{
        CommandLine = $line
        CurrentDirectory = $nginx.folder
    }
    if ($started.ReturnValue -ne 0) {
        throw "$($nginx.program) did not start: Windows says $($started.ReturnValue)"
    }
}

function Stop-It($change) {
    $status = Get-Status $change
    if ($status -eq 'Stopped') {
        return
    }
    if ($null -ne $change.nginx) {
        Stop-Nginx $change
        return
    }
    if ($status -ne 'StopPending') {
        (Get-Service -Name $change.service -ErrorAction Stop).Stop()
    }
    Wait-Status $change 'Stopped'
}

# One that quits listens no more, but waits for its last visitors: those have 30 s.
function Stop-Nginx($change) {
    Start-Nginx $change.nginx ' -s quit'
    try {
        Wait-Status $change 'Stopped'
    } catch {
        Start-Nginx $change.nginx ' -s stop'
        Wait-Status $change 'Stopped'
    }
}

# One may refuse at once, as Nebula does while Windows has not let go of its network adapter. Neither a Start that fails
# nor a service that falls back to Stopped is the end, before it was tried again and again for the given time.
function Start-It($change) {
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        try {
            Start-Once $change
            return
        } catch {
            if ($watch.Elapsed.TotalSeconds -ge $change.patience) {
                throw
            }
        }
        Start-Sleep -Seconds 3
    }
}

function Start-Once($change) {
    $status = Get-Status $change
    if ($status -eq 'Running') {
        return
    }
    if ($null -ne $change.nginx) {
        Start-Nginx $change.nginx ''
    } elseif ($status -ne 'StartPending') {
        (Get-Service -Name $change.service -ErrorAction Stop).Start()
    }
    Wait-Status $change 'Running'
}

# Tried three times: a file may be held by a scanner for a moment, and there is nobody else to help this host.
function Restore-Stopped($change) {
    for ($left = 2; $true; $left--) {
        try {
            Restore-Files $change
            if ($change.verb -ne 'none' -and ($change.swaps.Count -gt 0 -or -not $change.was_running)) {
                Stop-It $change
            }
            return
        } catch {
            if ($left -eq 0) {
                throw
            }
        }
        Start-Sleep -Seconds 5
    }
}

# What ran before must run in the end, also where nothing of it was touched: else the change is down, not reverted.
function Undo-Change([string]$folder, $change, [string]$why, [bool]$saved) {
    try {
        Write-State $folder 'reverting' $why $saved
    } catch {
        $why = "$why; not recorded: $($_.Exception.Message)"
    }
    try {
        if ($saved) {
            Restore-Stopped $change
        }
    } catch {
        Write-End $folder 'stuck' "$why; not put back: $($_.Exception.Message)" $saved
        return
    }
    try {
        if ($change.was_running) {
            Start-It $change
        }
    } catch {
        Write-End $folder 'down' "$why; $($_.Exception.Message)" $saved
        return
    }
    Write-End $folder 'reverted' $why $saved
}

# What a rehearsal is to learn of this task: who it runs as, in which PowerShell and in which language.
function Write-Facts([string]$folder) {
    $said = & (Get-Full "$($env:SystemRoot)\System32\whoami.exe") /user /fo csv /nh
    $facts = @{
        account = [regex]::Match($said, 'S-1-[0-9-]+').Value
        version = $PSVersionTable.PSVersion.ToString()
        edition = $PSVersionTable.PSEdition
        culture = (Get-Culture).Name
        ui_culture = (Get-UICulture).Name
    }
    $json = ConvertTo-Json -InputObject $facts -Compress
    Write-Bytes (Get-Full "$folder\facts.json") ([System.IO.FileMode]::Create) ($utf8.GetBytes($json))
}

# What forbids to begin with a change that nobody has touched: after a power cut the guard may come to it late.
function Get-Objection([string]$folder, $change, $begun) {
    if (Test-Path -LiteralPath "$folder\abort") {
        return 'aborted'
    }
    $age = ((Get-Date).ToUniversalTime() - ([datetime]$begun.at).ToUniversalTime()).TotalSeconds
    if ([Math]::Abs($age) -gt $change.window) {
        return "not applied within $($change.window) s"
    }
    ''
}

function Invoke-Change([string]$folder, $change, $begun) {
    $objection = Get-Objection $folder $change $begun
    if ($objection -ne '') {
        Undo-Change $folder $change $objection $false
        return
    }
    $saved = $false
    try {
        Write-State $folder 'applying' '' $false
        Save-Files $change
        Write-State $folder 'applying' '' $true
        $saved = $true
        foreach ($swap in $change.swaps) {
            Set-File $swap.source $swap.target $swap.private
        }
        if ($change.verb -in 'stop', 'restart') {
            Stop-It $change
        }
        if ($change.verb -in 'start', 'restart') {
            Start-It $change
        }
        if ($change.verb -eq 'none') {
            Write-Facts $folder
        }
        Write-State $folder 'applied' '' $true
    } catch {
        Undo-Change $folder $change $_.Exception.Message $saved
        return
    }
    Wait-Word $folder $change
}

# A stopwatch, not the clock of the wall: that one may be set meanwhile.
function Wait-Word([string]$folder, $change) {
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        if (Test-Path -LiteralPath "$folder\confirm") {
            Write-End $folder 'confirmed' '' $true
            return
        }
        if (Test-Path -LiteralPath "$folder\abort") {
            Undo-Change $folder $change 'aborted' $true
            return
        }
        if ($watch.Elapsed.TotalSeconds -ge $change.window) {
            Undo-Change $folder $change "not confirmed within $($change.window) s" $true
            return
        }
        Start-Sleep -Milliseconds 500
    }
}

# One guard at a time has a change in hand; what Windows ends lets go of it. A scanner may hold the file for a moment.
function Open-Lock([string]$folder) {
    $file = Get-Full "$folder\guard"
    for ($left = 2; $left -ge 0; $left--) {
        try {
            return Open-Alone $file
        } catch {
            Start-Sleep -Seconds 1
        }
    }
}

function Open-Alone([string]$full) {
    $mode = [System.IO.FileMode]::OpenOrCreate
    New-Object System.IO.FileStream $full, $mode, ([System.IO.FileAccess]::Write), ([System.IO.FileShare]::None)
}

function Test-Pending([string]$folder) {
    $states = @(Get-States $folder)
    if ($states.Count -eq 0) {
        return $false
    }
    (Read-Document "$folder\$($states[-1].Name)").state -in 'applying', 'applied', 'reverting'
}

function Complete-Change([string]$folder) {
    $states = @(Get-States $folder)
    $last = Read-Document "$folder\$($states[-1].Name)"
    $change = Read-Document "$folder\change.json"
    if ($states.Count -eq 1) {
        Invoke-Change $folder $change $last
        return
    }
    $why = $last.why
    if ($why -eq '') {
        $why = 'the guard was ended before it was done'
    }
    Undo-Change $folder $change $why $last.saved
}

function Use-Folder([string]$folder) {
    if (-not (Test-Pending $folder)) {
        return
    }
    $lock = Open-Lock $folder
    if ($null -eq $lock) {
        return
    }
    try {
        if (Test-Pending $folder) {
            Complete-Change $folder
        }
    } finally {
        $lock.Close()
    }
}

# %ProgramData% is open to all, so what others could have written there is never carried out.
function Test-Root([string]$root) {
    $link = (Get-Item -LiteralPath $root -Force).LinkType
    $sddl = (Get-Acl -LiteralPath $root).Sddl
    if ($link -or $sddl -cnotmatch '^O:(BA|SY)(G:\S*?)?D:[A-Z]*(\(A;[A-Z]*;FA;;;(BA|SY)\))+(S:.*)?$') {
        throw "others than SYSTEM and Administrators can enter $root"
    }
}

# Each change has a task of its own, so that the guard of one does not take away that of the next.
function Remove-Task([string]$name) {
    $folder = "$root\changes\$($name -replace '^flatnet-bot change ')"
    if (@(Get-States $folder).Count -gt 0 -and -not (Test-Pending $folder)) {
        Unregister-ScheduledTask -TaskName $name -Confirm:$false
    }
}

$root = "$($env:ProgramData)\flatnet-bot"
Test-Root $root
foreach ($found in @(Get-ChildItem -LiteralPath "$root\changes" -Directory)) {
    try {
        Use-Folder "$root\changes\$($found.Name)"
    } catch {
        # What cannot be read keeps no other change from its end.
        continue
    }
}
foreach ($task in @(Get-ScheduledTask -TaskName 'flatnet-bot change *' -ErrorAction SilentlyContinue)) {
    try {
        Remove-Task $task.TaskName
    } catch {
        continue
    }
}
