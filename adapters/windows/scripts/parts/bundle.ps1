# A file of certificates as nebula-cert reads it, and whether the CA of a certificate is in it. With programs, files, folder.

# nebula-cert prints one object a line (1.9) or one list (1.10 and newer).
function Read-Printed([string]$path) {
    $run = Invoke-Program $a.nebula_cert_exe @('print', '-json', '-path', (Get-Full $path))
    if ($run.code -eq 0) {
        foreach ($line in $run.stdout -split '\r?\n' | Where-Object { $_ }) {
            foreach ($certificate in ($line | ConvertFrom-Json)) {
                $certificate
            }
        }
    }
}

# A CA's own block of its file, and when it ends. Of a file nebula-cert takes only the first one to sign, and to verify none at
# all where one of them has expired. Nebula itself takes the others.
function Find-Block([string]$file, [string]$fingerprint) {
    $printed = @(Read-Printed $file)
    $banner = 'NEBULA CERTIFICATE(?: V2)?-----'
    $blocks = [regex]::Matches((Read-Text $file 64000), "(?s)-----BEGIN $banner.*?-----END $banner")
    for ($each = 0; $each -lt [Math]::Min($printed.Count, $blocks.Count); $each++) {
        if ($printed[$each].fingerprint -eq $fingerprint) {
            $ends = ([datetime]$printed[$each].details.notAfter).ToUniversalTime()
            return @{ block = $blocks[$each].Value; ends = $ends }
        }
    }
}

# Why a certificate is not one of a CA in the file; '' where it is. The folder is the operation's.
function Get-Distrust([string]$file, [string]$certificate, [string]$folder) {
    $printed = @(Read-Printed $certificate)
    $signer = if ($printed.Count -gt 0) { Find-Block $file $printed[0].details.issuer }
    if ($null -eq $signer) {
        return 'could not find ca for the certificate'
    }
    $own = "$folder\trial.ca"
    try {
        Write-Text $own "$($signer.block)`n"
        $run = Invoke-Program $a.nebula_cert_exe @('verify', '-ca', (Get-Full $own), '-crt', (Get-Full $certificate))
    } finally {
        [System.IO.File]::Delete((Get-Full $own))
    }
    if ($run.code -eq 0) { '' } else { Get-LastWords $run.stderr }
}
