"""The report on registrations: what is wrong, worst first, and the number of containers that are right. Pure.

Comparison ─▶ a row for each problem, a finding for all of one kind at one host, a sentence with the counts
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from adapters.errors import HostError
from adapters.phrase import Phrase
from commands.gateways.registrations import (
    Comparison,
    GatewayRegistry,
    HostContainers,
    Kind,
    Problem,
    RightContainer,
    shorten_id,
)
from commands.model.finding import Finding, Severity, list_next_commands, list_some, sort_worst_first
from commands.model.report import Cell, Column, Mark, Report, Row, Section

COLUMNS = (
    Column(key="container", heading=Phrase("Container")),
    Column(key="state", heading=Phrase("Registration")),
    Column(key="gateways", heading=Phrase("Gateways")),
    Column(key="registered", heading=Phrase("Registered address"), detail=True),
    Column(key="address", heading=Phrase("Address by podman"), detail=True),
    Column(key="id", heading=Phrase("ID"), detail=True),
)

MAX_GATEWAYS = 4
"""Maximum gateways named in a row."""

MAX_ADDRESSES = 3
"""Maximum containers of a finding that are named with their addresses."""

MAX_NEXT = 3
"""Maximum next commands."""

SEVERITIES = {
    Kind.ADDRESS: Severity.HIGH,
    Kind.NOWHERE: Severity.HIGH,
    Kind.MISSING: Severity.MEDIUM,
    Kind.GHOST: Severity.MEDIUM,
    Kind.STRANGER: Severity.LOW,
    Kind.UNKNOWN: Severity.HIGH,
}

STATES = {
    Kind.ADDRESS: Phrase("wrong address"),
    Kind.NOWHERE: Phrase("registered nowhere"),
    Kind.MISSING: Phrase("not registered"),
    Kind.GHOST: Phrase("ghost: not running"),
    Kind.STRANGER: Phrase("unknown host"),
    Kind.UNKNOWN: Phrase("unknown"),
}


@dataclass(frozen=True)
class _Group:
    """Problems of one kind that share a finding: at one gateway if something is missing there, else of one host."""

    kind: Kind
    host: str
    problems: tuple[Problem, ...]


def build_sync_report(compared: Comparison, gateways: Sequence[str], at: datetime, *, details: bool) -> Report:
    """Builds the report on these gateways. With details it has the containers that are right as well."""
    findings = sort_worst_first(_list_findings(compared, gateways))
    rows = [*map(_build_problem_row, compared.problems), *map(_build_unread_row, _list_unread(compared))]
    if details:
        rows += [_build_right_row(each) for each in compared.right]
    return Report(
        title=Phrase("Registrations"),
        summary=_summarize(compared, len(gateways)),
        columns=COLUMNS,
        rows=tuple(sorted(rows, key=lambda row: row.grade.rank)),
        findings=findings,
        sections=_build_expired_section(compared),
        details=details,
        taken_at=at,
        next=list_next_commands(findings, MAX_NEXT),
    )


def name_container(problem: Problem) -> str:
    """Names a container as commands take it: `host-a/web`."""
    return f"{problem.host}/{problem.name}" if problem.host else problem.name


def _summarize(compared: Comparison, gateways: int) -> Phrase:
    if not gateways:
        return Phrase("no gateways configured on these hosts")
    read = gateways - len(compared.unread_gateways)
    counts = tuple(_list_counts(compared))
    if not counts:
        return Phrase(
            "{n} running container is registered correctly at {gateways} gateways",
            plural="all {n} running containers are registered correctly at {gateways} gateways",
            n=compared.total,
            gateways=read,
        )
    return Phrase(
        "{right} of {total} running containers are registered correctly at {gateways} gateways. {problems}",
        right=len(compared.right),
        total=compared.total,
        gateways=read,
        problems=Phrase("Problems: {problems}", problems=list_some(counts, len(counts))),
    )


def _list_counts(compared: Comparison) -> Iterator[Phrase]:
    """Lists what is wrong as counts, the worst kind first."""
    counts = Counter(problem.kind for problem in compared.problems)
    if n := counts[Kind.ADDRESS]:
        yield Phrase("{n} wrong address", plural="{n} wrong addresses", n=n)
    if n := counts[Kind.NOWHERE]:
        yield Phrase("{n} registered nowhere", n=n)
    if unread := [each.host.name for each in compared.unread_gateways]:
        yield Phrase("gateways unavailable ({hosts})", hosts=list_some(unread))
    if unread := [each.host.name for each in compared.unread_hosts]:
        yield Phrase("podman unavailable ({hosts})", hosts=list_some(unread))
    if n := counts[Kind.MISSING]:
        yield Phrase("{n} not registered everywhere", n=n)
    if n := counts[Kind.GHOST]:
        yield Phrase("{n} ghost", plural="{n} ghosts", n=n)
    if n := counts[Kind.STRANGER]:
        yield Phrase("{n} of an unknown host", n=n)


def _list_unread(compared: Comparison) -> tuple[GatewayRegistry | HostContainers, ...]:
    return (*compared.unread_gateways, *compared.unread_hosts)


def _list_findings(compared: Comparison, gateways: Sequence[str]) -> Iterator[Finding]:
    for group in _group_problems(compared.problems, gateways):
        why, words = _explain(group, compared), _suggest(group)
        severity = SEVERITIES[group.kind]
        parts = tuple(
            Finding(severity=severity, host=group.host, subject="sync", why=_describe(each), next=_suggest_one(each))
            for each in group.problems
        )
        short = Phrase("{what} ({n})", what=STATES[group.kind], n=len(group.problems))
        yield Finding(
            severity=severity, host=group.host, subject="sync", why=why, next=words, short=short, parts=parts[1:] and parts
        )
    for gateway in compared.unread_gateways:
        assert isinstance(gateway.registry, HostError)
        yield build_unread_gateway_finding(gateway.host.name, gateway.registry)
    counts = Counter(problem.host for problem in compared.problems if problem.kind is Kind.UNKNOWN)
    for host in compared.unread_hosts:
        yield _build_unread_finding(
            host.host.name,
            Phrase(
                "could not list the containers, so {n} registrations are unknown: {why}",
                n=counts[host.host.name],
                why=host.containers,
            ),
        )


def build_unread_gateway_finding(host: str, error: HostError) -> Finding:
    """Builds the finding that the registrations at a gateway are unknown."""
    return _build_unread_finding(host, Phrase("could not read the registrations: {why}", why=error.phrase))


def _build_unread_finding(host: str, why: Phrase) -> Finding:
    return Finding(severity=Severity.HIGH, host=host, subject="sync", why=why, next=f"health {host}", reached=False)


def _group_problems(problems: Iterable[Problem], gateways: Sequence[str]) -> Iterator[_Group]:
    """Groups the problems that have findings. Unknown registrations belong to the host that could not be read."""
    problems = tuple(problems)
    for kind in (Kind.ADDRESS, Kind.NOWHERE, Kind.GHOST, Kind.STRANGER):
        ofkind = [each for each in problems if each.kind is kind]
        for host in dict.fromkeys(each.host for each in ofkind):
            mine = tuple(each for each in ofkind if each.host == host)
            yield _Group(kind, host or mine[0].gateways[0], mine)
    for gateway in gateways:
        lacking = tuple(each for each in problems if each.kind is Kind.MISSING and gateway in each.gateways)
        if lacking:
            yield _Group(Kind.MISSING, gateway, lacking)


def _explain(group: _Group, compared: Comparison) -> Phrase:
    """Explains the problems of a group, and says what to do."""
    names, count = list_some([name_container(each) for each in group.problems]), len(group.problems)
    match group.kind:
        case Kind.ADDRESS:
            return Phrase(
                "registered with a wrong address: {containers}. Restart the container in WSL2, so that it registers again",
                plural="registered with wrong addresses: {containers}. Restart them in WSL2, so that they register again",
                containers=list_some([_describe_addresses(each) for each in group.problems], MAX_ADDRESSES),
                n=count,
            )
        case Kind.NOWHERE:
            return Phrase(
                "running, but registered at no gateway: {containers}. A container registers when it starts: restart it in "
                "WSL2",
                containers=names,
            )
        case Kind.MISSING:
            return Phrase(
                "{n} of {total} running containers is not registered at this gateway: {containers}",
                plural="{n} of {total} running containers are not registered at this gateway: {containers}",
                n=count,
                total=compared.total,
                containers=names,
            )
        case Kind.GHOST:
            return Phrase(
                "registered, but podman does not run it (ghost): {containers}",
                plural="registered, but podman does not run them ({n} ghosts): {containers}",
                n=count,
                containers=names,
            )
        case _:
            return Phrase(
                "registered for a host that is not in the configuration: {containers}. Add the host, or ask who runs it",
                containers=names,
            )


def _describe(problem: Problem) -> Phrase:
    """Describes one problem, for details."""
    what = _describe_addresses(problem) if problem.kind is Kind.ADDRESS else name_container(problem)
    where = list_some(problem.gateways, MAX_GATEWAYS)
    return Phrase("{what}: {state} (at {gateways})", what=what, state=STATES[problem.kind], gateways=where)


def _describe_addresses(problem: Problem) -> Phrase:
    """Describes a container by the addresses with which it is registered."""
    return Phrase("{container} ({addresses})", container=name_container(problem), addresses=describe_addresses(problem))


def describe_addresses(problem: Problem) -> Phrase:
    """Describes the addresses with which a container is registered, and podman's own if it is known."""
    by_address: dict[str, list[str]] = {}
    for gateway, address in problem.addresses.items():
        by_address.setdefault(address, []).append(gateway)
    told = [
        Phrase("{address} at {gateways}", address=address, gateways=list_some(at, MAX_GATEWAYS))
        for address, at in by_address.items()
    ]
    if problem.address:
        told.append(Phrase("{address} by podman", address=problem.address))
    return reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), told)


