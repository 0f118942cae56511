# Keys are overwritten before they are deleted.
# Part: script

# What is only deleted stays on the disk. A disk may keep old blocks all the same.
function Clear-Key([string]$path) {
    $full = Get-Full $path
    if (-not [System.IO.File]::Exists($full)) {
        return $false
    }
    $file = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Write)
    try {
        $zeros = New-Object byte[] ([int]$file.Length)
        $file.Write($zeros, 0, $zeros.Length)
        $file.Flush($true)
    } finally {
        $file.Close()
    }
    [System.IO.File]::Delete($full)
    $true
}
