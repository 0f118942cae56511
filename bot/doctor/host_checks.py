"""Checks of `doctor` on a host: the bot can reach each side, and finds everything that it needs there.

| side | checked |
| --- | --- |
| Windows | address, TLS, log-in, PowerShell answers, clock |
| WSL2 | address, host key, log-in, podman through sudo as root |
| gateway | address, allowed (403), the gateway of this host |

The health of the host itself is reported by `health`.
"""

import asyncio
from collections.abc import Iterator

from adapters.action import Action, Answer, SideName
from adapters.errors import FlatnetError, HostError
from adapters.gateway.api import GatewaySystem, Sync, Unusable
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.wsl.podman import Unread
from adapters.wsl.system import ReadSystem as ReadWsl
from adapters.wsl.system import WslSystem
from bot.doctor.check_result import Examined, unknown, wrong
from commands.checks.assessment import unanswered
from commands.checks.host_checks import judge_clock, judge_gateway
from commands.model.finding import Finding
from commands.model.operation import View

SIDES: dict[SideName, Phrase] = {"windows": Phrase("Windows"), "wsl": Phrase("WSL2"), "gateway": Phrase("gateway API")}


async def examine_host(host: Host, view: View) -> Examined:
    """Check all sides of a host concurrently; one that does not answer hides no other."""
    looks = {"windows": _windows, "wsl": _wsl, "gateway": _gateway}
    sides = [side for side in SIDES if host.side(side) is not None]
    async with asyncio.TaskGroup() as group:
        looking = [group.create_task(looks[side](host, view)) for side in sides]
    found = [look.result() for look in looking]
    answering = tuple(
        SIDES[side] for side, findings in zip(sides, found, strict=True) if all(finding.reached for finding in findings)
    )
    seen = Phrase("{items}", items=Listing(answering)) if answering else Phrase("no answer")
    return Examined(host.name, seen, tuple(finding for findings in found for finding in findings))


async def _windows(host: Host, view: View) -> tuple[Finding, ...]:
    assert host.windows is not None
    before = view.now()
    said = await _ask(host, ReadWindows.of(host.windows), view)
    if isinstance(said, Finding):
        return (said,)
    ahead = max((said.clock - view.now()).total_seconds(), 0.0) - max((before - said.clock).total_seconds(), 0.0)
    remarks = judge_clock(ahead, view.thresholds).remarks
    return tuple(wrong(host.name, "windows.clock", remark.why, remark.severity) for remark in remarks)


async def _wsl(host: Host, view: View) -> tuple[Finding, ...]:
    assert host.wsl is not None
    said = await _ask(host, ReadWsl.of(host.wsl), view)
    return (said,) if isinstance(said, Finding) else tuple(_unread(host, said))


async def _gateway(host: Host, view: View) -> tuple[Finding, ...]:
    said = await _ask(host, ReadGateway(), view)
    return (said,) if isinstance(said, Finding) else tuple(_unusable(host, said))


async def _ask(host: Host, action: Action[Answer], view: View) -> Answer | Finding:
    """Read a side; returns its answer, or a finding if it fails."""
    try:
        return await view.fleet.perform(host, action)
    except HostError as error:
        return _silent(host, action.side, error)
    except FlatnetError as error:  # a secret is missing
        return unknown(host.name, f"{action.side}.secret", error.phrase)


def _silent(host: Host, side: SideName, error: HostError) -> Finding:
    return unknown(host.name, f"{side}.{error.kind}", unanswered(side, SIDES[side], (), error).remarks[0].why)


def _unread(host: Host, said: WslSystem) -> Iterator[Finding]:
    parts = {"podman": said.containers, "bridge": said.bridge, "forwarding": said.forwarding}
    for name, part in parts.items():
        if isinstance(part, Unread):
            yield wrong(host.name, f"wsl.{name}", part.phrase)


def _unusable(host: Host, said: GatewaySystem) -> Iterator[Finding]:
    """Report the first part that is wrong or does not answer: problems of later parts follow from it."""
    parts = [part for part in (said.healthy, said.sync, said.status) if isinstance(part, Unusable | HostError)]
    for part in parts[:1]:
        if isinstance(part, HostError):
            yield _silent(host, "gateway", part)
        else:
            yield wrong(host.name, "gateway.forbidden" if part.forbidden else "gateway.api", part.phrase)
    if isinstance(said.sync, Sync) and said.sync.host_id not in (None, host.id):
        yield wrong(host.name, "gateway.host_id", judge_gateway(host, said, frozenset()).remarks[0].why)
