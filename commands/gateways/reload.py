"""`gateway reload`: has nginx load its configuration, and verifies that from outside.

each host ─ read (commands.gateways.files) ─▶ obstacles ─▶ diff to the last good configuration ─▶ HostPlan
"""

import asyncio
from collections.abc import Iterator
from typing import ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.good_configuration import GoodConfiguration
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.configuration.splice import UnsuitableText
from commands.gateways.files import GatewayFiles, GoodDiff, diff_configurations, read_gateway_files
from commands.gateways.reload_steps import HostReload, build_reload_part, find_reload_obstacle
from commands.health.fleet_report import read_all_hosts
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import FleetChange, FleetView, Risk
from commands.model.plan import LeftOutHost, PlannedChange, Premise
from commands.values.arguments import HostsArgument, Target

SHORT_HASH = 12
"""Characters of a hash in a sentence."""


class GatewayReload(FleetChange):
    """Reload the configuration of gateways, one host at a time. What was proven last is put back if the proof fails."""

    words: ClassVar = ("gateway", "reload")
    risk: ClassVar = Risk.CHANGE
    affects: ClassVar = frozenset({Area.SERVICES})
    summary: ClassVar = Phrase("reload the configuration of gateways, verified from outside, one host at a time")
    example: ClassVar = "gateway reload host-a"
    label: ClassVar = Phrase("reload the gateway of {target}", target="…")

    target: HostsArgument

    def restrict_to(self, names: tuple[str, ...]) -> "GatewayReload":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        hosts = self.resolve_hosts(inventory)
        planned = await read_all_hosts(hosts, lambda host: _plan_host(host, view), view)
        return assemble(self, planned, inventory)


async def _plan_host(host: Host, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans one host, or returns why it is left out."""
    if host.gateway is None:
        return LeftOutHost(host=host.name, why=Phrase("no gateway configured"))
    if host.windows is None:
        return LeftOutHost(host=host.name, why=Phrase("no Windows connection configured"))
    files = await read_gateway_files(host, view)
    if isinstance(files, HostError):
        return leave_unchecked(host.name, files)
    if (why := find_reload_obstacle(files.services, host.name)) is not None:
        return LeftOutHost(host=host.name, why=why)
    try:
        return await asyncio.to_thread(_build_plan, files, view)  # large files take seconds
    except UnsuitableText as error:
        return LeftOutHost(host=host.name, why=error.why)


def _build_plan(files: GatewayFiles, view: FleetView) -> HostPlan:
    """Builds the plan of one host. Raises `UnsuitableText` if approvers could not see the whole of a changed line."""
    diff, peers = _diff_to_good(files, view), files.find_peers()
    reload = HostReload(files, view.operation_id, None if isinstance(peers, Phrase) else peers, files.find_good_peers())
    return HostPlan(
        part=build_reload_part(reload),
        premises=tuple(_list_premises(files, view)),
        warnings=tuple(_list_warnings(files, peers, diff)),
        edits=diff.edits,
    )


def _diff_to_good(files: GatewayFiles, view: FleetView) -> GoodDiff:
    """Makes the diff from the last good configuration to the present one; an empty one if there is no good one."""
    if not isinstance(files.good, GoodConfiguration):
        return GoodDiff()
    changed = {*files.added, *files.good_contents}
    new = {file: content for file, content in files.present.contents.items() if file in changed}
    return diff_configurations(files.host.name, files.good_contents, new, view.redact)


def _list_premises(files: GatewayFiles, view: FleetView) -> Iterator[Premise]:
    """Lists what the approver relies on: the present configuration, and the one that a rollback puts back."""
    host, sha256 = files.host.name, files.configuration.sha256
    proven = view.good_configurations.get(host)
    present = Phrase(
        "the configuration of {host} is {hash} ({n} file)",
        plural="the configuration of {host} is {hash} ({n} files)",
        host=host,
        hash=sha256[:SHORT_HASH],
        n=len(files.configuration.present),
    )
    yield Premise(host=host, what="configuration", value=sha256, phrase=present)
    if not isinstance(files.good, GoodConfiguration) or proven is None:
        return
    known = (
        Phrase(
            "the configuration of {host} is unchanged since {operation} verified it", host=host, operation=proven.operation
        )
        if files.unchanged
        else Phrase(
            "the last good configuration of {host} is {hash}, verified by {operation}",
            host=host,
            hash=proven.sha256[:SHORT_HASH],
            operation=proven.operation,
        )
    )
    yield Premise(host=host, what="last good configuration", value=files.good.sha256, phrase=known)


def _list_warnings(files: GatewayFiles, peers: tuple[str, ...] | Phrase, diff: GoodDiff) -> Iterator[Phrase]:
    """Lists what the approver must know of the rollback and of the proof."""
    host = files.host.name
    if isinstance(files.good, Phrase):
        yield Phrase(
            "{host} has no last good configuration ({why}). If nginx refuses the reload, it keeps its old workers. "
            "Otherwise nothing can be restored",
            host=host,
            why=files.good,
        )
    if files.unread:
        yield Phrase(
            "the copy of {host} will lack {files}, because the bot cannot read them there",
            host=host,
            files=list_some(list(files.unread)),
        )
    if isinstance(peers, Phrase):
        yield Phrase("the peers of {host} cannot be verified, only its host ID ({why})", host=host, why=peers)
    if files.added:
        yield Phrase(
            "the last good configuration of {host} does not have {files}. A rollback leaves them in place",
            host=host,
            files=Listing(files.added),
        )
    if diff.left_out:
        yield Phrase("{n} more changed lines of {host} are not shown", n=diff.left_out, host=host)
