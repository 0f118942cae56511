# Encrypt a CA key that lies here for some people, who open it with openssl. Neither the key nor a part of it is ever told.
# In:  folder (of the copy, full path), id, host, operation, ca_key, nebula_cert_exe (full paths), certificate (PEM of the CA),
#      fingerprint, recipients (name, sha256, certificate: DER as base64).
# Out: the fields of adapters.windows.key_backup.ProtectedKey.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: keycopy

# Windows PowerShell has the types of CMS in one assembly, PowerShell 7 in another.
if ($PSVersionTable.PSEdition -eq 'Desktop') {
    Add-Type -AssemblyName System.Security
} else {
    Add-Type -AssemblyName System.Security.Cryptography.Pkcs
}

# nebula-cert compares the key with the CA before it looks for the public key to sign. There is none, so nothing is signed.
function Test-Pair([string]$certificate) {
    $none = Get-Full "$($a.folder)\no-such-key.pub"
    $out = Get-Full "$($a.folder)\no-such.crt"
    $arguments = @('sign', '-ca-crt', (Get-Full $certificate), '-ca-key', (Get-Full $a.ca_key), '-in-pub', $none)
    $arguments += @('-out-crt', $out, '-name', 'none', '-ip', '10.100.0.1/16')
    $words = Get-LastWords (Invoke-Program $a.nebula_cert_exe $arguments).stderr
    if ($words -match 'does not match private key') {
        Stop-Script 'CaDiffers' "the key $($a.ca_key) does not belong to the CA"
    }
    # An expired CA is told of only after the comparison.
    if ($words -notmatch 'reading in-pub|certificate is expired') {
        Stop-Script 'CaKeyUnreadable' "nebula-cert: $words"
    }
}

function Get-Message([byte[]]$content) {
    $people = New-Object System.Security.Cryptography.Pkcs.CmsRecipientCollection
    foreach ($recipient in $a.recipients) {
        $bytes = [Convert]::FromBase64String($recipient.certificate)
        $certificate = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 (, $bytes)
        $null = $people.Add((New-Object System.Security.Cryptography.Pkcs.CmsRecipient $certificate))
    }
    # AES-256-CBC; without a choice Windows takes Triple DES.
    $cipher = New-Object System.Security.Cryptography.Oid '2.16.840.1.101.3.4.1.42'
    $algorithm = New-Object System.Security.Cryptography.Pkcs.AlgorithmIdentifier $cipher
    $plain = New-Object System.Security.Cryptography.Pkcs.ContentInfo (, $content)
    $message = New-Object System.Security.Cryptography.Pkcs.EnvelopedCms $plain, $algorithm
    $message.Encrypt($people)
    $encoded = $message.Encode()
    $again = New-Object System.Security.Cryptography.Pkcs.EnvelopedCms
    $again.Decode($encoded)
    if ($again.RecipientInfos.Count -ne @($a.recipients).Count) {
        Stop-Script 'NotProtected' 'the encrypted message does not have all recipients'
    }
    $lines = [Convert]::ToBase64String($encoded) -creplace '(.{64})(?!\z)', "`$1`n"
    "-----BEGIN CMS-----`n$lines`n-----END CMS-----`n"
}

function Get-File([string]$name) {
    $full = Get-Full "$($a.folder)\$name"
    [ordered]@{ name = $name; size = Get-Length $full; sha256 = Get-Hash $full }
}

function Get-Answer([string]$at, [bool]$changed) {
    $key, $certificate, $manifest = @($copied | ForEach-Object { Get-File $_ })
    @{
        key_size = $key.size; key_sha256 = $key.sha256
        certificate_size = $certificate.size; certificate_sha256 = $certificate.sha256
        manifest_size = $manifest.size; manifest_sha256 = $manifest.sha256
        at = $at; changed = $changed
    }
}

Test-CopyFolder $a.folder
# The manifest is written last, so where there is one the copy is complete. Encrypted again it would be another message.
$known = Read-Text "$($a.folder)\manifest.json" 64000
if ($known -cmatch '"at":"([0-9TZ:-]{20})"') {
    return Get-Answer $Matches[1] $false
}
if (-not (Test-Path -LiteralPath $a.ca_key -PathType Leaf)) {
    Stop-Script 'CaKeyMissing' "there is no CA key $($a.ca_key)"
}
if ((Read-Text $a.ca_key 4000).Contains(' ENCRYPTED ')) {
    Stop-Script 'CaKeyEncrypted' "the CA key $($a.ca_key) is encrypted, so the file itself is the backup"
}
Open-Folder $a.folder
Write-Text "$($a.folder)\ca.crt" "$($a.certificate.Trim())`n"
Test-Pair "$($a.folder)\ca.crt"
$content = [System.IO.File]::ReadAllBytes((Get-Full $a.ca_key))
try {
    Write-Text "$($a.folder)\ca-key.cms" (Get-Message $content)
} finally {
    [System.Array]::Clear($content, 0, $content.Length)
}
$at = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
$named = @(foreach ($recipient in $a.recipients) { [ordered]@{ name = $recipient.name; sha256 = $recipient.sha256 } })
$manifest = [ordered]@{
    format = 1; id = $a.id; host = $a.host; operation = $a.operation; at = $at; authority = $a.fingerprint
    recipients = $named; files = @((Get-File 'ca-key.cms'), (Get-File 'ca.crt'))
}
Write-Text "$($a.folder)\manifest.json" "$(ConvertTo-Json $manifest -Depth 4 -Compress)`n"
Get-Answer $at $true
