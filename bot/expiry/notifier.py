"""Notices before certificates expire: each posted once for each threshold, and settled when no action is needed any more.

report of `cert` ─▶ due (bot.expiry.rules) ─ claim ─▶ rows ─ announce ─▶ open ─┬─ another certificate ─ revise ─▶ closed
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
from bot.access.policy import BOT_ACTOR_NAME
from bot.audit.log import EventKind, Recorder
from bot.expiry.rules import (
    CertificateSurvey,
    ObservedCertificate,
    find_due_threshold,
    find_settlement,
    is_premature,
    parse_threshold,
)
from bot.model.announcement import Announcement, Announcer
from bot.model.expiry_notice import ExpiryNotice, ExpiryNoticeItem, Settlement, SettlementKind
from bot.store.notices import NoticeTable, StoredNotice
from commands.certs.fleet_certificates import shorten_fingerprint
from commands.model.phrases import list_some
from commands.model.report import Report

KnownThresholds = Mapping[str, Collection[str]]
"""Announced thresholds, by fingerprint."""

MAX_SEPARATE_MESSAGES = 5
"""Certificates that cross a threshold in one check and have a message each; more of them share one."""


@dataclass(frozen=True)
class NoticeContext:
    """Context of a check: the channel ("" where none is configured), the time zone whose days count, and all host names."""

    channel: str
    zone: ZoneInfo
    hosts: frozenset[str]


class ExpiryNotifier:
    """Posts and settles the notices of a running bot."""

    def __init__(
        self, table: NoticeTable, audit: Recorder, announcer: Announcer, watch: Callable[[], NoticeContext]
    ) -> None:
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
            survey = CertificateSurvey.from_report(report, watch.hosts)
            known = await self._table.find_claimed_thresholds(survey.certificates)
            await self._table.claim(_make_due_rows(survey, known, now.astimezone(watch.zone)), now)
            await self._announce_due(survey, watch.channel, now)
            await self._close_settled(survey, watch.channel, now)
            await self._table.delete(_find_premature(survey, known, now))
            await self._table.prune(now)

    async def _announce_due(self, survey: CertificateSurvey, channel: str, now: datetime) -> None:
        """Announce claimed rows that were never announced, unless they are settled or their certificate was not read."""
        seen = [row for row in await self._table.list_pending() if row.fingerprint in survey.certificates]
        pending = [row for row in seen if find_settlement(row, survey, now) is None]
        for message in dict.fromkeys(row.message for row in pending):
            rows = await self._table.list_of_message(message)
            body = _make_notice(rows, survey, now)
            await self._announcer.announce(Announcement(message, channel, body))
            await self._record(message, {"notice": "said", "threshold": rows[0].threshold, "of": _list_names(body.endings)})
            await self._table.mark_posted(message, now)

    async def _close_settled(self, survey: CertificateSurvey, channel: str, now: datetime) -> None:
        """Revise and close messages, the newest message of each certificate last: its thread gets the settlement."""
        ended_rows = [row for row in await self._table.list_open() if find_settlement(row, survey, now) is not None]
        newest = {row.fingerprint: row.message for row in ended_rows}
        done: dict[str, set[str]] = {}
        for row in ended_rows:
            done.setdefault(row.message, set()).add(row.fingerprint)
        for message, closing in done.items():
            rows = await self._table.list_of_message(message)
            body = _make_notice(rows, survey, now)
            ended = [ending for ending in body.endings if ending.fingerprint in closing]
            newly_settled = [ending for ending in ended if newest[ending.fingerprint] == message]
            await self._announcer.revise(Announcement(message, channel, body), _describe_settlements(newly_settled))
            await self._record(message, {"notice": "closed", "threshold": rows[0].threshold, **_group_by_settlement(ended)})
            await self._table.close(message, closing, now)

    async def _record(self, message: str, event: Mapping[str, object]) -> None:
        await self._audit.record(EventKind.NOTICE, BOT_ACTOR_NAME, message, event)


def _make_due_rows(survey: CertificateSurvey, known: KnownThresholds, now: datetime) -> list[StoredNotice]:
    """Make the rows of the notices that are due now."""
    found = [
        (each, threshold)
        for each in survey.certificates.values()
        if (threshold := find_due_threshold(each, known.get(each.fingerprint, ()), now)) is not None
    ]
    return list(_make_message_rows(found, now))


def _find_premature(survey: CertificateSurvey, known: KnownThresholds, now: datetime) -> list[tuple[str, str]]:
    """Find premature rows, as fingerprints with thresholds. They are deleted, so that they are announced again in their
    time.
    """
    return [
        (fingerprint, threshold)
        for fingerprint, thresholds in known.items()
        for threshold in thresholds
        if is_premature(survey.certificates[fingerprint], threshold, now)
    ]


def _make_row(expiring: ObservedCertificate, threshold: str, message: str) -> StoredNotice:
    return StoredNotice(
        fingerprint=expiring.fingerprint,
        threshold=threshold,
        name=expiring.name,
        host=expiring.host,
        authority=expiring.authority,
        ends_at=expiring.ends_at,
        message=message,
    )


def _make_message_rows(found: Sequence[tuple[ObservedCertificate, str]], now: datetime) -> Iterator[StoredNotice]:
    """Make a row for each certificate with the message that announces it; the soonest to expire first."""
    together: dict[tuple[bool, str], list[ObservedCertificate]] = {}
    for expiring, threshold in sorted(found, key=lambda pair: (pair[0].ends_at, pair[0].name)):
        together.setdefault((expiring.authority, threshold), []).append(expiring)
    for (_, threshold), all_of_them in together.items():
        groups = [[each] for each in all_of_them] if len(all_of_them) <= MAX_SEPARATE_MESSAGES else [all_of_them]
        for group in groups:
            message = _make_message_name(threshold, group, now)
            yield from (_make_row(each, threshold, message) for each in group)


def _make_message_name(threshold: str, group: Iterable[ObservedCertificate], now: datetime) -> str:
    """Make a unique name for a message. A premature notice that is announced again is a new message."""
    of = " ".join([now.isoformat(), threshold, *sorted(each.fingerprint for each in group)])
    return f"notice-{hashlib.sha256(of.encode()).hexdigest()[:12]}"


def _make_notice(rows: Sequence[StoredNotice], survey: CertificateSurvey, now: datetime) -> ExpiryNotice:
    endings = tuple(_make_item(row, survey, now) for row in rows)
    return ExpiryNotice(at=now, within=parse_threshold(rows[0].threshold), endings=endings)


def _make_item(row: StoredNotice, survey: CertificateSurvey, now: datetime) -> ExpiryNoticeItem:
    seen = survey.certificates.get(row.fingerprint)
    earlier = Settlement(how=SettlementKind.EARLIER) if row.closed_at is not None else None
    return ExpiryNoticeItem(
        name=row.name,
        authority=row.authority,
        fingerprint=row.fingerprint,
        ends_at=row.ends_at,
        bound=seen is not None and seen.bound,
        settled=find_settlement(row, survey, now) or earlier,
    )


def _describe_settlements(endings: Sequence[ExpiryNoticeItem]) -> Phrase | None:
    """Describe the settlements, for the message's thread."""
    if len(endings) <= 1:
        return endings[0].outcome if endings else None
    early = [ending.display_name for ending in endings if ending.is_premature]
    if early:
        return Phrase(
            "{n} warning was premature (the bot's clock was ahead): {names}",
            plural="{n} warnings were premature (the bot's clock was ahead): {names}",
            n=len(early),
            names=list_some(early),
        )
    return Phrase(
        "{n} certificates resolved: {names}", n=len(endings), names=list_some([each.display_name for each in endings])
    )


def _list_names(endings: Iterable[ExpiryNoticeItem]) -> list[str]:
    return [f"{ending.display_name} {shorten_fingerprint(ending.fingerprint)}" for ending in endings]


def _group_by_settlement(endings: Iterable[ExpiryNoticeItem]) -> dict[str, list[str]]:
    fates: dict[str, list[str]] = {}
    for ending in endings:
        if ending.settled is not None:
            fates.setdefault(ending.settled.how, []).extend(_list_names([ending]))
    return fates
