# Room on a drive for a file that is about to be written.

# Free space that is left for the host itself: 256 MB.
$spare = 268435456

function Test-Space([string]$folder, [long]$size) {
    $drive = Split-Path -Path $folder -Qualifier
    $asked = @{ ClassName = 'Win32_LogicalDisk'; Filter = "DeviceID='$drive'"; Property = 'FreeSpace'; OperationTimeoutSec = 5 }
    $known = Get-CimInstance @asked -ErrorAction SilentlyContinue
    if ($null -ne $known -and $null -ne $known.FreeSpace -and $known.FreeSpace -lt $size + $spare) {
        Stop-Script 'DiskFull' "$($size + $spare) bytes are needed on $drive and $($known.FreeSpace) are free"
    }
}
