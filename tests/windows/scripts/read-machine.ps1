# Describe the machine on which the contract is tried.
# Out: the fields of tests.windows.scratch.Machine.
param($a)
Set-StrictMode -Version 3
$system = Get-CimInstance Win32_OperatingSystem -Property Caption, Version -OperationTimeoutSec 20 -ErrorAction Stop
@{
    windows = "$($system.Caption) $($system.Version)"
    powershell = $PSVersionTable.PSVersion.ToString()
    edition = $PSVersionTable.PSEdition
    culture = (Get-Culture).Name
    ui_culture = (Get-UICulture).Name
    offset = [int][TimeZoneInfo]::Local.GetUtcOffset([DateTime]::UtcNow).TotalSeconds
    zone = [TimeZoneInfo]::Local.Id
}
