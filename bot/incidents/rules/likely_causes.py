"""Likely causes of an incident, from stored observations. Pure; it never becomes the cause of the report.

rules, in this order; the first that applies answers
  what groups the alerts             one alert that explains others, or several alike within minutes
  a host that others point at        others name it as the cause of their problems, and it has no alert that says so
  a change there in the hour before
  an expired certificate
  else                               no cause known
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.phrase import Moment, Phrase, Span
from bot.model.alert import Alert
from bot.model.alert_notice import find_root
from commands.alerts.conditions import CONDITION_RULES, Condition
from commands.certificates.assessment import CA_WARNING_TIMES, HOST_WARNING_TIMES
from commands.model.check import Area, CheckKey, StoredCheck
from commands.model.finding import Severity, list_some, round_distance

CHANGE_PERIOD = timedelta(hours=1)
"""Time before the problem in which a change may have caused it."""

STORM_PERIOD = timedelta(minutes=5)
"""Time within which alerts of one condition have one cause. Hosts are checked spread over a minute."""

MIN_STORM_HOSTS = 3
"""Hosts with alerts of one condition from which on these have one cause."""

_WARNING_STEPS = {
    Condition.CERTIFICATE: len(HOST_WARNING_TIMES),
    Condition.WINRM: len(HOST_WARNING_TIMES),
    Condition.OWN: len(HOST_WARNING_TIMES),
    Condition.AUTHORITY: len(CA_WARNING_TIMES),
}
"""Steps of alerts on certificates that have not expired yet. Each later step is a day since then."""


_SECOND = timedelta(seconds=1)


class LikelyRule(StrEnum):
    """Rule that found the likely cause."""

    GROUP = "group"
    POINTED = "pointed"
    CHANGE = "change"
    CERTIFICATE = "certificate"
    NONE = "none"


@dataclass(frozen=True)
class RecentChange:
    """A change of hosts that ran: `at` is when it ended, or when it started if it still runs."""

    operation: str
    words: str
    requester: str
    hosts: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class Evidence:
    """Facts that are known when an incident is opened, as far as its opener may see them.

    `hosts` are those of the incident, by name. `alerts` are the open ones of these hosts, and those that explain them.
    `checks` are the newest ones. `labels` are those of all hosts of the fleet. `began_at` is when the problem began.
    """

    now: datetime
    began_at: datetime
    hosts: tuple[str, ...]
    alerts: Sequence[Alert] = ()
    changes: Sequence[RecentChange] = ()
    checks: Mapping[CheckKey, StoredCheck] = field(default_factory=dict)
    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LikelyCause:
    """The likely cause, and the rule that found it. `hosts` are those that it names."""

    rule: LikelyRule
    phrase: Phrase
    hosts: tuple[str, ...] = ()


NO_CAUSE = LikelyCause(LikelyRule.NONE, Phrase("no cause known"))
"""For evidence to which no rule applies."""


def find_likely_cause(known: Evidence) -> LikelyCause:
    """Finds the likely cause by the first rule that applies; `NO_CAUSE` if none does."""
    found = (cause for rule in _RULES for cause in rule(known))
    return next(found, NO_CAUSE)


def find_beginning(alerts: Sequence[Alert], said: datetime | None, now: datetime) -> datetime:
    """Finds when the problem began: as a person said, else with the first alert, else now."""
    return said or min((alert.began_at for alert in alerts), default=now)


def propose_severity(alerts: Sequence[Alert]) -> Severity:
    """Proposes the severity of an incident: that of its worst alert, medium without any."""
    return min((alert.severity for alert in alerts), key=lambda each: each.rank, default=Severity.MEDIUM)


def _find_group(known: Evidence) -> Iterator[LikelyCause]:
    """Finds what groups the most alerts. Of two that group as many, a cause comes before a likeness."""
    candidates = [*_list_explained(known), *_list_storms(known)]
    if candidates:
        yield max(candidates, key=lambda candidate: candidate[0])[1]


def _list_explained(known: Evidence) -> Iterator[tuple[int, LikelyCause]]:
    """Lists the alerts that explain others, the worst first, with the number of alerts of their group."""
    by_key = {alert.key: alert for alert in known.alerts}
    roots = [find_root(alert, by_key) for alert in known.alerts]
    for root in sorted(known.alerts, key=lambda alert: (alert.severity.rank, alert.number)):
        explained = sum(each is root for each in roots) - 1
        if explained > 0:
            phrase = Phrase(
                "{alert} explains {n} other alert",
                plural="{alert} explains {n} other alerts",
                alert=describe_alert_briefly(root),
                n=explained,
            )
            yield explained + 1, LikelyCause(LikelyRule.GROUP, phrase, (root.host,) if root.host else ())


def _list_storms(known: Evidence) -> Iterator[tuple[int, LikelyCause]]:
    """Lists the conditions of which several hosts have alerts that began within minutes, with their number."""
    by_key = {alert.key: alert for alert in known.alerts}
    own = [alert for alert in known.alerts if alert.host and find_root(alert, by_key) is alert]
    for condition in Condition:
        alike = _find_burst([alert for alert in own if alert.condition is condition])
        hosts = tuple(dict.fromkeys(alert.host for alert in alike))
        if len(hosts) < MIN_STORM_HOSTS:
            continue
        what = Phrase(
            "{problem} on {hosts} within minutes", problem=CONDITION_RULES[condition].heading, hosts=list_some(hosts)
        )
        if label := _find_common_label(hosts, known.labels):
            phrase = Phrase("one cause for {n} hosts, all labeled {label}: {what}", n=len(hosts), label=label, what=what)
        else:
            phrase = Phrase("one cause for {n} hosts: {what}", n=len(hosts), what=what)
        yield len(alike), LikelyCause(LikelyRule.GROUP, phrase, hosts)


def _find_burst(alerts: Sequence[Alert]) -> Sequence[Alert]:
    """Finds the most alerts that began within minutes of each other."""
    ordered = sorted(alerts, key=lambda alert: alert.began_at)
    starts = [alert.began_at for alert in ordered]
    bursts = (ordered[place : bisect_right(starts, at + STORM_PERIOD)] for place, at in enumerate(starts))
    return max(bursts, key=len, default=())


def _find_common_label(hosts: Sequence[str], labels: Mapping[str, frozenset[str]]) -> str:
    """Finds a label that these hosts have in common and no other host has; "" without one."""
    others = {label for host, own in labels.items() if host not in hosts for label in own}
    common = frozenset.intersection(*(labels.get(host, frozenset()) for host in hosts)) - others
    return min(common, default="")


def _find_pointed_host(known: Evidence) -> Iterator[LikelyCause]:
    """Finds the one host that the most others point at."""
    pointing: dict[str, set[str]] = {}
    for host, cause in _list_pointers(known):
        pointing.setdefault(cause, set()).add(host)
    most = max(map(len, pointing.values()), default=0)
    match [cause for cause, others in pointing.items() if len(others) == most]:
        case [cause]:
            names = sorted(pointing[cause])
            phrase = Phrase(
                "{host}: {n} other host names it as the cause of its problem ({others})",
                plural="{host}: {n} other hosts name it as the cause of their problems ({others})",
                host=cause,
                n=len(names),
                others=list_some(names),
            )
            yield LikelyCause(LikelyRule.POINTED, phrase, (cause, *names))


def _list_pointers(known: Evidence) -> Iterator[tuple[str, str]]:
    """Lists pairs of a host with a problem and another one that is named as its cause."""
    pairs = [(alert.host, alert.cause.partition("/")[0]) for alert in known.alerts if "/" in alert.cause]
    for check in known.checks.values():
        if check.is_fresh(known.now):
            pairs += [(check.host, finding.cause) for finding in check.findings]
    return ((host, cause) for host, cause in pairs if host and cause and host != cause)


def _find_change(known: Evidence) -> Iterator[LikelyCause]:
    """Finds the newest change of the hosts in the hour before the problem began."""
    there = select_changes_before(known)
    if there:
        newest = max(there, key=lambda change: change.at)
        yield LikelyCause(LikelyRule.CHANGE, describe_change(newest, known.began_at), newest.hosts)


def select_changes_before(known: Evidence) -> tuple[RecentChange, ...]:
    """Selects the changes of the incident's hosts that ran in the hour before the problem began."""
    return tuple(
        change
        for change in known.changes
        if not set(known.hosts).isdisjoint(change.hosts) and timedelta() <= known.began_at - change.at <= CHANGE_PERIOD
    )


