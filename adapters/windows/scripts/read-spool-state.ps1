# Read how much of a file of an operation is there, and its hash once it is whole.
# In:  folder (full path), name.
# Out: the fields of adapters.transfer.SpoolState.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: spool

$full = Get-Spool $a.folder $a.name
if ([System.IO.File]::Exists($full)) {
    return @{ received = Get-Length $full; sha256 = Get-Hash $full }
}
if ([System.IO.File]::Exists("$full.part")) {
    return @{ received = Get-Length "$full.part"; sha256 = '' }
}
@{ received = 0; sha256 = '' }
