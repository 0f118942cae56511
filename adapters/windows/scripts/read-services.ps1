# The two services, since when they run, and the nginx processes. A part that cannot be read hides no other.
# In:  nebula_service, gateway_service (names).
# Out: the fields of adapters.windows.services.Services.
param($a)
Set-StrictMode -Version 3
Import-Module CimCmdlets -ErrorAction SilentlyContinue

# Only the one error says that there is no such service; of all others (access denied) nothing follows.
function Read-Service([string]$name) {
    $found = @{ name = $name; status = 'Unknown'; start_type = 'Unknown'; since = $null }
    try {
        $service = Get-Service -Name $name -ErrorAction Stop
        $found.status = $service.Status.ToString()
        $found.start_type = $service.StartType.ToString()
        $found.since = Read-Start $name
    } catch {
        if ($_.FullyQualifiedErrorId -like 'NoServiceFoundForGivenName,*') {
            $found.status = 'Absent'
        }
    }
    $found
}

# WMI is asked for at most 5 s: where it is ill it would hang. A name stands in its filter as a quoted string.
function Read-Start([string]$name) {
    try {
        $quoted = $name.Replace('\', '\\').Replace("'", "\'")
        $service = Get-CimInstance Win32_Service -Filter "Name='$quoted'" -Property ProcessId -OperationTimeoutSec 5 -ErrorAction Stop
        if ($service.ProcessId -eq 0) {
            return $null
        }
        (Get-Process -Id $service.ProcessId -ErrorAction Stop).StartTime.ToUniversalTime().ToString('o')
    } catch {
        $null
    }
}

@{
    nebula = Read-Service $a.nebula_service
    gateway = Read-Service $a.gateway_service
    nginx_processes = @(Get-Process -Name nginx -ErrorAction SilentlyContinue).Count
}
