"""Lists of the home tab: incidents, certificates, locks, silences and maintenance, and the fleet in a sentence. Pure.

Times have no distance from now, because a tab may stay open for long.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from adapters.phrase import Moment, Phrase
from bot.changes.locks import describe_lock
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.home import HomeList
from bot.store.incidents import Incident
from bot.store.locks import Lock

MAX_CERTIFICATES = 3
"""Number of certificates that are shown: those that expire first."""


def list_incidents(found: Sequence[Incident]) -> Iterator[HomeList]:
    """Lists open incidents, the newest first."""
    newest = sorted(found, key=lambda incident: incident.opened_at, reverse=True)
    lines = tuple(
        Phrase(
            "#{number} {title} ({target}), open since {at}",
            number=str(incident.number),
            title=incident.title,
            target=incident.target,
            at=Moment(incident.opened_at),
        )
        for incident in newest
    )
    if lines:
        yield HomeList(Phrase("Incidents"), lines, "incident")


def list_certificates(ends: Mapping[str, datetime]) -> Iterator[HomeList]:
    """Lists the certificates that expire first."""
    soonest = sorted(ends.items(), key=lambda pair: (pair[1], pair[0]))[:MAX_CERTIFICATES]
    lines = tuple(Phrase("{host}: valid until {at}", host=host, at=Moment(at)) for host, at in soonest)
    if lines:
        yield HomeList(Phrase("Certificates that expire first"), lines, "cert")


def list_locks(found: Iterable[Lock], now: datetime) -> Iterator[HomeList]:
    """Lists active locks, the soonest end first."""
    active = sorted((lock for lock in found if lock.ends_at > now), key=lambda lock: lock.ends_at)
    if active:
        yield HomeList(Phrase("Locks"), tuple(map(describe_lock, active)), "lock")


def list_mutes(kind: MuteKind, found: Iterable[Mute], now: datetime) -> Iterator[HomeList]:
    """Lists active mutes of one kind, the soonest end first."""
    active = sorted((mute for mute in found if mute.kind is kind and mute.is_active(now)), key=lambda mute: mute.ends_at)
    heading = Phrase("Silences") if kind is MuteKind.SILENCE else Phrase("Maintenance")
    if active:
        yield HomeList(heading, tuple(map(_describe_mute, active)), kind.value)


def _describe_mute(mute: Mute) -> Phrase:
    return Phrase(
        "{what} until {at}: {reason} ({owner})",
        what=mute.what,
        at=Moment(mute.ends_at),
        reason=mute.reason,
        owner=mute.owner,
    )


def summarize_fleet(hosts: Sequence[str], alerts: Iterable[Alert]) -> Phrase:
    """Summarizes how many hosts have open alerts. An acknowledged alert is still open."""
    troubled = {alert.host for alert in alerts} & set(hosts)
    if not troubled:
        return Phrase("no host has an open alert ({total} hosts)", total=len(hosts))
    return Phrase(
        "{n} of {total} hosts has open alerts",
        plural="{n} of {total} hosts have open alerts",
        n=len(troubled),
        total=len(hosts),
    )
