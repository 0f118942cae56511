# Keep copies of the present files of a configuration as the last good one, in place of the one before.
# In:  base (folder), sha256 (of the whole), files (file, sha256; full paths), limit (bytes of a file).
# Out: the fields of adapters.windows.good_configuration.GoodConfiguration.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: pki
# Part: good

# The files first, then the document that names them: until then the one before counts.
function Copy-Files([string]$folder) {
    foreach ($each in $a.files) {
        $bytes = Read-Configuration $a.base $each.file $a.limit
        if ((Get-Hash $bytes) -ne $each.sha256) {
            Stop-Script 'FileChanged' "$($each.file) has changed"
        }
        Write-Bytes "$folder$($each.file.Substring($a.base.Length))" $bytes
    }
}

function Write-Document {
    $document = New-Object System.Collections.Specialized.OrderedDictionary
    $document.Add('base', $a.base)
    $document.Add('sha256', $a.sha256)
    $document.Add('kept_at', (Get-Date).ToUniversalTime().ToString('o'))
    $document.Add('files', @(foreach ($each in $a.files) {
                $file = New-Object System.Collections.Specialized.OrderedDictionary
                $file.Add('file', $each.file)
                $file.Add('sha256', $each.sha256)
                $file
            }))
    $full = Get-Full "$good\good.json"
    Write-Text "$good\good.new" (ConvertTo-Json -InputObject $document -Depth 8 -Compress)
    if ([System.IO.File]::Exists($full)) {
        [System.IO.File]::Replace((Get-Full "$good\good.new"), $full, "$full.old")
        [System.IO.File]::Delete("$full.old")
    } else {
        [System.IO.File]::Move((Get-Full "$good\good.new"), $full)
    }
}

$known = Read-Good
if ($null -ne $known -and $known.sha256 -eq $a.sha256 -and $known.base -eq $a.base -and (Test-Intact $known)) {
    return New-Good $known $true $false
}
Open-Root
Open-Folder $good
Test-Link $good
$kept = Get-Kept $a
if (Test-Path -LiteralPath $kept) {
    [System.IO.Directory]::Delete((Get-Full $kept), $true)
}
Copy-Files $kept
Write-Document
foreach ($other in @(Get-ChildItem -LiteralPath $good -Directory)) {
    if ("$good\$($other.Name)" -ne $kept) {
        [System.IO.Directory]::Delete((Get-Full "$good\$($other.Name)"), $true)
    }
}
New-Good (Read-Good) $true $true
