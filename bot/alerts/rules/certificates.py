"""Certificates and CAs that expire become alerts. Pure.

report of `cert` ─▶ CertificateSurvey ─▶ HostChecked of each host, and one of all CAs

| observed | then |
| --- | --- |
| it expires within a limit | an alert; each limit that it crosses later is a step, which fires it again |
| it has expired | each day is a step |
| not valid yet, or not read this time | not judged, so nothing moves |
| its host has one that expires later | resolved: renewed. One that still expires soon keeps the alert open |
| the clock was set back since it fired | resolved as premature, and fires again in its time |
| a CA that no host trusts | resolved, once the trusted CAs of every host were read |
| a CA that is being replaced | resolved: the change of the CA has an alert (`bot.alerts.rules.signals`) |

Certificates of the whole fleet, collected from a report of `cert`. Pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adapters.phrase import Moment, Phrase
from bot.model.alert import Alert
from bot.security.untrusted_text import shorten, to_one_line
from commands.alerts.conditions import Condition, HostChecked, Resolution, Signal, make_key
from commands.certificates.assessment import (
    CA_EXPIRY_LIMITS,
    CA_WARNING_TIMES,
    HOST_EXPIRY_LIMITS,
    HOST_WARNING_TIMES,
    judge_time_left,
)
from commands.certificates.reading import shorten_fingerprint
from commands.certificates.rotation.column import does_sign, is_replaced
from commands.certificates.rotation.states import PROGRESS_KEY
from commands.model.finding import Severity
from commands.model.report import Cell, Mark, Report, Row

CA_EXPIRY_MARGIN = timedelta(seconds=1)
"""Time before the end of its CA at which a certificate with the longest lifetime expires (`nebula-cert sign`)."""

Cells = Mapping[str, Cell]


@dataclass(frozen=True)
class ObservedCertificate:
    """One certificate as it was read: `name` is the host's or the CA's, `host` "" for a CA.

    `bound`: the CA that signs ends no later, so that a new certificate would not live longer. `rotating`: the CA is being
    changed; `replaced`: this is the CA that is about to be removed.
    """

    name: str
    host: str
    authority: bool
    fingerprint: str
    begins_at: datetime
    ends_at: datetime
    bound: bool = False
    rotating: bool = False
    replaced: bool = False


@dataclass(frozen=True)
class CertificateSurvey:
    """Certificates of the whole fleet: by fingerprint, and by the host that has them.

    `hosts` are those of the inventory, by name. `trust_known`: the trusted CAs of every host were read, or the host has no
    certificates at all.
    """

    certificates: Mapping[str, ObservedCertificate]
    by_host: Mapping[str, ObservedCertificate]
    hosts: frozenset[str]
    trust_known: bool

    @classmethod
    def from_report(cls, report: Report, hosts: Collection[str]) -> "CertificateSurvey":
        """Collect the certificates of a report of `cert`. Hosts that the report leaves out count as unread."""
        found = list_certificates(report)
        known_hosts = {row.host for row in report.rows if row.host and _has_trust(_map_cells(report, row))}
        return cls(
            certificates={each.fingerprint: each for each in reversed(found)},
            by_host={each.host: each for each in found if each.host},
            hosts=frozenset(hosts),
            trust_known=known_hosts.issuperset(hosts),
        )


def list_certificates(report: Report) -> tuple[ObservedCertificate, ...]:
    """List the certificates that a report of `cert` could read, CAs first; one on several hosts is there for each of them.

    A CA's certificate in the place of a host's own does not count as the host's.
    """
    read = [found for row in report.rows if (found := _read_certificate(row, _map_cells(report, row))) is not None]
    authorities = {each.fingerprint: each for each in read if each.authority}
    hosts = [each for each in read if each.fingerprint not in authorities]
    if not authorities:
        return tuple(hosts)
    signing = _list_signing(report) & authorities.keys() or authorities.keys()
    last = max(authorities[fingerprint].ends_at for fingerprint in signing) - CA_EXPIRY_MARGIN
    return (*authorities.values(), *(replace(each, bound=each.ends_at >= last) for each in hosts))


def _map_cells(report: Report, row: Row) -> Cells:
    return {column.key: cell for column, cell in zip(report.columns, row.cells, strict=True)}


def _read_certificate(row: Row, cells: Cells) -> ObservedCertificate | None:
    fingerprint = cells["whole_fingerprint"]
    if fingerprint.mark in (Mark.UNKNOWN, Mark.ABSENT) or cells["kind"].value not in ("ca", "host"):
        return None
    return ObservedCertificate(
        name=str(cells["host"].value),
        host=row.host,
        authority=cells["kind"].value == "ca",
        fingerprint=str(fingerprint.value),
        begins_at=datetime.fromisoformat(str(cells["begins_at"].value)),
        ends_at=datetime.fromisoformat(str(cells["ends_at"].value)),
        rotating=PROGRESS_KEY in cells,
        replaced=is_replaced(cells),
    )


def _list_signing(report: Report) -> frozenset[str]:
    """Lists the fingerprints of the CA that signs while the CA is being changed; none at other times."""
    rows = [_map_cells(report, row) for row in report.rows]
    return frozenset(str(cells["whole_fingerprint"].value) for cells in rows if does_sign(cells))


def _has_trust(cells: Cells) -> bool:
    """Return whether the trusted CAs are known. A host whose CA file is missing or could not be read shows none."""
    trusted = cells["trusted"]
    return trusted.mark is Mark.ABSENT or (trusted.mark is not Mark.UNKNOWN and bool(trusted.value))


CERTIFICATE_SUBJECT = "certificate"
"""Subject of the certificate of a host."""

MAX_NAME_LENGTH = 64
"""Characters of a CA's name that are shown. Operators choose it freely."""

