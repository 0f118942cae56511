# The Windows commands that scripts use and that PowerShell on Linux lacks, or would answer for this machine, as
# functions that answer for the simulated host. They have the parameters and errors that scripts rely on, no more:
# an unknown parameter is an error, so a script cannot quietly use what is not here.

enum ServiceControllerStatus {
    Stopped = 1
    StartPending = 2
    StopPending = 3
    Running = 4
    ContinuePending = 5
    PausePending = 6
    Paused = 7
}

function Get-LabState {
    Get-Content -LiteralPath $env:FLATNET_LAB_STATE -Raw -Encoding utf8 | ConvertFrom-Json -AsHashtable
}

# Others may read meanwhile, so it is put in place at once.
function Set-LabState($state) {
    $new = "$($env:FLATNET_LAB_STATE).$PID"
    ConvertTo-Json -InputObject $state -Depth 10 -Compress | Set-Content -LiteralPath $new -Encoding utf8NoBOM
    [System.IO.File]::Move($new, $env:FLATNET_LAB_STATE, $true)
}

function New-LabError([string]$message, [string]$id, [System.Management.Automation.ErrorCategory]$category, $target) {
    $exception = New-Object System.InvalidOperationException $message
    New-Object System.Management.Automation.ErrorRecord $exception, $id, $category, $target
}

function Find-LabKey($table, [string]$name) {
    $table.Keys | Where-Object { $_ -eq $name } | Select-Object -First 1
}

# Windows' paths as the state has them; a trailing backslash is no other path.
function Find-LabPath($table, [string]$path) {
    Find-LabKey $table $path.TrimEnd('\')
}

function Start-LabProcess($state, [string]$program) {
    $pids = @(1000) + @($state.processes | ForEach-Object { $_.pid })
    $first = ($pids | Measure-Object -Maximum).Maximum + 4
    $count = if ($program -eq 'nginx') { 2 } else { 1 }
    for ($n = 0; $n -lt $count; $n++) {
        $parent = if ($n -eq 0) { 0 } else { $first }
        $state.processes += @{ name = $program; pid = $first + 4 * $n; started_at = $state.clock; parent = $parent }
    }
    $first
}

function Stop-LabProcess($state, [string]$program) {
    $state.processes = @($state.processes | Where-Object { $_.name -ne $program })
}

# A service starts and stops at once, or does not start at all: then it stays stopped, and nobody is told.
function Start-LabService([string]$key) {
    $state = Get-LabState
    $service = $state.services[$key]
    if ($service.refusals -ne 0) {
        $service.refusals -= [int]($service.refusals -gt 0)
    } else {
        $service.pid = Start-LabProcess $state $service.program
        $service.status = 'Running'
    }
    Set-LabState $state
}

function Stop-LabService([string]$key) {
    $state = Get-LabState
    $service = $state.services[$key]
    Stop-LabProcess $state $service.program
    $service.pid = 0
    $service.status = 'Stopped'
    Set-LabState $state
}

function Get-Service {
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Name)
    $services = (Get-LabState).services
    $key = Find-LabKey $services $Name
    if ($null -eq $key) {
        $message = "Cannot find any service with service name '$Name'."
        $PSCmdlet.WriteError((New-LabError $message NoServiceFoundForGivenName ObjectNotFound $Name))
        return
    }
    if ($services[$key].status -eq 'Unknown') {
        $message = "Service '$key' cannot be queried due to the following error: Access is denied."
        $PSCmdlet.WriteError((New-LabError $message CouldNotGetServiceInfo PermissionDenied $key))
        return
    }
    $service = [pscustomobject]@{
        Name = $key
        Status = [ServiceControllerStatus]$services[$key].status
        StartType = $services[$key].start_type
        DependentServices = @($services[$key].needed_by | ForEach-Object {
            [pscustomobject]@{ Name = $_; Status = [ServiceControllerStatus]::Running }
        })
    }
    $service | Add-Member -MemberType ScriptMethod -Name Start -Value { Start-LabService $this.Name }
    $service | Add-Member -MemberType ScriptMethod -Name Stop -Value { Stop-LabService $this.Name }
    $service
}

