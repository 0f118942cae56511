# The folder of a backup by its name.
function Test-Backup([string]$folder) {
    if ($folder -cnotmatch '\\[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}\z') {
        Stop-Script 'NotOurs' "$folder is not the folder of a backup"
    }
}
