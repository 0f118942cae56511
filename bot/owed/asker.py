"""Asker: asks for owed changes when their hosts answer again.

a whole check of the watch, a report of `health` ─ note_answer ─▶ hosts that answered
tick ─ open rows of these hosts that are due ─▶ a request each ─▶ its id or its note in the row

The id of a request is stored after the request. A crash in between repeats both: the same id is the same request.
An attempt that leaves no trace in the row, because the host did not let a plan be made, is repeated after some minutes.
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

import structlog

from adapters.errors import FlatnetError
from bot.audit.log import EventKind, Recorder
from bot.model.owed import AskResult
from bot.owed.ports import SYSTEM, OwedRequester, OwedStore
from bot.owed.turns import is_due, make_request_id
from bot.store.errors import DatabaseError
from bot.store.owed import OwedChange
from commands.model.check import Area
from commands.model.report import Report

RETRY_PAUSE = timedelta(minutes=10)
"""Pause after an attempt that left no trace. The watch has an answer every minute, and each plan reads the host."""

_log = structlog.get_logger("bot.owed.asker")


class OwedAsker:
    """Asks for owed changes of hosts that answered since the last tick."""

    def __init__(self, store: OwedStore, requests: OwedRequester, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._store = store
        self._requests = requests
        self._audit = audit
        self._now = now
        self._answered: set[str] = set()
        self._tried_at: dict[int, datetime] = {}
        self._find_spared: Callable[[], Awaitable[Collection[str]]] | None = None

    def spare(self, find_hosts: Callable[[], Awaitable[Collection[str]]]) -> None:
        """Ask for nothing on these hosts, although they answer: they are suspended. `find_hosts` returns their names."""
        self._find_spared = find_hosts

    def note_answer(self, host: str) -> None:
        """Note that every side of a host answered."""
        self._answered.add(host)

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Note the hosts that answered, from a report of `health` (`bot.reports.checks.CheckFollower`)."""
        if area is Area.SERVICES:
            silent = set(report.unreached_hosts)
            self._answered |= {row.host for row in report.rows if row.host and row.host not in silent}

    async def tick(self) -> None:
        """Ask for what is due on the hosts that answered. Raises `DatabaseError`; then the next answer is an occasion."""
        hosts, self._answered = self._answered, set()
        if hosts and self._find_spared is not None:
            hosts = hosts.difference(await self._find_spared())
        if not hosts:
            return
        open_changes, now = await self._store.list_open(), self._now()
        self._tried_at = {
            owed.number: at
            for owed in open_changes
            if (at := self._tried_at.get(owed.number)) is not None and abs(now - at) < RETRY_PAUSE
        }
        for owed in open_changes:
            if owed.host in hosts and owed.number not in self._tried_at:
                await self._ask_if_due(owed)

    async def _ask_if_due(self, owed: OwedChange) -> None:
        """Ask for one. A failure of one must not keep the others waiting."""
        try:
            status = await self._requests.find_status(owed.asked) if owed.asked else None
            if is_due(owed, status, self._now()):
                await self._ask(owed)
        except DatabaseError:
            raise
        except FlatnetError as error:
            self._tried_at[owed.number] = self._now()
            _log.warning("an owed change could not be requested", number=owed.number, why=str(error))
        except Exception as error:  # a bug in one operation's plan
            self._tried_at[owed.number] = self._now()
            _log.error("an owed change could not be requested", number=owed.number, exc_info=error)

    async def _ask(self, owed: OwedChange) -> None:
        operation = make_request_id(owed)
        reply = await self._requests.request(owed, operation)
        match reply.result:
            case AskResult.REQUESTED:
                await self._store.mark_asked(owed.number, operation, self._now(), None)
            case AskResult.REFUSED:
                event = {"owed": "not requested", "items": [owed.number], "why": str(reply.why or "")[:500]}
                await self._audit.record(EventKind.OWED, SYSTEM, operation, event)
                await self._store.mark_asked(owed.number, owed.asked, self._now(), reply.why)
            case AskResult.FULFILLED | AskResult.SILENT:
                self._tried_at[owed.number] = self._now()  # unless the plan has settled it, it is tried again later