# What a compiler would write; the service that is made of it is played by the state alone.
function Add-Type {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, ParameterSetName = 'Load')] [string]$AssemblyName,
        [Parameter(Mandatory, ParameterSetName = 'Compile')] [string]$TypeDefinition,
        [Parameter(ParameterSetName = 'Compile')] [string[]]$ReferencedAssemblies,
        [Parameter(ParameterSetName = 'Compile')] [ValidateSet('ConsoleApplication')] [string]$OutputType,
        [Parameter(Mandatory, ParameterSetName = 'Compile')] [string]$OutputAssembly
    )
    if ($AssemblyName) {
        Microsoft.PowerShell.Utility\Add-Type -AssemblyName $AssemblyName
        return
    }
    Set-Content -LiteralPath $OutputAssembly -Value $TypeDefinition
}

function New-Service {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string]$Name,
        [Parameter(Mandatory)] [string]$BinaryPathName,
        [ValidateSet('Automatic', 'Manual', 'Disabled')] [string]$StartupType,
        [string]$Description
    )
    $state = Get-LabState
    $state.services[$Name] = @{
        status = 'Stopped'; start_type = $StartupType; pid = 0; account = 'LocalSystem'; needed_by = @(); refusals = 0
        program = [System.IO.Path]::GetFileNameWithoutExtension($BinaryPathName.Trim('"').Replace('\', '/'))
    }
    Set-LabState $state
    Get-Service -Name $Name
}

function Start-Service {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$Name)
    (Get-Service -Name $Name -ErrorAction Stop).Start()
}

function Set-Service {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$Name, [ValidateSet('Automatic', 'Manual', 'Disabled')] [string]$StartupType)
    $state = Get-LabState
    $state.services[(Find-LabKey $state.services $Name)].start_type = $StartupType
    Set-LabState $state
}

function Stop-Service {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$Name)
    (Get-Service -Name $Name -ErrorAction Stop).Stop()
}

function sc.exe([string]$verb, [string]$name) {
    $state = Get-LabState
    $key = Find-LabKey $state.services $name
    if ($verb -ne 'delete' -or $null -eq $key) {
        $global:LASTEXITCODE = 1060
        return
    }
    $state.services.Remove($key)
    Set-LabState $state
    $global:LASTEXITCODE = 0
}

function Get-Process {
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Name')] [ValidateNotNullOrEmpty()] [string]$Name,
        [Parameter(Mandatory, ParameterSetName = 'Id')] [int]$Id
    )
    $state = Get-LabState
    if ($PSCmdlet.ParameterSetName -eq 'Id') {
        $found = @($state.processes | Where-Object { $_.pid -eq $Id })
    } else {
        $found = @($state.processes | Where-Object { $_.name -eq $Name })
    }
    if ($found.Count -eq 0) {
        $message = "Cannot find a process with the name or identifier ""$Name$Id"". Verify it and call the cmdlet again."
        $PSCmdlet.WriteError((New-LabError $message NoProcessFoundForGivenName ObjectNotFound $Name))
    }
    foreach ($process in $found) {
        [pscustomobject]@{
            ProcessName = $process.name
            Id = $process.pid
            Path = $state.programs.Keys | Where-Object { $_ -like "*\$($process.name).exe" } | Select-Object -First 1
            StartTime = if ($process.started_at) { ([datetime]$process.started_at).ToLocalTime() } else { $null }
        }
    }
}

# As WMI answers: what was not asked for is there and empty.
function New-LabInstance($all, [string[]]$asked) {
    $instance = @{}
    foreach ($known in $all.Keys) {
        $instance[$known] = if ($known -in $asked) { $all[$known] } else { $null }
    }
    [pscustomobject]$instance
}

