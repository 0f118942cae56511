# Files of an operation, or of a backup, that are moved between hosts: in its folder under a plain name, and with .part until
# they are whole.

function Get-Spool([string]$folder, [string]$name) {
    if ($folder -cnotmatch '\\operations\\op-[0-9a-f]{12}\z' -and $folder -cnotmatch '\\[a-z0-9-]{1,64}-[0-9a-f]{12}\z') {
        Stop-Script 'NotOurs' "$folder is not the folder of an operation or of a backup"
    }
    if ($name -cnotmatch '\A[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){0,2}\z') {
        Stop-Script 'NotOurs' "$name is no name of a file that is moved"
    }
    Get-Full "$folder\$name"
}

function Get-Hash([string]$full) {
    $hash = [System.Security.Cryptography.SHA256]::Create()
    $file = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Read)
    try {
        [System.BitConverter]::ToString($hash.ComputeHash($file)).Replace('-', '').ToLowerInvariant()
    } finally {
        $file.Close()
    }
}

function Get-Length([string]$full) {
    (New-Object System.IO.FileInfo $full).Length
}
