# The folder of a CA: ca.key and ca.crt, and the canary's certificate. Nobody but SYSTEM and Administrators enters it.
# With programs, files, acl.
# Part: wipe

function Test-Home([string]$folder) {
    if ($folder -cnotmatch '\\authorities\\op-[0-9a-f]{12}\z') {
        Stop-Script 'NotOurs' "$folder is not the folder of a CA"
    }
}

function Test-CaKey([string]$path) {
    $text = Read-Text $path 4000
    $text -cmatch '\A-----BEGIN NEBULA (ED25519|ECDSA P256) PRIVATE KEY-----\s[^-]*-----END NEBULA \1 PRIVATE KEY-----\s*\z'
}

# The program makes the file, which gets the access list of the folder; whether it did is read back.
function Test-Readers([string]$key) {
    $readers = @(Read-Readers $key)
    if ($readers.Count -gt 0) {
        $null = Clear-Key $key
        Stop-Script 'KeyNotSafe' "others than SYSTEM and Administrators could read the new key, so it was deleted: $($readers -join ', ')"
    }
}

# Sign for a key pair that is made here, of which the private half is discarded before the public one is signed.
function Invoke-Canary([string]$key, [string]$certificate, [string]$name, [string]$network) {
    $private = "$($a.folder)\$name.key"
    $public = "$($a.folder)\$name.pub"
    $signed = "$($a.folder)\$name.crt"
    try {
        $made = @('keygen', '-curve', $a.curve, '-out-key', (Get-Full $private), '-out-pub', (Get-Full $public))
        $run = Invoke-Program $a.nebula_cert_exe $made
        $null = Clear-Key $private
        if ($run.code -eq 0) {
            $with = @('sign', '-ca-crt', (Get-Full $certificate), '-ca-key', (Get-Full $key), '-in-pub', (Get-Full $public))
            $run = Invoke-Program $a.nebula_cert_exe ($with + @('-out-crt', (Get-Full $signed), '-name', $name, '-ip', $network))
        }
    } finally {
        $null = Clear-Key $private
        [System.IO.File]::Delete((Get-Full $public))
    }
    if ($run.code -ne 0) {
        [System.IO.File]::Delete((Get-Full $signed))
        $words = Get-LastWords $run.stderr
        $code = if ($words -match 'not enough space|no space left') { 'DiskFull' } else { 'SignFailed' }
        Stop-Script $code "nebula-cert: $words"
    }
    $signed
}
