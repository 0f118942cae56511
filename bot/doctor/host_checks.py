"""Checks of `doctor` on a host: the bot can reach each side, and finds everything that it needs there.

| side | checked |
| --- | --- |
| Windows | address, TLS, log-in, PowerShell answers, clock |
| WSL2 | address, host key, log-in, podman through sudo as root, then all other reads (`bot.doctor.host_checks`) |
| gateway | address, allowed (403), the gateway of this host |
| WSL2, managed | the helper: there, of this version, with these areas, changed by root alone (`bot.doctor.host_checks`) |
| the bot | a fresh rehearsal of the guard |

The health of the host itself is reported by `health`.

Check of `doctor` on the helper in WSL2, on hosts whose configuration lets the bot change something there (`manage`).

Checks of `doctor` on what the bot may read in WSL2: each read is tried, with its smallest question.

| subject | tried | needs |
| --- | --- | --- |
| wsl.disks | `disk` | sudo's rules for podman and du |
| wsl.updates | `update` | apt with its lists |
| wsl.cni | `log cni` | the group adm |
| wsl.journal | `log podman` | the group adm or systemd-journal |
| wsl.containers | `log container:…` | sudo's rule for logs of containers |

A right is there if the read succeeds: sudo's own list of rules does not tell whether it would ask for a password.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.action import Action, Answer, Place
from adapters.errors import ActionFailed, FlatnetError, HostError
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, WslSide
from adapters.logs import LogSearch
from adapters.phrase import Listing, Phrase
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.wsl.action import WslAction
from adapters.wsl.disks import ReadDisks, WslDisks
from adapters.wsl.helper import HelperInfo, ReadHelper
from adapters.wsl.logs import NO_CONTAINER, ReadCni, ReadContainer, ReadPodman
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import ReadSystem as ReadWsl
from adapters.wsl.system import WslSystem
from adapters.wsl.updates import ReadUpdates, WslUpdates
from bot.changes.rules.rehearsals import find_objection
from bot.doctor.check_result import CheckResult, make_problem, make_unknown
from bot.model.rehearsal import Rehearsal
from commands.changes.rehearsal import format_rehearsal_command
from commands.health.assessment import make_unanswered_checks
from commands.health.host_checks import NETWORK_SUBJECT, judge_clock, judge_gateway
from commands.health.wsl_checks import find_helper_fault
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetView


@dataclass(frozen=True)
class HelperCheck:
    """Version of a host's helper, None if it is not known or not wanted, and its problems."""

    version: int | None = None
    findings: tuple[Finding, ...] = ()

    def describe(self, seen: Phrase) -> Phrase:
        """Adds the version to the description of a host."""
        if self.version is None:
            return seen
        return Phrase("{seen}, helper in WSL2 version {version}", seen=seen, version=self.version)


async def check_helper(host: Host, view: FleetView) -> HelperCheck:
    """Check the helper of a managed host. If WSL2 does not answer, its own checks report that."""
    if host.wsl is None or not host.wsl.manage:
        return HelperCheck()
    said = await _read(host, view)
    if isinstance(said, HostError) and not isinstance(said, ActionFailed):
        return HelperCheck()
    fault = find_helper_fault(host, said)
    findings = () if fault is None else (make_problem(host.name, "wsl.helper", fault, Severity.MEDIUM),)
    return HelperCheck(said.version if isinstance(said, HelperInfo) else None, findings)


async def _read(host: Host, view: FleetView) -> HelperInfo | HostError:
    assert host.wsl is not None
    try:
        return await view.fleet.perform(host, ReadHelper.of(host.wsl))
    except HostError as error:
        return error


ABSENT_CONTAINER = "flatnet-bot-doctor"
"""Name of a container that does not exist. podman says so only if sudo lets the bot read logs of containers."""


AS_ROOT = frozenset({"disks", "containers"})
"""Reads that need podman through sudo."""


