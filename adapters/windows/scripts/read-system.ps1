# Services, nginx processes, versions, clock and logs of this host. A part that cannot be read hides no other.
# In:  nebula_service, gateway_service (names), nebula_exe, gateway_exe, nebula_log, access_log, error_log (full paths).
# Out: the fields of adapters.windows.system.WindowsSystem.
param($a)
Set-StrictMode -Version 3
Import-Module CimCmdlets -ErrorAction SilentlyContinue

# Part: logs
# Part: status

# WMI is asked once and for at most 5 s: where it is ill it would hang.
function Read-Windows {
    try {
        $os = Get-CimInstance Win32_OperatingSystem -Property Version, LastBootUpTime -OperationTimeoutSec 5 -ErrorAction Stop
        return @{ version = $os.Version; booted_at = $os.LastBootUpTime.ToUniversalTime().ToString('o') }
    } catch {
        return @{ version = ''; booted_at = $null }
    }
}

# Neither program carries a version resource, so each is asked; nginx answers on stderr. .NET starts it, not "&":
# 5.1 turns redirected stderr into errors, and has no time limit. Missing, not runnable or hanging: no version.
function Read-Version([string]$path, [string]$option, [string]$pattern) {
    try {
        $start = New-Object System.Diagnostics.ProcessStartInfo
        $start.FileName = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
        $start.Arguments = $option
        $start.UseShellExecute = $false
        $start.RedirectStandardOutput = $true
        $start.RedirectStandardError = $true
        $process = [System.Diagnostics.Process]::Start($start)
        $output = $process.StandardOutput.ReadToEndAsync()
        $errors = $process.StandardError.ReadToEndAsync()
        if (-not $process.WaitForExit(3000)) {
            $process.Kill()
            return ''
        }
        if (($output.Result + $errors.Result) -match $pattern) {
            return $Matches[1]
        }
        return ''
    } catch {
        return ''
    }
}

$windows = Read-Windows
@{
    nebula = Read-Status $a.nebula_service
    gateway = Read-Status $a.gateway_service
    nginx_processes = @(Get-Process -Name nginx -ErrorAction SilentlyContinue).Count
    powershell_version = $PSVersionTable.PSVersion.ToString()
    os_version = $windows.version
    nebula_version = Read-Version $a.nebula_exe '-version' 'Version: (\S{1,64})'
    nginx_version = Read-Version $a.gateway_exe '-v' 'nginx version: (\S{1,64})'
    clock = (Get-Date).ToUniversalTime().ToString('o')
    booted_at = $windows.booted_at
    logs = @(Read-Logs $a)
}
