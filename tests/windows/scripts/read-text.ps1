# Read a scratch file and the state of the scratch service.
# In:  path, name.
# Out: text, status.
param($a)
Set-StrictMode -Version 3
$full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($a.path)
@{
    text = [System.IO.File]::ReadAllText($full)
    status = (Get-Service -Name $a.name -ErrorAction Stop).Status.ToString()
}
