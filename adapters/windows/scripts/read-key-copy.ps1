# Read the encrypted copy of a CA key: its files, and whether SYSTEM and Administrators alone can enter its folder.
# In:  folder (of the copy, full path).
# Out: files (name, size, sha256, data: base64), closed (nothing where there is no folder).
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: acl
# Part: keycopy

Test-CopyFolder $a.folder
$files = @(foreach ($name in $copied) {
        $full = Get-Full "$($a.folder)\$name"
        if ([System.IO.File]::Exists($full)) {
            if ((Get-Length $full) -gt 64000) {
                Stop-Script 'TooLarge' "$($a.folder)\$name is larger than any copy of a CA key"
            }
            $data = [Convert]::ToBase64String([System.IO.File]::ReadAllBytes($full))
            @{ name = $name; size = Get-Length $full; sha256 = Get-Hash $full; data = $data }
        }
    })
$closed = $null
if (Test-Path -LiteralPath $a.folder -PathType Container) {
    $closed = @(Read-Readers $a.folder).Count -eq 0
}
@{ files = $files; closed = $closed }