def _find_expired_certificate(known: Evidence) -> Iterator[LikelyCause]:
    """Finds the certificate of the hosts that expired last before now."""
    checks = [known.checks.get((host, Area.CERTIFICATES)) for host in known.hosts]
    ended = [(check.ends_at, check) for check in checks if check and check.ends_at and check.ends_at <= known.now]
    for at, check in sorted(ended, key=lambda pair: pair[0], reverse=True):
        phrase = Phrase(
            "the certificate of {host} expired at {at} (checked at {checked})",
            host=check.host,
            at=Moment(at),
            checked=Moment(check.at),
        )
        yield LikelyCause(LikelyRule.CERTIFICATE, phrase, (check.host,))
    for alert in known.alerts:
        if alert.condition in _WARNING_STEPS and alert.step > _WARNING_STEPS[alert.condition]:
            yield LikelyCause(LikelyRule.CERTIFICATE, describe_alert_briefly(alert), (alert.host,) if alert.host else ())


def describe_alert_briefly(alert: Alert) -> Phrase:
    """Describes an alert in a few words, with its host and its number."""
    if not alert.host:
        return Phrase("{problem} (alert {number})", problem=alert.short, number=str(alert.number))
    return Phrase("{host}: {problem} (alert {number})", host=alert.host, problem=alert.short, number=str(alert.number))


def describe_change(change: RecentChange, began_at: datetime) -> Phrase:
    """Describes a change, with the person who requested it and the time that passed until the problem began."""
    return Phrase(
        "{words} by {person}, {span} before it began ({operation})",
        words=change.words,
        person=change.requester,
        span=measure_age(change.at, began_at),
        operation=change.operation,
    )


def measure_age(at: datetime, now: datetime) -> Span:
    """Measures the age of an observation, rounded down. One from the future, of a clock that was set back, has none."""
    age = max(now - at, timedelta())
    return Span((round_distance(age) if age >= timedelta(minutes=1) else age // _SECOND * _SECOND).total_seconds())


_Rule = Callable[[Evidence], Iterator[LikelyCause]]

_RULES: tuple[_Rule, ...] = (_find_group, _find_pointed_host, _find_change, _find_expired_certificate)
