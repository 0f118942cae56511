"""The plan of a removal: the shares of the other hosts, those of the host itself, and the tombstone, in their order.

reachable   peers ─▶ OpenResty ─▶ blocklists ─▶ Nebula ─▶ keys ─▶ registrations ─▶ tombstone
lost        blocklists ─▶ peers ─▶ registrations ─▶ tombstone
--on T      peers and blocklists of T ─▶ registrations

Situation of a host that is removed: how many of the hosts that must refuse it do, after each share. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.certificates.reading import shorten_fingerprint
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble_in_order, tell_situations
from commands.configuration.splice import UnsuitableText
from commands.hosts.remove.arguments import Removal, list_others
from commands.hosts.remove.blocklists import Planned, Revocation, plan_blocklists, read_blocklists
from commands.hosts.remove.facts import OwnSight, find_copies, read_gateways, read_others, read_sources, read_strays
from commands.hosts.remove.identities import IdentitySources, count_surplus, find_fingerprints, find_holder
from commands.hosts.remove.obstacles import find_begun_obstacle
from commands.hosts.remove.others import PeerPlans, list_forgetting_plans, plan_peers
from commands.hosts.remove.steps import LeavingHost, build_gateway_part, build_wipe_part, list_nebula_parts
from commands.hosts.remove.tombstone import plan_erasure, plan_tombstone
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.plan import FollowUp, LeftOutHost, Plan, PlannedChange, Premise


def tell_refusals(plan: Plan, host: str, shares: Sequence[str], refusing: int, total: int) -> Plan:
    """Returns the plan with its situations. `shares` are the keys of the steps with which one more host refuses it, the last
    step of the plan removes it. `refusing` of the `total` hosts do so before.
    """
    told = {key: _describe_refusal(host, refusing + done, total) for done, key in enumerate(shares, start=1)}
    refused = _describe_refusal(host, refusing + len(shares), total)
    told[plan.steps[-1].key] = Phrase("{host} is removed: {refused}", host=host, refused=refused)
    return tell_situations(plan, _describe_refusal(host, refusing, total), told)


def _describe_refusal(host: str, count: int, total: int) -> Phrase:
    return Phrase("{n} of {total} hosts refuse {host}", n=count, total=total, host=host)


@dataclass(frozen=True)
class RemovalRequest:
    """A removal that is possible. `own` is the host itself; None if it is not touched. `lost`: no one can reach it."""

    operation: FleetChange
    removal: Removal
    own: OwnSight | None
    lost: bool


@dataclass(frozen=True)
class _Shares:
    """Shares of the other hosts: their blocklists, the lighthouse first, and their peers."""

    revocation: Revocation
    blocklists: tuple[Planned, ...]
    peers: PeerPlans

    @property
    def blocking(self) -> tuple[HostPlan, ...]:
        return tuple(each for each in self.blocklists if isinstance(each, HostPlan))

    @property
    def rest(self) -> tuple[UnchangedHost | LeftOutHost, ...]:
        """Hosts without a part, and those that are owed it although their peers are edited."""
        edited = {each.host for each in self.peers.plans}
        others = (each for each in self.blocklists if not isinstance(each, HostPlan))
        return tuple(each for each in others if isinstance(each, LeftOutHost) or each.host not in edited)

    @property
    def owed(self) -> frozenset[str]:
        """Names of the hosts that are owed their share."""
        return frozenset(each.host for each in self.rest if isinstance(each, LeftOutHost) and each.owed)

    @property
    def follow_ups(self) -> tuple[FollowUp, ...]:
        return tuple(self.peers.list_follow_ups({each.host: each.part.steps[-1].key for each in self.blocking}))

    def tell_situations(self, planned: PlannedChange, host: str) -> PlannedChange:
        """Returns the plan of the whole removal with how many hosts refuse the host."""
        keys = tuple(each.part.steps[-1].key for each in self.blocking)
        refusing = sum(isinstance(each, UnchangedHost) for each in self.blocklists)
        plan = tell_refusals(planned.plan, host, keys, refusing, len(self.blocklists))
        return planned.model_copy(update={"plan": plan})


async def plan_removal(request: RemovalRequest, view: FleetView) -> PlannedChange:
    """Plans the whole removal. Raises `CannotPlan`."""
    removal, own, inventory = request.removal, request.own, view.fleet.inventory
    others = list_others(removal, inventory)
    sources = await read_sources(await read_others(others, view), own, view)
    fingerprints = _find_fingerprints(removal, inventory, sources)
    if not fingerprints and removal.joining is None:
        raise CannotPlan(
            Phrase(
                "no certificate of {host} is known, so none could be blocked. Run {words} while it responds",
                host=removal.name,
                words=f"cert {removal.name}",
            )
        )
    revocation = Revocation(fingerprints, sources, view.operation_id, view.redact)
    shares = await _plan_shares(removal, revocation, others, view)
    lighthouse = next(host for host in others if host.lighthouse)
    _require_lighthouse(shares, lighthouse)
    ends = [*await _plan_wiping(request, lighthouse, fingerprints, view)]
    ends += await _plan_forgetting(removal, others, view)
    buried = bool(fingerprints) or (removal.joining is not None and removal.joining.again)
    file = plan_tombstone(removal, fingerprints, view, lost=request.lost) if buried else plan_erasure(removal, view)
    ends.append(await file)
    ordered = (*_order(request, shares, lighthouse, view.operation_id), *ends, *shares.rest)
    made = assemble_in_order(request.operation, ordered, inventory, tuple(_list_premises(request, fingerprints)))
    warnings = tuple(_list_warnings(request, shares, view))
    planned = _complete(made, request, shares, warnings)
    return shares.tell_situations(planned, removal.name) if fingerprints else planned


async def plan_share(request: RemovalRequest, hosts: Sequence[Host], view: FleetView) -> PlannedChange:
    """Plans what these other hosts have not done yet. Raises `CannotPlan`."""
    removal, inventory = request.removal, view.fleet.inventory
    others = list_others(removal, inventory)
    sources = await read_sources(await read_others(others, view), None, view)
    if removal.removed is not None:
        sources = replace(sources, revoked=removal.removed.fingerprints)
    fingerprints = _find_fingerprints(removal, inventory, sources)
    asked = tuple(host for host in others if host in hosts)
    if removal.removed is None or not any(host.lighthouse for host in asked):
        await _require_begun(removal, fingerprints, others, view)
    revocation = Revocation(fingerprints, sources, view.operation_id, view.redact)
    shares = await _plan_shares(removal, revocation, asked, view)
    ends = await _plan_forgetting(removal, others, view) if shares.blocking else ()
    ordered = (*shares.peers.plans, *shares.blocking, *ends, *shares.rest)
    made = assemble_in_order(request.operation, ordered, inventory, tuple(_list_premises(request, fingerprints)))
    return _complete(made, request, shares, tuple(shares.peers.list_warnings(shares.owed)))


def is_reserved_only(removal: Removal, view: FleetView) -> bool:
    """Returns whether a host has nothing but its name and its id: no certificate was ever signed for it."""
    known = view.identities.find_fingerprints(view.now(), name=removal.name, address=removal.overlay)
    reserved = removal.joining is not None and not removal.joining.adopt
    return reserved and view.identities.available and not known


async def plan_release(operation: FleetChange, removal: Removal, view: FleetView) -> PlannedChange:
    """Plans to free the name and the id of a host that is reserved only. Raises `CannotPlan`."""
    made = assemble_in_order(operation, (await plan_erasure(removal, view),), view.fleet.inventory)
    plan = made.plan.model_copy(update={"about": removal.name})
    return PlannedChange(arguments=operation.resolved_arguments, plan=plan)


def _complete(made: PlannedChange, request: RemovalRequest, shares: _Shares, warnings: tuple[Phrase, ...]) -> PlannedChange:
    """Completes a plan. Its arguments stay those of the request: what a host has done already is seen there."""
    plan = made.plan.model_copy(
        update={
            "about": request.removal.name,
            "warnings": (*warnings, *made.plan.warnings),
            "follow_ups": shares.follow_ups,
        }
    )
    return PlannedChange(arguments=request.operation.resolved_arguments, plan=plan)


async def _plan_shares(removal: Removal, revocation: Revocation, hosts: Sequence[Host], view: FleetView) -> _Shares:
    """Plans the shares of these hosts. Without a certificate, only their peers are edited.

    Where another host has the id by now, the peer is that host's.
    """
    peers = await plan_peers((removal.name, removal.id), hosts if _find_address(removal, view.fleet.inventory) else (), view)
    if not revocation.fingerprints:
        return _Shares(revocation, (), peers)
    able = [host for host in hosts if host.windows is not None]
    lists = await read_blocklists(able, revocation.fingerprints, view)
    return _Shares(revocation, await plan_blocklists(revocation, hosts, lists, view), peers)


async def _plan_forgetting(removal: Removal, others: Sequence[Host], view: FleetView) -> Sequence[HostPlan]:
    """Plans to forget its registrations; nothing if they are those of another host, which has the id by now."""
    if not _find_address(removal, view.fleet.inventory):
        return ()
    return tuple(list_forgetting_plans(removal.name, removal.id, await read_gateways(others, view)))


def _require_lighthouse(shares: _Shares, lighthouse: Host) -> None:
    """Raises `CannotPlan` if the lighthouse, through which a host finds all others, cannot refuse it now."""
    left = [each for each in shares.blocklists if isinstance(each, LeftOutHost) and each.host == lighthouse.name]
    if left:
        raise CannotPlan.from_left_out(left)


async def _require_begun(removal: Removal, fingerprints: tuple[str, ...], others: Sequence[Host], view: FleetView) -> None:
    """Raises `CannotPlan` unless the lighthouse refuses the host already.

    Of a host with a tombstone that was proven. Its log may have been rotated since, so the file counts.
    """
    lighthouse = next(host for host in others if host.lighthouse)
    found = (await read_blocklists((lighthouse,), fingerprints, view))[lighthouse.name]
    if isinstance(found, HostError):
        raise CannotPlan(Phrase("could not check {host}: {why}", host=lighthouse.name, why=found.phrase))
    buried = removal.removed is not None
    words = f"host remove {removal.name} --on {lighthouse.name}" if buried else f"host remove {removal.name}"
    try:
        blocked = found.listed if buried else found.blocked
    except UnsuitableText as error:
        why = error.locate(found.file.file, found.file.content)
        raise CannotPlan(Phrase("{host}: {why}", host=lighthouse.name, why=why)) from error
    if (obstacle := find_begun_obstacle(removal.name, words, fingerprints, blocked)) is not None:
        raise CannotPlan(obstacle)


async def _plan_wiping(
    request: RemovalRequest, lighthouse: Host, fingerprints: tuple[str, ...], view: FleetView
) -> Sequence[HostPlan]:
    """Plans the wiping of the host's keys: on the host itself, and of copies on the lighthouse."""
    plans, own, name = list[HostPlan](), request.own, request.removal.name
    if own is not None:
        assert own.host.windows is not None
        strays = [each.file for each in own.strays.keys if each.kind == "host"]
        part = build_wipe_part(own.host, [own.host.windows.paths.host_key, *strays])
        warning = Phrase("the private keys of {host} are wiped at the end. They cannot be restored", host=name)
        plans.append(HostPlan(part=part, warnings=(warning,)))
    copies = find_copies(await read_strays(lighthouse, view), name, fingerprints)
    if copies:
        part = build_wipe_part(lighthouse, [each.file for each in copies])
        plans.append(HostPlan(part=part))
    return plans


