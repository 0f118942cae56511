"""Alerts on certificates, from every report of `cert`, and the end of messages of versions without alerts.

report of `cert` ─▶ judged (bot.alerts.certificates) ─▶ alerts
earlier message  ─ the alerts of all its certificates are resolved ─▶ edited to show that ─▶ its rows are deleted

A version without alerts posted a message at each threshold. The newest one of a certificate is that of its alert already.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from bot.alerts.certificate_survey import CertificateSurvey
from bot.alerts.certificates import CERTIFICATE_SUBJECT, judge_certificates, make_authority_subject
from bot.alerts.grouping import parse_channel
from bot.alerts.ports import CertificateAlerts
from bot.model.alert import Alert
from bot.model.alert_notice import AlertNotice
from bot.model.announcement import Announcement, Announcer
from bot.store.notices import EarlierNotice, NoticeTable
from commands.alerts.conditions import make_key
from commands.model.check import Area
from commands.model.report import Report

SHOWN_AFTER_END = timedelta(days=7)
"""Time after the resolution of an alert within which an earlier message still shows it."""


_log = structlog.get_logger("bot.alerts.certificate_feed")


@dataclass(frozen=True)
class CertificateBasis:
    """Basis of a check: the time zone whose days count, and the names of all hosts."""

    zone: ZoneInfo
    hosts: frozenset[str]


class CertificateFeed:
    """Feeds reports on certificates to the registry. `find_basis` returns the basis in the active configuration."""

    def __init__(
        self,
        alerts: CertificateAlerts,
        table: NoticeTable,
        announcer: Announcer,
        find_basis: Callable[[], CertificateBasis],
    ) -> None:
        self._alerts = alerts
        self._table = table
        self._announcer = announcer
        self._find_basis = find_basis

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Moves the alerts of each certificate that was read. A failure is repaired by the next report."""
        if area is not Area.CERTIFICATES:
            return
        try:
            await self._apply(report, self._find_basis(), began)
            await self._end_earlier_messages(began)
        except FlatnetError as error:
            _log.warning("alerts on certificates could not be moved", why=str(error))

    async def _apply(self, report: Report, basis: CertificateBasis, began: datetime) -> None:
        """Moves alerts. Hosts that the report leaves out count as unread."""
        survey = CertificateSurvey.from_report(report, basis.hosts)
        for checked in judge_certificates(survey, await self._alerts.list_open(), began.astimezone(basis.zone)):
            try:
                await self._alerts.apply(checked)
            except FlatnetError as error:
                _log.warning("alerts on certificates could not be moved", host=checked.host, why=str(error))

    async def _end_earlier_messages(self, now: datetime) -> None:
        """Edits the earlier messages whose alerts are resolved."""
        rows = await self._table.list_open()
        if not rows:
            return
        still = {alert.key for alert in await self._alerts.list_open()}
        over = {alert.key: alert for alert in reversed(await self._alerts.list_recent(now - SHOWN_AFTER_END))}
        for message, keys in _list_messages(rows):
            if not still.isdisjoint(keys):
                continue
            if ended := _find_ended(keys, over):
                body = AlertNotice(at=now, alerts=ended)
                await self._announcer.revise(Announcement(message, parse_channel(message), body), None)
            await self._table.delete(message)


def _list_messages(rows: tuple[EarlierNotice, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Lists the messages with the keys of their alerts."""
    for message, group in groupby(rows, key=lambda row: row.message):
        yield message, tuple(dict.fromkeys(map(_make_key, group)))


def _make_key(row: EarlierNotice) -> str:
    return make_key(row.host, CERTIFICATE_SUBJECT) if row.host else make_authority_subject(row.fingerprint)


def _find_ended(keys: tuple[str, ...], over: Mapping[str, Alert]) -> tuple[Alert, ...]:
    return tuple(over[key] for key in keys if key in over)
