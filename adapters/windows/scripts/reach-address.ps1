# Ping an address, three times at most.
# In:  address.
# Out: the fields of adapters.windows.nebula.Reached.
param($a)
Set-StrictMode -Version 3

$address = [System.Net.IPAddress]::Parse($a.address)
$ping = New-Object System.Net.NetworkInformation.Ping
$reachable = $false
for ($try = 0; $try -lt 3 -and -not $reachable; $try++) {
    try {
        $reachable = $ping.Send($address, 2000).Status.ToString() -eq 'Success'
    } catch {
        $reachable = $false
    }
}
@{ reachable = $reachable }
