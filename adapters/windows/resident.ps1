# Behind bootstrap.ps1, and before a call of it: the process stays and answers one request after another. It ends by itself
# when none came for $idle seconds, when its output was not taken for as long, at the end of its input, after $most requests,
# or at a line that is longer than any request. So nothing stays on a host whose bot is gone, whatever WinRM does.
# Nothing is read while a script runs: on Windows, a program that inherits this input would wait for that read as it starts.
function FlatnetStay([int]$idle, [int]$most) {
    $source = [Console]::OpenStandardInput()
    $target = [Console]::OpenStandardOutput()
    $place = (Get-Location).Path
    $known = [Environment]::GetEnvironmentVariables()
    $piece = New-Object byte[] 65536
    $line = New-Object System.Text.StringBuilder
    while ($most -gt 0 -and $line.Length -lt 8000000) {
        $read = $source.ReadAsync($piece, 0, $piece.Length)
        if (-not $read.Wait(1000 * $idle) -or $read.Result -eq 0) {
            break
        }
        $null = $line.Append($utf8.GetString($piece, 0, $read.Result))
        if ($piece[$read.Result - 1] -ne 10) {
            continue
        }
        $frame = $utf8.GetBytes((Get-FlatnetAnswer $line.ToString()).frame)
        if (-not $target.WriteAsync($frame, 0, $frame.Length).Wait(1000 * $idle)) {
            break
        }
        $null = $line.Clear()
        $most--
        # The next script finds nothing of this one.
        $Error.Clear()
        [System.TimeZoneInfo]::ClearCachedData()
        Set-Location -LiteralPath $place
        foreach ($name in @([Environment]::GetEnvironmentVariables().Keys) + @($known.Keys)) {
            [Environment]::SetEnvironmentVariable($name, $known[$name])
        }
    }
    exit 0
}
