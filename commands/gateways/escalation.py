"""`escalation`: the way by which each gateway reaches container addresses, and resetting one to the gateway."""

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.escalation import (
    CONTAINER_NETWORK,
    STATE_NAMES,
    Escalation,
    Escalations,
    ReadEscalation,
    ReadEscalations,
    ResetEscalation,
    is_container_address,
)
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase, Span
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.health.assessment import Judgment, Remark, build_findings, make_absent_checks, make_unanswered_checks
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_side
from commands.model.check import Area
from commands.model.finding import Severity, list_some, round_distance
from commands.model.operation import CannotPlan, FleetChange, FleetView
from commands.model.plan import Check, Part, PlannedAction, PlannedChange, Premise, Step
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import BadArgument, Flag, Option, Positional, Target, resolve_one_host, shorten_argument

STUCK_AFTER = timedelta(minutes=10)
"""Time after which an attempt is a finding. The gateway never ends one by itself."""

_KEYS = tuple(name.lower() for name in STATE_NAMES)

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="gateway_only", heading=Phrase("By the gateway")),
    Column(key="p2p_attempting", heading=Phrase("Attempting P2P")),
    Column(key="p2p_active", heading=Phrase("P2P")),
    Column(key="gateway_fallback", heading=Phrase("Fallback")),
)

_SIDE = Phrase("Gateway")


def parse_container_address(text: str) -> str:
    """Parses the address of a container. Raises `BadArgument`, with the reason, for any other one."""
    typed = text.strip()
    try:
        address = ipaddress.IPv4Address(typed)
    except ValueError:
        raise BadArgument(
            Phrase("{part} is not an IPv4 address. Example: {example}", part=shorten_argument(text), example="10.87.2.10"),
            part=text,
        ) from None
    if not is_container_address(typed):
        raise BadArgument(
            Phrase(
                "{part} is not the address of a container. Those are inside {network}, and hosts have 10.100.N.1. Run "
                "{words} to see the addresses",
                part=typed,
                network=str(CONTAINER_NETWORK),
                words="escalation --details",
            ),
            part=text,
        )
    return str(address)


class EscalationList(AssessmentRead):
    """Count the escalation states of each gateway, and find attempts that do not end."""

    words: ClassVar = ("escalation",)
    summary: ClassVar = Phrase("ways from each gateway to the containers (gateway or P2P), and attempts that never ended")
    example: ClassVar = "escalation host-a"
    label: ClassVar = Phrase("show the escalation states of {target}", target="…")
    title: ClassVar = Phrase("Escalation")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("show each address that needs attention"))] = False

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        return Phrase(
            "no attempt of P2P is stuck on {n} host", plural="no attempt of P2P is stuck on any of {n} hosts", n=len(hosts)
        )


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    said = await read_side(host, ReadEscalations() if host.gateway else None, view)
    judged, words = judge_escalations(host, said), f"escalation {host.name} --details"
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in _KEYS),
        findings=tuple(build_findings(host.name, judged.remarks, words)),
    )


def judge_escalations(host: Host, said: Escalations | HostError | None) -> Judgment:
    """Judges the escalations of one gateway."""
    if said is None:
        return make_absent_checks(*_KEYS)
    if isinstance(said, HostError):
        return make_unanswered_checks("escalation", _SIDE, _KEYS, said)
    stuck = [each for each in said.addresses if each.attempting is not None and each.attempting >= STUCK_AFTER]
    counts = Counter(each.state for each in said.addresses)
    cells = {
        name.lower(): Cell(text=str(counts[name]), value=counts[name], mark=Mark.BAD if _is_bad(name, stuck) else Mark.PLAIN)
        for name in STATE_NAMES
    }
    return Judgment(cells, tuple(_list_remarks(host, stuck)))


def _is_bad(state: str, stuck: Sequence[Escalation]) -> bool:
    return state == "P2P_ATTEMPTING" and bool(stuck)


