# The fixed drives of this host, and how large its logs are. A part that cannot be read hides no other.
# In:  nebula_log, access_log, error_log (full paths).
# Out: the fields of adapters.windows.disks.WindowsDisks.
param($a)
Set-StrictMode -Version 3
Import-Module CimCmdlets -ErrorAction SilentlyContinue

# Part: logs

# WMI is asked for at most 5 s: where it is ill it would hang. Neither network drives nor media that come and go count.
function Read-Drives {
    try {
        $wanted = @{ ClassName = 'Win32_LogicalDisk'; Filter = 'DriveType=3'; Property = 'DeviceID', 'Size', 'FreeSpace' }
        $found = Get-CimInstance @wanted -OperationTimeoutSec 5 -ErrorAction Stop
        $drives = @(foreach ($drive in $found) {
            @{ name = $drive.DeviceID; size = $drive.Size; free = $drive.FreeSpace }
        })
        return @{ drives = $drives }
    } catch {
        return @{ drives = $null }
    }
}

@{
    drives = (Read-Drives).drives
    logs = @(Read-Logs $a)
}
