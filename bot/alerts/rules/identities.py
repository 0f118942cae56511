"""Certificates beyond those of hosts and CAs become alerts: WinRM's, the bot's own, and strangers. Pure.

| observed | then |
| --- | --- |
| WinRM's or the bot's own expires within a limit | an alert; each limit that it crosses later is a step |
| the bot's own could not be read | an alert: its expiry is unknown |
| a stranger of a trusted CA was seen in 30 days | an alert; ten at most, and one that counts the rest: a log can be forged |
| a certificate of a removed host, a peer that was refused | `bot.alerts.rules.intruders` |
| a certificate of WinRM could not be read this time | not judged, so nothing moves |
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.inventory import Inventory
from adapters.nebula.certificate_file import CertificateFile
from adapters.phrase import Moment, Phrase
from adapters.windows.tls_certificate import ServerCertificate
from bot.alerts.rules.certificates import count_steps, describe_host_expiry
from bot.alerts.rules.intruders import find_tombstone, judge_refused, judge_removed
from bot.model.alert import Alert
from bot.security.untrusted_text import shorten, to_one_line
from commands.alerts.conditions import Condition, HostChecked, Resolution, Signal, make_key
from commands.certificates.assessment import HOST_EXPIRY_LIMITS, HOST_WARNING_TIMES, judge_time_left
from commands.certificates.further import FurtherReading
from commands.certificates.outsiders import Outsider, list_outsiders
from commands.certificates.reading import shorten_fingerprint
from commands.model.certificates import KnownIdentities
from commands.model.finding import Severity
from commands.model.operation import CertificateRules

WINRM_SUBJECT = "winrm"
OWN_SUBJECT = "own"

MAX_STRANGERS = 10
"""Strangers that have alerts of their own."""

MAX_NAME_LENGTH = 64

COMMAND = "cert --all"


@dataclass(frozen=True)
class IdentityBasis:
    """Basis of a judgment: the inventory, and the rules of certificates."""

    inventory: Inventory
    rules: CertificateRules


def judge_identities(
    reading: FurtherReading, known: KnownIdentities, basis: IdentityBasis, open_alerts: Collection[Alert], now: datetime
) -> Iterator[HostChecked]:
    """Judges what a survey read. `now` is in the time zone whose days count. Hosts of which nothing moves are left out."""
    open_keys = {alert.key for alert in open_alerts}
    for host, answer in reading.servers.items():
        if isinstance(answer, ServerCertificate):
            signal = _make_server_signal(host, answer, now)
            if signal is not None or make_key(host, WINRM_SUBJECT) in open_keys:
                yield _judge_server(host, answer, signal, now)
    yield _judge_own(reading.own, basis.rules, now)
    yield judge_refused(reading.refused, known, basis.inventory, now)
    if known.available:
        outsiders = list_outsiders(known, basis.inventory.reachable, basis.rules.members, now)
        strangers = _list_strangers(outsiders, basis, reading.own, now)
        signals = tuple(_make_stranger_signals(strangers))
        yield HostChecked(host="", at=now, judged=frozenset({Condition.STRANGER}), signals=signals)
        yield judge_removed(outsiders, basis.inventory, now)


def _judge_server(host: str, answer: ServerCertificate, signal: Signal | None, now: datetime) -> HostChecked:
    renewed = Phrase("The WinRM certificate of {host} now expires at {at}", host=host, at=Moment(answer.ends_at))
    return HostChecked(
        host=host,
        at=now,
        judged=frozenset({Condition.WINRM}),
        signals=() if signal is None else (signal,),
        resolutions=() if signal is not None else (Resolution(subject=WINRM_SUBJECT, phrase=renewed),),
    )


def _make_server_signal(host: str, answer: ServerCertificate, now: datetime) -> Signal | None:
    severity = judge_time_left(answer.ends_at - now, HOST_EXPIRY_LIMITS)
    if severity is None:
        return None
    short = describe_host_expiry(answer.ends_at - now)
    return Signal(
        host=host,
        subject=WINRM_SUBJECT,
        condition=Condition.WINRM,
        severity=severity,
        step=count_steps(answer.ends_at, HOST_WARNING_TIMES, now),
        short=Phrase("WinRM {expiry}", expiry=short),
        why=_explain_server_expiry(host, answer, now),
        next=COMMAND,
    )


def _explain_server_expiry(host: str, answer: ServerCertificate, now: datetime) -> Phrase:
    if answer.ends_at <= now:
        return Phrase(
            "the certificate of WinRM on {host} expired at {at}, so the bot does not connect to Windows there. Renew it "
            "with {script}",
            host=host,
            at=Moment(answer.ends_at),
            script="winrm-certificate.sh",
        )
    return Phrase(
        "the certificate of WinRM on {host} expires at {at}. After that the bot does not connect to Windows there. Renew it "
        "with {script}",
        host=host,
        at=Moment(answer.ends_at),
        script="winrm-certificate.sh",
    )


def _judge_own(own: CertificateFile | None, rules: CertificateRules, now: datetime) -> HostChecked:
    """Judges the bot's own certificate. Where none is configured nothing is wrong with it."""
    signal = None if own is None else _make_own_signal(own, str(rules.bot_certificate), now)
    signals = () if signal is None else (signal,)
    return HostChecked(host="", at=now, judged=frozenset({Condition.OWN}), signals=signals)


