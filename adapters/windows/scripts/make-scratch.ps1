# Files for a rehearsal in the folder of an operation: for each name two files, NAME.txt and NAME-plain.txt, a folder,
# NAME-folder, and what is to replace them, which ends in .new. One new file counts as a private key, and users may read the
# file that it replaces, so that the guard shows what it makes of both.
# In:  folder (full path), names.
# Out: the fields of adapters.windows.rehearsal.Scratch.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: folder

if ($a.folder -cnotmatch '\\operations\\op-[0-9a-f]{12}\z') {
    Stop-Script 'NotOurs' "$($a.folder) is not the folder of an operation"
}
Open-Folder $a.folder
foreach ($name in $a.names) {
    Write-Text "$($a.folder)\$name.txt" 'rehearsal: old'
    Write-Text "$($a.folder)\$name.new" 'rehearsal: new, as careful as with a PRIVATE KEY-----'
    Write-Text "$($a.folder)\$name-plain.txt" 'rehearsal: old'
    Write-Text "$($a.folder)\$name-plain.new" 'rehearsal: new'
    $null = New-Item -Path "$($a.folder)\$name-folder" -ItemType Directory -Force
    Write-Text "$($a.folder)\$name-folder\scratch.txt" 'rehearsal: old'
    $null = New-Item -Path "$($a.folder)\$name-folder.new" -ItemType Directory -Force
    Write-Text "$($a.folder)\$name-folder.new\scratch.txt" 'rehearsal: new'
    $null = icacls.exe "$($a.folder)\$name.txt" /grant '*S-1-5-32-545:(R)'
    if ($LASTEXITCODE -ne 0) {
        Stop-Script 'ScratchNotMade' "icacls ended with $LASTEXITCODE for $($a.folder)\$name.txt"
    }
}
@{ changed = $true }
