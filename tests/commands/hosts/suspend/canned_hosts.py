"""Hosts that are suspended and resumed: what their sides say, and a suspension of one."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.action import Action
from adapters.gateway.containers import ReadRegistry, Registry
from adapters.inventory import Host, WslSide
from adapters.local.action import LocalAction
from adapters.local.machine import OwnAddresses
from adapters.windows.nebula import ReadCertificates
from adapters.windows.services import Services
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.images import ReadStorage, Storage
from commands.model.operation import FleetView
from commands.model.suspension import RememberedContainer, RememberedService, Suspension
from tests.commands import canned
from tests.commands.canned import NOW
from tests.commands.canned_certs import files, host, services, view
from tests.commands.containers.canned_containers import STARTED, listed

LIGHTHOUSE, A, C = host("lighthouse", 0), host("host-a", 1), host("host-c", 3)


def manage(bare: Host, *areas: str) -> Host:
    """The host, where the bot may change these areas of WSL2."""
    assert bare.wsl is not None
    wsl = WslSide.model_validate(bare.wsl.model_dump() | {"manage": areas, "known_hosts_file": "/dev/null"})
    return bare.model_copy(update={"wsl": wsl})


B = manage(host("host-b", 2), "containers")

WEB = listed("web", "10.87.2.10", started_at=STARTED)
DB = listed("db", "10.87.2.11", started_at=STARTED - timedelta(hours=1), restart_policy="no")
OLD = listed("old", None, state="exited", restart_policy="no")

DOWN = Services.model_validate(
    services(nebula="Stopped", gateway="Stopped", nginx=0).model_dump()
    | {
        "nebula": {"name": "Nebula", "status": "Stopped", "start_type": "Manual"},
        "gateway": {"name": "OpenResty", "status": "Stopped", "start_type": "Manual"},
    }
)
"""The services of a suspended host."""

SUSPENSION = Suspension(
    number=1,
    host="host-b",
    reason="RAM swap",
    owner="alice",
    operation="op-0123456789ab",
    since=NOW - timedelta(hours=2),
    containers=(
        RememberedContainer(id=DB.id, name="db"),
        RememberedContainer(id=WEB.id, name="web", restart_policy="always"),
    ),
    services=(
        RememberedService(service="nebula", running=True, start_type="Automatic"),
        RememberedService(service="openresty", running=True, start_type="Automatic"),
    ),
)


def stopped(container: ListedContainer, policy: str = "no") -> ListedContainer:
    """The container as a suspension leaves it."""
    return container.model_copy(update={"state": "exited", "address": None, "restart_policy": policy})


def see(
    *containers: ListedContainer,
    told: Services | None = None,
    podman: str = "5.4.2",
    of: Host = B,
    suspension: Suspension | None = None,
    **said: object,
) -> FleetView:
    """A view of the fleet in which `of` says this; `windows` and `wsl` may be exchanged whole."""
    states = services() if told is None else told
    certificates = files(of)

    def answer_windows(action: Action[Any]) -> object:
        return certificates if isinstance(action, ReadCertificates) else states

    def answer_wsl(action: Action[Any]) -> object:
        match action:
            case ListContainers():
                return ContainerList(containers=containers)
            case ReadStorage():
                return Storage(free=1, architecture="amd64", podman=podman)
            case _:
                return canned.well(of, "wsl")

    def answer_gateway(action: Action[Any]) -> object:
        return Registry(registrations=(), interval=30) if isinstance(action, ReadRegistry) else canned.well(A, "gateway")

    sides = {"windows": said.get("windows", answer_windows), "wsl": said.get("wsl", answer_wsl)}
    seen = view(
        *(each if each.name != of.name else of for each in (LIGHTHOUSE, A, B, C)),
        said={**{(of.name, side): answer for side, answer in sides.items()}, ("host-a", "gateway"): answer_gateway},
    )
    known = {} if suspension is None else {suspension.host: suspension}
    return replace(seen, read_own=_answer_own(), suspensions=known)


def _answer_own(*found: str) -> Callable[[LocalAction[Any]], Awaitable[Any]]:
    async def answer(action: LocalAction[Any]) -> Any:
        return OwnAddresses.model_validate({"found": found})

    return answer


def run_on(seen: FleetView, address: str) -> FleetView:
    """The view of a bot whose machine has this address."""
    return replace(seen, read_own=_answer_own(address))
