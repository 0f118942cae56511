# Make the routes to a destination those that are given. Every other route of this host is left alone.
# In:  destination (a prefix, 10.87.1.0/24), routes (each with next_hop, interface, metric, persistent).
# Out: the fields of adapters.windows.routes.RoutesSet.
param($a)
Set-StrictMode -Version 3
# Part: routes

Import-Module NetTCPIP -ErrorAction SilentlyContinue

function Test-Among($route, $routes) {
    @($routes | Where-Object { $_.next_hop -eq $route.next_hop -and $_.interface -eq $route.interface }).Count -gt 0
}

# Without a store Windows writes a route into both, so that it is there after a restart, too.
function Add-Route($route) {
    if ($route.persistent) {
        $null = New-NetRoute -DestinationPrefix $a.destination -InterfaceIndex $route.interface -NextHop $route.next_hop -RouteMetric $route.metric -ErrorAction Stop
    } else {
        $null = New-NetRoute -DestinationPrefix $a.destination -InterfaceIndex $route.interface -NextHop $route.next_hop -RouteMetric $route.metric -PolicyStore ActiveStore -ErrorAction Stop
    }
}

# What is new comes first: where it cannot be added, nothing was taken away.
$changed = $false
$present = @(Find-Routes)
foreach ($route in $a.routes) {
    if (-not (Test-Among $route $present)) {
        Add-Route $route
        $changed = $true
    }
}
foreach ($route in $present) {
    if (-not (Test-Among $route $a.routes)) {
        Remove-NetRoute -DestinationPrefix $a.destination -InterfaceIndex $route.interface -NextHop $route.next_hop -Confirm:$false -ErrorAction Stop
        $changed = $true
    }
}
@{ changed = $changed }
