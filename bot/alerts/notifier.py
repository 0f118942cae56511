"""Notifier of alerts: one round shows people what has moved, and says again what is due.

rows ─▶ outlook: muted, quiet, due ─▶ grouped: new alerts get a message ─▶ each message is shown, repeated, escalated

What is due follows from the rows, so a round that fails or is interrupted is repaired by the next one.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from adapters.errors import FlatnetError
from bot.alerts.grouping import assign_messages
from bot.alerts.messages import AlertMessages, is_grave
from bot.alerts.outlook import Outlook
from bot.alerts.ports import AlertStore, MuteFinder
from bot.alerts.routes import Router
from bot.model.alert_notice import AlertNotice
from bot.model.announcement import AlertAnnouncer

_log = structlog.get_logger("bot.alerts.notifier")


@dataclass(frozen=True)
class _Display:
    """Mutes of a message's alerts with their ends, by number, and the number of those that it leaves out."""

    mutes: Mapping[int, tuple[int, datetime]]
    left_out: int

    @classmethod
    def of(cls, notice: AlertNotice) -> "_Display":
        return cls({number: (mute.number, mute.ends_at) for number, mute in notice.mutes.items()}, notice.left_out)


class Notifier:
    """Notifier of a running bot: posts and edits the messages of its alerts.

    `broken` are the messages that could not be made in the last round.
    """

    def __init__(
        self,
        alerts: AlertStore,
        mutes: MuteFinder,
        announcer: AlertAnnouncer,
        find_router: Callable[[], Router],
        now: Callable[[], datetime],
    ) -> None:
        self._alerts = alerts
        self._mutes = mutes
        self._messages = AlertMessages(alerts, announcer)
        self._find_router = find_router
        self._now = now
        self._notifying = asyncio.Lock()
        self._held_at: dict[int, datetime] = {}
        self.broken: tuple[str, ...] = ()
        self._displays: dict[str, _Display] = {}
        """What each message shows; unknown after a start, and then shown again."""

    async def notify(self) -> None:
        """Shows one round; rounds wait for one another.

        Raises errors of the database and of the announcer; the next round goes on from there.
        """
        async with self._notifying:
            await self._give_messages(await self._look())
            outlook = await self._look()
            made = [(message, await self._try_to_show(message, outlook)) for message in outlook.messages]
            self.broken = tuple(message for message, done in made if not done)
            self._forget(outlook)

    async def _look(self) -> Outlook:
        """Reads what is open or was not shown, and what is muted."""
        now = self._now()
        found = {alert.number: alert for alert in (*await self._alerts.list_open(), *await self._alerts.list_unshown())}
        alerts = tuple(found.values())
        mutes = await self._mutes.find_mutes(alerts, now) if alerts else {}
        outlook = Outlook(now, self._find_router(), alerts, mutes, self._held_at)
        self._held_at |= dict.fromkeys(outlook.held, now)
        return outlook

    async def _give_messages(self, outlook: Outlook) -> None:
        """Gives a message to alerts that have none. Those that are over get one if they were grave and are not muted."""
        shown = [alert for alert in outlook.alerts if alert.open and alert.message]
        missed = outlook.list_missed()
        grave = [alert for alert in missed if is_grave([alert]) and alert.number not in outlook.held]
        for fresh, others in ((outlook.list_fresh(), shown), (grave, [])):
            for message, alerts in assign_messages(fresh, others, outlook.find_channel, outlook.now).items():
                await self._alerts.set_message([alert.number for alert in alerts], message)
        named = {alert.number for alert in grave}
        if unsaid := {alert.number: alert.version for alert in missed if alert.number not in named}:
            await self._alerts.mark_shown(unsaid)

    async def _try_to_show(self, message: str, outlook: Outlook) -> bool:
        """Shows one message, and returns whether it could. A bug in one is logged, and must not silence the others."""
        try:
            await self._show(message, outlook)
        except FlatnetError:
            raise
        except Exception:
            _log.exception("a message of alerts could not be made", message=message)
            return False
        return True

    async def _show(self, message: str, outlook: Outlook) -> None:
        """Brings one message up to date, or says again what is due."""
        notice = outlook.build_notice(outlook.messages[message])
        if self._is_outdated(message, notice, outlook):
            await self._messages.show(message, outlook)
            self._displays[message] = _Display.of(notice)
        elif repeats := outlook.list_repeats(notice) or self._messages.list_staying(notice, outlook):
            await self._messages.repeat(message, repeats, outlook)
        if steps := outlook.list_second_steps(notice):
            await self._messages.escalate(message, steps, outlook)

    def _is_outdated(self, message: str, notice: AlertNotice, outlook: Outlook) -> bool:
        """Returns whether a message does not show its alerts as they are, or people were not notified of one."""
        return (
            self._displays.get(message) != _Display.of(notice)
            or any(alert.version > alert.shown for alert in notice.alerts)
            or any(alert.repeated_at is None for alert in outlook.list_actionable(notice))
            or any(self._messages.is_line_due(alert, outlook) for alert in notice.alerts)
        )

    def _forget(self, outlook: Outlook) -> None:
        """Forgets what is over."""
        still = {alert.number for alert in outlook.alerts}
        self._held_at = {number: at for number, at in self._held_at.items() if number in still}
        self._displays = {name: shown for name, shown in self._displays.items() if name in outlook.messages}
