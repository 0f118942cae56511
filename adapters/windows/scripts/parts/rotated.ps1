# What rotation has left beside a log, oldest first: its stem, then a number, a date or "old"; the extension before or
# after that; perhaps compressed. No file is opened.
function Find-Rotated($file) {
    $stem = [regex]::Escape($file.BaseName)
    $extension = "($([regex]::Escape($file.Extension)))?"
    $pattern = "\A$stem$extension[-._](old|bak|[-._TZ0-9]*[0-9][-._TZ0-9]*)$extension(\.(gz|zip|bz2|xz|zst|7z))?\z"
    $listed = Get-ChildItem -LiteralPath $file.DirectoryName -Filter "$($file.BaseName)*" -File -Force -ErrorAction Stop
    $listed | Where-Object { $_.Name -match $pattern } | Sort-Object -Property LastWriteTime
}
