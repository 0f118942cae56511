# A program tests a configuration: nginx or Nebula, the present one or a copy.
# Part: programs

$key = '[A-Za-z0-9+/]{43,}='

# `test` has program (nginx, nebula), exe, prefix (nginx's folder), milliseconds.
function Invoke-Test($test, [string]$config) {
    if ($test.program -eq 'nebula') {
        $run = Invoke-Program $test.exe @('-test', '-config', (Get-Full $config)) $test.milliseconds
        $words = Get-LastWords "$($run.stdout)`n$($run.stderr)"
        return @{ code = $run.code; lines = @(if ($run.code -ne 0) { $words }); syntax = $false }
    }
    $arguments = @('-t', '-p', (Get-Full $test.prefix), '-c', (Get-Full $config))
    $run = Invoke-Program $test.exe $arguments $test.milliseconds
    $lines = @("$($run.stdout)`n$($run.stderr)" -split '\r?\n' | Where-Object { $_.Trim() })
    $errors = @($lines | Where-Object { $_ -cmatch '\[(emerg|alert|crit|error)\]' })
    if ($errors.Count -eq 0) {
        $errors = @($lines | Select-Object -Last 1)
    }
    @{ code = $run.code; lines = @(if ($run.code -ne 0) { $errors | Select-Object -First 20 }); syntax = $run.stderr -cmatch ' syntax is ok' }
}

# The words of the program name files as they are called where people look for them, and no key.
function Get-Told($tested, [string]$folder, [string]$base) {
    $from = [regex]::Escape((Get-Full $folder).Replace('\', '/')).Replace('/', '[\\/]')
    $lines = foreach ($line in $tested.lines) {
        [regex]::Replace($line, $from, $base.Replace('$', '$$')) -replace $key, '...' -replace '\A([\s\S]{1000})[\s\S]*', '$1'
    }
    @{ code = $tested.code; lines = @($lines); syntax = $tested.syntax }
}