async def check_reads(host: Host, view: FleetView, skipped: frozenset[str]) -> tuple[Finding, ...]:
    """Try all reads of a host's WSL2 but the `skipped` ones concurrently, and report each reason for a failure once."""
    assert host.wsl is not None
    listed = _list_reads(host.wsl, LogSearch(tail=1, since=view.now()))
    reads = {name: action for name, action in listed.items() if name not in skipped}
    answers = await asyncio.gather(*(_try_read(host, action, view) for action in reads.values()))
    problems = [_report_answer(host.name, name, answer) for name, answer in zip(reads, answers, strict=True)]
    return tuple({str(finding.why): finding for each in reversed(problems) for finding in each}.values())[::-1]


def _list_reads(side: WslSide, newest: LogSearch) -> Mapping[str, WslAction[Any]]:
    """List every read beside `ReadSystem`, by its part of the subject. `newest` ends at the newest lines of a log."""
    return {
        "disks": ReadDisks.of(side),
        "updates": ReadUpdates.of(side),
        "cni": ReadCni.of(side, newest),
        "journal": ReadPodman.of(side, newest),
        "containers": ReadContainer.of(side, ABSENT_CONTAINER, newest),
    }


async def _try_read(host: Host, action: WslAction[Any], view: FleetView) -> object:
    try:
        return await view.fleet.perform(host, action)
    except HostError as error:
        return error


def _report_answer(host: str, name: str, answer: object) -> tuple[Finding, ...]:
    """Report what could not be read."""
    match answer:
        case ActionFailed(code=code) if code == NO_CONTAINER:
            return ()
        case ActionFailed():
            return (make_problem(host, f"wsl.{name}", answer.phrase, Severity.MEDIUM),)
        case HostError():
            return (make_unknown(host, f"wsl.{name}", answer.phrase),)
        case _:
            return tuple(make_problem(host, f"wsl.{name}", why, Severity.MEDIUM) for why in _list_unread_parts(answer))


def _list_unread_parts(answer: object) -> Iterator[Phrase]:
    parts: tuple[object, ...] = ()
    if isinstance(answer, WslDisks):
        parts = (answer.root, answer.flatnet, answer.storage, answer.folders, answer.podman)
    elif isinstance(answer, WslUpdates):
        parts = (answer.packages,)
    yield from (part.phrase for part in parts if isinstance(part, UnreadPart))


SIDE_NAMES: dict[Place, Phrase] = {"windows": Phrase("Windows"), "wsl": Phrase("WSL2"), "gateway": Phrase("gateway API")}

MAX_NAMED_HOSTS = 3
"""Hosts that one command names; beyond that it is for all."""


async def examine_host(host: Host, view: FleetView, known: Mapping[str, Rehearsal] | None = None) -> CheckResult:
    """Check all sides of a host concurrently; one that does not answer hides no other.

    `known` are the rehearsals of all hosts; None if they are unknown here, and not judged.
    """
    looks = {"windows": _check_windows, "wsl": _check_wsl, "gateway": _check_gateway}
    sides = [side for side in SIDE_NAMES if host.get_side(side) is not None]
    async with asyncio.TaskGroup() as group:
        looking = [group.create_task(looks[side](host, view)) for side in sides]
        helping = group.create_task(check_helper(host, view))
    found = [look.result() for look in looking]
    answering = tuple(
        SIDE_NAMES[side] for side, findings in zip(sides, found, strict=True) if all(finding.reached for finding in findings)
    )
    seen = Phrase("reachable: {items}", items=Listing(answering)) if answering else Phrase("no response")
    rehearsal = _check_rehearsal(host, known, view) if answering and known is not None else ()
    helper = helping.result()
    findings = (*(finding for findings in found for finding in findings), *helper.findings, *rehearsal)
    return CheckResult(host.name, helper.describe(seen), findings)


