"""Registry of alerts: applies checks and acknowledgements to their rows, and lists them.

a check ─▶ alerts of its host ─▶ rules.transitions ─▶ audit event of each fire and resolution ─▶ rows, by compare-and-set
                    ▲                                                                             │
                    └────────── a row that moved meanwhile: read again, judged again ─────────────┘

Checks and acknowledgements of one host take turns, so an audit event is seldom without its move. A crash between both
leaves one: the next check then finds the row as it was, and records and moves it again. People are shown rows, so nothing
is announced twice.

An alert moves even if its audit event could not be recorded. Alerts are how people learn that the audit log cannot be
written, and that the disk is full: an alert that waits for the audit log would hide exactly that. An acknowledgement is
the act of a person, who can repeat it, so it is refused then as every other act is.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import structlog

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.phrase import Moment, Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.alerts.rules import transitions as life
from bot.alerts.rules.signals import clean_check, find_rule, list_moves
from bot.alerts.tables.alerts import AlertTable
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.model.alert import Alert, AlertChange, AlertEpisode, AlertMove, AlertState
from commands.alerts.conditions import HostChecked

MAX_MOVES = 100
"""Maximum number of moves in one transaction."""

MAX_ATTEMPTS = 5
"""Times that a check or an acknowledgement is judged again because its alerts moved meanwhile."""

MAX_NUMBER = 2**63 - 1
"""Maximum number that the database can hold."""

_log = structlog.get_logger("bot.alerts.services.registry")


class NoSuchAlert(RequestError):
    """No alert that people saw has that number."""


class AlertResolved(Refused):
    """The alert has been resolved, so there is nothing to acknowledge."""


class AlertBusy(Refused):
    """The alert moved whenever it should have been moved or acknowledged."""


class AlertRegistry:
    """Alerts of a running bot. Every method may raise `DatabaseError`.

    `redact` removes secrets from JSON. `list_hosts` names the hosts of the present configuration.
    """

    def __init__(
        self,
        table: AlertTable,
        audit: Recorder,
        redact: Callable[[Any], Any],
        now: Callable[[], datetime],
        list_hosts: Callable[[], Collection[str]],
    ) -> None:
        self._table = table
        self._audit = audit
        self._redact = redact
        self._now = now
        self._list_hosts = list_hosts
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def apply(self, checked: HostChecked) -> None:
        """Moves the alerts of a check. The same check again, by the time at which it began, moves nothing more.

        Raises `AlertBusy` where a row cannot be moved, such as one that this version cannot read: its problem is not shown.
        """
        clean = clean_check(checked, self._redact)
        async with self._turn(checked.host):
            for _ in range(MAX_ATTEMPTS):
                if await self._apply(clean):
                    return
        raise AlertBusy(Phrase("the alert changed meanwhile. Try again"))

    async def acknowledge(self, number: int, by: str, until: datetime | None, operation: str) -> Alert:
        """Acknowledges an open alert until then, or until it changes, in place of an earlier acknowledgement.

        A resolution at the same time wins. Raises `NoSuchAlert`, `AlertResolved`, and the errors of the audit log.
        """
        host = (await self.find(number)).host
        async with self._turn(host):
            for _ in range(MAX_ATTEMPTS):
                before, now = await self._find_open(number), self._now()
                after = life.acknowledge(before, by, until, now)
                event = _make_event("acknowledged", after) | {"until": "" if until is None else until.isoformat()}
                await self._audit.record(EventKind.ALERT, by, operation, event)
                if await self._table.apply([AlertMove(before, after)], now):
                    return after
        raise AlertBusy(Phrase("the alert changed meanwhile. Try again"))

    async def list_open(self) -> tuple[Alert, ...]:
        """Lists the alerts that are firing or acknowledged, the worst first, then in the order in which they fired."""
        return tuple(sorted(await self._table.list_open(), key=lambda alert: alert.severity.rank))

    async def list_recent(self, since: datetime) -> tuple[Alert, ...]:
        """Lists the alerts that were resolved since then and did not fire again, newest first."""
        return await self._table.list_resolved(since)

    async def find(self, number: int) -> Alert:
        """Returns one alert that people saw. Raises `NoSuchAlert`."""
        found = await self._table.find(number) if 0 < number <= MAX_NUMBER else None
        if found is None or found.state is AlertState.PENDING:
            raise NoSuchAlert(Phrase("no alert {number}. Run {words} for the list", number=str(number), words="alert"))
        return found

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]:
        """Lists the newest moves of an alert that people saw, oldest first."""
        return await self._table.list_changes(number)

    async def list_durations(self, since: datetime, until: datetime) -> Mapping[str, tuple[AlertEpisode, ...]]:
        """Lists for how long alerts were open in a period, by host ("" for the bot), in the order in which they fired."""
        histories = await self._table.list_histories(since, until)
        found = sorted(
            (episode for history in histories for episode in life.list_episodes(history)),
            key=lambda episode: (episode.fired_at, episode.alert.number),
        )
        by_host: dict[str, list[AlertEpisode]] = {}
        for episode in found:
            by_host.setdefault(episode.alert.host, []).append(episode)
        return {host: tuple(episodes) for host, episodes in by_host.items()}

    async def tick(self, now: datetime) -> None:
        """Ends acknowledgements, resolves the alerts of hosts that left the configuration, and deletes old ones.

        First it takes back times that are ahead: the clock was ahead when they were stored.
        """
        await self._table.correct_times(now)
        hosts = frozenset(self._list_hosts())
        for alert in await self._table.list_unresolved():
            await self._tend(alert, lambda before: _move_by_time(before, hosts, now), now)
        await self._table.prune(now)

    async def switch_off(self, now: datetime) -> None:
        """Resolves the alerts of the watch, which would stay for ever while it is switched off."""
        for alert in await self._table.list_unresolved():
            await self._tend(alert, lambda before: life.switch_off(before, now), now)

    async def list_unshown(self) -> tuple[Alert, ...]:
        """Lists the alerts that fired and moved since people were shown them, in the order in which they fired."""
        return await self._table.list_unshown()

    async def list_of_message(self, message: str) -> tuple[Alert, ...]:
        """Lists the alerts that a message shows, by number."""
        return await self._table.list_of_message(message)

    async def set_message(self, numbers: Collection[int], message: str) -> None:
        """Stores the name of the announcement that shows these alerts."""
        await self._table.set_message(numbers, message)

    async def mark_shown(self, versions: Mapping[int, int]) -> None:
        """Records that people were shown these versions of alerts, by number. An older version changes nothing."""
        await self._table.mark_shown(versions)

    async def mark_repeated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that these alerts were mentioned, by what was read at that time. A fire clears it, also a later one."""
        await self._table.mark_repeated(numbers, at)

    async def mark_escalated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that the second step was notified, by what was read at that time. A fire clears it, also a later one."""
        await self._table.mark_escalated(numbers, at)

    def _turn(self, host: str) -> asyncio.Lock:
        return self._turns.setdefault(host, asyncio.Lock())

    async def _tend(self, alert: Alert, move: Callable[[Alert], Alert | None], now: datetime) -> None:
        """Moves an alert as time and the configuration do, if it is still due when its turn comes."""
        if move(alert) is alert:
            return
        async with self._turn(alert.host):
            before = await self._table.find(alert.number)
            if before is not None and before.resolved_at is None and (after := move(before)) is not before:
                await self._store([AlertMove(before, after)], now)

    async def _apply(self, checked: HostChecked) -> bool:
        """Judges the alerts of a host and stores their moves. Returns whether all of them were stored."""
        now = self._now()
        known = await self._table.list_of_host(checked.host, now - life.REOPEN_PERIOD, now + life.REOPEN_PERIOD)
        moves = list_moves(checked, known, life.CheckTime(checked.at, now))
        stored = await self._store(moves, now)
        fires = list(_list_fires(stored, now))
        return len(stored) == len(moves) and len(await self._store(fires, now)) == len(fires)

    async def _store(self, moves: Sequence[AlertMove], now: datetime) -> tuple[AlertMove, ...]:
        """Records moves in the audit log and stores them. Returns those that were stored."""
        stored: list[AlertMove] = []
        for begin in range(0, len(moves), MAX_MOVES):
            some = moves[begin : begin + MAX_MOVES]
            for move in some:
                await self._record(move)
            stored.extend(await self._table.apply(some, now))
        return tuple(stored)

    async def _record(self, move: AlertMove) -> None:
        """Records a move that people must notice. Goes on where it cannot be recorded."""
        after = move.after
        did = "" if after is None else life.name_move(move.before, after)
        if after is None or not did:
            return
        try:
            await self._audit.record(EventKind.ALERT, BOT_ACTOR_NAME, f"alert-{after.number}", _make_event(did, after))
        except FlatnetError as error:
            _log.error("a move of an alert could not be recorded in the audit log", alert=after.number, why=str(error))

    async def _find_open(self, number: int) -> Alert:
        found = await self.find(number)
        if found.resolved_at is not None:
            raise AlertResolved(
                Phrase("alert {number} was resolved at {at}", number=str(number), at=Moment(found.resolved_at))
            )
        return found


def _move_by_time(alert: Alert, hosts: Collection[str], now: datetime) -> Alert | None:
    """Returns an alert after what time and the configuration do to it."""
    if alert.host and alert.host not in hosts:
        return life.leave(alert, now)
    return life.end_acknowledgement(life.correct_acknowledgement(alert, now), now)


def _list_fires(moves: Iterable[AlertMove], now: datetime) -> Iterator[AlertMove]:
    """Lists the fires of new alerts for which one check is enough. They are stored first, for their numbers."""
    for move in moves:
        if move.before is None and move.after is not None:
            after = life.fire_if_due(move.after, find_rule(move.after), now)
            if after is not move.after:
                yield AlertMove(move.after, after)


def _make_event(did: str, alert: Alert) -> dict[str, str | int]:
    return {
        "alert": did,
        "number": alert.number,
        "host": alert.host,
        "subject": alert.subject,
        "condition": alert.condition,
        "severity": alert.severity,
        "why": str(alert.short)[:MAX_RECORDED_LENGTH],
    }
