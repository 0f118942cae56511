"""Lists of the home tab: incidents, owed changes, certificates, locks, mutes, and the fleet in a sentence. Pure.

Times have no distance from now, because a tab may stay open for long.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce

from adapters.inventory import Host, RemovedHost
from adapters.phrase import Moment, Phrase
from bot.changes.reports.owed import list_owed_lines
from bot.changes.rules.locks import describe_lock
from bot.hosts.reports.stages import describe_suspensions, list_open_removals
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.home import HomeList
from bot.model.incident import STATE_NAMES, Incident
from bot.model.lock import Lock
from bot.model.owed import OwedChange
from commands.certificates.rotation.next import describe_members
from commands.model.finding import GRADE_NAMES, Grade, Severity
from commands.model.rotation import Rotation
from commands.model.suspension import Suspension

MAX_CERTIFICATES = 3
"""Number of certificates that are shown: those that expire first."""


def list_incidents(found: Sequence[Incident]) -> Iterator[HomeList]:
    """Lists open incidents, the worst first, of the same severity the newest."""
    newest = sorted(found, key=lambda incident: incident.opened_at, reverse=True)
    if lines := tuple(map(_describe_incident, sorted(newest, key=_rate_incident))):
        yield HomeList(Phrase("Incidents"), lines, "incident")


def _rate_incident(incident: Incident) -> int:
    return len(Severity) if incident.severity is None else incident.severity.rank


def _describe_incident(incident: Incident) -> Phrase:
    facts = [STATE_NAMES[incident.state]]
    if incident.severity is not None:
        facts.append(GRADE_NAMES[Grade.of(incident.severity)])
    if incident.lead:
        facts.append(Phrase("lead: {person}", person=incident.lead))
    if incident.next_update_at is not None:
        facts.append(Phrase("next update {at}", at=Moment(incident.next_update_at)))
    return Phrase(
        "#{number} {title} ({target}): {facts}",
        number=str(incident.number),
        title=incident.title,
        target=incident.target,
        facts=reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), facts),
    )


def list_owed(found: Sequence[OwedChange]) -> Iterator[HomeList]:
    """Lists open owed changes: what concerns identities first, then the oldest."""
    if lines := tuple(list_owed_lines(found)):
        yield HomeList(Phrase("Owed changes"), lines, "owed")


def list_suspensions(found: Mapping[str, Suspension]) -> Iterator[HomeList]:
    """Lists the suspended hosts, the oldest suspension first."""
    if lines := describe_suspensions(found.values()):
        yield HomeList(Phrase("Suspended hosts"), lines, "host")


def list_removals(removed: Sequence[RemovedHost], owed: Sequence[OwedChange]) -> Iterator[HomeList]:
    """Lists what is still to be done for removed hosts."""
    if lines := tuple(list_open_removals(removed, owed)):
        yield HomeList(Phrase("Removed hosts"), lines, "host")


def list_rotation(rotation: Rotation | None, hosts: Iterable[Host]) -> Iterator[HomeList]:
    """Lists how far the change of the CA is that is under way."""
    if rotation is not None:
        yield HomeList(Phrase("CA rotation"), (describe_members(rotation, hosts),), "ca rotation")


def list_certificates(ends: Mapping[str, datetime]) -> Iterator[HomeList]:
    """Lists the certificates that expire first."""
    soonest = sorted(ends.items(), key=lambda pair: (pair[1], pair[0]))[:MAX_CERTIFICATES]
    lines = tuple(Phrase("{host}: valid until {at}", host=host, at=Moment(at)) for host, at in soonest)
    if lines:
        yield HomeList(Phrase("Certificates that expire first"), lines, "cert")


def list_locks(active: Iterable[Lock]) -> Iterator[HomeList]:
    """Lists active locks, the soonest end first."""
    if active := sorted(active, key=lambda lock: lock.ends_at):
        yield HomeList(Phrase("Locks"), tuple(map(describe_lock, active)), "lock")


def list_mutes(kind: MuteKind, active: Iterable[Mute]) -> Iterator[HomeList]:
    """Lists active mutes of one kind, the soonest end first."""
    heading = Phrase("Silences") if kind is MuteKind.SILENCE else Phrase("Maintenance")
    if same := sorted((mute for mute in active if mute.kind is kind), key=lambda mute: mute.ends_at):
        yield HomeList(heading, tuple(map(_describe_mute, same)), kind.value)


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
