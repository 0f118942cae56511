"""Facts on one host beside its configuration: locks, certificates, and what its reader may request there. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.phrase import Phrase
from bot.changes.locks import describe_lock
from bot.store.locks import Lock
from commands.certificates.reading import shorten_fingerprint
from commands.model.certificates import Identity
from commands.model.finding import list_some, relate_moment
from commands.model.operation import Risk

MAX_CERTIFICATES = 3
"""Certificates that are named. `cert show` has all."""

MAX_COMMANDS = 8

Fact = tuple[Phrase, Phrase | str]


@dataclass(frozen=True)
class HostRights:
    """Rights of a reader on one host: the changes that they may request, and the approvals that each risk needs there."""

    changes: tuple[str, ...] = ()
    approvers: Mapping[Risk, int] = field(default_factory=dict)


NO_RIGHTS = HostRights()
"""Where no rights are shown."""


def list_lock_facts(locks: Sequence[Lock], now: datetime) -> Iterator[Fact]:
    """Lists the locks that forbid changes on the host now."""
    for lock in locks:
        yield Phrase("Lock"), describe_lock(lock, now)


def list_certificate_facts(identities: Sequence[Identity], now: datetime) -> Iterator[Fact]:
    """Lists the host's certificates that have not ended, the newest first: each of them is accepted until it is blocked."""
    valid = [each for each in identities if not each.has_ended(now)]
    for each in valid[:MAX_CERTIFICATES]:
        yield Phrase("Certificate"), _describe_certificate(each, now)
    more = len(valid) - MAX_CERTIFICATES
    if more > 0:
        yield Phrase("Certificate"), Phrase("… and {n} more", n=more)


def _describe_certificate(each: Identity, now: datetime) -> Phrase:
    fingerprint = shorten_fingerprint(each.fingerprint)
    if each.ends_at is None:
        return Phrase("{fingerprint}, named by logs alone", fingerprint=fingerprint)
    ends = relate_moment(each.ends_at, now)
    if each.abandoned:
        return Phrase("{fingerprint}, signed but not in use, expires {at}", fingerprint=fingerprint, at=ends)
    return Phrase("{fingerprint}, expires {at}", fingerprint=fingerprint, at=ends)


def list_right_facts(rights: HostRights) -> Iterator[Fact]:
    """Lists what the reader may request on the host, and how many approvals that needs."""
    if not rights.approvers:
        return
    changes = list_some(rights.changes, MAX_COMMANDS) if rights.changes else Phrase("no changes")
    yield Phrase("You can request"), changes
    yield (
        Phrase("Approvals"),
        Phrase(
            "change {change}, disruption {disruption}, critical {critical}",
            change=str(rights.approvers[Risk.CHANGE]),
            disruption=str(rights.approvers[Risk.DISRUPT]),
            critical=str(rights.approvers[Risk.CRITICAL]),
        ),
    )