def _make_own_signal(own: CertificateFile, path: str, now: datetime) -> Signal | None:
    certificate = own.certificate
    if certificate is None:
        why = Phrase(
            "the bot's own certificate {path} could not be read: {why}. Fix bot_certificate under [certificates]",
            path=path,
            why=own.why or Phrase("not readable"),
        )
        return _build_own_signal(Severity.MEDIUM, 0, Phrase("the bot's own certificate unreadable"), why)
    severity = judge_time_left(certificate.not_after - now, HOST_EXPIRY_LIMITS)
    if severity is None:
        return None
    short = Phrase("the bot's own {expiry}", expiry=describe_host_expiry(certificate.not_after - now))
    why = Phrase(
        "the certificate {path} of the bot's machine expires at {at}. Without it the bot has no tunnels, and cannot reach "
        "gateways over the overlay. Sign a new one by hand, put it there and restart Nebula",
        path=path,
        at=Moment(certificate.not_after),
    )
    return _build_own_signal(severity, count_steps(certificate.not_after, HOST_WARNING_TIMES, now), short, why)


def _build_own_signal(severity: Severity, step: int, short: Phrase, why: Phrase) -> Signal:
    return Signal(
        host="",
        subject=OWN_SUBJECT,
        condition=Condition.OWN,
        severity=severity,
        step=step,
        short=short,
        why=why,
        next=COMMAND,
    )


def _list_strangers(
    outsiders: Sequence[Outsider], basis: IdentityBasis, own: CertificateFile | None, now: datetime
) -> Sequence[Outsider]:
    """Lists the strangers that are news, the first seen first, so that those with an alert of their own keep it.

    A removed host is none: it is known, and has another alert.
    """
    mine = "" if own is None or own.certificate is None else own.certificate.fingerprint
    found = [
        each
        for each in outsiders
        if each.is_stranger
        and each.trusted
        and each.is_recent(now)
        and each.identity.fingerprint != mine
        and find_tombstone(each, basis.inventory) is None
    ]
    return sorted(found, key=lambda each: (str(each.identity.first_seen_at), each.identity.fingerprint))


def _make_stranger_signals(strangers: Sequence[Outsider]) -> Iterator[Signal]:
    yield from map(_make_stranger_signal, strangers[:MAX_STRANGERS])
    more = len(strangers) - MAX_STRANGERS
    if more > 0:
        yield Signal(
            host="",
            subject="stranger/more",
            condition=Condition.STRANGER,
            severity=Severity.MEDIUM,
            short=Phrase("{n} more unknown certificate", plural="{n} more unknown certificates", n=more),
            why=Phrase(
                "hosts accepted {n} more certificates that belong to no host of the configuration. If you did not sign "
                "them, a log may be forged. Or another person has the key of the CA",
                n=more,
            ),
            next=COMMAND,
        )


def _make_stranger_signal(outsider: Outsider) -> Signal:
    identity = outsider.identity
    name = shorten(to_one_line(identity.name), MAX_NAME_LENGTH)
    place = outsider.sightings[0].place if outsider.sightings else "?"
    fingerprint = shorten_fingerprint(identity.fingerprint)
    return Signal(
        host="",
        subject=f"stranger/{fingerprint}",
        condition=Condition.STRANGER,
        severity=Severity.MEDIUM,
        short=Phrase("unknown certificate {name}", name=name),
        why=Phrase(
            "{host} accepted the certificate {name} ({fingerprint}) of your CA, which belongs to no host of the "
            "configuration. If you know it, add the name to members under [certificates]. Otherwise find out who signed it",
            host=place,
            name=name,
            fingerprint=fingerprint,
        ),
        next=COMMAND,
    )