function Get-CimInstance {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [ValidateSet('Win32_LogicalDisk', 'Win32_OperatingSystem', 'Win32_Service')] [string]$ClassName,
        [Parameter(Mandatory)] [string[]]$Property,
        [string]$Filter,
        [uint32]$OperationTimeoutSec
    )
    $state = Get-LabState
    if (-not $state.wmi) {
        $PSCmdlet.WriteError((New-LabError 'Timed out' 'HRESULT 0x00040004' OperationTimeout $ClassName))
        return
    }
    if ($ClassName -eq 'Win32_LogicalDisk' -and $Filter -match "\ADeviceID='([A-Z]:)'\z") {
        $drive = $state.drives[$Matches[1]]
        if ($drive) {
            New-LabInstance @{ DeviceID = $Matches[1]; FreeSpace = if ($state.disk_full) { 0 } else { $drive.free } } $Property
        }
        return
    }
    if ($ClassName -eq 'Win32_LogicalDisk') {
        if ($Filter -ne 'DriveType=3') {
            $PSCmdlet.ThrowTerminatingError((New-LabError 'Invalid query' 'HRESULT 0x80041017' InvalidArgument $Filter))
        }
        foreach ($name in $state.drives.Keys) {
            $drive = $state.drives[$name]
            New-LabInstance @{ DeviceID = $name; Size = $drive.size; FreeSpace = $drive.free } $Property
        }
        return
    }
    if ($ClassName -eq 'Win32_OperatingSystem') {
        $all = @{ Caption = 'Simulated Windows'; Version = $state.os_version; LastBootUpTime = ([datetime]$state.booted_at).ToLocalTime() }
    } else {
        if ($Filter -notmatch "\AName='((?:[^'\\]|\\.)*)'\z") {
            $PSCmdlet.ThrowTerminatingError((New-LabError 'Invalid query' 'HRESULT 0x80041017' InvalidArgument $Filter))
        }
        $key = Find-LabKey $state.services ($Matches[1] -replace '\\(.)', '$1')
        if ($null -eq $key) {
            return
        }
        $all = @{ ProcessId = $state.services[$key].pid; StartName = $state.services[$key].account }
    }
    New-LabInstance $all $Property
}

# The one program that is started so is nginx, with its own quoting.
# As the network commands are made of CIM: a query that finds nothing is an error.
function Get-NetRoute {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string]$DestinationPrefix,
        [Parameter(Mandatory)] [ValidateSet('ActiveStore', 'PersistentStore')] [string]$PolicyStore
    )
    $found = @((Get-LabState).routes | Where-Object {
            $_.destination -eq $DestinationPrefix -and ($PolicyStore -eq 'ActiveStore' -or $_.persistent)
        })
    if ($found.Count -eq 0) {
        $message = "No MSFT_NetRoute objects found with property 'DestinationPrefix' equal to '$DestinationPrefix'."
        $PSCmdlet.WriteError((New-LabError $message CmdletizationQuery_NotFound_DestinationPrefix ObjectNotFound $DestinationPrefix))
    }
    foreach ($route in $found) {
        [pscustomobject]@{
            DestinationPrefix = $route.destination
            NextHop = $route.next_hop
            InterfaceIndex = [uint32]$route.interface
            RouteMetric = [uint16]$route.metric
        }
    }
}

function Get-NetIPAddress {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [ValidateSet('IPv4')] [string]$AddressFamily)
    foreach ($own in (Get-LabState).addresses) {
        [pscustomobject]@{
            IPAddress = $own.address
            PrefixLength = [byte]$own.prefix
            InterfaceIndex = [uint32]$own.interface
            InterfaceAlias = $own.alias
        }
    }
}

function New-NetRoute {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string]$DestinationPrefix,
        [Parameter(Mandatory)] [uint32]$InterfaceIndex,
        [Parameter(Mandatory)] [string]$NextHop,
        [Parameter(Mandatory)] [uint16]$RouteMetric,
        [ValidateSet('ActiveStore')] [string]$PolicyStore
    )
    $state = Get-LabState
    if ($InterfaceIndex -notin $state.addresses.interface) {
        $PSCmdlet.WriteError((New-LabError 'Element not found.' 'Windows System Error 1168' ObjectNotFound $InterfaceIndex))
        return
    }
    $state.routes = @($state.routes) + @(@{
            destination = $DestinationPrefix
            next_hop = $NextHop
            interface = [int]$InterfaceIndex
            metric = [int]$RouteMetric
            persistent = $PolicyStore -eq ''
        })
    Set-LabState $state
    [pscustomobject]@{ DestinationPrefix = $DestinationPrefix; NextHop = $NextHop }
}

function Remove-NetRoute {
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory)] [string]$DestinationPrefix,
        [Parameter(Mandatory)] [uint32]$InterfaceIndex,
        [Parameter(Mandatory)] [string]$NextHop
    )
    $state = Get-LabState
    $state.routes = @($state.routes | Where-Object {
            -not ($_.destination -eq $DestinationPrefix -and $_.next_hop -eq $NextHop -and $_.interface -eq $InterfaceIndex)
        })
    Set-LabState $state
}

