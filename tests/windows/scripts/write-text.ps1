# Write a scratch file.
# In:  path, text.
# Out: bytes.
param($a)
Set-StrictMode -Version 3
$full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($a.path)
$null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($full))
$bytes = (New-Object System.Text.UTF8Encoding $false).GetBytes($a.text)
[System.IO.File]::WriteAllBytes($full, $bytes)
@{ bytes = $bytes.Length }
