# Routes to one destination, $a.destination.

# Windows has an error, not an empty answer, where there is no such route.
function Get-Stored([string]$store) {
    try {
        Get-NetRoute -DestinationPrefix $a.destination -PolicyStore $store -ErrorAction Stop
    } catch {
        if ($_.FullyQualifiedErrorId -notlike 'CmdletizationQuery_NotFound*') {
            throw
        }
    }
}

# Those in use. One that is only stored, because its interface is gone, leads nowhere.
function Find-Routes {
    $kept = @(Get-Stored 'PersistentStore' | ForEach-Object { $_.NextHop })
    foreach ($route in @(Get-Stored 'ActiveStore')) {
        @{
            next_hop = $route.NextHop
            interface = [int]$route.InterfaceIndex
            metric = [int]$route.RouteMetric
            persistent = $route.NextHop -in $kept
        }
    }
}