def _order(request: RemovalRequest, shares: _Shares, lighthouse: Host, operation: str) -> Iterator[HostPlan]:
    """Lists the parts before the wiping, in their order. A host that is not touched may be in bad hands, so it is refused
    first.
    """
    own = request.own
    if own is None:
        yield from (*shares.blocking, *shares.peers.plans)
        return
    leaving = LeavingHost(own.host, own.services, lighthouse, operation, tuple(shares.revocation.fingerprints))
    yield from shares.peers.plans
    if leaving.serves:
        yield HostPlan(part=build_gateway_part(leaving))
    yield from shares.blocking
    for part in list_nebula_parts(leaving):
        yield HostPlan(part=part)


def _find_fingerprints(removal: Removal, inventory: Inventory, sources: IdentitySources) -> tuple[str, ...]:
    """Finds the certificates that are revoked. Raises `CannotPlan` if another host takes part with one of them."""
    address = _find_address(removal, inventory)
    holder = find_holder(removal.name, address, sources)
    if holder is not None and holder.certificate is not None:
        other = holder.host.name
        raise CannotPlan(
            Phrase(
                "{other} takes part with a certificate of {host} ({fingerprint}), and would be refused, too. Run {words} "
                "first",
                other=other,
                host=removal.name,
                fingerprint=shorten_fingerprint(holder.certificate.fingerprint),
                words=f"cert renew {other}",
            )
        )
    return find_fingerprints(removal.name, address, sources)


