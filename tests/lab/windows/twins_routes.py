"""The twins of the scripts that read and set routes to containers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.lab.windows.state import Route, WindowsState
from tests.lab.windows.twin import ScriptError, Twin


def _describe(route: Route) -> dict[str, Any]:
    return {
        "next_hop": route.next_hop,
        "interface": route.interface,
        "metric": route.metric,
        "persistent": route.persistent,
    }


def _find(state: WindowsState, destination: str) -> list[Route]:
    return [route for route in state.routes if route.destination == destination]


def _read_routes(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    own = [
        {"address": each.address, "prefix": each.prefix, "interface": each.interface, "alias": each.alias}
        for each in state.addresses
    ]
    return {"routes": [_describe(route) for route in _find(state, arguments["destination"])], "addresses": own}


def _set_routes(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    present = _find(state, arguments["destination"])
    wanted = {(route["next_hop"], route["interface"]): route for route in arguments["routes"]}
    there = {(route.next_hop, route.interface) for route in present}
    new = [route for key, route in wanted.items() if key not in there]
    for route in new:
        if route["interface"] not in {own.interface for own in state.addresses}:
            raise ScriptError(
                "Element not found.", "Microsoft.Management.Infrastructure.CimException", "Windows System Error 1168"
            )
        state.routes.append(
            Route(arguments["destination"], route["next_hop"], route["interface"], route["metric"], route["persistent"])
        )
    old = [route for route in present if (route.next_hop, route.interface) not in wanted]
    state.routes[:] = [route for route in state.routes if not any(route is each for each in old)]
    return {"changed": bool(new or old)}


TWINS: Mapping[str, Twin] = {"read-routes": _read_routes, "set-routes": _set_routes}