function Invoke-CimMethod {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [ValidateSet('Win32_Process')] [string]$ClassName,
        [Parameter(Mandatory)] [ValidateSet('Create')] [string]$MethodName,
        [Parameter(Mandatory)] [hashtable]$Arguments
    )
    $state = Get-LabState
    if ($Arguments.CommandLine -notmatch '\A"([^"]+)" -p "([^"]+[^"\\])" -c "([^"]+)"( -s (quit|stop))?\z') {
        return [pscustomobject]@{ ReturnValue = 21 }
    }
    $signal = $Matches[5]
    $key = Find-LabPath $state.programs $Matches[1]
    if ($null -eq $key -or $state.programs[$key].condition -ne 'working') {
        return [pscustomobject]@{ ReturnValue = 9 }
    }
    if ($signal) {
        Stop-LabProcess $state 'nginx'
    } else {
        $null = Start-LabProcess $state 'nginx'
    }
    Set-LabState $state
    [pscustomobject]@{ ReturnValue = 0 }
}

function Get-Date {
    [CmdletBinding()]
    param()
    ([datetime](Get-LabState).clock).ToLocalTime()
}

# Nobody waits for a simulated host.
function Start-Sleep {
    [CmdletBinding()]
    param([double]$Seconds, [double]$Milliseconds)
    $pace = [double]::Parse($env:FLATNET_LAB_PACE, [cultureinfo]::InvariantCulture)
    [System.Threading.Thread]::Sleep([int](($Seconds * 1000 + $Milliseconds) * $pace))
}

# Windows' own objects by their names, everything else as ever.
function New-Object {
    [CmdletBinding(DefaultParameterSetName = 'Net')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Net')] [string]$TypeName,
        [Parameter(Position = 1, ParameterSetName = 'Net')] [object[]]$ArgumentList,
        [Parameter(Mandatory, ParameterSetName = 'Com')]
        [ValidateSet('Microsoft.Update.Session', 'Microsoft.Update.AutoUpdate')] [string]$ComObject
    )
    if ($TypeName -eq 'System.IO.FileStream') {
        Test-LabDenied $ArgumentList[0]
    }
    if ($TypeName -eq 'System.Security.AccessControl.FileSecurity') {
        return New-LabFileSecurity
    }
    switch ($ComObject) {
        'Microsoft.Update.Session' { New-LabUpdateSession }
        'Microsoft.Update.AutoUpdate' { [pscustomobject]@{ Results = [pscustomobject]@{ LastSearchSuccessDate = Get-LabLastSearch } } }
        default { Microsoft.PowerShell.Utility\New-Object @PSBoundParameters }
    }
}

# Whoever runs the tests may read every file, so what Windows would say is said here.
function Test-LabDenied([string]$path) {
    $state = Get-LabState
    foreach ($denied in $state.denied) {
        if ($path -eq $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($denied)) {
            throw (Microsoft.PowerShell.Utility\New-Object System.UnauthorizedAccessException "Access to the path '$denied' is denied.")
        }
    }
    foreach ($locked in $state.locked) {
        if ($path -eq $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($locked)) {
            throw (Microsoft.PowerShell.Utility\New-Object System.IO.IOException "The process cannot access the file '$locked' because it is being used by another process.")
        }
    }
}

function New-LabUpdateSession {
    $session = [pscustomobject]@{ ClientApplicationID = $null }
    $session | Add-Member -MemberType ScriptMethod -Name CreateUpdateSearcher -Value {
        $agent = (Get-LabState).updates
        if ($agent.error -eq -2147024891) {
            throw (Microsoft.PowerShell.Utility\New-Object System.UnauthorizedAccessException $agent.words)
        }
        $searcher = [pscustomobject]@{ Online = $true }
        $searcher | Add-Member -MemberType ScriptMethod -Name Search -Value { param($criteria) Find-LabUpdate $this.Online $criteria }
        $searcher
    }
    $session
}

