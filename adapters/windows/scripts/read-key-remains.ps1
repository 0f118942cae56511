# How many private keys are left of those that are to be wiped.
# In:  files, folders, roots, ca_key (full paths).
# Out: the fields of adapters.windows.key_files.KeyRemains.
param($a)
Set-StrictMode -Version 3
# Part: remains

$left = @(Find-Remains)
@{ left = $left.Count; first = if ($left.Count -gt 0) { $left[0] } else { '' } }
