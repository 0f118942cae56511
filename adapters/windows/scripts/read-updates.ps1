# Pending updates as Windows' own last look found them, and whether a restart is awaited. A part that cannot be read
# hides no other. Nothing is fetched: a look online may take minutes.
# In:  limit (updates to list, those for security first).
# Out: updates, total; result (OperationResultCode) or error (HRESULT, 0: none) and words; searched_at; restart.
param($a)
Set-StrictMode -Version 3

# Security Updates and Critical Updates: the names of classes are in the host's language, their ids are not.
$pressing = '0fa1201d-4330-4fa8-8ae9-b877473b6441', 'e6cf1350-c01b-414d-a61f-263d14d133b4'

function Read-Update($update) {
    $title = [string]$update.Title
    $rating = if ($update.MsrcSeverity -in 'Critical', 'Important', 'Moderate', 'Low') { $update.MsrcSeverity } else { '' }
    $classes = @($update.Categories | Where-Object { $_.CategoryID -in $pressing })
    @{
        title = $title.Substring(0, [Math]::Min($title.Length, 200))
        articles = @($update.KBArticleIDs | ForEach-Object { [string]$_ })
        rating = $rating
        security = $rating -ne '' -or $classes.Count -gt 0
    }
}

function Find-Update($found, $limit) {
    try {
        $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
        $searcher.Online = $false
        $result = $searcher.Search('IsInstalled=0 and IsHidden=0')
        $all = @($result.Updates | ForEach-Object { Read-Update $_ })
        $first = @($all | Where-Object { $_.security }) + @($all | Where-Object { -not $_.security })
        $found.updates = @($first | Select-Object -First $limit)
        $found.total = $all.Count
        $found.result = [int]$result.ResultCode
    } catch {
        $cause = $_.Exception.GetBaseException()
        $found.error = $cause.HResult
        $found.words = $cause.Message
    }
}

# UTC, without saying so; nothing where Windows has never looked.
function Read-LastSearch {
    try {
        $at = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results.LastSearchSuccessDate
        if ($null -eq $at) {
            return $null
        }
        [datetime]::SpecifyKind($at, 'Utc').ToString('o')
    } catch {
        $null
    }
}

$found = @{ updates = @(); total = 0; result = 0; error = 0; words = '' }
Find-Update $found $a.limit
$found.searched_at = Read-LastSearch
$windows = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion'
$found.restart = (Test-Path -LiteralPath "$windows\WindowsUpdate\Auto Update\RebootRequired") -or
    (Test-Path -LiteralPath "$windows\Component Based Servicing\RebootPending")
$found
