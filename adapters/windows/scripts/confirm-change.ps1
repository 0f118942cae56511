# Have the guard keep an applied change: lays the mark that it waits for, and waits until it says that it has seen it.
# In:  operation.
# Out: the fields of adapters.windows.commit_confirm.ChangeStatus; only what the guard recorded counts.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: change

$folder = Get-ChangeFolder $a.operation
$now = Read-State $folder
if ($now.state -eq 'absent') {
    Stop-Script 'ChangeAbsent' "this host knows of no change of $($a.operation)"
}
if ($now.state -eq 'confirmed') {
    return New-Status $now $false
}
if ($now.state -eq 'applying') {
    Stop-Script 'ChangeNotApplied' "the change of $($a.operation) is not applied yet"
}
if ($now.state -eq 'applied') {
    $null = New-Item -Path "$folder\confirm" -ItemType File -Force
    for ($look = 0; $look -lt 30 -and $now.state -eq 'applied'; $look++) {
        Start-Sleep -Milliseconds 500
        $now = Read-State $folder
    }
}
if ($now.state -eq 'applied') {
    Stop-Script 'GuardSilent' "the guard of $($a.operation) does not answer; is its scheduled task running?"
}
if ($now.state -ne 'confirmed') {
    Stop-Script 'ChangeReverted' "the change of $($a.operation) is $($now.state): $($now.why)"
}
New-Status $now $true
