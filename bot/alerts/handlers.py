"""Handlers for the `alert` operations.

Handlers for the `silence` and `maintenance` operations.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.errors import FlatnetError, Refused
from adapters.inventory import Host, Inventory
from bot.access.policy import Permit, Refusal, Verdict
from bot.alerts.ports import AlertReader, AlertRegistryPort, MuteFinder, MuteRegistryPort
from bot.alerts.reports.history import Acknowledgement, AlertContext, report_acknowledgement, report_alert
from bot.alerts.reports.listing import AlertOverview, list_alerts
from bot.alerts.reports.mutes import AlertSight, confirm_mute, list_mutes
from bot.alerts.rules.mutes import find_muted_hosts
from bot.audit.ports import AuditLogPort
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind
from bot.changes.rules.approval import NotAllowed
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.incident import Incident
from bot.ports.context import RequestContext
from bot.store.encoding import encode_identity
from commands.alerts.mutes import MaintenanceAdd, MaintenanceList, MaintenanceRemove, SilenceAdd, SilenceList, SilenceRemove
from commands.alerts.operations import AlertAcknowledge, AlertList, AlertShow
from commands.model.operation import Operation
from commands.model.report import Report

RECENT_PERIOD = timedelta(days=1)
"""Period for which a resolved alert is still listed."""

FindIncidents = Callable[[AlertShow, RequestContext], Awaitable[tuple[Incident, ...]]]
"""Finds the incidents of an alert that the requester may know of."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AlertHandlers:
    """Handlers of alerts. An alert is for those who have the right on its host.

    `show_moved` has people see at once what moved. Without it they see it at the next tick.
    """

    alerts: AlertRegistryPort
    mutes: MuteFinder
    audit: AuditLogPort
    find_incidents: FindIncidents
    show_moved: Callable[[], Awaitable[None]]
    now: Callable[[], datetime]

    async def list_alerts(self, operation: AlertList, context: RequestContext) -> Report:
        now = self.now()
        still = select_visible(await self.alerts.list_open(), AlertList, context)
        recent = select_visible(await self.alerts.list_recent(now - RECENT_PERIOD), AlertList, context)
        return list_alerts(AlertOverview(still, recent, await self.mutes.find_mutes(still, now)), now)

    async def show(self, operation: AlertShow, context: RequestContext) -> Report:
        now = self.now()
        alert = await self._find(operation.number, AlertShow, context)
        others = select_visible(await self.alerts.list_open(), AlertShow, context)
        mutes = await self.mutes.find_mutes((alert,), now) if alert.open else {}
        history = AlertContext(
            alert,
            changes=await self.alerts.list_changes(alert.number),
            mute=mutes.get(alert.number),
            cause=AlertOverview(others).find_cause(alert),
            symptoms=[each for each in others if each.cause == alert.key != each.key and alert.open],
            incidents=await self.find_incidents(operation, context),
        )
        return report_alert(history, now)

    async def acknowledge(self, operation: AlertAcknowledge, context: RequestContext) -> Report:
        """Acknowledges an alert, or those of its message that the requester may acknowledge."""
        until = operation.find_end(self.now(), context.zone)
        alert = await self._find(operation.number, AlertAcknowledge, context)
        group = await self._list_group(alert) if operation.group else (alert,)
        wanted = select_visible(group, AlertAcknowledge, context)
        done: list[Alert] = []
        late: Refused | None = None
        for each in wanted:
            try:
                done.append(await self.alerts.acknowledge(each.number, context.actor, until, context.operation))
            except Refused as refused:  # it has been resolved meanwhile, as others of the message need not be
                late = late or refused
        if late is not None and not done:
            raise late
        await self._show_moved()
        acknowledgement = Acknowledgement(wanted, done, len(group) - len(wanted), operation.defaulted)
        return report_acknowledgement(acknowledgement, self.now())

    async def _list_group(self, alert: Alert) -> tuple[Alert, ...]:
        """Lists the alert and the other open ones of its message."""
        others = await self.alerts.list_of_message(alert.message) if alert.message else ()
        return (alert, *(each for each in others if each.open and each.number != alert.number))

    async def _find(self, number: int, operation: type[Operation], context: RequestContext) -> Alert:
        """Finds an alert. Raises `NotAllowed`, which is audited, if the requester may not do this with its host."""
        alert = await self.alerts.find(number)
        verdict = context.judge_on(operation, find_alert_hosts(alert, context.inventory))
        if isinstance(verdict, Refusal):
            event = {"rule": verdict.rule, "outcome": str(verdict.reason)[:MAX_RECORDED_LENGTH]}
            await self.audit.record(EventKind.REFUSAL, context.actor, context.operation, event)
            raise NotAllowed(verdict.reason)
        return alert

    async def _show_moved(self) -> None:
        """Has the message change at once. The acknowledgement stands already, so a failure only delays that."""
        try:
            await self.show_moved()
        except FlatnetError as error:
            _log.warning("the message of an alert changes later", why=str(error))


async def find_visible_alert(alerts: AlertRegistryPort, number: int, context: RequestContext) -> Alert:
    """Finds an alert that the requester may see. Raises `NoSuchAlert` and `NotAllowed`."""
    alert = await alerts.find(number)
    verdict = context.judge_on(AlertShow, find_alert_hosts(alert, context.inventory))
    if isinstance(verdict, Refusal):
        raise NotAllowed(verdict.reason)
    return alert


def select_visible(alerts: Sequence[Alert], operation: type[Operation], context: RequestContext) -> tuple[Alert, ...]:
    """Selects the alerts with which the requester may do this. Each host is judged once."""
    verdicts: dict[str, bool] = {}
    for alert in alerts:
        if alert.host not in verdicts:
            verdict = context.judge_on(operation, find_alert_hosts(alert, context.inventory))
            verdicts[alert.host] = isinstance(verdict, Permit)
    return tuple(alert for alert in alerts if verdicts[alert.host])


def find_alert_hosts(alert: Alert, inventory: Inventory) -> tuple[Host, ...]:
    """Finds the hosts on which the right to an alert is judged: all, for a host that has left the configuration.

    The bot's own alerts are about no host, so labels narrow nothing.
    """
    if not alert.host:
        return ()
    host = inventory.find_host(alert.host)
    return inventory.hosts if host is None else (host,)


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
