"""Handlers for the `silence` and `maintenance` operations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.access.policy import Verdict
from bot.alerts.mutes import find_muted_hosts
from bot.alerts.ports import AlertReader
from bot.handlers.context import RequestContext
from bot.handlers.ports import MuteRegistryPort
from bot.model.alert import Mute, MuteKind
from bot.reports.mutes import AlertSight, confirm_mute, list_mutes
from bot.store.records import encode_identity
from commands.alerts.mutes import MaintenanceAdd, MaintenanceList, MaintenanceRemove, SilenceAdd, SilenceList, SilenceRemove
from commands.model.report import Report


@dataclass(frozen=True)
class MuteHandlers:
    """Handlers of silences and maintenance. A requester ends only one of hosts on all of which they may end one."""

    mutes: MuteRegistryPort
    alerts: AlertReader
    now: Callable[[], datetime]

    async def list_silences(self, operation: SilenceList, context: RequestContext) -> Report:
        return await self._list(MuteKind.SILENCE, context)

    async def add_silence(self, operation: SilenceAdd, context: RequestContext) -> Report:
        operation.what.resolve(context.inventory)  # an unknown name would silence nothing
        return await self._add(MuteKind.SILENCE, str(operation.what), operation, context)

    async def remove_silence(self, operation: SilenceRemove, context: RequestContext) -> Report:
        return await self._remove(MuteKind.SILENCE, operation, context)

    async def list_maintenance(self, operation: MaintenanceList, context: RequestContext) -> Report:
        return await self._list(MuteKind.MAINTENANCE, context)

    async def add_maintenance(self, operation: MaintenanceAdd, context: RequestContext) -> Report:
        operation.target.resolve(context.inventory)
        return await self._add(MuteKind.MAINTENANCE, str(operation.target), operation, context)

    async def remove_maintenance(self, operation: MaintenanceRemove, context: RequestContext) -> Report:
        return await self._remove(MuteKind.MAINTENANCE, operation, context)

    async def _add(
        self, kind: MuteKind, what: str, operation: SilenceAdd | MaintenanceAdd, context: RequestContext
    ) -> Report:
        now = self.now()
        mute = Mute(
            kind=kind,
            what=what,
            reason=operation.why,
            owner=context.actor,
            identity=encode_identity(context.requester.identity),
            operation=context.operation,
            channel=context.channel,
            added_at=now,
            ends_at=now + operation.lasts,
        )
        return confirm_mute(await self.mutes.add(mute), await self._see_alerts(context))

    async def _remove(self, kind: MuteKind, operation: SilenceRemove | MaintenanceRemove, context: RequestContext) -> Report:
        def judge(mute: Mute) -> Verdict:
            return context.judge_on(type(operation), find_muted_hosts(mute, context.inventory))

        mute = await self.mutes.find(kind, operation.number)
        await self.mutes.remove(context.operation, mute, context.actor, judge)
        return await self._list(kind, context)

    async def _list(self, kind: MuteKind, context: RequestContext) -> Report:
        found = tuple(mute for mute in await self.mutes.list_recent() if mute.kind is kind)
        return list_mutes(kind, found, await self._see_alerts(context))

    async def _see_alerts(self, context: RequestContext) -> AlertSight:
        return AlertSight(await self.alerts.list_open(), context.inventory, self.now())
