"""Handlers that prepare `host add` before it is planned: reserve, compare fingerprints and pin them, check, rehearse.

    host add NAME ─▶ reserved? ─▶ pinned? ─▶ checks ─▶ rehearsed? ─▶ None: the change is planned and asked for
                       └──────────┴───────────┴────────┴─▶ Report: what it waits for, and what to do next

Each request goes as far as it can. A host is not logged in to before its identity is pinned.

Handler of what people confirm of a removed host, before `host remove` makes a plan.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import Refused
from adapters.inventory import Host, Inventory, JoiningHost
from adapters.phrase import Phrase
from bot.changes.ports import ChangeLifecycle, RehearsalPort
from bot.changes.rules.rehearsals import find_objection
from bot.hosts.reports.stages import PreparationSight, build_preparation_report
from bot.hosts.rules.host_sides import Pins
from bot.hosts.rules.joining import (
    FINGERPRINT_OPTIONS,
    MAX_CHANGES,
    Standing,
    Wish,
    describe_open_change,
    find_newest_change,
    find_standing,
    format_add,
    reserve,
)
from bot.hosts.services.joining import Asked, Comparison, HostRegistry, Scan, compare
from bot.ports.context import RequestContext
from commands.health.host_checks import NETWORK_SUBJECT
from commands.hosts.add.operation import HostAdd
from commands.hosts.remove.operation import HostRemove
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetView
from commands.model.report import Report

BLOCKING = frozenset({Severity.HIGH, Severity.CRITICAL})
"""Severities of findings with which no plan can be made. What Flatnet itself is to set up there is no such problem."""


@dataclass(frozen=True)
class JoiningServices:
    """Services of the process for hosts that are being added.

    `scan_windows` and `scan_wsl` read identities without a login. `make_view` makes the view of a plan, of the active
    configuration. `choose_id` refuses an id or a name that is taken. `find_own_address` finds the address of the bot on the
    way to another one, and `find_public_key` the public half of its SSH key; "" if they are unknown.
    """

    registry: HostRegistry
    scan_windows: Scan
    scan_wsl: Scan
    make_view: Callable[[str], Awaitable[FleetView]]
    choose_id: Callable[[Wish, FleetView], Awaitable[int]]
    find_own_address: Callable[[str], str]
    find_public_key: Callable[[Inventory, Collection[str]], Awaitable[str]]


@dataclass(frozen=True)
class Comparisons:
    """Comparisons of the sides that are to be pinned; None where there is nothing to compare."""

    windows: Comparison | None
    wsl: Comparison | None

    @property
    def pins(self) -> Pins:
        return Pins(self.windows.pin if self.windows else "", self.wsl.pin if self.wsl else "")

    @property
    def remarks(self) -> tuple[Phrase, ...]:
        """Sentences on the sides. Those on sides that are not what the given fingerprint names come first."""
        found = sorted(filter(None, (self.windows, self.wsl)), key=lambda each: not each.mismatch)
        return tuple(each.waits_for for each in found if each.waits_for is not None)

    @property
    def mismatch(self) -> bool:
        """True if a side is not what the given fingerprint names."""
        return any(each.mismatch for each in (self.windows, self.wsl) if each is not None)


NOTHING_COMPARED = Comparisons(None, None)


@dataclass(frozen=True)
class JoiningHandlers:
    """Handlers of hosts that are being added."""

    services: JoiningServices
    rehearsals: RehearsalPort
    changes: ChangeLifecycle
    now: Callable[[], datetime]

    async def prepare(self, operation: HostAdd, context: RequestContext) -> Report | None:
        """Prepares a host as far as that is possible. Returns what it waits for; None if it can be planned."""
        inventory = self.services.registry.find_inventory()
        if operation.dry_run:
            return None
        asked, wish = Asked(context.operation, context.actor), Wish.of(operation, inventory)
        joining = await self.services.registry.reserve(
            asked,
            wish,
            lambda: self._choose_id(asked, wish),
            lambda number: reserve(wish, number, asked.actor, self.now()),
        )
        compared = await self._compare(operation, joining)
        if compared.pins != Pins():
            await self.services.registry.pin(asked, joining.name, compared.pins)
        return await self._judge(joining.name, compared, context)

    async def _choose_id(self, asked: Asked, wish: Wish) -> int:
        return await self.services.choose_id(wish, await self.services.make_view(asked.operation))

    async def _compare(self, operation: HostAdd, joining: JoiningHost) -> Comparisons:
        """Compares the sides that are not pinned yet, and those for which a fingerprint is given."""
        host, services = joining.host, self.services
        given = operation.windows_fingerprint
        windows = wsl = None
        if given or host is None or host.windows is None:
            windows = compare(services.scan_windows, joining.windows_address, given, FINGERPRINT_OPTIONS["windows"])
        given = operation.wsl_fingerprint
        if joining.wsl_address and (given or host is None or host.wsl is None):
            wsl = compare(services.scan_wsl, joining.wsl_address, given, FINGERPRINT_OPTIONS["wsl"])
        return Comparisons(*await asyncio.gather(_await(windows), _await(wsl)))

    async def _judge(self, name: str, compared: Comparisons, context: RequestContext) -> Report | None:
        """Judges how far a host has come, as its file says now."""
        inventory = self.services.registry.find_inventory()
        joining = inventory.find_joining(name)
        if joining is None:
            raise Refused(Phrase("{host} is not being added any more", host=name))
        if compared.remarks or joining.host is None or joining.host.windows is None:
            standing = find_standing(joining, None, None)
            return await self._report(joining, inventory, standing, compared=compared)
        view = await self.services.make_view(context.operation)
        findings = await self._check(joining.host, context, view)
        if any(each.severity in BLOCKING or not each.reached for each in findings):
            standing = Standing(Phrase("its problems to be fixed"), format_add(name))
            return await self._report(joining, inventory, standing, findings=findings)
        rehearsal = (await self.rehearsals.find_by_host([name])).get(name)
        if (objection := find_objection(joining.host, rehearsal, self.now())) is not None:
            standing = find_standing(joining, objection, None)
            return await self._report(joining, inventory, standing, findings=findings)
        under_way = await self._find_under_way(joining, context.operation)
        return None if under_way is None else await self._report(joining, inventory, under_way, findings=findings)

    async def _find_under_way(self, joining: JoiningHost, operation: str) -> Standing | None:
        """Finds another operation that adds this host already. This one may be requested again after a crash."""
        changes = await self.changes.list_touching((joining.name,), joining.since, MAX_CHANGES)
        newest = find_newest_change(joining, changes)
        return None if newest is None or newest.operation == operation else describe_open_change(newest)

    async def _check(self, host: Host, context: RequestContext, view: FleetView) -> tuple[Finding, ...]:
        """Checks the sides of a host as `doctor` does. Its gateway does not run yet, and the run makes podman's network."""
        report = await context.config.examine_host(host.model_copy(update={"gateway": None}), view)
        return tuple(each for each in report.findings if each.subject != NETWORK_SUBJECT)

    async def _report(
        self,
        joining: JoiningHost,
        inventory: Inventory,
        standing: Standing,
        *,
        compared: Comparisons = NOTHING_COMPARED,
        findings: Sequence[Finding] = (),
    ) -> Report:
        own = self.services.find_own_address(joining.windows_address)
        key = await self.services.find_public_key(inventory, joining.labels)
        mismatch, remarks = (compared.remarks[0], compared.remarks[1:]) if compared.mismatch else (None, compared.remarks)
        sight = PreparationSight(joining, inventory, standing, mismatch, remarks, findings, own, key)
        return build_preparation_report(sight)


async def _await(comparison: Awaitable[Comparison] | None) -> Comparison | None:
    return None if comparison is None else await comparison


@dataclass(frozen=True)
class RemovalHandlers:
    """Handlers of removed hosts."""

    registry: HostRegistry

    async def prepare(self, operation: HostRemove, context: RequestContext) -> Report | None:
        """Records that a shared password was changed, if that is what the request says. All else is planned."""
        if not operation.password_changed or operation.dry_run:
            return None
        name = str(operation.host)
        await self.registry.confirm_password(Asked(context.operation, context.actor), name)
        return Report(
            title=Phrase("Removed host"),
            summary=Phrase("recorded that the WinRM password which {host} knew was changed", host=name),
            brief=True,
            next=("host",),
        )
