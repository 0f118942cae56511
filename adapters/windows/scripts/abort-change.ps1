# Have the guard put the old state back now: lays the mark that it looks for, and waits until it has begun, or ended.
# A change that this host does not know is recorded as reverted, so that it can never begin, however late it is asked for.
# In:  operation.
# Out: the fields of adapters.windows.commit_confirm.ChangeStatus.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: change
# Part: record

$folder = Get-ChangeFolder $a.operation
$now = Read-State $folder
if ($now.state -eq 'absent') {
    Open-Root
    $null = New-Item -Path $folder -ItemType Directory -Force
    $never = @{ state = 'reverted'; why = 'aborted before it began'; saved = $false }
    $changed = Add-Document "$folder\state-0001.json" $never
    $now = Read-State $folder
    if ($changed) {
        return New-Status $now $true
    }
}
if ($now.state -notin 'applying', 'applied', 'confirmed') {
    return New-Status $now $false
}
if ($now.state -ne 'confirmed') {
    $null = New-Item -Path "$folder\abort" -ItemType File -Force
    for ($look = 0; $look -lt 40 -and $now.state -in 'applying', 'applied', 'reverting'; $look++) {
        Start-Sleep -Milliseconds 500
        $now = Read-State $folder
    }
}
if ($now.state -eq 'confirmed') {
    Stop-Script 'ChangeConfirmed' "the change of $($a.operation) was confirmed; it is not put back any more"
}
if ($now.state -in 'applying', 'applied') {
    Stop-Script 'GuardSilent' "the guard of $($a.operation) does not answer; is its scheduled task running?"
}
New-Status $now $true
