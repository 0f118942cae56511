# The bytes of one configuration file, unless a private key is in it.
# In:  base (its folder, or one above), file (full paths), limit (bytes).
# Out: the fields of adapters.windows.configuration.ConfigurationFile; the content as base64.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: configuration

$bytes = Read-Configuration $a.base $a.file $a.limit
@{ file = $a.file; content = [Convert]::ToBase64String($bytes); sha256 = Get-Hash $bytes }
