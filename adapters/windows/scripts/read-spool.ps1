# Read one piece of a file of an operation.
# In:  folder (full path), name, offset, count (bytes).
# Out: the fields of adapters.transfer.Piece.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: spool

$full = Get-Spool $a.folder $a.name
if (-not [System.IO.File]::Exists($full)) {
    Stop-Script 'SpoolMissing' "there is no file $($a.folder)\$($a.name)"
}
$file = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Read)
try {
    # The first argument decides: with an int there a file beyond 2 GiB would not fit.
    $count = [Math]::Max([long]0, [Math]::Min([long]$a.count, $file.Length - $a.offset))
    $bytes = New-Object byte[] $count
    $null = $file.Seek($a.offset, [System.IO.SeekOrigin]::Begin)
    $got = 0
    while ($got -lt $count) {
        $read = $file.Read($bytes, $got, $count - $got)
        if ($read -eq 0) {
            Stop-Script 'SpoolCut' "$($a.folder)\$($a.name) was cut short meanwhile"
        }
        $got += $read
    }
    @{ offset = $a.offset; size = $file.Length; data = [Convert]::ToBase64String($bytes) }
} finally {
    $file.Close()
}