def _check_rehearsal(host: Host, known: Mapping[str, Rehearsal], view: FleetView) -> tuple[Finding, ...]:
    """Report that no fresh rehearsal proves the automatic rollback of changes on a host.

    All such hosts have the same next command, so that they are listed together with it.
    """
    hosts = (each for each in view.fleet.inventory.hosts if each.windows is not None)
    found = ((each.name, find_objection(each, known.get(each.name), view.now())) for each in hosts)
    objections = {name: objection for name, objection in found if objection is not None}
    objection = objections.get(host.name)
    if objection is None:
        return ()
    words = format_rehearsal_command(tuple(objections) if len(objections) <= MAX_NAMED_HOSTS else ("all",))
    why = Phrase("the automatic rollback of changes is unproven ({why})", why=objection)
    finding = make_problem(host.name, "rehearsal", why, Severity.LOW)
    return (finding.model_copy(update={"next": words}),)


async def _check_windows(host: Host, view: FleetView) -> tuple[Finding, ...]:
    assert host.windows is not None
    before = view.now()
    said = await _read_host_checks(host, ReadWindows.of(host.windows), view)
    if isinstance(said, Finding):
        return (said,)
    ahead = max((said.clock - view.now()).total_seconds(), 0.0) - max((before - said.clock).total_seconds(), 0.0)
    remarks = judge_clock(ahead, view.thresholds).remarks
    return tuple(make_problem(host.name, "windows.clock", remark.why, remark.severity) for remark in remarks)


async def _check_wsl(host: Host, view: FleetView) -> tuple[Finding, ...]:
    assert host.wsl is not None
    said = await _read_host_checks(host, ReadWsl.of(host.wsl), view)
    if isinstance(said, Finding):
        return (said,)
    follows = AS_ROOT if isinstance(said.containers, UnreadPart) else frozenset[str]()
    return (*_report_unread(host, said), *await check_reads(host, view, follows))


async def _check_gateway(host: Host, view: FleetView) -> tuple[Finding, ...]:
    said = await _read_host_checks(host, ReadGateway(every_page=True), view)
    return (said,) if isinstance(said, Finding) else tuple(_report_unusable(host, said))


async def _read_host_checks(host: Host, action: Action[Answer], view: FleetView) -> Answer | Finding:
    """Read a side; returns its answer, or a finding if it fails."""
    try:
        return await view.fleet.perform(host, action)
    except HostError as error:
        return _report_unanswered(host, action.side, error)
    except FlatnetError as error:  # a secret is missing
        return make_unknown(host.name, f"{action.side}.secret", error.phrase)


def _report_unanswered(host: Host, side: Place, error: HostError) -> Finding:
    return make_unknown(
        host.name, f"{side}.{error.kind}", make_unanswered_checks(side, SIDE_NAMES[side], (), error).remarks[0].why
    )


def _report_unread(host: Host, said: WslSystem) -> Iterator[Finding]:
    parts = {"podman": said.containers, "bridge": said.bridge, "forwarding": said.forwarding}
    for name, part in parts.items():
        if isinstance(part, UnreadPart):
            yield make_problem(host.name, NETWORK_SUBJECT if part.absent else f"wsl.{name}", part.phrase)


def _report_unusable(host: Host, said: GatewaySystem) -> Iterator[Finding]:
    """Report the first part that is wrong or does not answer: problems of later parts follow from it."""
    parts = [part for part in (said.healthy, said.sync, said.status) if isinstance(part, UnusableAnswer | HostError)]
    for part in parts[:1]:
        if isinstance(part, HostError):
            yield _report_unanswered(host, "gateway", part)
        else:
            yield make_problem(host.name, "gateway.forbidden" if part.forbidden else "gateway.api", part.phrase)
    if isinstance(said.sync, SyncStatus) and said.sync.host_id not in (None, host.id):
        yield make_problem(host.name, "gateway.host_id", judge_gateway(host, said, frozenset()).remarks[0].why)
