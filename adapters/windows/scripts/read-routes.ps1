# The routes to a destination, and this host's own IPv4 addresses.
# In:  destination (a prefix, 10.87.1.0/24).
# Out: the fields of adapters.windows.routes.RouteReading.
param($a)
Set-StrictMode -Version 3
# Part: routes

Import-Module NetTCPIP -ErrorAction SilentlyContinue

$addresses = foreach ($own in @(Get-NetIPAddress -AddressFamily IPv4)) {
    @{
        address = $own.IPAddress
        prefix = [int]$own.PrefixLength
        interface = [int]$own.InterfaceIndex
        alias = $own.InterfaceAlias
    }
}
@{ routes = @(Find-Routes); addresses = @($addresses) }
