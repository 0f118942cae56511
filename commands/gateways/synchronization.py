"""`sync`: registrations of containers at the gateways, compared with podman, and having a gateway read its peers now."""

import asyncio
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.gateway.containers import PULL_TIMEOUT, PullContainers
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.changes.host_plan import HostPlan, assemble
from commands.gateways.registrations import compare_registrations, read_registrations
from commands.gateways.sync_report import build_sync_report
from commands.health.fleet_report import read_all_hosts, read_side
from commands.model.check import Area
from commands.model.operation import FleetChange, FleetRead, FleetView
from commands.model.plan import LeftOutHost, Part, PlannedAction, PlannedChange, Step
from commands.model.report import Report
from commands.values.arguments import ALL_HOSTS, Flag, HostsArgument, Target, TargetArgument


class SyncList(FleetRead):
    """Compare the registrations at each gateway with what podman runs."""

    words: ClassVar = ("sync",)
    aliases: ClassVar = (("registration",),)
    summary: ClassVar = Phrase("containers that are registered wrongly, nowhere, or although they do not run (ghosts)")
    example: ClassVar = "sync"
    label: ClassVar = Phrase("compare the registrations of {target} with podman", target="…")

    target: TargetArgument = ALL_HOSTS
    details: Annotated[bool, Flag(Phrase("also show the containers that are right, and all addresses"))] = False

    async def read(self, view: FleetView) -> Report:
        gateways = [host for host in self.resolve_hosts(view.fleet.inventory) if host.gateway is not None]
        containers, registries = await read_registrations(gateways, view)
        names = [host.name for host in gateways]

        def build() -> Report:
            return build_sync_report(compare_registrations(containers, registries), names, view.now(), details=self.details)

        return await asyncio.to_thread(build)  # takes a second for hundreds of thousands of registrations


class SyncPull(FleetChange):
    """Have gateways read the registrations of their peers now, one gateway after the other."""

    affects: ClassVar[frozenset[Area]] = frozenset()
    words: ClassVar = ("sync", "pull")
    summary: ClassVar = Phrase("have gateways read the registrations of their peers now")
    example: ClassVar = "sync pull host-a"
    label: ClassVar = Phrase("have {target} read the registrations of their peers", target="…")

    target: HostsArgument

    def restrict_to(self, names: tuple[str, ...]) -> "SyncPull":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        hosts = self.resolve_hosts(view.fleet.inventory)
        answers = await read_all_hosts(hosts, lambda host: _read_gateway(host, view), view)
        planned = (_plan_pull(host, said) for host, said in zip(hosts, answers, strict=True))
        return assemble(self, planned, view.fleet.inventory)


async def _read_gateway(host: Host, view: FleetView) -> GatewaySystem | HostError | None:
    return await read_side(host, ReadGateway() if host.gateway else None, view)


def _plan_pull(host: Host, said: GatewaySystem | HostError | None) -> HostPlan | LeftOutHost:
    """Plans one gateway. One that is silent is owed nothing: it reads its peers by itself when it is back."""
    if said is None:
        return LeftOutHost(host=host.name, why=Phrase("no gateway configured"))
    sync = said if isinstance(said, HostError) else said.sync
    if isinstance(sync, HostError):
        why = Phrase("could not check the gateway: {why}. When it responds again, it pulls by itself", why=sync.phrase)
        return LeftOutHost(host=host.name, why=why)
    if not isinstance(sync, SyncStatus):
        return LeftOutHost(host=host.name, why=Phrase("could not check the gateway: {why}", why=sync.phrase))
    if sync.host_id is None:
        return LeftOutHost(host=host.name, why=Phrase("the gateway is not initialized. Check its error.log"))
    if not sync.peers:
        return LeftOutHost(host=host.name, why=Phrase("the gateway has no peers"))
    return HostPlan(part=Part(host=host.name, steps=_build_pull_steps(host, sync)), warnings=_warn_of_peers(host, sync))


def _build_pull_steps(host: Host, sync: SyncStatus) -> tuple[Step, Step]:
    """Builds the pull, which must reach all peers, and the proof that the gateway is itself and still has these peers.

    The proof is a step of its own: a check of the first step would excuse a pull that did not reach all peers.
    """
    pull = Step(
        key=f"{host.name}/pull",
        host=host.name,
        deed=PlannedAction.of(PullContainers(peers=len(sync.peers))),
        phrase=Phrase("read the registrations of {n} peer", plural="read the registrations of {n} peers", n=len(sync.peers)),
    )
    proof = Step(
        key=f"{host.name}/proof",
        host=host.name,
        deed=PlannedAction.of(ReadGateway()),
        phrase=Phrase("check that the gateway still has its peers"),
        expect={"sync": sync.model_dump(mode="json")},
        patience=PULL_TIMEOUT,
    )
    return pull, proof


def _warn_of_peers(host: Host, sync: SyncStatus) -> tuple[Phrase, ...]:
    """Warns of the time that silent peers take."""
    return (
        Phrase(
            "takes up to {n} s on {host}: it waits {each} s for each silent peer",
            n=round(PullContainers(peers=len(sync.peers)).time_limit),
            host=host.name,
            each=round(PULL_TIMEOUT),
        ),
    )
