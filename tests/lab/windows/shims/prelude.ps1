# Runs before the bootstrap: makes this PowerShell on Linux take the host in $env:FLATNET_LAB_STATE for its own.
Import-Module LabWindows
$PSVersionTable.PSVersion = [version](Get-LabState).powershell_version
$PSVersionTable.PSEdition = if ($PSVersionTable.PSVersion.Major -eq 5) { 'Desktop' } else { 'Core' }
foreach ($drive in Get-ChildItem -LiteralPath $env:FLATNET_LAB_DRIVES -Directory) {
    $null = New-PSDrive -Name $drive.Name -PSProvider FileSystem -Root $drive.FullName -Scope Global
}
