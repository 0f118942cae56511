"""Handlers for the `alert` operations."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.errors import FlatnetError, Refused
from adapters.inventory import Host, Inventory
from bot.access.policy import Permit, Refusal
from bot.alerts.ports import MuteFinder
from bot.audit.log import MAX_RECORDED_LENGTH, EventKind
from bot.changes.approval import NotAllowed
from bot.handlers.context import RequestContext
from bot.handlers.ports import AlertRegistryPort, AuditLogPort
from bot.model.alert import Alert
from bot.model.incident import Incident
from bot.reports.alert_history import Acknowledgement, AlertContext, report_acknowledgement, report_alert
from bot.reports.alerts import AlertOverview, list_alerts
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
