# With once.ps1 or resident.ps1 behind it, the only code that ever stands on a command line. Get-FlatnetAnswer takes one line
# (base64 of gzip of JSON: nonce, script, args), runs the script on its arguments and returns one framed line of ASCII.
# Comments, indentation and empty lines are left out of what is sent. PowerShell 5.1 and 7.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# By name: to find the module of a command, 5.1 reads all modules of the host, again each time, because the list of what it
# found lies in a profile that is not loaded here.
Import-Module Microsoft.PowerShell.Utility, Microsoft.PowerShell.Management -ErrorAction SilentlyContinue
Import-Module Microsoft.PowerShell.Security -ErrorAction SilentlyContinue
# Windows PowerShell 5.1 would write arrays as {"value": [...], "Count": n}.
Remove-TypeData System.Array -ErrorAction SilentlyContinue
$utf8 = New-Object System.Text.UTF8Encoding $false
function FlatnetUnpack([string]$text) {
    $source = New-Object System.IO.MemoryStream (, [Convert]::FromBase64String($text))
    $gzip = New-Object System.IO.Compression.GZipStream $source, ([System.IO.Compression.CompressionMode]::Decompress)
    $reader = New-Object System.IO.StreamReader $gzip, $utf8
    $reader.ReadToEnd()
}
function FlatnetPack([string]$text) {
    $target = New-Object System.IO.MemoryStream
    $gzip = New-Object System.IO.Compression.GZipStream $target, ([System.IO.Compression.CompressionMode]::Compress)
    $bytes = $utf8.GetBytes($text)
    $gzip.Write($bytes, 0, $bytes.Length)
    $gzip.Close()
    [Convert]::ToBase64String($target.ToArray())
}
function Get-FlatnetAnswer([string]$line) {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $code = 0
    $nonce = ''
    try {
        $request = FlatnetUnpack $line | ConvertFrom-Json
        $nonce = $request.nonce
        $body = [scriptblock]::Create($request.script)
        $answers = @(& $body $request.args)
        if ($answers.Count -ne 1) {
            throw "the script answered with $($answers.Count) objects instead of one"
        }
        # Within try: an answer that cannot be written as JSON fails as any other, in a frame.
        $json = ConvertTo-Json -InputObject @{ ok = $true; data = $answers[0] } -Depth 8 -Compress
    } catch {
        $code = 1
        $failed = @{ message = $_.Exception.Message; type = $_.Exception.GetType().FullName; id = $_.FullyQualifiedErrorId }
        $json = ConvertTo-Json -InputObject @{ ok = $false; error = $failed } -Depth 8 -Compress
    }
    @{ code = $code; frame = "`r`n<<FLATNET:" + $nonce + ':' + (FlatnetPack $json) + ":END>>" }
}
