# Unpack a part of a backup into the folder of an operation, and lay beside its files those of the present ones that no backup
# holds, such as the keys of TLS. What is swapped later are exactly these folders. Nothing live is changed.
# In:  folder (of the operation), archive_folder, name, sha256 (of the archive), base (folder of the present files; full paths),
#      keep (names in base), bytes_limit, files_limit.
# Out: the fields of adapters.windows.restore.StagedPart.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: operation
# Part: folder
# Part: room
# Part: unpack
# Part: pki
# Part: configuration

$restored = "$($a.folder)\restore"

# With its own access list: it goes where the present one is, and is as open as that.
function Copy-Kept([string]$name) {
    Test-Name $name
    $inside = $name.Replace('/', '\')
    $from = "$($a.base)\$inside"
    if ((Get-Standing $a.base $from) -ne 'present') {
        return
    }
    $to = "$restored\$inside"
    $acl = Get-Acl -LiteralPath $from
    $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName((Get-Full $to)))
    [System.IO.File]::Copy((Get-Full $from), (Get-Full $to), $false)
    Set-Acl -LiteralPath $to -AclObject $acl
    $name
}

function Remove-Restored {
    if (Test-Path -LiteralPath $restored) {
        [System.IO.Directory]::Delete((Get-Full $restored), $true)
    }
}

Test-Ours $a.folder
$archive = "$($a.archive_folder)\$($a.name)"
if (-not (Test-Path -LiteralPath $archive -PathType Leaf)) {
    Stop-Script 'BackupMissing' "there is no file $archive"
}
Test-Closed $a.archive_folder
$bytes = Read-Bytes $archive $a.bytes_limit
if ((Get-Hash $bytes) -cne $a.sha256) {
    Stop-Script 'BackupDiffers' "$archive was changed since it was made"
}
Test-Space $a.folder (2 * $bytes.Length)
Open-Folder $a.folder
Remove-Restored
$whole = $false
try {
    $entries = @(Expand-Part $archive $restored @{ bytes = $a.bytes_limit; files = $a.files_limit })
    $kept = @(foreach ($name in $a.keep) { Copy-Kept $name })
    $whole = $true
} finally {
    if (-not $whole) {
        Remove-Restored
    }
}
@{ files = $entries.Count; kept = $kept; changed = $true }
