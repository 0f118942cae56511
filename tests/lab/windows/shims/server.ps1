# One PowerShell for many requests: a line of JSON each, answered by a line of JSON with what was written to the console.
# Every request has a runspace of its own, with its own modules, functions, drives and variables, and the environment
# that it names beside the one this process was started with; so nothing is left of the request before.
$requests = [Console]::In
$answers = [Console]::Out
$started = [Environment]::GetEnvironmentVariables()

function Set-Environment($given) {
    foreach ($name in [Environment]::GetEnvironmentVariables().Keys) {
        [Environment]::SetEnvironmentVariable($name, $started[$name])
    }
    foreach ($name in $given.Keys) {
        [Environment]::SetEnvironmentVariable($name, $given[$name])
    }
    [System.TimeZoneInfo]::ClearCachedData()
}

while ($null -ne ($line = $requests.ReadLine())) {
    $request = $line | ConvertFrom-Json -AsHashtable
    Set-Environment $request.environment
    [System.IO.Directory]::SetCurrentDirectory($request.folder)
    $console = New-Object System.IO.StringWriter
    [Console]::SetIn((New-Object System.IO.StringReader $request.stdin))
    [Console]::SetOut($console)
    $runspace = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault2())
    $runspace.Open()
    $shell = [powershell]::Create($runspace)
    try {
        $null = $shell.AddScript($request.code).Invoke()
    } catch {
        $console.WriteLine($_.Exception.Message)
    } finally {
        $shell.Dispose()
        $runspace.Dispose()
        [Console]::SetOut($answers)
    }
    $answers.WriteLine((ConvertTo-Json -InputObject @{ stdout = $console.ToString() } -Compress))
}