def _find_address(removal: Removal, inventory: Inventory) -> str:
    """Finds the address of a removed host; "" if another host has it by now."""
    others = [host for host in inventory.reachable if host.name != removal.name]
    numbers = {host.id for host in others} | {each.id for each in inventory.joining if each.name != removal.name}
    return "" if removal.id in numbers else removal.overlay


def _list_premises(request: RemovalRequest, fingerprints: tuple[str, ...]) -> Iterator[Premise]:
    name, own = request.removal.name, request.own
    if fingerprints:
        phrase = Phrase(
            "{n} certificate of {host} is blocked: {fingerprints}",
            plural="{n} certificates of {host} are blocked: {fingerprints}",
            n=len(fingerprints),
            host=name,
            fingerprints=list_some([shorten_fingerprint(each) for each in fingerprints]),
        )
        yield Premise(host=name, what="fingerprints", value=list(fingerprints), phrase=phrase)
    if own is not None and own.running:
        phrase = Phrase("{containers} run on {host} and are lost", containers=list_some(list(own.running)), host=name)
        yield Premise(host=name, what="containers", value=list(own.running), phrase=phrase)


def _list_warnings(request: RemovalRequest, shares: _Shares, view: FleetView) -> Iterator[Phrase]:
    removal = request.removal
    forged = count_surplus(removal.name, _find_address(removal, view.fleet.inventory), shares.revocation.sources)
    if forged:
        yield Phrase(
            "{n} more certificate of {host} is only in logs of hosts, and is not blocked: it may be forged",
            plural="{n} more certificates of {host} are only in logs of hosts, and are not blocked: they may be forged",
            n=forged,
            host=removal.name,
        )
    restarts = sum(bool(each.disrupts) for each in shares.blocking)
    if restarts:
        yield Phrase(
            "Nebula restarts on {n} host",
            plural="Nebula restarts on {n} hosts, one after another. Each loses its tunnels for some seconds",
            n=restarts,
        )
    if request.own is None and removal.host is not None:
        yield Phrase(
            "{host} is not touched: its keys stay on it, and its certificates are refused everywhere", host=removal.name
        )
    outside = [*view.certificates.members, *([] if view.certificates.bot_certificate is None else ["flatnet-bot"])]
    if outside and shares.revocation.fingerprints:
        yield Phrase(
            "members outside the configuration ({names}) have blocklists of their own. Block the certificates there by hand",
            names=list_some(outside),
        )
    yield from shares.peers.list_warnings(shares.owed)
