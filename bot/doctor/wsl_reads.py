"""Checks of `doctor` on what the bot may read in WSL2: each read is tried, with its smallest question.

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
from typing import Any

from adapters.errors import ActionFailed, HostError
from adapters.inventory import Host, WslSide
from adapters.logs import LogSearch
from adapters.phrase import Phrase
from adapters.wsl.action import WslAction
from adapters.wsl.disks import ReadDisks, WslDisks
from adapters.wsl.logs import NO_CONTAINER, ReadCni, ReadContainer, ReadPodman
from adapters.wsl.podman import UnreadPart
from adapters.wsl.updates import ReadUpdates, WslUpdates
from bot.doctor.check_result import make_problem, make_unknown
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetView

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
