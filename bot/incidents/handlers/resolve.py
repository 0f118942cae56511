"""Handlers for the ends of incidents: resolved with its cause, opened again, merged into another one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from bot.access.rules import is_channel
from bot.incidents.handlers.audience import make_reader, sort_resolved
from bot.incidents.handlers.concerns import ConcernReader, may_see_obstacle
from bot.incidents.ports import ChannelPort, IncidentRegistryPort
from bot.incidents.reports.listing import MAX_OFFERED, report_act
from bot.incidents.reports.obstacles import Obstacle, describe_obstacles, find_new, make_refusal
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.requests import ActRequest
from bot.model.incident import Incident
from bot.ports.context import RequestContext
from commands.incidents.acts import IncidentMerge, IncidentReopen
from commands.incidents.operations import IncidentResolve
from commands.language.grammar import render_operation
from commands.model.report import Report


@dataclass(frozen=True)
class Resolution:
    """A resolved incident, and the lines about what came up on its hosts while it was resolved."""

    incident: Incident
    late: tuple[Phrase, ...]


@dataclass(frozen=True)
class IncidentResolver:
    """Resolves incidents. What is still open on their hosts needs a reason, which is judged in the same turn."""

    incidents: IncidentRegistryPort
    channels: ChannelPort
    concerns: ConcernReader

    async def resolve(self, operation: IncidentResolve, context: RequestContext) -> Resolution:
        """Resolves an incident. Raises `StillOpen` with what is open, unless the requester gave a reason."""
        reader = make_reader(operation, context)
        found = await self.incidents.find_current(operation.incident, reader, self.channels, context.operation)
        looks: list[tuple[Obstacle, ...]] = []
        data: dict[str, object] = {}

        async def check(incident: Incident) -> None:
            if not incident.open:
                return  # what is still open does not matter any more: the judge says how it ended
            checked = await self.concerns.read(incident, context.inventory)
            if checked and not operation.although:
                words = render_operation(operation.model_copy(update={"incident": incident.number, "here": False}))
                raise make_refusal(incident.number, _describe(checked, context), words)
            data.update(_describe_resolution(operation, len(checked)))
            looks.append(checked)

        judge = _make_judge(operation, context)
        ending = ActRequest(IncidentAct.RESOLVED, context.operation, context.actor, judge, data, check)
        incident = await self.incidents.act(found.number, ending)
        if not looks:
            return Resolution(incident, ())  # an attempt that a crash ended has resolved it: what is new since is not known
        new = find_new(await self.concerns.read(incident, context.inventory), {each.key for each in looks[-1]})
        return Resolution(incident, _describe(new, context))


def _make_judge(operation: IncidentResolve, context: RequestContext) -> Callable[[Incident, datetime], Incident]:
    def judge(incident: Incident, now: datetime) -> Incident:
        return life.judge_resolution(incident, now, operation.was, context.actor, context.operation)

    return judge


def _describe(obstacles: Sequence[Obstacle], context: RequestContext) -> tuple[Phrase, ...]:
    return describe_obstacles(obstacles, lambda each: may_see_obstacle(each, context))


def _describe_resolution(operation: IncidentResolve, still_open: int) -> dict[str, object]:
    """Describes the entry of a resolution. What was open is counted, because not all readers may know of it."""
    if not operation.although or not still_open:
        return {}
    phrase = Phrase(
        "resolved: {was} (although {n} thing was still open: {why})",
        plural="resolved: {was} (although {n} things were still open: {why})",
        was=operation.was,
        why=operation.although,
        n=still_open,
    )
    return {"phrase": phrase.to_json()}


@dataclass(frozen=True)
class IncidentEndHandlers:
    """Handlers of incidents that are opened again, or merged."""

    incidents: IncidentRegistryPort
    channels: ChannelPort
    now: Callable[[], datetime]

    async def reopen(self, operation: IncidentReopen, context: RequestContext) -> Report:
        """Opens an incident again: by its number, else the one that was resolved last in this channel."""
        found = await self._find_reopened(operation, context)
        request = ActRequest(
            IncidentAct.REOPENED,
            context.operation,
            context.actor,
            lambda incident, now: life.judge_reopening(incident),
            {"text": operation.why},
        )
        incident = await self.incidents.act(found.number, request)
        return report_act(incident, Phrase("reopened: {why}", why=operation.why), context.channel, self.now())

    async def merge(self, operation: IncidentMerge, context: RequestContext) -> Report:
        """Merges an incident into another one. The requester must see both; their readers stay as they are."""
        reader = make_reader(operation, context)
        found = await self.incidents.find_visible(operation.number, reader, self.channels)
        into = await self.incidents.find_current(operation.into, reader, self.channels)
        # judged with the other one as it is in this turn: it may have ended meanwhile
        other: list[Incident] = [into]

        async def check(incident: Incident) -> None:
            other[0] = await self.incidents.find(into.number, "")

        request = ActRequest(
            IncidentAct.MERGED,
            context.operation,
            context.actor,
            lambda incident, now: life.judge_merge(incident, other[0]),
            check=check,
        )
        incident = await self.incidents.act(found.number, request)
        said = Phrase("merged into incident {number}, {title}", number=str(into.number), title=into.title)
        report = report_act(incident, said, context.channel, self.now(), _suggest_hosts(incident, into))
        return report.model_copy(update={"next": (f"incident show {into.number}",)})

    async def _find_reopened(self, operation: IncidentReopen, context: RequestContext) -> Incident:
        reader = make_reader(operation, context)
        if operation.incident or await self.incidents.find_open_in(context.channel) is not None:
            return await self.incidents.find_current(operation.incident, reader, self.channels)
        here = is_channel(context.channel)
        listed = await self.incidents.look_up_privacy(await self.incidents.list_incidents(), self.channels)
        ended = [
            each for each in sort_resolved(listed) if reader.may_see(each) and (not here or each.channel == context.channel)
        ]
        if len(ended) == 1 or (ended and here):
            return ended[0]
        raise _make_unknown(operation, ended)


def _make_unknown(operation: IncidentReopen, ended: Sequence[Incident]) -> life.NotNow:
    """Makes the refusal where it is not known which incident is meant, with the command for each."""
    words = [render_operation(operation.model_copy(update={"incident": each.number})) for each in ended[:MAX_OFFERED]]
    if not words:
        return life.NotNow(Phrase("no incident was resolved here in the last days. Add {option}", option="--incident N"))
    return life.NotNow(Phrase("several incidents were resolved lately. Add {option}", option="--incident N"), *words)


def _suggest_hosts(incident: Incident, into: Incident) -> tuple[Phrase, ...]:
    """Suggests to add the hosts of a duplicate, which a merge leaves out: not all readers need to know of them."""
    if set(incident.target.split(",")) <= set(into.target.split(",")):
        return ()
    words = f"incident add {incident.target} --incident {into.number}"
    return (Phrase("its hosts do not join by themselves. To add them, run {words}", words=words),)
