# The code of the scheduled task that guards a change. Constant, as the bootstrap is; what it does stands as data in
# %ProgramData%\flatnet-bot\changes\<operation>\change.json (begin-change.ps1): steps, and the steps that take them
# back. It applies the change, waits for a mark (confirm or abort) or the end of the window, and keeps the change or puts
# the old state back. Each state is recorded before the next move, as a new file state-NNNN.json: renaming is atomic,
# replacing is not. Number 1 is begin-change's, so a guard that finds more of them was started again in the middle, and
# puts the old state back. A change that is older than its window is not begun, because the bot waits for it no longer.
# Comments, indentation, empty lines and line ends beside braces are left out of what is sent. PowerShell 5.1 and 7.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Set-StrictMode -Version 3
$utf8 = New-Object System.Text.UTF8Encoding $false
# An access list of SYSTEM and Administrators alone, who own it; a P between both parts: nothing is inherited.
$owner = '^O:(BA|SY)(G:\S*?)?D:'
$only = '[A-Z]*(\(A;[A-Z]*;FA;;;(BA|SY)\))+(S:.*)?$'

# .NET takes no path of a PowerShell drive.
function Get-Full($path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
}

function Get-States($folder) {
    Get-ChildItem -LiteralPath $folder -Filter 'state-*.json' | Sort-Object -Property Name
}

function Read-Document($path) {
    [System.IO.File]::ReadAllText((Get-Full $path), $utf8) | ConvertFrom-Json
}

function Write-State($folder, $state, $why, [bool]$saved) {
    $name = 'state-{0:d4}.json' -f (@(Get-States $folder).Count + 1)
    $new = Get-Full "$folder\state.new"
    $json = ConvertTo-Json -InputObject @{ state = $state; why = $why; saved = $saved } -Compress
    Write-Bytes $new 'Create' ($utf8.GetBytes($json))
    [System.IO.File]::Move($new, (Get-Full "$folder\$name"))
}

# The end must be told, however long that takes: a disk that is full now may have room later.
function Write-End($folder, $state, $why, [bool]$saved) {
    while ($true) {
        try {
            Write-State $folder $state $why $saved
            return
        } catch {
            Start-Sleep -Seconds 1
        }
    }
}

function Write-Bytes($full, $mode, [byte[]]$bytes) {
    $file = New-Object System.IO.FileStream $full, $mode, 'Write', 'None'
    try {
        $file.Write($bytes, 0, $bytes.Length)
        $file.Flush($true)
    } finally {
        $file.Close()
    }
}

# The whole list at once, since icacls leaves the explicit entries of others.
function Set-List($path, $list) {
    $acl = New-Object System.Security.AccessControl.FileSecurity
    $acl.SetSecurityDescriptorSddlForm("O:BAG:SYD:$list")
    Set-Acl -LiteralPath $path -AclObject $acl
}

# What was written counts as it is read back.
function Protect-File($path) {
    Set-List $path 'P(A;;FA;;;SY)(A;;FA;;;BA)'
    Test-Protected $path
}

function Test-Protected($path) {
    $sddl = (Get-Acl -LiteralPath $path).Sddl
    if ($sddl -cnotmatch "${owner}P$only") {
        throw "others than SYSTEM and Administrators can open ${path}: $sddl"
    }
}

# Nobody else can read the copy, at no instant: the access list comes before the content.
function Copy-Protected($from, $to) {
    $full = Get-Full $to
    [System.IO.File]::Delete($full)
    Write-Bytes $full 'CreateNew' (New-Object byte[] 0)
    Protect-File $to
    Write-Bytes $full 'Open' ([System.IO.File]::ReadAllBytes((Get-Full $from)))
}

