# What every script needs: to fail with a code, and to turn a path into one that .NET and programs take.

function Stop-Script([string]$code, [string]$message) {
    $exception = New-Object System.InvalidOperationException $message
    throw (New-Object System.Management.Automation.ErrorRecord $exception, $code, 'InvalidOperation', $null)
}

# Neither .NET nor a program takes a path of a PowerShell drive.
function Get-Full([string]$path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
}
