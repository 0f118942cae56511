"""What the scripts of routes answer on which host, and which routes they leave."""

from adapters.windows.routes import ReadRoutes, Route, SetRoutes
from tests.adapters.windows.script_cases import Case, Failed, Script, missing
from tests.lab.windows.state import WSL_INTERFACE, WindowsState
from tests.lab.windows.state import Route as KeptRoute

SUBNET = "10.87.1.0/24"

GOOD = {"next_hop": "172.28.0.2", "interface": WSL_INTERFACE, "metric": 256, "persistent": False}

OLD = KeptRoute(SUBNET, "172.20.5.9", 7, metric=1, persistent=True)
"""A route through an address that WSL2 had before it was restarted."""

READ_ROUTES = Script(
    ReadRoutes(destination=SUBNET),
    {
        "routes": [GOOD],
        "addresses": [
            {"address": "127.0.0.1", "prefix": 8, "interface": 1, "alias": "Loopback Pseudo-Interface 1"},
            {"address": "192.0.2.11", "prefix": 24, "interface": 7, "alias": "Ethernet"},
            {"address": "172.28.0.1", "prefix": 20, "interface": WSL_INTERFACE, "alias": "vEthernet (WSL)"},
        ],
    },
)

SET_ROUTES = Script(
    SetRoutes(destination=SUBNET, routes=(Route.model_validate(GOOD),)),
    {"changed": True},
)


def without(state: WindowsState) -> None:
    state.routes.clear()


def stale(state: WindowsState) -> None:
    state.routes[:] = [OLD, KeptRoute("10.87.2.0/24", "10.100.2.1", 23)]


def both(state: WindowsState) -> None:
    state.routes.append(OLD)


def alone(state: WindowsState) -> None:
    without(state)
    state.addresses.clear()


CASES = (
    Case("a host with its route", READ_ROUTES),
    Case("a host without a route", READ_ROUTES, without, differs={"routes": []}),
    Case(
        "a stored route through an address of before, beside one to another host",
        READ_ROUTES,
        stale,
        differs={"routes": [{"next_hop": "172.20.5.9", "interface": 7, "metric": 1, "persistent": True}]},
    ),
    Case("a host without a network", READ_ROUTES, alone, differs={"routes": [], "addresses": []}),
    Case("no destination", READ_ROUTES, left_out=frozenset({"destination"}), fails=missing("destination")),
    Case("the route is there", SET_ROUTES, differs={"changed": False}),
    Case("a route is missing", SET_ROUTES, without),
    Case("a route leads elsewhere", SET_ROUTES, stale),
    Case("a second route leads elsewhere", SET_ROUTES, both),
    Case(
        "an old route is put back",
        SET_ROUTES,
        given={"routes": [{"next_hop": "172.20.5.9", "interface": 7, "metric": 1, "persistent": True}]},
    ),
    Case("no route is wanted", SET_ROUTES, given={"routes": []}),
    Case("no route is wanted, and none is there", SET_ROUTES, without, given={"routes": []}, differs={"changed": False}),
    Case(
        "an interface that is gone, and nothing is taken away",
        SET_ROUTES,
        stale,
        given={"routes": [{**GOOD, "interface": 99}]},
        fails=Failed("Windows System Error 1168", "Element not found."),
    ),
    Case("no routes given", SET_ROUTES, left_out=frozenset({"routes"}), fails=missing("routes")),
)
