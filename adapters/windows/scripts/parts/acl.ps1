# Accounts beside SYSTEM and Administrators that may read a file, by name where Windows knows one. SDDL is the same in
# every language: (A;flags;rights;;;account), rights as pairs of letters or as a number.
function Read-Readers([string]$path) {
    $sddl = (Get-Acl -LiteralPath $path).Sddl
    if ($sddl -match 'NO_ACCESS_CONTROL') {
        Get-Account 'S-1-1-0'
    }
    foreach ($entry in [regex]::Matches($sddl, '\(X?A;[^;]*;([^;]*);[^;]*;[^;]*;([^;)]*)')) {
        $account = $entry.Groups[2].Value
        if ($account -notin 'SY', 'BA' -and (Test-Reading $entry.Groups[1].Value)) {
            Get-Account $account
        }
    }
}

# Read data (CC, 1), all, or one of the generic rights; 2415919105 is 0x90000001, which 5.1 would take for negative.
function Test-Reading([string]$rights) {
    if ($rights -match '^0x') {
        return ([Convert]::ToInt64($rights, 16) -band 2415919105) -ne 0
    }
    $rights -cmatch '^(..)*?(FA|FR|GA|GR|CC)'
}

function Get-Account([string]$sid) {
    try {
        $known = New-Object System.Security.Principal.SecurityIdentifier $sid
        $known.Translate([System.Security.Principal.NTAccount]).Value
    } catch {
        $sid
    }
}
