# Which configuration this host keeps as the last good one.
# In:  nothing.
# Out: the fields of adapters.windows.good_configuration.GoodConfiguration.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: good

$document = Read-Good
if ($null -eq $document) {
    return @{ base = ''; folder = ''; sha256 = ''; kept_at = $null; files = @(); intact = $true; changed = $false }
}
New-Good $document (Test-Intact $document) $false
