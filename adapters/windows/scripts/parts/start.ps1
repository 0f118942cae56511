# When Nebula began to run with what lies on the disk.

# Nebula's own process, not the service's: that may be a wrapper (NSSM), which starts Nebula anew by itself.
function Read-Start {
    $stopped = @(Get-Service -Name $a.service -ErrorAction SilentlyContinue | Where-Object { $_.Status.ToString() -eq 'Stopped' })
    if ($stopped.Count -gt 0) {
        return $null
    }
    try {
        $name = [System.IO.Path]::GetFileNameWithoutExtension((Get-Full $a.nebula_exe))
        $own = @(Get-Process -Name $name -ErrorAction Stop | Where-Object { $_.Path -eq $a.nebula_exe })
        @($own | Sort-Object -Property StartTime)[0].StartTime.ToUniversalTime().ToString('o')
    } catch {
        $null
    }
}
