# Files for a rehearsal in the folder of an operation: for each name a file, NAME.txt, and what is to replace it, NAME.new.
# The new one counts as a private key, and users may read the old one, so that the guard shows what it makes of both.
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
    $null = icacls.exe "$($a.folder)\$name.txt" /grant '*S-1-5-32-545:(R)'
    if ($LASTEXITCODE -ne 0) {
        Stop-Script 'ScratchNotMade' "icacls ended with $LASTEXITCODE for $($a.folder)\$name.txt"
    }
}
@{ changed = $true }