def _list_remarks(host: Host, stuck: Sequence[Escalation]) -> Iterator[Remark]:
    """Lists one remark for all addresses whose attempts do not end, with one part for each."""
    if not stuck:
        return
    parts = tuple(_remark_stuck(host, each) for each in sorted(stuck, key=_get_age, reverse=True))
    short = Phrase("{n} attempt stuck", plural="{n} attempts stuck", n=len(stuck))
    why = Phrase(
        "an attempt of P2P has lasted for more than {span} and never ends by itself: {addresses}",
        plural="{n} attempts of P2P have lasted for more than {span} and never end by themselves: {addresses}",
        n=len(stuck),
        span=Span(STUCK_AFTER.total_seconds()),
        addresses=list_some([each.ip for each in stuck]),
    )
    words = parts[0].next if len(parts) == 1 else f"escalation {host.name} --details"
    yield Remark("escalation", Severity.MEDIUM, short, why, parts=parts, next=words)


def _get_age(each: Escalation) -> timedelta:
    return each.attempting or timedelta()


def _remark_stuck(host: Host, each: Escalation) -> Remark:
    age = Span(round_distance(_get_age(each)).total_seconds())
    if not is_container_address(each.ip):
        why = Phrase("{ip} has been attempted for {span}, and is not the address of a container", ip=each.ip, span=age)
        return Remark("escalation", Severity.LOW, Phrase("address of no container"), why)
    why = Phrase("{ip} has been attempted for {span} through {target}", ip=each.ip, span=age, target=each.target or "?")
    reset = f"escalation reset {each.ip} --on {host.name}"
    return Remark("escalation", Severity.MEDIUM, Phrase("attempt stuck"), why, next=reset)


class EscalationReset(FleetChange):
    """Reset one address to the gateway at one gateway."""

    affects: ClassVar[frozenset[Area]] = frozenset()
    words: ClassVar = ("escalation", "reset")
    summary: ClassVar = Phrase("reach a container address through the gateway again, and end its attempt of P2P")
    example: ClassVar = "escalation reset 10.87.2.10 --on host-a"
    label: ClassVar = Phrase("reset {ip} on {on}", ip="…", on="…")

    ip: Annotated[
        str,
        Positional(
            "address",
            Phrase("address of the container: 10.87.2.10"),
            lambda words: parse_container_address(words[0]),
            lambda ip: (ip,),
        ),
    ]
    on: Annotated[
        Target | None,
        Option("host", Phrase("host of the gateway"), lambda text: Target.parse((text,)), str),
    ] = None

    @property
    def incomplete(self) -> bool:
        return self.on is None

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        if self.on is None:
            raise BadArgument(Phrase("name the host of the gateway: {example}", example="--on host-a"), part=self.ip)
        return (resolve_one_host(self.on, inventory),)

    def restrict_to(self, names: tuple[str, ...]) -> "EscalationReset":
        return self.model_copy(update={"on": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        (host,) = self.resolve_hosts(view.fleet.inventory)
        said = await read_side(host, ReadEscalations() if host.gateway else None, view)
        if said is None:
            raise CannotPlan(Phrase("{host} has no gateway configured", host=host.name))
        if isinstance(said, HostError):
            return assemble(self, [leave_unchecked(host.name, said)], view.fleet.inventory)
        return assemble(self, [self._plan_host(host, said)], view.fleet.inventory)

    def _plan_host(self, host: Host, said: Escalations) -> HostPlan | UnchangedHost:
        found = next((each for each in said.addresses if each.ip == self.ip), None)
        if found is None:
            raise CannotPlan(
                Phrase(
                    "the gateway of {host} has no state for {ip}. Run {words} to see its addresses",
                    host=host.name,
                    ip=self.ip,
                    words=f"escalation {host.name} --details",
                )
            )
        if found.state == "GATEWAY_ONLY":
            return UnchangedHost(host.name, Phrase("{ip} is reached through the gateway already", ip=self.ip))
        premise = Premise(
            host=host.name,
            what="escalation",
            value=found.state,
            phrase=Phrase("{ip} is in state {state} on {host}", ip=self.ip, state=found.state, host=host.name),
        )
        return HostPlan(
            part=Part(host=host.name, steps=(self._build_step(host),)),
            premises=(premise,),
            warnings=(Phrase("it cannot be rolled back: the gateway begins an attempt of P2P by itself when it needs one"),),
        )

    def _build_step(self, host: Host) -> Step:
        return Step(
            key=f"{host.name}/reset",
            host=host.name,
            deed=PlannedAction.of(ResetEscalation(ip=self.ip)),
            phrase=Phrase("reset {ip} to the gateway", ip=self.ip),
            verify=Check(
                host=host.name, deed=PlannedAction.of(ReadEscalation(ip=self.ip)), expect={"state": "GATEWAY_ONLY"}
            ),
        )
