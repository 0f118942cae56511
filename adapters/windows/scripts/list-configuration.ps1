# The gateway's main file and all files that it includes, with their hashes. No file that lies elsewhere is opened.
# In:  base (folder), main (full paths), limit (bytes of a file), files_limit.
# Out: files: the fields of adapters.windows.configuration.ListedFile.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: includes

Test-Standing $a.base $a.main
$files = foreach ($one in (Read-Tree '')) {
    $read = $null -ne $one.bytes
    @{
        file = $one.file
        state = $one.state
        size = if ($read) { $one.bytes.Length } else { 0 }
        sha256 = if ($read) { Get-Hash $one.bytes } else { '' }
    }
}
@{ files = @($files) }
