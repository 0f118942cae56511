"""Judges containers: whether each runs, has its address, and is registered where it must be found. Pure.

HostSight, Problem* ─ judge_container_sight ─▶ Judgment: a cell for each of COLUMNS, and remarks
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from adapters.phrase import Phrase, Span
from adapters.wsl.containers import ListedContainer, PublishedPort
from adapters.wsl.podman import Container
from commands.containers.reading import HostSight
from commands.gateways.registrations import Comparison, Kind, Problem, shorten_id
from commands.gateways.sync_report import describe_addresses
from commands.health.assessment import Judgment, Remark
from commands.health.wsl_checks import format_container, judge_container, make_container_subject
from commands.model.finding import Severity, list_some, round_distance
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shorten_argument
from commands.values.units import format_size

COLUMNS = (
    Column(key="container", heading=Phrase("Container")),
    Column(key="status", heading=Phrase("Status")),
    Column(key="registered", heading=Phrase("Registered at")),
    Column(key="address", heading=Phrase("Address")),
    Column(key="since", heading=Phrase("Since"), detail=True),
    Column(key="image", heading=Phrase("Image"), detail=True),
    Column(key="digest", heading=Phrase("Digest"), detail=True),
    Column(key="health", heading=Phrase("Health check"), detail=True),
    Column(key="restarts", heading=Phrase("Restarts"), detail=True),
    Column(key="policy", heading=Phrase("Restart policy"), detail=True),
    Column(key="ports", heading=Phrase("Ports"), detail=True),
    Column(key="volumes", heading=Phrase("Volumes"), detail=True),
    Column(key="memory", heading=Phrase("Memory limit"), detail=True),
    Column(key="id", heading=Phrase("ID"), detail=True),
)

EMPTY = Cell.of("")
ABSENT = Cell(text=Phrase("N/A"), mark=Mark.ABSENT)

DIGEST_DIGITS = 12
"""Digits of a digest that are shown, as podman shows an id."""

MAX_GATEWAYS = 4
"""Maximum gateways named in a remark."""


@dataclass(frozen=True)
class Surroundings:
    """Gateways that answered, those that did not, and the registrations by host and name of the container.

    `addresses` are those with which the containers are registered that are right everywhere.
    """

    read: tuple[str, ...]
    unread: tuple[str, ...]
    problems: Mapping[tuple[str, str], tuple[Problem, ...]]
    addresses: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, compared: Comparison, gateways: Sequence[str]) -> "Surroundings":
        """Makes them of a comparison at these gateways."""
        problems: dict[tuple[str, str], tuple[Problem, ...]] = {}
        for problem in compared.problems:
            if problem.kind in (Kind.STRANGER, Kind.UNKNOWN):
                continue
            key = (problem.host, problem.name)
            problems[key] = (*problems.get(key, ()), problem)
        unread = tuple(each.host.name for each in compared.unread_gateways)
        addresses = {(each.host, each.container.name): next(iter(each.addresses.values()), "") for each in compared.right}
        return cls(tuple(name for name in gateways if name not in unread), unread, problems, addresses)


def judge_container_sight(sight: HostSight, container: Container, around: Surroundings, now: datetime) -> Judgment:
    """Judges one container."""
    key = (sight.host.name, container.name)
    problems = around.problems.get(key, ())
    purpose = explain_stopped(sight, container)
    remarks = (
        *(_list_troubles(sight, container) if purpose is None else ()),
        *(_judge_problem(sight, container, problem) for problem in problems),
        *_judge_address(sight, container),
    )
    listed = sight.listed.get(container.id)
    cells = {
        "container": Cell.of(f"{sight.host.name}/{container.name}"),
        "status": _build_status(container, listed, now, purpose),
        "registered": _build_registered(container, problems, around),
        "address": Cell.of(sight.find_address(container) or around.addresses.get(key, "")),
        "since": _build_since(container, listed, now),
        "image": Cell.of(container.image),
        **_build_listed_cells(listed),
        "restarts": Cell(text=str(container.restarts), value=container.restarts),
        "id": Cell(text=container.id[:12], value=container.id),
    }
    return Judgment(cells, remarks)


def explain_stopped(sight: HostSight, container: Container) -> Phrase | None:
    """Explains a container that was stopped on purpose: its host is suspended, or it was moved away. None otherwise."""
    if container.runs:
        return None
    if container.id in sight.kept:
        return Phrase("stopped: moved away, kept for some days")
    remembered = () if sight.suspension is None else sight.suspension.containers
    suspended = any(each.id == container.id for each in remembered)
    return Phrase("stopped: host is suspended") if suspended else None


def judge_unknown_ghost(problem: Problem, host: str) -> Judgment:
    """Judges a registration of which podman has no container."""
    subject = make_container_subject(problem.name)
    short = Phrase("{container} is registered, but does not exist", container=problem.name)
    why = Phrase(
        "registered at {gateways}, but podman on {host} has no such container (ghost)",
        gateways=list_some(problem.gateways, MAX_GATEWAYS),
        host=host,
    )
    cells = dict.fromkeys((column.key for column in COLUMNS), EMPTY) | {
        "container": Cell.of(f"{host}/{problem.name}"),
        "status": Cell(text=Phrase("does not exist"), value="absent", mark=Mark.BAD),
        "registered": Cell(text=Phrase("ghost"), value="ghost", mark=Mark.BAD),
        "address": Cell.of(next(iter(problem.addresses.values()), "")),
        "id": Cell(text=problem.name, value=problem.id),
    }
    forget = f"sync forget {host}/{shorten_id(problem.id)}"
    return Judgment(cells, (Remark(subject, Severity.MEDIUM, short, why, next=forget),))


def _list_troubles(sight: HostSight, container: Container) -> Iterator[Remark]:
    """Lists what is wrong with the container itself."""
    show = format_container(sight.host, container)
    if trouble := judge_container(sight.host, container, restarts=0):
        yield trouble
    elif not container.runs:  # it has exited without an error: judge_container takes all other states
        yield Remark(
            make_container_subject(container.name),
            Severity.LOW,
            Phrase("{container} is stopped", container=shorten_argument(container.name)),
            Phrase("it exited without an error. If it should run, start it"),
            next=show and f"container show {show}",
        )


def _judge_problem(sight: HostSight, container: Container, problem: Problem) -> Remark:
    """Judges one problem of its registrations."""
    name, where = shorten_argument(container.name), list_some(problem.gateways, MAX_GATEWAYS)
    show = format_container(sight.host, container)
    make = partial(Remark, make_container_subject(container.name), next=show and f"container show {show}")
    match problem.kind:
        case Kind.ADDRESS:
            return make(
                Severity.HIGH,
                Phrase("{container} registered with a wrong address", container=name),
                Phrase(
                    "registered with a wrong address: {addresses}. Restart it, so that it registers again",
                    addresses=describe_addresses(problem),
                ),
            )
        case Kind.NOWHERE:
            return make(
                Severity.HIGH,
                Phrase("{container} registered nowhere", container=name),
                Phrase(
                    "it runs, but is registered at no gateway, so other hosts cannot reach it. It registers when it starts: "
                    "restart it"
                ),
            )
        case Kind.MISSING:
            missing = make(
                Severity.MEDIUM,
                Phrase("{container} not registered at {gateways}", container=name, gateways=where),
                Phrase("not registered at {gateways}, so it cannot be reached from there", gateways=where),
            )
            return replace(missing, next=f"sync pull {problem.gateways[0]}")
        case _:
            ghost = make(
                Severity.MEDIUM,
                Phrase("{container} is registered, but does not run", container=name),
                Phrase("registered at {gateways}, although it does not run (ghost)", gateways=where),
            )
            return replace(ghost, next=f"sync forget {sight.host.name}/{shorten_id(problem.id)}")


def _judge_address(sight: HostSight, container: Container) -> Iterator[Remark]:
    """Judges the address of a container that runs, as far as podman's and the plug-in's are known."""
    listed = sight.listed.get(container.id)
    if not container.runs or listed is None or container.restarting:
        return
    name, show = shorten_argument(container.name), format_container(sight.host, container)
    make = partial(Remark, make_container_subject(container.name), next=show and f"container show {show}")
    if listed.address is None:
        if listed.runs:
            short = Phrase("{container} has no address", container=name)
            yield make(Severity.HIGH, short, Phrase("it runs without an address, so it cannot be reached. Restart it"))
        return
    address = str(listed.address)
    allocated = None if sight.allocated is None else sight.allocated.get(container.id, "")
    if address in sight.shared_addresses:
        short = Phrase("{container} shares its address", container=name)
        why = Phrase("another container on this host has the same address ({address}). Restart one of them", address=address)
        yield make(Severity.HIGH, short, why)
    elif allocated == "":
        short = Phrase("the address of {container} is not allocated", container=name)
        why = Phrase(
            "Flatnet's plug-in does not know its address {address}, and may give it to another container. Restart it",
            address=address,
        )
        yield make(Severity.MEDIUM, short, why)
    elif allocated is not None and allocated != address:
        short = Phrase("{container} has another address than allocated", container=name)
        why = Phrase(
            "podman has the address {address}, Flatnet's plug-in {other}. Restart it", address=address, other=allocated
        )
        yield make(Severity.HIGH, short, why)


def _build_status(container: Container, listed: ListedContainer | None, now: datetime, purpose: Phrase | None) -> Cell:
    """Builds the state in a few words, with the time for which it runs."""
    if container.restarting:
        return Cell(text=Phrase("keeps restarting"), value="restarting", mark=Mark.BAD)
    if container.state == "running":
        if container.healthy is False:
            return Cell(text=Phrase("unhealthy"), value="unhealthy", mark=Mark.BAD)
        if listed is not None and listed.health == "starting":
            return Cell(text=Phrase("running, health check pending"), value="starting", mark=Mark.UNKNOWN)
        return Cell(text=_describe_running(container, now), value="running", mark=Mark.WELL)
    if purpose is not None:
        return Cell(text=purpose, value="stopped")
    if container.state == "exited":
        return Cell(text=Phrase("exited, code {code}", code=str(container.exit_code)), value="exited", mark=Mark.BAD)
    return Cell(text=shorten_argument(container.state), value=container.state, mark=Mark.BAD)


def _describe_running(container: Container, now: datetime) -> Phrase:
    span = 0.0 if container.started_at is None else round_distance(now - container.started_at).total_seconds()
    if span <= 0:
        return Phrase("running", context="service")
    return Phrase("running for {span}", context="service", span=Span(span))


def _build_registered(container: Container, problems: Sequence[Problem], around: Surroundings) -> Cell:
    """Builds at how many of the gateways that answered it is registered."""
    kinds = {problem.kind for problem in problems}
    if Kind.GHOST in kinds:
        return Cell(text=Phrase("ghost"), value="ghost", mark=Mark.BAD)
    if not container.runs or not (around.read or around.unread):
        return ABSENT
    if not around.read:
        return Cell(text=Phrase("unavailable"), value="unread", mark=Mark.UNKNOWN)
    missing = {name for problem in problems if problem.kind in (Kind.MISSING, Kind.NOWHERE) for name in problem.gateways}
    count, total = len(around.read) - len(missing), len(around.read)
    if Kind.ADDRESS in kinds:
        return Cell(text=Phrase("wrong address"), value="wrong-address", mark=Mark.BAD)
    if Kind.NOWHERE in kinds:
        return Cell(text=Phrase("no gateway"), value=f"0/{total}", mark=Mark.BAD)
    text = Phrase("{n} of {total} gateways", n=count, total=total)
    return Cell(text=text, value=f"{count}/{total}", mark=Mark.BAD if missing else Mark.WELL)


def _build_since(container: Container, listed: ListedContainer | None, now: datetime) -> Cell:
    """Builds the time since which it is in its state, as far as podman tells."""
    started = container.started_at if listed is None else listed.started_at or container.started_at
    at = started if container.runs else None if listed is None else listed.finished_at
    return EMPTY if at is None else Cell.of_moment(at, now)


def _build_listed_cells(listed: ListedContainer | None) -> Mapping[str, Cell]:
    """Builds the cells of what the helper alone tells."""
    if listed is None:
        return dict.fromkeys(("digest", "health", "policy", "ports", "volumes", "memory"), EMPTY)
    digest = listed.image_digest.removeprefix("sha256:")
    volumes = [f"{each.name}:{each.path}" for each in listed.volumes]
    return {
        "digest": Cell(text=digest[:DIGEST_DIGITS], value=listed.image_digest),
        "health": Cell.of(listed.health),
        "policy": Cell.of(listed.restart_policy),
        "ports": _build_list_cell([format_port(port) for port in listed.ports]),
        "volumes": _build_list_cell(volumes),
        "memory": Cell(text=format_size(listed.memory), value=listed.memory) if listed.memory else EMPTY,
    }


def format_port(port: PublishedPort) -> str:
    """Formats a published port as podman takes it: `127.0.0.1:8080:80/tcp`."""
    host = f"{port.host_ip}:" if port.host_ip else ""
    return f"{host}{port.host_port}:{port.container_port}/{port.protocol}"


def _build_list_cell(items: Sequence[str]) -> Cell:
    return Cell(text=list_some([shorten_argument(item) for item in items]) if items else "", value=" ".join(items))