# Replacing keeps the target's own access list, so that of a private key is tightened first, and read once more after.
# There is no instant without the one file or the other; where Windows fails in the middle, the old one lies under the
# third name.
function Set-File($from, $target, [bool]$private) {
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

# A folder that is missing is made before anything else; a rollback leaves it, since it is empty then.
function Save-Files($change) {
    foreach ($swap in $change.swaps) {
        if (-not $swap.existed) {
            $null = [System.IO.Directory]::CreateDirectory((Get-Full (Split-Path -Path $swap.target)))
        } elseif ($swap.kind -eq 'file') {
            Copy-Protected $swap.target "$($swap.source).old"
        }
    }
}

function Set-Swap($swap) {
    if ($swap.kind -eq 'folder') {
        Set-Folder $swap
        return
    }
    Set-File $swap.source $swap.target $swap.private
    # A new file that is no key is as open as its folder: for SYSTEM and Administrators alone, nginx might not read it.
    if (-not $swap.existed -and -not $swap.private) {
        Set-List $swap.target ''
    }
}

# The list of the target is left as it is: putting back is not refused for what others could read before.
function Restore-Swap($swap) {
    if ($swap.kind -eq 'folder') {
        Restore-Folder $swap
        return
    }
    $full = Get-Full $swap.target
    if ($swap.existed) {
        Set-File "$($swap.source).old" $swap.target $false
    } else {
        [System.IO.File]::Delete($full)
    }
    foreach ($end in 'new', 'old') {
        [System.IO.File]::Delete("$full.flatnet-$end")
    }
}

# Moved, never merged: Windows moves a folder at once or not at all, and none of which a file is open. It is tried again, so
# one that cannot move leaves the old one where it was. The new one takes the access list of the old one, and what is
# inherited here: for SYSTEM and Administrators alone, nginx might not read it.
function Set-Folder($swap) {
    $acl = $null
    if ($swap.existed) {
        $acl = Get-Acl -LiteralPath $swap.target
        Move-Folder $swap.target "$($swap.source).old"
    }
    try {
        Move-Folder $swap.source $swap.target
    } catch {
        if ($swap.existed) {
            Move-Folder "$($swap.source).old" $swap.target
        }
        throw
    }
    if ($null -eq $acl) {
        $acl = Get-Acl -LiteralPath $swap.target
    }
    Set-Acl -LiteralPath $swap.target -AclObject $acl
}

# Where the old one was moved away, it lies under its other name until it is back.
function Restore-Folder($swap) {
    $old = "$($swap.source).old"
    if ($swap.existed -and -not (Test-Path -LiteralPath $old)) {
        return
    }
    if (Test-Path -LiteralPath $swap.target) {
        Move-Folder $swap.target $swap.source
    }
    if ($swap.existed) {
        Move-Folder $old $swap.target
    }
}

function Move-Folder($from, $to) {
    [System.IO.Directory]::Move((Get-Full $from), (Get-Full $to))
}

# Process ids of an nginx, its master first.
function Get-Own($nginx) {
    Get-Process -Name nginx -ErrorAction SilentlyContinue | Where-Object { $_.Path -eq $nginx.program } |
        Sort-Object -Property StartTime, Id | ForEach-Object { $_.Id }
}

function Get-Status($step) {
    if ($null -eq $step.nginx) {
        return (Get-Service -Name $step.service).Status.ToString()
    }
    if (@(Get-Own $step.nginx).Count -gt 0) {
        return 'Running'
    }
    return 'Stopped'
}

# Seen twice in a row: what runs services for others says Running before their program has failed.
function Wait-Status($step, $wanted) {
    $status = ''
    $seen = 0
    for ($look = 0; $look -lt 30; $look++) {
        Start-Sleep -Seconds 1
        $status = Get-Status $step
        if ($status -eq $wanted) {
            $seen++
        } else {
            $seen = 0
        }
        if ($seen -eq 2) {
            return
        }
        if ($status -eq 'Stopped' -and $wanted -eq 'Running' -and $null -eq $step.nginx) {
            break
        }
    }
    if ($null -eq $step.nginx) {
        throw "the service $($step.service) is $status, not $wanted"
    }
    throw "$($step.nginx.program) is $status, not $wanted"
}

# nginx takes its folder from the working directory unless it is told.
function Get-Options($nginx) {
    '-p "{0}" -c "{1}"' -f $nginx.folder.TrimEnd('\'), $nginx.config
}

# WMI starts it, so that it is no child of this task.
function Start-Nginx($nginx, $signal) {
    $started = Invoke-CimMethod -ClassName Win32_Process -MethodName Create -Arguments @{
        CommandLine = '"{0}" {1}{2}' -f $nginx.program, (Get-Options $nginx), $signal
        CurrentDirectory = $nginx.folder
    }
    if ($started.ReturnValue -ne 0) {
        throw "$($nginx.program) did not start: Windows says $($started.ReturnValue)"
    }
}

# For what ends by itself: its words count where it fails, or does not end.
function Invoke-Nginx($nginx, $option) {
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = Get-Full $nginx.program
    $start.Arguments = "$option $(Get-Options $nginx)"
    $start.UseShellExecute = $false
    $start.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $words = $process.StandardError.ReadToEndAsync()
    if (-not $process.WaitForExit(15000)) {
        $process.Kill()
        throw "nginx $option does not end"
    }
    if ($process.ExitCode -ne 0) {
        throw "nginx ${option}: $([regex]::Match($words.Result, '\[[a-z]+\] .{1,300}').Value.Trim())"
    }
}

# Return code 0 proves nothing: nginx may go on as before. The master must stay, and new workers must be seen twice.
function Update-Nginx($nginx) {
    $before = @(Get-Own $nginx)
    if ($before.Count -eq 0) {
        throw "$($nginx.program) is not running"
    }
    Invoke-Nginx $nginx '-s reload'
    $new = @()
    for ($look = 0; $look -lt 15; $look++) {
        Start-Sleep -Seconds 1
        $seen = $new
        $now = @(Get-Own $nginx)
        $new = @($now | Where-Object { $_ -notin $before })
        if ($now -notcontains $before[0]) {
            throw "$($nginx.program) ended as it was reloaded"
        }
        if (@($new | Where-Object { $_ -in $seen }).Count -gt 0) {
            return
        }
    }
    throw "$($nginx.program) has no new workers after its reload"
}

function Stop-It($step) {
    $status = Get-Status $step
    if ($status -eq 'Stopped') {
        return
    }
    if ($null -ne $step.nginx) {
        Stop-Nginx $step
        return
    }
    if ($status -ne 'StopPending') {
        (Get-Service -Name $step.service).Stop()
    }
    Wait-Status $step 'Stopped'
}

# One that quits listens no more, but waits for its last visitors: those have 30 s.
function Stop-Nginx($step) {
    Start-Nginx $step.nginx ' -s quit'
    try {
        Wait-Status $step 'Stopped'
    } catch {
        Start-Nginx $step.nginx ' -s stop'
        Wait-Status $step 'Stopped'
    }
}

function Start-It($step) {
    $status = Get-Status $step
    if ($status -eq 'Running') {
        return
    }
    if ($null -ne $step.nginx) {
        Start-Nginx $step.nginx ''
    } elseif ($status -ne 'StartPending') {
        (Get-Service -Name $step.service).Start()
    }
    Wait-Status $step 'Running'
}

# A step may be refused at once: Nebula does not start while Windows has not let go of its network adapter, and a scanner
# holds a file for a moment. Neither is the end, before the step was tried again and again for its time.
function Invoke-Step($change, $step) {
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        try {
            Invoke-Once $change $step
            return
        } catch {
            if ($watch.Elapsed.TotalSeconds -ge $step.patience) {
                throw
            }
        }
        Start-Sleep -Seconds 3
    }
}

function Invoke-Once($change, $step) {
    switch ($step.verb) {
        'swap' { Set-Swap $change.swaps[$step.index] }
        'restore' { Restore-Swap $change.swaps[$step.index] }
        'stop' { Stop-It $step }
        'start' { Start-It $step }
        'test' { Invoke-Nginx $step.nginx '-t' }
        'reload' { Update-Nginx $step.nginx }
    }
}

# Steps that take back what was never begun are left out. What ran before must run in the end, also where nothing of it
# was touched: else the change is down, not reverted. One step that fails keeps no other from what it can put back; but no
# service is started on files of which nothing is known.
function Undo-Change($folder, $change, $why, [int]$begun) {
    try {
        Write-State $folder 'reverting' $why ($begun -gt 0)
    } catch {
        $why = "$why; not recorded: $($_.Exception.Message)"
    }
    $end = 'reverted'
    foreach ($step in @($change.undo | Where-Object { $_.of -le $begun })) {
        $files = $step.verb -in 'restore', 'swap'
        if ($end -eq 'stuck' -and -not $files) {
            continue
        }
        try {
            Invoke-Step $change $step
        } catch {
            if ($files -or $step.verb -eq 'stop') {
                $end = 'stuck'
                $why = "$why; not put back: $($_.Exception.Message)"
            } else {
                $end = 'down'
                $why = "$why; $($_.Exception.Message)"
            }
        }
    }
    Write-End $folder $end $why ($begun -gt 0)
}

# What a rehearsal is to learn of this task: who it runs as, in which PowerShell and in which language.
function Write-Facts($folder) {
    $said = & (Get-Full "$($env:SystemRoot)\System32\whoami.exe") /user /fo csv /nh
    $facts = @{
        account = [regex]::Match($said, 'S-1-[0-9-]+').Value
        version = $PSVersionTable.PSVersion.ToString()
        edition = $PSVersionTable.PSEdition
        culture = (Get-Culture).Name
        ui_culture = (Get-UICulture).Name
    }
    $json = ConvertTo-Json -InputObject $facts -Compress
    Write-Bytes (Get-Full "$folder\facts.json") 'Create' ($utf8.GetBytes($json))
}

# What forbids to begin with a change that nobody has touched: after a power cut the guard may come to it late, and a later
# lead of the bot may have come meanwhile. Where its term cannot be read, this fails, and the change is not begun either.
function Get-Objection($folder, $change, $begun) {
    if (Test-Path -LiteralPath "$folder\abort") {
        return 'aborted'
    }
    $age = ((Get-Date).ToUniversalTime() - ([datetime]$begun.at).ToUniversalTime()).TotalSeconds
    if ([Math]::Abs($age) -gt $change.window) {
        return "not applied within $($change.window) s"
    }
    if ('term' -in $change.PSObject.Properties.Name) {
        $kept = @(Get-ChildItem -LiteralPath "$root\terms" | ForEach-Object { [long]$_.Name } | Sort-Object)[-1]
        if ($kept -gt $change.term) {
            return "term $kept is kept here, and this is of term $($change.term)"
        }
    }
    ''
}

function Invoke-Change($folder, $change, $begun) {
    $objection = Get-Objection $folder $change $begun
    if ($objection -ne '') {
        Undo-Change $folder $change $objection 0
        return
    }
    $at = 0
    try {
        Write-State $folder 'applying' '' $false
        Save-Files $change
        Write-State $folder 'applying' '' $true
        foreach ($step in $change.steps) {
            $at++
            Invoke-Step $change $step
        }
        if ($change.facts) {
            Write-Facts $folder
        }
        Write-State $folder 'applied' '' $true
    } catch {
        Undo-Change $folder $change $_.Exception.Message $at
        return
    }
    Wait-Word $folder $change
}

# A stopwatch, not the clock of the wall: that one may be set meanwhile.
function Wait-Word($folder, $change) {
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        if (Test-Path -LiteralPath "$folder\confirm") {
            Write-End $folder 'confirmed' '' $true
            return
        }
        if (Test-Path -LiteralPath "$folder\abort") {
            Undo-Change $folder $change 'aborted' $change.steps.Count
            return
        }
        if ($watch.Elapsed.TotalSeconds -ge $change.window) {
            Undo-Change $folder $change "not confirmed within $($change.window) s" $change.steps.Count
            return
        }
        Start-Sleep -Milliseconds 500
    }
}

# One guard at a time has a change in hand; what Windows ends lets go of it. A scanner may hold the file for a moment.
function Open-Lock($folder) {
    $file = Get-Full "$folder\guard"
    for ($left = 2; $left -ge 0; $left--) {
        try {
            return New-Object System.IO.FileStream $file, 'OpenOrCreate', 'Write', 'None'
        } catch {
            Start-Sleep -Seconds 1
        }
    }
}

function Test-Pending($folder) {
    $states = @(Get-States $folder)
    if ($states.Count -eq 0) {
        return $false
    }
    (Read-Document "$folder\$($states[-1].Name)").state -in 'applying', 'applied', 'reverting'
}

function Complete-Change($folder) {
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
    Undo-Change $folder $change $why ($change.steps.Count * $last.saved)
}

function Use-Folder($folder) {
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
function Test-Root($root) {
    $link = (Get-Item -LiteralPath $root -Force).LinkType
    $sddl = (Get-Acl -LiteralPath $root).Sddl
    if ($link -or $sddl -cnotmatch "$owner$only") {
        throw "others than SYSTEM and Administrators can enter $root"
    }
}

# Each change has a task of its own, so that the guard of one does not take away that of the next.
function Remove-Task($name) {
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
