# Where a log ends now. It is opened for that: what a folder says of a file's size lags while it is written.
# In:  log (full path).
# Out: the fields of adapters.windows.nebula.LogPosition.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files

$position = 0
if (Test-Path -LiteralPath $a.log -PathType Leaf) {
    $file = Open-Shared $a.log
    $position = $file.Length
    $file.Close()
}
@{ position = $position }
