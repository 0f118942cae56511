# Files of Nebula's private keys: found in folders, and told from others by their first line. No more of them is read.
# Part: files

# host.key, and what changes leave of it: host.key.old, host.key.flatnet-new.
$keyName = '\.key(\.[A-Za-z0-9-]+)?\z'

# host, authority, or '' for a file that holds no key of Nebula's; one that was overwritten holds none.
function Get-KeyKind([string]$path) {
    $text = Read-Text $path 4000
    if ($text -cmatch '-----BEGIN NEBULA (ED25519|ECDSA P256)( ENCRYPTED)? PRIVATE KEY-----') {
        return 'authority'
    }
    if ($text -cmatch '-----BEGIN NEBULA (X25519|P256) PRIVATE KEY-----') {
        return 'host'
    }
    ''
}

# Folders directly in a folder. Links are not followed: 5.1 would, and one may lead to another machine.
function Find-Inside([string]$folder) {
    foreach ($item in @(Get-ChildItem -LiteralPath $folder -Directory -Force | Sort-Object -Property Name)) {
        if (($item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) -eq 0) {
            "$folder\$($item.Name)"
        }
    }
}

# Names of the key files directly in a folder.
function Find-Names([string]$folder) {
    foreach ($item in @(Get-ChildItem -LiteralPath $folder -File -Force | Sort-Object -Property Name)) {
        if ($item.Name -match $keyName -and ($item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) -eq 0) {
            $item.Name
        }
    }
}
