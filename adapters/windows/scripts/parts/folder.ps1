# The folder of an operation: nobody but SYSTEM and Administrators enters it, from before anything lies in it.

Import-Module CimCmdlets -ErrorAction SilentlyContinue

# The Free of a PowerShell drive asks WMI without a time limit, so WMI is asked with one. No answer forbids nothing: on a full
# disk the writing itself fails.
function Test-Room([string]$path) {
    $drive = Split-Path -Path $path -Qualifier
    $asked = @{ ClassName = 'Win32_LogicalDisk'; Filter = "DeviceID='$drive'"; Property = 'FreeSpace'; OperationTimeoutSec = 5 }
    $known = Get-CimInstance @asked -ErrorAction SilentlyContinue
    if ($null -ne $known -and $null -ne $known.FreeSpace -and $known.FreeSpace -lt 1048576) {
        Stop-Script 'DiskFull' "less than 1 MB is free on $drive"
    }
}

# SIDs, since names are localized. A folder with something in it is never opened up or taken over: it must be as we make it.
function Open-Folder([string]$folder) {
    Test-Room $folder
    $null = [System.IO.Directory]::CreateDirectory((Get-Full $folder))
    if (@(Get-ChildItem -LiteralPath $folder -Force).Count -eq 0) {
        $null = icacls.exe $folder /setowner '*S-1-5-32-544'
        if ($LASTEXITCODE -eq 0) {
            $null = icacls.exe $folder /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)(F)' '*S-1-5-32-544:(OI)(CI)(F)'
        }
        if ($LASTEXITCODE -ne 0) {
            Stop-Script 'FolderNotSafe' "icacls ended with $LASTEXITCODE for $folder"
        }
    }
    Test-Closed $folder
}

function Test-Closed([string]$folder) {
    if ((Get-Acl -LiteralPath $folder).Sddl -cnotmatch '^O:(BA|SY)(G:\S*?)?D:[A-Z]*(\(A;[A-Z]*;FA;;;(BA|SY)\))+(S:.*)?$') {
        Stop-Script 'FolderNotSafe' "others than SYSTEM and Administrators can enter $folder; look at it, then remove it"
    }
}

function Write-Text([string]$path, [string]$text) {
    $bytes = (New-Object System.Text.UTF8Encoding $false).GetBytes($text)
    $file = New-Object System.IO.FileStream (Get-Full $path), ([System.IO.FileMode]::Create), ([System.IO.FileAccess]::Write)
    try {
        $file.Write($bytes, 0, $bytes.Length)
        $file.Flush($true)
    } finally {
        $file.Close()
    }
}
