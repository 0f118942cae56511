"""Notices before certificates expire: each posted once for each threshold, and settled when no action is needed any more.

report of `cert` ─▶ due (bot.expiry.rules) ─ claim ─▶ rows ─ announce ─▶ said ─┬─ another certificate ─ revise ─▶ closed
                                                                               └─ the clock set back ── revise ─▶ forgotten

Rows come first. A claimed row without confirmed post is announced by the next check, and a revised message without closed
row is revised again. The announcer knows a message by its name, so nothing comes twice. Certificates that are signed
together expire together: more than a few at one threshold are one message.
"""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from bot.access.policy import BOT
from bot.audit.log import EventKind, Recorder
from bot.expiry.rules import Expiring, Look, due, premature, settled, within
from bot.model.announcement import Announcer, Bulletin
from bot.model.expiry_notice import Ending, ExpiryNotice, Fate, Settled
from bot.store.notices import Notice, NoticeTable
from commands.certs.inventory import short
from commands.model.phrases import some
from commands.model.report import Report

Known = Mapping[str, Collection[str]]
"""Announced thresholds, by fingerprint."""

ALONE = 5
"""Certificates that cross a threshold in one check and have a message each; more of them share one."""


@dataclass(frozen=True)
class Watch:
    """Context of a check: the channel ("" where none is configured), the time zone whose days count, and all host names."""

    channel: str
    zone: ZoneInfo
    hosts: frozenset[str]


class Notices:
    """Posts and settles the notices of a running bot."""

    def __init__(self, table: NoticeTable, audit: Recorder, announcer: Announcer, watch: Callable[[], Watch]) -> None:
        self._table = table
        self._audit = audit
        self._announcer = announcer
        self._watch = watch
        self._checking = asyncio.Lock()

    async def check(self, report: Report, now: datetime) -> None:
        """Announce due notices and settle finished ones, by a report of `cert`. Hosts that it leaves out count as unread.

        Raises errors of the database, the audit log or the announcer; the next check goes on from there.
        """
        async with self._checking:
            watch = self._watch()
            survey = Look.of(report, watch.hosts)
            known = await self._table.known(survey.certificates)
            await self._table.claim(_due(survey, known, now.astimezone(watch.zone)), now)
            await self._say(survey, watch.channel, now)
            await self._settle(survey, watch.channel, now)
            await self._table.forget(_premature(survey, known, now))
            await self._table.prune(now)

    async def _say(self, survey: Look, channel: str, now: datetime) -> None:
        """Announce claimed rows that were never announced, unless they are settled or their certificate was not read."""
        seen = [row for row in await self._table.pending() if row.fingerprint in survey.certificates]
        pending = [row for row in seen if settled(row, survey, now) is None]
        for message in dict.fromkeys(row.message for row in pending):
            rows = await self._table.of(message)
            body = _body(rows, survey, now)
            await self._announcer.announce(Bulletin(message, channel, body))
            await self._record(message, {"notice": "said", "threshold": rows[0].threshold, "of": _named(body.endings)})
            await self._table.said(message, now)

    async def _settle(self, survey: Look, channel: str, now: datetime) -> None:
        """Revise and close messages, the newest message of each certificate last: its thread gets the settlement."""
        ended_rows = [row for row in await self._table.open() if settled(row, survey, now) is not None]
        newest = {row.fingerprint: row.message for row in ended_rows}
        done: dict[str, set[str]] = {}
        for row in ended_rows:
            done.setdefault(row.message, set()).add(row.fingerprint)
        for message, closing in done.items():
            rows = await self._table.of(message)
            body = _body(rows, survey, now)
            ended = [ending for ending in body.endings if ending.fingerprint in closing]
            newly_settled = [ending for ending in ended if newest[ending.fingerprint] == message]
            await self._announcer.revise(Bulletin(message, channel, body), _word(newly_settled))
            await self._record(message, {"notice": "closed", "threshold": rows[0].threshold, **_by_fate(ended)})
            await self._table.close(message, closing, now)

    async def _record(self, message: str, event: Mapping[str, object]) -> None:
        await self._audit.record(EventKind.NOTICE, BOT, message, event)


