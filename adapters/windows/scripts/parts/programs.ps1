# One program, run to its end. .NET starts it, not "&": 5.1 turns redirected stderr into errors, and has no time limit.
# Part: script

# As Windows programs read it: backslashes are doubled where a quote follows.
function Get-Quoted([string]$argument) {
    '"' + ($argument -replace '(\\*)"', '$1$1\"' -replace '(\\+)$', '$1$1') + '"'
}

# Its stdin is at its end at once, so that a question for a passphrase fails instead of waiting. Both programs write UTF-8.
function Invoke-Program([string]$path, [string[]]$arguments, [int]$milliseconds = 6000) {
    if (-not (Test-Path -LiteralPath $path)) {
        Stop-Script 'ProgramMissing' "there is no program $path"
    }
    $utf8 = New-Object System.Text.UTF8Encoding $false
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = Get-Full $path
    $start.Arguments = @(foreach ($argument in $arguments) { Get-Quoted $argument }) -join ' '
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = $utf8
    $start.StandardErrorEncoding = $utf8
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    } catch {
        Stop-Script 'ProgramBroken' "$path cannot be run"
    }
    $process.StandardInput.Close()
    $output = $process.StandardOutput.ReadToEndAsync()
    $errors = $process.StandardError.ReadToEndAsync()
    if (-not $process.WaitForExit($milliseconds)) {
        $process.Kill()
        Stop-Script 'ProgramHangs' "$path does not end"
    }
    @{ code = $process.ExitCode; stdout = $output.Result; stderr = $errors.Result }
}

# Why it failed: what the line says that says Error, or error="...", or the last one; never with a key in it.
function Get-LastWords([string]$text) {
    $lines = @($text -split '\r?\n' | Where-Object { $_.Trim() -and -not $_.Contains('PRIVATE KEY') })
    $errors = @($lines | Where-Object { $_ -cmatch '^Error: ' })
    $line = @(@('it gave no reason') + $lines + $errors)[-1].Trim() -creplace '^Error: ', ''
    if ($line -cmatch 'error"?[=:]"((?:[^"\\]|\\.)*)"') {
        $line = $Matches[1]
    }
    $words = $line -replace '[A-Za-z0-9+/]{43,}=', '...'
    $words.Substring(0, [Math]::Min(500, $words.Length))
}