DAY = timedelta(days=1)

HOST_JUDGED = frozenset({Condition.CERTIFICATE})
AUTHORITIES_JUDGED = frozenset({Condition.AUTHORITY})


def judge_certificates(survey: CertificateSurvey, open_alerts: Collection[Alert], now: datetime) -> Iterator[HostChecked]:
    """Judges the certificates that were read. `now` is in the time zone whose days count.

    Hosts that have neither a problem nor an open alert are left out, because nothing of them moves: a fleet is read often.
    """
    fired = {alert.key: alert for alert in open_alerts}
    for observed in survey.by_host.values():
        alert, signal = fired.get(make_key(observed.host, CERTIFICATE_SUBJECT)), _make_host_signal(observed, now)
        if observed.begins_at <= now and (signal is not None or alert is not None):
            yield _judge_host(observed, alert, signal, now)
    yield _judge_authorities(survey, [alert for alert in open_alerts if alert.condition is Condition.AUTHORITY], now)


def make_authority_subject(fingerprint: str) -> str:
    """Makes the subject of a CA."""
    return f"ca/{shorten_fingerprint(fingerprint)}"


def _judge_host(observed: ObservedCertificate, alert: Alert | None, signal: Signal | None, now: datetime) -> HostChecked:
    resolutions = () if signal or alert is None else (_resolve_host(observed, alert),)
    return HostChecked(
        host=observed.host,
        at=now,
        judged=HOST_JUDGED,
        signals=() if signal is None else (signal,),
        resolutions=resolutions,
    )


def _judge_authorities(survey: CertificateSurvey, open_alerts: Sequence[Alert], now: datetime) -> HostChecked:
    """Judges the CAs that were read and are valid already, and those that no host trusts any longer."""
    present = {make_authority_subject(each.fingerprint): each for each in survey.certificates.values() if each.authority}
    valid = {subject: each for subject, each in present.items() if each.begins_at <= now}
    untrusted = {alert.subject: alert for alert in open_alerts if survey.trust_known and alert.subject not in present}
    signals = [_make_authority_signal(each, now) for each in valid.values()]
    return HostChecked(
        host="",
        at=now,
        judged=AUTHORITIES_JUDGED,
        signals=tuple(signal for signal in signals if signal is not None),
        subjects=frozenset([*valid, *untrusted]),
        resolutions=(
            *(Resolution(subject=subject, phrase=_describe_over(each)) for subject, each in valid.items()),
            *(Resolution(subject=subject, phrase=_describe_untrusted(alert)) for subject, alert in untrusted.items()),
        ),
    )


def _make_host_signal(observed: ObservedCertificate, now: datetime) -> Signal | None:
    severity = judge_time_left(observed.ends_at - now, HOST_EXPIRY_LIMITS)
    if severity is None:
        return None
    return Signal(
        host=observed.host,
        subject=CERTIFICATE_SUBJECT,
        condition=Condition.CERTIFICATE,
        severity=severity,
        step=count_steps(observed.ends_at, HOST_WARNING_TIMES, now),
        short=describe_host_expiry(observed.ends_at - now),
        why=_explain_host_expiry(observed, now),
        next=_choose_next(observed),
    )


def _choose_next(observed: ObservedCertificate) -> str:
    """Chooses the command that gives a host more time: a renewal does not, where the CA ends no later."""
    if not observed.bound:
        return f"cert renew {observed.host}"
    return "ca rotation" if observed.rotating else "ca show"