def _due(survey: Look, known: Known, now: datetime) -> list[Notice]:
    """Make the rows of the notices that are due now."""
    found = [
        (each, threshold)
        for each in survey.certificates.values()
        if (threshold := due(each, known.get(each.fingerprint, ()), now)) is not None
    ]
    return list(_messages(found, now))


def _premature(survey: Look, known: Known, now: datetime) -> list[tuple[str, str]]:
    """Find premature rows, as fingerprints with thresholds. They are deleted, so that they are announced again in their
    time.
    """
    return [
        (fingerprint, threshold)
        for fingerprint, thresholds in known.items()
        for threshold in thresholds
        if premature(survey.certificates[fingerprint], threshold, now)
    ]


def _row(expiring: Expiring, threshold: str, message: str) -> Notice:
    return Notice(
        fingerprint=expiring.fingerprint,
        threshold=threshold,
        name=expiring.name,
        host=expiring.host,
        authority=expiring.authority,
        ends_at=expiring.ends_at,
        message=message,
    )


def _messages(found: Sequence[tuple[Expiring, str]], now: datetime) -> Iterator[Notice]:
    """Make a row for each certificate with the message that announces it; the soonest to expire first."""
    together: dict[tuple[bool, str], list[Expiring]] = {}
    for expiring, threshold in sorted(found, key=lambda pair: (pair[0].ends_at, pair[0].name)):
        together.setdefault((expiring.authority, threshold), []).append(expiring)
    for (_, threshold), all_of_them in together.items():
        groups = [[each] for each in all_of_them] if len(all_of_them) <= ALONE else [all_of_them]
        for group in groups:
            message = _name(threshold, group, now)
            yield from (_row(each, threshold, message) for each in group)


def _name(threshold: str, group: Iterable[Expiring], now: datetime) -> str:
    """Make a unique name for a message. A premature notice that is announced again is a new message."""
    of = " ".join([now.isoformat(), threshold, *sorted(each.fingerprint for each in group)])
    return f"notice-{hashlib.sha256(of.encode()).hexdigest()[:12]}"


def _body(rows: Sequence[Notice], survey: Look, now: datetime) -> ExpiryNotice:
    endings = tuple(_ending(row, survey, now) for row in rows)
    return ExpiryNotice(at=now, within=within(rows[0].threshold), endings=endings)


def _ending(row: Notice, survey: Look, now: datetime) -> Ending:
    seen = survey.certificates.get(row.fingerprint)
    earlier = Settled(how=Fate.EARLIER) if row.closed_at is not None else None
    return Ending(
        name=row.name,
        authority=row.authority,
        fingerprint=row.fingerprint,
        ends_at=row.ends_at,
        bound=seen is not None and seen.bound,
        settled=settled(row, survey, now) or earlier,
    )


def _word(endings: Sequence[Ending]) -> Phrase | None:
    """Describe the settlements, for the message's thread."""
    if len(endings) <= 1:
        return endings[0].outcome if endings else None
    early = [ending.called for ending in endings if ending.early]
    if early:
        return Phrase(
            "{n} warning came too early, for the bot's clock has been set back since: {names}",
            plural="{n} warnings came too early, for the bot's clock has been set back since: {names}",
            n=len(early),
            names=some(early),
        )
    return Phrase("{n} certificates are settled: {names}", n=len(endings), names=some([each.called for each in endings]))


def _named(endings: Iterable[Ending]) -> list[str]:
    return [f"{ending.called} {short(ending.fingerprint)}" for ending in endings]


def _by_fate(endings: Iterable[Ending]) -> dict[str, list[str]]:
    fates: dict[str, list[str]] = {}
    for ending in endings:
        if ending.settled is not None:
            fates.setdefault(ending.settled.how, []).extend(_named([ending]))
    return fates
