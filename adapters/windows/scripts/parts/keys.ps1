# Files that never leave their host: private keys and passwords, by name and by content.

$latin = [System.Text.Encoding]::GetEncoding(28591)

# 'key', 'password', or '' for a file that may go. A .pem stays unless it is seen to hold certificates.
function Get-Reason([string]$name, [byte[]]$bytes) {
    $leaf = $name.Substring($name.LastIndexOf('/') + 1)
    if ($leaf -match '\.(key|pfx|p12|p8|pk8|pvk|ppk|jks|keystore|kdbx)\z') {
        return 'key'
    }
    if ($leaf -match 'htpasswd|\A\.?(passwd|pgpass|netrc|env)\z|\.(passwd|env)\z') {
        return 'password'
    }
    # Of a text in UTF-16, too: its zero bytes do not count.
    $text = $latin.GetString($bytes).Replace([string][char]0, '')
    if ($text -match 'PRIVATE\s+KEY-----' -or (Test-DerKey $bytes)) {
        return 'key'
    }
    if ($leaf -match '\.pem\z' -and $text -notmatch '-----BEGIN (CERTIFICATE|X509 CRL|DH PARAMETERS|PUBLIC KEY)-----') {
        return 'key'
    }
    if ($text -match '(?m)^[^:\s#]{1,128}:(\$(apr1|1|2[abxy]|5|6|argon2[a-z]{1,2})\$|\{(SHA|SSHA|PLAIN|MD5|CRYPT)\})') {
        return 'password'
    }
    ''
}

# Where the content of a DER value begins; 0 where none of this length fits into the bytes.
function Find-Content([byte[]]$bytes, [int]$at, [int]$tag) {
    if ($bytes.Length -lt $at + 2 -or $bytes[$at] -ne $tag) {
        return 0
    }
    $length = [int]$bytes[$at + 1]
    $begin = $at + 2
    if ($length -ge 128) {
        $count = $length - 128
        if ($count -lt 1 -or $count -gt 3 -or $bytes.Length -lt $begin + $count) {
            return 0
        }
        $length = 0
        for ($place = 0; $place -lt $count; $place++) {
            $length = $length * 256 + $bytes[$begin + $place]
        }
        $begin += $count
    }
    if ($begin + $length -gt $bytes.Length) {
        return 0
    }
    $begin
}

# A key begins with its version (PKCS #1, #8, SEC 1, #12), an encrypted one (#8) with the way in which it is encrypted; a
# certificate, a public key or a list of revoked ones with neither.
function Test-DerKey([byte[]]$bytes) {
    $inside = Find-Content $bytes 0 48
    if ($inside -eq 0 -or $bytes.Length -lt $inside + 3) {
        return $false
    }
    if ($bytes[$inside] -eq 2 -and $bytes[$inside + 1] -eq 1 -and $bytes[$inside + 2] -in 0, 1, 3) {
        return $true
    }
    $way = Find-Content $bytes $inside 48
    if ($way -eq 0) {
        return $false
    }
    $name = Find-Content $bytes $way 6
    if ($name -eq 0 -or $bytes.Length -lt $name + 8) {
        return $false
    }
    [System.BitConverter]::ToString($bytes, $name, 8) -in '2A-86-48-86-F7-0D-01-05', '2A-86-48-86-F7-0D-01-0C'
}