def _make_authority_signal(observed: ObservedCertificate, now: datetime) -> Signal | None:
    left = observed.ends_at - now
    if left > CA_WARNING_TIMES[-1] or observed.replaced:
        return None
    return Signal(
        host="",
        subject=make_authority_subject(observed.fingerprint),
        condition=Condition.AUTHORITY,
        severity=judge_time_left(left, CA_EXPIRY_LIMITS) or Severity.LOW,
        step=count_steps(observed.ends_at, CA_WARNING_TIMES, now),
        short=_describe_authority_expiry(_show_name(observed), left),
        why=_explain_authority_expiry(observed, now),
        next="ca show",
    )


def count_steps(ends_at: datetime, limits: Sequence[timedelta], now: datetime) -> int:
    """Counts the limits that a certificate crossed, and the days since it expired."""
    crossed = sum(ends_at - now <= limit for limit in limits)
    if ends_at > now:
        return crossed
    return crossed + 1 + (now.date() - ends_at.astimezone(now.tzinfo).date()).days


def describe_host_expiry(left: timedelta) -> Phrase:
    """Describes the time left of a certificate that ends soon."""
    if left <= timedelta(0):
        return Phrase("certificate has expired")
    if left < DAY:
        return Phrase("certificate expires in less than a day")
    return Phrase("certificate expires in {n} day", plural="certificate expires in {n} days", n=left.days)


def _describe_authority_expiry(name: str, left: timedelta) -> Phrase:
    if left <= timedelta(0):
        return Phrase("CA {name} has expired", name=name)
    if left < DAY:
        return Phrase("CA {name} expires in less than a day", name=name)
    return Phrase("CA {name} expires in {n} day", plural="CA {name} expires in {n} days", name=name, n=left.days)


def _explain_host_expiry(observed: ObservedCertificate, now: datetime) -> Phrase:
    """Explains the consequence and the fix. A new certificate cannot live longer than the CAs that hosts trust."""
    if observed.bound:
        fix = Phrase(
            "no trusted CA is valid longer, so renewing would not help. Change the CA first: {words}",
            words="ca rotation start",
        )
    else:
        fix = Phrase("request the renewal: the bot prepares a plan and asks for approval")
    if observed.ends_at <= now:
        return Phrase(
            "the certificate expired at {at}. Other hosts no longer accept {host}: no tunnels, gateway or containers. {fix}",
            at=Moment(observed.ends_at),
            host=observed.host,
            fix=fix,
        )
    return Phrase(
        "the certificate expires at {at}. After that, other hosts no longer accept {host}: tunnels drop, and the "
        "gateway and containers with them. {fix}",
        at=Moment(observed.ends_at),
        host=observed.host,
        fix=fix,
    )


def _explain_authority_expiry(observed: ObservedCertificate, now: datetime) -> Phrase:
    if observed.ends_at <= now:
        return Phrase(
            "the CA expired at {at}. Hosts signed by this CA are no longer accepted by others: their tunnels stay down. "
            "Change the CA over the local network: {words}",
            at=Moment(observed.ends_at),
            words="ca rotation start --lost",
        )
    return Phrase(
        "the CA expires at {at}. After that, all hosts signed by this CA expire too and are no longer accepted. "
        "Changing the CA takes several rounds over all hosts. Start now: {words}",
        at=Moment(observed.ends_at),
        words="ca rotation start",
    )


def _resolve_host(observed: ObservedCertificate, alert: Alert) -> Resolution:
    """Explains why a certificate needs no action any longer. If its expiry is the same, the clock was set back."""
    if _find_announced_expiry(alert) == observed.ends_at:
        phrase = _describe_premature(observed)
    else:
        phrase = Phrase(
            "The certificate of {host} was renewed and now expires at {at}", host=observed.host, at=Moment(observed.ends_at)
        )
    return Resolution(subject=CERTIFICATE_SUBJECT, phrase=phrase)


def _find_announced_expiry(alert: Alert) -> datetime | None:
    match alert.why.values.get("at"):
        case Moment(at=at):
            return at
        case _:
            return None


def _describe_over(observed: ObservedCertificate) -> Phrase:
    """Describes why a CA that is still trusted is no problem any longer."""
    if not observed.replaced:
        return _describe_premature(observed)
    return Phrase("The CA {ca} is being replaced. If that is late, the CA rotation has an alert", ca=_show_name(observed))


def _describe_premature(observed: ObservedCertificate) -> Phrase:
    return Phrase(
        "The warning about {name} was premature: the bot's clock was ahead. {name} expires at {at}",
        name=_show_name(observed),
        at=Moment(observed.ends_at),
    )


def _describe_untrusted(alert: Alert) -> Phrase:
    return Phrase("No host trusts the CA {ca} any longer", ca=alert.short.values.get("name", alert.subject))


def _show_name(observed: ObservedCertificate) -> str:
    return shorten(to_one_line(observed.name), MAX_NAME_LENGTH)
