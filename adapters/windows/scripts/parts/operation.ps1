# The folder of an operation by its name.
function Test-Ours([string]$folder) {
    if ($folder -cnotmatch '\\operations\\op-[0-9a-f]{12}\z') {
        Stop-Script 'NotOurs' "$folder is not the folder of an operation"
    }
}
