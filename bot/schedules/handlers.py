"""Handlers for the `schedule` operations.

A requester can resume or run a schedule only if they may run its command themselves. The owner's rights do not count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from bot.access.rules import is_channel
from bot.changes.rules.approval import NotAllowed
from bot.config.schedules import require_unattended
from bot.model.request import Failure
from bot.model.schedule import Schedule, ScheduleOrigin
from bot.model.schedule import ScheduleRun as StoredRun
from bot.ports.context import ChannelNames, RequestContext
from bot.schedules.ports import ScheduleRegistryPort
from bot.schedules.reports import ReportPlace, list_schedules, report_schedule
from bot.store.encoding import encode_identity
from commands.language.grammar import render_operation
from commands.model.report import Report
from commands.schedules import ScheduleAdd, ScheduleList, SchedulePause, ScheduleRemove, ScheduleResume, ScheduleRun
from commands.values.arguments import BadArgument


@dataclass(frozen=True)
class ScheduleHandlers:
    """Handlers of schedules."""

    schedules: ScheduleRegistryPort
    channels: ChannelNames
    now: Callable[[], datetime]

    async def list_schedules(self, operation: ScheduleList, context: RequestContext) -> Report:
        return await self._list(context)

    async def add(self, operation: ScheduleAdd, context: RequestContext) -> Report:
        """Adds a schedule. Its owner must be allowed to run the command in its channel, and the command unattended."""
        clockwork = context.config.schedule_config
        here = context.channel if is_channel(context.channel) else clockwork.channel
        channel = operation.channel or here
        if not channel:
            raise BadArgument(
                Phrase("specify a channel for the results: {option}", option="--channel #ops"), part=operation.asks
            )
        schedule = Schedule(
            name=operation.name,
            origin=ScheduleOrigin.ADDED,
            cron=operation.cron,
            zone=operation.zone or clockwork.zone,
            words=_require_allowed(operation.asks, channel, context),
            channel=channel,
            missed=operation.missed,
            owner=context.actor,
            identity=encode_identity(context.requester.identity),
            since=self.now(),
            operation=context.operation,
        )
        return await self._report(await self.schedules.add(schedule), context)

    async def pause(self, operation: SchedulePause, context: RequestContext) -> Report:
        """Pauses a schedule: its due times are skipped until it is resumed."""
        return await self._report(await self.schedules.pause(operation.name, context.actor, context.operation), context)

    async def resume(self, operation: ScheduleResume, context: RequestContext) -> Report:
        """Resumes a schedule: its due times count again."""
        await self._require_may_ask(operation.name, context)
        return await self._report(await self.schedules.resume(operation.name, context.actor, context.operation), context)

    async def remove(self, operation: ScheduleRemove, context: RequestContext) -> Report:
        """Removes a schedule, and lists the others."""
        await self.schedules.remove(operation.name, context.actor, context.operation)
        return await self._list(context)

    async def run(self, operation: ScheduleRun, context: RequestContext) -> Report:
        """Runs a schedule at the scheduler's next tick."""
        await self._require_may_ask(operation.name, context)
        begun = await self.schedules.run(operation.name, context.actor, context.operation)
        return await self._report(await self.schedules.find(operation.name), context, begun)

    async def _list(self, context: RequestContext) -> Report:
        found = await self.schedules.list_all()
        names = await self.channels.find_names({each.schedule.channel for each in found if each.schedule.channel})
        return list_schedules(found, self.now(), ReportPlace(context.channel, names))

    async def _report(self, schedule: Schedule, context: RequestContext, begun: StoredRun | None = None) -> Report:
        names = await self.channels.find_names({schedule.channel} if schedule.channel else ())
        return report_schedule(schedule, begun, self.now(), ReportPlace(context.channel, names))

    async def _require_may_ask(self, name: str, context: RequestContext) -> None:
        """Raises `NotAllowed` if the requester may not run the command. Built-in schedules only read: all may run them."""
        schedule = await self.schedules.find(name)
        if schedule.origin is not ScheduleOrigin.BUILT_IN and schedule.owner != context.actor:
            _require_allowed(schedule.words, schedule.channel, context)


def _require_allowed(words: str, channel: str, context: RequestContext) -> str:
    """Returns the command in canonical form. Raises `NotAllowed` if the requester may not run it in the channel."""
    operation = context.authorizer.interpret_scheduled(words, channel)
    if isinstance(operation, Failure):
        raise NotAllowed(Phrase("this cannot be scheduled: {why}", why=operation.phrase))
    require_unattended(operation)
    return render_operation(operation)
