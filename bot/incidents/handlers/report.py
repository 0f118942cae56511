"""Handler for `incident report`, and the report that is posted when an incident is resolved.

a request ───────────▶ what its requester may see; in a channel, what all there may see ─▶ its answer
a resolved incident ─▶ what all in its channel may see ─▶ one message there, once, also after a crash
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from adapters.errors import FlatnetError
from bot.access.policy import BOT_ACTOR_NAME
from bot.access.rules import is_channel
from bot.config.active_config import ActiveConfig
from bot.incidents.handlers.audience import make_own_sight, make_reader, make_shared_sight, sort_resolved
from bot.incidents.handlers.report_sources import ReportRequest, SourceReader
from bot.incidents.model import ReportSources
from bot.incidents.ports import IncidentRegistryPort
from bot.incidents.reports.report import compose_message
from bot.incidents.rules.channels import IncidentChannels
from bot.incidents.rules.milestones import make_report
from bot.incidents.rules.visibility import IncidentReader
from bot.model.announcement import Announcement
from bot.model.incident import Incident, IncidentState
from bot.model.request import Answer, derive_operation_id
from bot.ports.context import RequestContext
from commands.incidents.operations import IncidentReport
from commands.language.grammar import render_operation
from commands.model.operation import Catalogue
from commands.model.report import FileFormat, Report, ReportFile

RECENT_PERIOD = timedelta(hours=1)
"""Time after its resolution in which the report of an incident is posted: a bot that was down longer posts none."""

_log = structlog.get_logger("bot.incidents.handlers.report")


@dataclass(frozen=True)
class IncidentReportHandlers:
    """Handler of reports."""

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    sources: SourceReader
    catalogue: Catalogue

    async def make(self, operation: IncidentReport, context: RequestContext) -> Report:
        """Makes the report. In a channel it has only what everyone there may see."""
        config = context.config
        reader = make_reader(operation, context)
        number = operation.number or operation.incident or await self._find_last_in(context.channel, reader)
        incident = await self.incidents.find_current(number, reader, self.channels)
        shared = make_shared_sight(config.policy, context.inventory, self.catalogue, context.channel)
        sources = await self.sources.read(
            ReportRequest(
                incident,
                shared if reader.in_public else make_own_sight(context),
                context.inventory,
                context.actor,
                context.operation,
                config.alerts.enabled,
            )
        )
        report = await compose_report(sources)
        wanted = FileFormat.JSON if operation.json_ else FileFormat.MARKDOWN
        return report.model_copy(update={"files": select_files(report, wanted)})

    async def _find_last_in(self, channel: str, reader: IncidentReader) -> int:
        """Finds the number of the incident that was resolved last in a channel without an open one; 0 if the reader sees
        none.
        """
        if not is_channel(channel) or await self.incidents.find_open_in(channel) is not None:
            return 0
        ended = sort_resolved(await self.incidents.list_incidents())
        return next((each.number for each in ended if each.channel == channel and reader.may_see(each)), 0)


@dataclass
class ResolutionReports:
    """Posts the report of each incident in its channel when it is resolved.

    `posted` are those of this process. The name of an announcement is that of its incident and version, so a report is
    posted once, also after a crash.
    """

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    sources: SourceReader
    catalogue: Catalogue
    get_config: Callable[[], ActiveConfig]
    posted: set[tuple[int, int]] = field(default_factory=set)

    async def post_due(self) -> None:
        """Posts the reports that are due. May raise a `FlatnetError`; then the next call tries again.

        A bug in one is logged, and neither repeated nor in the way of the others.
        """
        since = self.sources.now() - RECENT_PERIOD
        for incident in await self.incidents.list_incidents():
            due = incident.state is IncidentState.RESOLVED and incident.channel and incident.resolved_at
            if due and due >= since and (incident.number, incident.version) not in self.posted:
                await self._try_to_post(incident)
                self.posted.add((incident.number, incident.version))

    async def _try_to_post(self, incident: Incident) -> None:
        try:
            await self._post(incident)
        except FlatnetError:
            raise
        except Exception:
            _log.exception("the report of an incident could not be posted", incident=incident.number)

    async def _post(self, incident: Incident) -> None:
        config, name = self.get_config(), derive_operation_id(f"report of {incident.operation} {incident.resolution}")
        sight = make_shared_sight(config.policy, config.inventory, self.catalogue, incident.channel)
        request = ReportRequest(incident, sight, config.inventory, BOT_ACTOR_NAME, name, config.alerts.enabled)
        report = await compose_report(await self.sources.read(request))
        words = render_operation(IncidentReport(number=incident.number))
        answer = Answer(operation=name, understood=words, body=report, here=True)
        await self.channels.announce(Announcement(name, incident.channel, answer, private=incident.private is not False))


async def compose_report(sources: ReportSources) -> Report:
    """Composes a report off the loop: 10,000 entries take a second."""
    return await asyncio.to_thread(lambda: compose_message(make_report(sources)))


def select_files(report: Report, form: FileFormat) -> tuple[ReportFile, ...]:
    """Selects the files of a report in one format."""
    return tuple(file for file in report.files if isinstance(file, ReportFile) and file.form is form)
