# Sign a public key with the CA that lies here, in the operation's folder: host.pub, signer.crt (the CA), host.crt.
# In:  folder, nebula_cert_exe, ca_certificate, ca_key (full paths), ca_fingerprint, name, networks, unsafe_networks,
#      groups, public_key (PEM), lifetime (hours).
# Out: certificate, ca (PEM each), changed.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: programs
# Part: files
# Part: folder
# Part: bundle

# The wanted CA in its file, which may be a bundle, and its key.
function Find-Signer {
    if (-not (Test-Path -LiteralPath $a.ca_key -PathType Leaf)) {
        Stop-Script 'CaKeyMissing' "there is no CA key $($a.ca_key)"
    }
    if ((Read-Text $a.ca_key 4000).Contains(' ENCRYPTED ')) {
        Stop-Script 'CaKeyEncrypted' "the CA key $($a.ca_key) is encrypted; only a person can sign with it"
    }
    $signer = Find-Block $a.ca_certificate $a.ca_fingerprint
    if ($null -ne $signer) {
        return $signer
    }
    Stop-Script 'CaDiffers' "$($a.ca_certificate) does not hold the CA $($a.ca_fingerprint)"
}

# nebula-cert ends with 1 whatever it was: its words are the only sign.
function Get-Code([string]$words) {
    switch -Regex ($words) {
        'certificate is expired' {
            return 'CaExpired'
        }
        'encrypted' {
            return 'CaKeyEncrypted'
        }
        'does not match private key' {
            return 'CaDiffers'
        }
        'not enough space on the disk|no space left' {
            return 'DiskFull'
        }
    }
    'SignFailed'
}

$signer = Find-Signer
$now = (Get-Date).ToUniversalTime()
if ($signer.ends -le $now) {
    Stop-Script 'CaExpired' "the CA has expired on $($signer.ends.ToString('o'))"
}
$public = "$($a.folder)\host.pub"
$certificate = "$($a.folder)\host.crt"
$own = "$($a.folder)\signer.crt"
Open-Folder $a.folder
$known = Read-Text $certificate 64000
$signed = $known.TrimEnd().EndsWith('-----', [System.StringComparison]::Ordinal)
if ($signed -and (Read-Text $public 1000).Trim() -ceq $a.public_key.Trim()) {
    return @{ certificate = $known; ca = $signer.block; changed = $false }
}
[System.IO.File]::Delete((Get-Full $certificate))
Write-Text $own "$($signer.block)`n"
Write-Text $public $a.public_key
$arguments = @('sign', '-ca-crt', (Get-Full $own), '-ca-key', (Get-Full $a.ca_key), '-in-pub', (Get-Full $public))
$arguments += @('-out-crt', (Get-Full $certificate), '-name', $a.name, '-groups', (@($a.groups) -join ','))
if (@($a.networks).Count -eq 1) {
    $arguments += @('-ip', @($a.networks)[0])
} else {
    $arguments += @('-networks', (@($a.networks) -join ','))
}
if (@($a.unsafe_networks).Count -gt 0) {
    $arguments += @('-subnets', (@($a.unsafe_networks) -join ','))
}
# Without a duration it gets one second less than its CA, which no clock that goes on meanwhile can spoil.
if ($now.AddHours($a.lifetime) -lt $signer.ends.AddMinutes(-1)) {
    $arguments += @('-duration', "$($a.lifetime)h")
}
$run = Invoke-Program $a.nebula_cert_exe $arguments
if ($run.code -ne 0) {
    [System.IO.File]::Delete((Get-Full $certificate))
    $words = Get-LastWords $run.stderr
    Stop-Script (Get-Code $words) "nebula-cert sign: $words"
}
@{ certificate = Read-Text $certificate 64000; ca = $signer.block; changed = $true }