def _suggest(group: _Group) -> str | None:
    """Suggests the command that fixes the first problem of a group, or all of them."""
    return f"sync pull {group.host}" if group.kind is Kind.MISSING else _suggest_one(group.problems[0])


def _suggest_one(problem: Problem) -> str | None:
    return f"sync forget {problem.host}/{shorten_id(problem.id)}" if problem.kind is Kind.GHOST else None


def _build_problem_row(problem: Problem) -> Row:
    unknown = problem.kind is Kind.UNKNOWN
    state = Cell(text=STATES[problem.kind], value=problem.kind.value, mark=Mark.UNKNOWN if unknown else Mark.BAD)
    return Row(
        cells=(
            Cell.of(name_container(problem)),
            state,
            _build_gateways_cell(problem.gateways),
            _build_addresses_cell(problem.addresses.values()),
            Cell.of(problem.address),
            Cell.of(problem.id),
        ),
        host=_attribute(problem),
        severity=SEVERITIES[problem.kind],
        reached=not unknown,
    )


def _attribute(problem: Problem) -> str:
    """Returns the host to which the problem's finding belongs: the gateway that lacks a container, else its host."""
    return problem.gateways[0] if problem.kind is Kind.MISSING or not problem.host else problem.host


def _build_unread_row(unread: GatewayRegistry | HostContainers) -> Row:
    """Builds the row of a gateway or of a podman that could not be read."""
    what = Phrase("gateway unavailable") if isinstance(unread, GatewayRegistry) else Phrase("podman unavailable")
    empty = Cell.of("")
    cells = (empty, Cell(text=what, value="unread", mark=Mark.UNKNOWN), *[empty] * 4)
    return Row(cells=cells, host=unread.host.name, severity=Severity.HIGH, reached=False)


def _build_right_row(right: RightContainer) -> Row:
    return Row(
        cells=(
            Cell.of(f"{right.host}/{right.container.name}"),
            Cell(text=Phrase("registered"), value="registered", mark=Mark.WELL),
            _build_gateways_cell(tuple(right.addresses)),
            _build_addresses_cell(right.addresses.values()),
            Cell.of(""),
            Cell.of(right.container.id),
        ),
        host=right.host,
    )


def _build_gateways_cell(gateways: Sequence[str]) -> Cell:
    return Cell(text=list_some(gateways, MAX_GATEWAYS), value=" ".join(gateways))


def _build_addresses_cell(addresses: Iterable[str]) -> Cell:
    different = sorted(set(addresses))
    return Cell(text=list_some(different), value=" ".join(different))


def _build_expired_section(compared: Comparison) -> tuple[Section, ...]:
    """Builds the section on registrations that gateways count although they have expired."""
    if not compared.expired:
        return ()
    lines = [Phrase("{host}: {n}", host=host, n=count) for host, count in compared.expired.items()]
    return (Section(heading=Phrase("Expired registrations that gateways still count"), lines=(list_some(lines),)),)
