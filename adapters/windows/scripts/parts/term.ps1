# The highest term that this host has seen: the name of an empty file. Making a file is atomic, so two at once need no lock,
# and a power cut leaves no half of one.
# Part: record

# Nothing is written where it is kept already, so a full disk does not matter then.
function Save-Term([long]$term) {
    $root = "$($env:ProgramData)\flatnet-bot"
    $folder = "$root\terms"
    if (-not (Test-Path -LiteralPath $folder)) {
        Open-Root
        $null = New-Item -Path $folder -ItemType Directory -Force
    }
    Test-Link $root
    Test-Closed $root
    if (@(Read-Terms $folder $term) -contains $term) {
        return
    }
    $file = New-Object System.IO.FileStream (Get-Full "$folder\$term"), 'OpenOrCreate', 'Write', 'ReadWrite, Delete'
    try {
        $file.Flush($true)
    } finally {
        $file.Close()
    }
    # A higher one may have come meanwhile: then it is that one's turn.
    foreach ($older in @(Read-Terms $folder $term)) {
        if ($older -lt $term) {
            [System.IO.File]::Delete((Get-Full "$folder\$older"))
        }
    }
}

# All terms that are kept, none of which is higher.
function Read-Terms([string]$folder, [long]$term) {
    foreach ($file in @(Get-ChildItem -LiteralPath $folder -Force)) {
        if ($file.Name -cnotmatch '\A[1-9][0-9]{0,15}\z') {
            Stop-Script 'TermUnreadable' "$folder\$($file.Name) is no term; stop all copies of the bot but one, then remove $folder"
        }
        if ([long]$file.Name -gt $term) {
            Stop-Script 'OlderTerm' "term $($file.Name) is kept here, and this is of term $term"
        }
        [long]$file.Name
    }
}
