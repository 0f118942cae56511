# Remove the scratch service, the scratch folder, and what the guard recorded of this kit's changes.
# In:  name, folders.
# Out: left, what could not be removed.
param($a)
Set-StrictMode -Version 3
$left = @()
if (@(Get-Service -Name $a.name -ErrorAction SilentlyContinue).Count -gt 0) {
    Stop-Service -Name $a.name -ErrorAction SilentlyContinue
    $null = sc.exe delete $a.name
    if ($LASTEXITCODE -ne 0) {
        $left += "the service $($a.name)"
    }
}
$recorded = "$($env:ProgramData)\flatnet-bot\changes"
$folders = @($a.folders)
if (Test-Path -LiteralPath $recorded) {
    $folders += @(Get-ChildItem -LiteralPath $recorded -Directory | Where-Object { $_.Name -like 'contract-*' } | ForEach-Object { "$recorded\$($_.Name)" })
}
foreach ($folder in $folders) {
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    if (Test-Path -LiteralPath $folder) {
        $left += $folder
    }
}
@{ left = $left }
