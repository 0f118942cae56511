# Set how services start with Windows. None of them is started or stopped, and one that starts so already is left alone.
# In:  services (each with name, start_type: Automatic, Manual or Disabled).
# Out: the fields of adapters.windows.services.StartTypesSet.
param($a)
Set-StrictMode -Version 3
# Part: script

# A name that is missing is told before anything was changed.
$found = @(
    foreach ($wanted in $a.services) {
        try {
            $service = Get-Service -Name $wanted.name -ErrorAction Stop
        } catch {
            if ($_.FullyQualifiedErrorId -like 'NoServiceFoundForGivenName,*') {
                Stop-Script 'ServiceAbsent' "there is no service $($wanted.name)"
            }
            throw
        }
        @{ name = $wanted.name; start_type = $wanted.start_type; same = $service.StartType.ToString() -eq $wanted.start_type }
    }
)
$others = @($found | Where-Object { -not $_.same })
foreach ($service in $others) {
    Set-Service -Name $service.name -StartupType $service.start_type -ErrorAction Stop
}
@{ changed = $others.Count -gt 0 }
