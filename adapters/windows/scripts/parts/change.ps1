# How far a guarded change is, as the guard records it: the newest of the files state-NNNN.json.

function Get-ChangeFolder([string]$operation) {
    if ($operation -notmatch '\A[A-Za-z0-9][A-Za-z0-9-]{0,63}\z') {
        Stop-Script 'BadOperation' "$operation cannot be the name of a change"
    }
    "$($env:ProgramData)\flatnet-bot\changes\$operation"
}

function Read-State([string]$folder) {
    if (-not (Test-Path -LiteralPath "$folder\state-0001.json")) {
        return @{ state = 'absent'; why = '' }
    }
    $last = @(Get-ChildItem -LiteralPath $folder -Filter 'state-*.json' | Sort-Object -Property Name)[-1].Name
    try {
        $now = [System.IO.File]::ReadAllText((Get-Full "$folder\$last")) | ConvertFrom-Json
        @{ state = $now.state; why = $now.why }
    } catch {
        Stop-Script 'ChangeUnreadable' "$folder\$last cannot be read; see what that change did, then remove its folder"
    }
}

function New-Status($now, [bool]$changed) {
    @{ operation = $a.operation; state = $now.state; why = $now.why; changed = $changed }
}
