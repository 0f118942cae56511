"""Notifier of alerts: one round shows people what has moved, and says again what is due.

rows ─▶ outlook: muted, quiet, due ─▶ grouped: new alerts get a message ─▶ each message is shown, repeated, escalated

What is due follows from the rows, so a round that fails or is interrupted is repaired by the next one.

Messages of alerts: one notice each, which is edited, and words in its thread, which notify people.

show ─▶ words that wait are withdrawn ─▶ notice ─┬─ fires, not said yet ─▶ word with mentions
                                                 ├─ resolved ─▶ word
                                                 └─ flaps ─▶ one line an hour in place of both
     ─▶ rows: mentioned, shown

The outbox comes first, the rows after it. The names of words follow from the rows, so a crash in between says nothing twice.

While Slack is away the outbox holds one message, and at most one word, for each message of alerts. They are brought up to
date with each move. An alert that was resolved before it was posted is one message that says so if it was high or worse:
people must know that it happened. Below that it is none, because nothing is left to do, and `alert` has it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.errors import FlatnetError
from bot.alerts.ports import AlertStore, MuteFinder
from bot.alerts.rules import transitions as life
from bot.alerts.rules.due_messages import (
    Outlook,
    assign_messages,
    make_fire_word,
    make_flapping_word,
    make_repeat_word,
    make_resolved_word,
    parse_channel,
)
from bot.alerts.rules.routes import GRAVE_SEVERITIES, Router
from bot.model.alert import Alert, AlertChange
from bot.model.alert_notice import AlertNotice, AlertWord
from bot.model.announcement import AlertAnnouncer, Announcement, DeliveryStage
from bot.store.outbox_values import REPLY_MARK
from commands.model.finding import Severity

FLAPPING_INTERVAL = timedelta(hours=1)
"""Interval at which the thread gets a line about an alert that flaps."""

STAYING_PERIOD = timedelta(minutes=5)
"""Time after which a critical alert that flaps notifies people: it seems to stay open, and an hour would be too late."""

Histories = Mapping[int, Sequence[AlertChange]]
"""The newest moves of alerts, oldest first, by number."""

_WORD, _SECOND_STEP = f"{REPLY_MARK}word", f"{REPLY_MARK}second"


class AlertMessages:
    """Posts messages of alerts and their words. Methods raise errors of the database and of the announcer."""

    def __init__(self, alerts: AlertStore, announcer: AlertAnnouncer) -> None:
        self._alerts = alerts
        self._announcer = announcer
        self._flapping: dict[int, datetime] = {}
        """Alerts that flap, and from when on the thread gets the next line about each."""

    def is_line_due(self, alert: Alert, outlook: Outlook) -> bool:
        """Returns whether it is time for the next line about an alert that flaps, or flapped until now."""
        due_at = self._flapping.get(alert.number)
        return due_at is not None and due_at <= outlook.now and alert.number not in outlook.held

    async def show(self, message: str, outlook: Outlook) -> None:
        """Posts or edits a message, posts its words, and records what was shown."""
        alerts = await self._alerts.list_of_message(message)
        moved = [alert for alert in alerts if alert.version > alert.shown]
        histories = await self._read_histories(alerts, outlook.now)
        notice = outlook.build_notice(alerts, self._flapping)
        stage = await self._announcer.find_delivery(message)
        again = bool(moved) and await self._withdraw(message, notice, outlook)
        if notice.open or stage is DeliveryStage.BEGUN or is_grave(alerts):
            await self._post(message, notice, stage)
            if stage is DeliveryStage.BEGUN:
                await self._post_resolved(message, notice, outlook)
            await self._post_pages(message, notice, histories, outlook, again=again)
            await self._post_lines(message, notice, histories, outlook)
        else:
            await self._announcer.withdraw(message)
        if moved:
            await self._alerts.mark_shown({alert.number: alert.version for alert in moved})

    def list_staying(self, notice: AlertNotice, outlook: Outlook) -> tuple[Alert, ...]:
        """Lists the critical alerts that flapped and stay open. Their newest fire was not a page."""
        return tuple(
            alert
            for alert in outlook.list_actionable(notice)
            if alert.number in self._flapping
            and alert.severity is Severity.CRITICAL
            and outlook.is_staying(alert, STAYING_PERIOD)
        )

    async def repeat(self, message: str, alerts: Sequence[Alert], outlook: Outlook) -> None:
        """Mentions alerts again that were not acknowledged."""
        name = _make_name(f"{message}{_WORD}", "repeat", ((each.number, each.repeated_at) for each in alerts))
        await self._announcer.withdraw(f"{message}{_WORD}")
        await self._say(message, name, make_repeat_word(tuple(alerts), outlook.now, outlook.list_mentions(alerts)))
        await self._alerts.mark_repeated([alert.number for alert in alerts], outlook.now)

    async def escalate(self, message: str, alerts: Sequence[Alert], outlook: Outlook) -> None:
        """Sends the second step a direct message each."""
        name = _make_name(f"{message}{_SECOND_STEP}", "", ((each.number, each.fired_at) for each in alerts))
        word = make_repeat_word(tuple(alerts), outlook.now, ())
        for recipient in outlook.list_recipients(alerts):
            await self._announcer.announce(Announcement(f"{name}{REPLY_MARK}{recipient}", recipient, word))
        await self._alerts.mark_escalated([alert.number for alert in alerts], outlook.now)

    async def _read_histories(self, alerts: Iterable[Alert], now: datetime) -> Histories:
        """Reads the histories of alerts that moved more than once, and finds those that flap."""
        histories = {
            alert.number: await self._alerts.list_changes(alert.number)
            for alert in alerts
            if alert.version > max(alert.shown, 2) or alert.number in self._flapping
        }
        for number, changes in histories.items():
            if life.is_flapping(changes, now):
                self._flapping.setdefault(number, now)
            else:
                self._flapping.pop(number, None)
        return histories

    async def _withdraw(self, message: str, notice: AlertNotice, outlook: Outlook) -> bool:
        """Withdraws what waits and is not true any more. Returns whether a word waited, which may have been a page."""
        if outlook.list_actionable(notice):
            return await self._announcer.withdraw(f"{message}{_WORD}") > 0
        await self._announcer.withdraw(f"{message}{REPLY_MARK}")
        return False

    async def _post(self, message: str, notice: AlertNotice, stage: DeliveryStage) -> None:
        announcement = Announcement(message, parse_channel(message), notice)
        if stage is DeliveryStage.ABSENT:
            await self._announcer.announce(announcement)
        else:
            await self._announcer.revise(announcement, None)

    async def _post_pages(
        self, message: str, notice: AlertNotice, histories: Histories, outlook: Outlook, *, again: bool
    ) -> None:
        """Says that alerts fire: those that people were not notified of, or all `again`."""
        actionable = outlook.list_actionable(notice)
        pages = tuple(each for each in actionable if again or each.repeated_at is None)
        steady = tuple(each for each in pages if each.number not in self._flapping)
        if steady:
            name = _make_name(f"{message}{_WORD}", "fire", ((each.number, each.fired_at) for each in steady))
            changes = histories.get(steady[0].number, ()) if len(steady) == 1 else ()
            word = make_fire_word(steady, changes, outlook.list_mentions(steady))
            await self._say(message, name, word)
            for channel in outlook.list_channels(steady) - {parse_channel(message), ""}:
                await self._announcer.announce(Announcement(f"{name}{REPLY_MARK}{channel}", channel, word))
        if pages:
            await self._alerts.mark_repeated([alert.number for alert in pages], outlook.now)

    async def _post_resolved(self, message: str, notice: AlertNotice, outlook: Outlook) -> None:
        """Says which problems were resolved since people were shown them."""
        silent = outlook.held | self._flapping.keys()
        over = tuple(
            each for each in notice.problems if not each.open and each.version > each.shown > 0 and each.number not in silent
        )
        if over:
            name = _make_name(f"{message}{_WORD}", "resolved", ((each.number, each.resolved_at) for each in over))
            await self._say(message, name, make_resolved_word(over))

    async def _post_lines(self, message: str, notice: AlertNotice, histories: Histories, outlook: Outlook) -> None:
        """Says of each problem that flaps how often it changed, once an hour."""
        due, now = [alert for alert in notice.alerts if self.is_line_due(alert, outlook)], outlook.now
        problems = {alert.number for alert in notice.problems}
        actionable = {alert.number for alert in outlook.list_actionable(notice)}
        for alert in due:
            self._flapping[alert.number] = now + FLAPPING_INTERVAL
            if alert.number in problems:
                turns = life.count_turns(histories.get(alert.number, ()), now)
                mentions = outlook.list_mentions([alert]) if alert.number in actionable else ()
                name = _make_name(f"{message}{_WORD}", "flapping", [(alert.number, f"{now:%Y-%m-%d %H}")])
                await self._say(message, name, make_flapping_word(alert, turns, mentions))

    async def _say(self, message: str, name: str, word: AlertWord) -> None:
        await self._announcer.announce(Announcement(name, parse_channel(message), word, below=message))


def is_grave(alerts: Iterable[Alert]) -> bool:
    """Returns whether people must know of alerts that are over already."""
    return any(alert.severity in GRAVE_SEVERITIES for alert in alerts)


def _make_name(begin: str, kind: str, of: Iterable[tuple[int, object]]) -> str:
    """Makes the name of a word by the moves that it is about: the same moves are the same word."""
    moves = " ".join(f"{number}@{at}" for number, at in sorted(of))
    return f"{begin}{REPLY_MARK}{kind}{hashlib.sha256(moves.encode()).hexdigest()[:12]}"


_log = structlog.get_logger("bot.alerts.services.notifier")


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