# A search online would take minutes, which no script has; another criterion is none that the lab knows.
function Find-LabUpdate([bool]$online, [string]$criteria) {
    $agent = (Get-LabState).updates
    if ($agent.error -ne 0) {
        throw (Microsoft.PowerShell.Utility\New-Object System.Runtime.InteropServices.COMException $agent.words, ([int]$agent.error))
    }
    if ($online -or $criteria -ne 'IsInstalled=0 and IsHidden=0') {
        throw 'the lab finds nothing online, and nothing by other criteria'
    }
    [pscustomobject]@{
        ResultCode = $agent.result
        Updates = @($agent.pending | ForEach-Object {
            [pscustomobject]@{
                Title = $_.title
                MsrcSeverity = $_.rating
                KBArticleIDs = $_.articles
                Categories = @($_.categories | ForEach-Object { [pscustomobject]@{ CategoryID = $_ } })
            }
        })
    }
}

# As COM has it: UTC, without saying so.
function Get-LabLastSearch {
    $state = Get-LabState
    if ($null -ne $state.updates.searched_ago) {
        $at = ([datetime]$state.clock).ToUniversalTime().AddSeconds(-$state.updates.searched_ago)
        [datetime]::SpecifyKind($at, 'Unspecified')
    }
}

# What is not told of has been made for SYSTEM and Administrators alone.
function Get-Acl {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$LiteralPath)
    $state = Get-LabState
    $key = Find-LabPath $state.readers $LiteralPath
    $others = if ($null -eq $key) { @() } else { @($state.readers[$key]) }
    $flags = if (Test-Path -LiteralPath $LiteralPath -PathType Leaf) { '' } else { 'OICI' }
    $sddl = "O:BAG:SYD:PAI(A;$flags;FA;;;SY)(A;$flags;FA;;;BA)" + -join ($others | ForEach-Object { "(A;;FR;;;$_)" })
    [pscustomobject]@{ Sddl = $sddl }
}

# Linux has no such list.
function New-LabFileSecurity {
    $security = [pscustomobject]@{ Sddl = '' }
    $security | Add-Member -MemberType ScriptMethod -Name SetSecurityDescriptorSddlForm -Value { param($sddl) $this.Sddl = $sddl }
    $security
}

# The whole list, as it is given, with that of the folder where it is not protected; but for files whose entries come back
# whatever is written.
function Set-Acl {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$LiteralPath, [Parameter(Mandatory)] $AclObject)
    $state = Get-LabState
    $key = Find-LabPath $state.readers $LiteralPath
    if ($null -ne $key -and $state.sticky -notcontains $LiteralPath.TrimEnd('\')) {
        $state.readers.Remove($key)
    }
    $others = @([regex]::Matches($AclObject.Sddl, '\(A;[^;]*;[^;]*;;;([^)]+)\)') | ForEach-Object { $_.Groups[1].Value } | Where-Object { $_ -notin 'SY', 'BA' })
    $folder = Find-LabPath $state.readers ($LiteralPath -replace '\\[^\\]*\z', '')
    if ($AclObject.Sddl -notmatch 'D:P' -and $null -ne $folder) {
        $others += @($state.readers[$folder])
    }
    if ($others.Count -gt 0) {
        $state.readers[$LiteralPath] = $others
    }
    Set-LabState $state
}

function Get-Culture {
    [pscustomobject]@{ Name = (Get-LabState).culture }
}

function Get-UICulture {
    [pscustomobject]@{ Name = (Get-LabState).ui_culture }
}

function icacls.exe {
    $path = $args[0]
    $state = Get-LabState
    $global:LASTEXITCODE = 0
    if (-not (Test-Path -LiteralPath $path)) {
        $global:LASTEXITCODE = 2
    } elseif ($args[1] -eq '/inheritance:r' -and $args[2] -eq '/grant:r') {
        $key = Find-LabPath $state.readers $path
        if ($null -ne $key) {
            $state.readers.Remove($key)
        }
        Set-LabState $state
    } elseif ($args[1] -eq '/grant' -and $args[2] -match '\A\*(S-1-[0-9-]+):\(R\)\z') {
        $state.readers[$path] = @($Matches[1])
        Set-LabState $state
    } elseif ($args[1] -ne '/setowner') {
        $global:LASTEXITCODE = 87
    }
}

