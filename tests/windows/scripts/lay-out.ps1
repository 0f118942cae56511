# Make the scratch folder anew, for SYSTEM and Administrators only, with the files of one case.
# In:  folder, copies (from, to), files (path, content in base64, size, written), readers (path, accounts).
# Out: files, the number of files.
param($a)
Set-StrictMode -Version 3

function Get-Full([string]$path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
}

function New-Folder([string]$path) {
    $null = [System.IO.Directory]::CreateDirectory((Get-Full $path))
}

function Set-Access([string]$path, [string[]]$grants) {
    $null = icacls.exe $path /inheritance:r /grant:r @grants
    if ($LASTEXITCODE -ne 0) {
        throw "icacls ended with $LASTEXITCODE for $path"
    }
}

function Write-File($file) {
    New-Folder (Split-Path -Path $file.path -Parent)
    $full = Get-Full $file.path
    [System.IO.File]::WriteAllBytes($full, [Convert]::FromBase64String($file.content))
    $stream = New-Object System.IO.FileStream $full, ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Write)
    try {
        if ($stream.Length -lt [long]$file.size) {
            $stream.SetLength([long]$file.size)
        }
    } finally {
        $stream.Close()
    }
    $written = [DateTime]::Parse($file.written, [cultureinfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::RoundtripKind)
    [System.IO.File]::SetLastWriteTimeUtc($full, $written.ToUniversalTime())
}

function Add-Readers($entry) {
    if (-not (Test-Path -LiteralPath $entry.path)) {
        New-Folder $entry.path
    }
    foreach ($account in $entry.accounts) {
        $null = icacls.exe $entry.path /grant "*$($account):(R)"
        if ($LASTEXITCODE -ne 0) {
            throw "icacls ended with $LASTEXITCODE for $($entry.path)"
        }
    }
}

if ($a.folder -notlike '*\flatnet-bot-contract') {
    throw "$($a.folder) is not a folder of this kit"
}
if (Test-Path -LiteralPath $a.folder) {
    Remove-Item -LiteralPath $a.folder -Recurse -Force -ErrorAction Stop
}
New-Folder $a.folder
Set-Access $a.folder @('*S-1-5-18:(OI)(CI)(F)', '*S-1-5-32-544:(OI)(CI)(F)')
foreach ($copy in $a.copies) {
    New-Folder (Split-Path -Path $copy.to -Parent)
    [System.IO.File]::Copy((Get-Full $copy.from), (Get-Full $copy.to))
}
foreach ($file in $a.files) {
    Write-File $file
}
foreach ($entry in $a.readers) {
    Add-Readers $entry
}
@{ files = @($a.files).Count }
