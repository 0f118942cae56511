# The encrypted copy of a CA key: three small files in a folder of their own, which SYSTEM and Administrators alone enter.
# Part: spool

$copied = @('ca-key.cms', 'ca.crt', 'manifest.json')

function Test-CopyFolder([string]$folder) {
    if ($folder -cnotmatch '\\ca\\[a-z0-9][a-z0-9-]{0,63}-[0-9a-f]{12}\z') {
        Stop-Script 'NotOurs' "$folder is not the folder of a copy of a CA key"
    }
}