function New-ScheduledTaskAction {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$Execute, [string]$Argument)
    [pscustomobject]@{ Execute = $Execute; Argument = $Argument }
}

function New-ScheduledTaskTrigger {
    [CmdletBinding()]
    param([switch]$AtStartup, [switch]$Once, [datetime]$At, [timespan]$RepetitionInterval)
    [pscustomobject]@{ AtStartup = [bool]$AtStartup; Repeats = if ($Once) { [int]$RepetitionInterval.TotalSeconds } else { 0 } }
}

function New-ScheduledTaskPrincipal {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string]$UserId,
        [ValidateSet('ServiceAccount')] [string]$LogonType,
        [ValidateSet('Limited', 'Highest')] [string]$RunLevel
    )
    [pscustomobject]@{ UserId = $UserId; RunLevel = $RunLevel }
}

function New-ScheduledTaskSettingsSet {
    [CmdletBinding()]
    param(
        [switch]$AllowStartIfOnBatteries,
        [switch]$DontStopIfGoingOnBatteries,
        [switch]$StartWhenAvailable,
        [timespan]$ExecutionTimeLimit,
        [ValidateSet('IgnoreNew')] [string]$MultipleInstances,
        [int]$Priority = 7
    )
    [pscustomobject]@{ ExecutionTimeLimit = $ExecutionTimeLimit; Priority = $Priority }
}

function Register-ScheduledTask {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$TaskName, $Action, [object[]]$Trigger, $Principal, $Settings, [switch]$Force)
    $state = Get-LabState
    if ($state.tasks.Contains($TaskName) -and -not $Force) {
        $PSCmdlet.WriteError((New-LabError 'Cannot create a file when that file already exists.' 'HRESULT 0x800700b7' ResourceExists $TaskName))
        return
    }
    $state.tasks[$TaskName] = @{
        arguments = if ($state.task_limit -gt 0) { $Action.Argument.Substring(0, [Math]::Min($state.task_limit, $Action.Argument.Length)) } else { $Action.Argument }
        user = $Principal.UserId
        run_level = $Principal.RunLevel
        at_startup = @($Trigger | Where-Object { $_.AtStartup }).Count -gt 0
        repeats = ($Trigger | Measure-Object -Property Repeats -Maximum).Maximum
        priority = $Settings.Priority
        started = $false
    }
    Set-LabState $state
    [pscustomobject]@{ TaskName = $TaskName }
}

function Get-ScheduledTask {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$TaskName)
    $state = Get-LabState
    $state.tasks.Keys | Where-Object { $_ -like $TaskName } | ForEach-Object {
        [pscustomobject]@{ TaskName = $_; Actions = @([pscustomobject]@{ Arguments = $state.tasks[$_].arguments }) }
    }
}

function Start-ScheduledTask {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string]$TaskName)
    $state = Get-LabState
    if (-not $state.tasks.Contains($TaskName)) {
        $PSCmdlet.WriteError((New-LabError 'The system cannot find the file specified.' 'HRESULT 0x80070002' ObjectNotFound $TaskName))
        return
    }
    $state.tasks[$TaskName].started = $true
    Set-LabState $state
}

function Unregister-ScheduledTask {
    [CmdletBinding(SupportsShouldProcess)]
    param([Parameter(Mandatory)] [string]$TaskName)
    $state = Get-LabState
    $state.tasks.Remove($TaskName)
    Set-LabState $state
}

Export-ModuleMember -Function @(
    'Get-LabState', 'New-Object', 'Add-Type', 'New-Service', 'Start-Service', 'Set-Service', 'Stop-Service', 'sc.exe', 'Get-Service', 'Get-Process', 'Get-CimInstance', 'Invoke-CimMethod', 'Get-Date', 'Start-Sleep'
    'Get-Acl', 'Set-Acl', 'Get-Culture', 'Get-UICulture', 'icacls.exe', 'New-ScheduledTaskAction', 'New-ScheduledTaskTrigger', 'New-ScheduledTaskPrincipal'
    'Get-NetRoute', 'Get-NetIPAddress', 'New-NetRoute', 'Remove-NetRoute'
    'New-ScheduledTaskSettingsSet', 'Register-ScheduledTask', 'Get-ScheduledTask', 'Start-ScheduledTask', 'Unregister-ScheduledTask'
)
