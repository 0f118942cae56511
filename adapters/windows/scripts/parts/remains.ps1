# Keys that are to be wiped: files by name, and all key files in folders of operations.
# In $a: files, folders, roots (Flatnet's folders), ca_key (full paths).
# Part: script
# Part: keyfiles
# Part: pki
# Part: configuration

function Test-Place([string]$path) {
    $standing = 'outside'
    foreach ($root in $a.roots) {
        $own = Get-Plain $root
        if (Test-Inside $own (Get-Plain $path)) {
            $standing = Get-Standing $own (Get-Plain $path)
        }
    }
    if ($standing -eq 'outside') {
        Stop-Script 'FileOutside' "$path is not in a folder of Flatnet, or there is a link on its path"
    }
    if ($standing -eq 'unreadable') {
        Stop-Script 'FileUnreadable' "$path may not be read"
    }
}

function Test-NotCa([string]$path) {
    if ((Get-Plain $path) -eq (Get-Plain $a.ca_key) -or (Get-KeyKind $path) -eq 'authority') {
        Stop-Script 'CaKey' "$path is the key of a CA"
    }
}

function Test-Operations([string]$folder) {
    if ($folder -cnotmatch '\\operations(\\op-[0-9a-f]{12})?\z') {
        Stop-Script 'NotOurs' "$folder is not the folder of operations"
    }
}

# Key files in a folder and below it; those of a CA are not among them.
function Find-Below([string]$folder) {
    foreach ($name in @(Find-Names $folder)) {
        if ((Get-KeyKind "$folder\$name") -ne 'authority') {
            "$folder\$name"
        }
    }
    foreach ($inside in @(Find-Inside $folder)) {
        Find-Below $inside
    }
}

# Those that are there, each once.
function Find-Remains {
    foreach ($path in @($a.files) + @($a.folders)) {
        Test-Place $path
    }
    foreach ($path in $a.files) {
        Test-NotCa $path
        if (Test-Path -LiteralPath $path -PathType Leaf) {
            $path
        }
    }
    foreach ($folder in $a.folders) {
        Test-Operations $folder
        if (Test-Path -LiteralPath $folder -PathType Container) {
            Find-Below $folder | Where-Object { $_ -notin $a.files }
        }
    }
}
