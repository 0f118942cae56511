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

function New-LabError([string]$message, [string]$id, [System.Management.Automation.ErrorCategory]$category, $target) {
    $exception = New-Object System.InvalidOperationException $message
    New-Object System.Management.Automation.ErrorRecord $exception, $id, $category, $target
}

function Get-Service {
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Name)
    $services = (Get-LabState).services
    $key = $services.Keys | Where-Object { $_ -eq $Name }
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
    [pscustomobject]@{
        Name = $key
        Status = [ServiceControllerStatus]$services[$key].status
    }
}

function Get-Process {
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0)] [ValidateNotNullOrEmpty()] [string]$Name)
    $found = @((Get-LabState).processes | Where-Object { $_.name -eq $Name })
    if ($found.Count -eq 0) {
        $message = "Cannot find a process with the name ""$Name"". Verify the process name and call the cmdlet again."
        $PSCmdlet.WriteError((New-LabError $message NoProcessFoundForGivenName ObjectNotFound $Name))
    }
    foreach ($process in $found) {
        [pscustomobject]@{ ProcessName = $process.name; Id = $process.pid }
    }
}

function Get-CimInstance {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [ValidateSet('Win32_OperatingSystem')] [string]$ClassName,
        [Parameter(Mandatory)] [string[]]$Property,
        [uint32]$OperationTimeoutSec
    )
    $state = Get-LabState
    if (-not $state.wmi) {
        $PSCmdlet.WriteError((New-LabError 'Timed out' 'HRESULT 0x00040004' OperationTimeout $ClassName))
        return
    }
    $all = @{ Version = $state.os_version; LastBootUpTime = ([datetime]$state.booted_at).ToLocalTime() }
    $instance = @{}
    foreach ($known in $all.Keys) {
        $instance[$known] = if ($known -in $Property) { $all[$known] } else { $null }
    }
    [pscustomobject]$instance
}

function Get-Date {
    [CmdletBinding()]
    param()
    ([datetime](Get-LabState).clock).ToLocalTime()
}

Export-ModuleMember -Function Get-LabState, Get-Service, Get-Process, Get-CimInstance, Get-Date
