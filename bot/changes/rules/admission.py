"""Admission: chooses the operations that start now, from all that wait, all claims and all locks. Pure.

The longest ready goes first. It starts when no lock forbids one of its hosts, no other operation holds one, and no operation
that was ready before wants one. An older operation that waits for a running one reserves its hosts; otherwise a stream of
small changes could overtake it for ever. One that waits for a lock, a person or Slack reserves nothing, for that may last
days.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from adapters.inventory import Inventory
from adapters.phrase import Listing, Phrase
from bot.changes.rules.locks import describe_lock, find_forbidding_lock
from bot.changes.tables.claims import AdmissionState, StartChoice
from bot.model.change import HostClaim
from bot.model.lock import Lock

WAIT_FOR_SLACK = Phrase("Slack, to check the permissions of requester and approvers")


def choose_starts(
    standing: AdmissionState, inventory: Inventory, now: datetime, unverifiable: Collection[str] = ()
) -> StartChoice:
    """Choose the operations that start, and the reason for which each other one waits.

    `unverifiable`: operations whose people cannot be identified again at this moment.
    """
    taken = dict(standing.claims)
    wanted: dict[str, str] = {}
    starts: list[str] = []
    waits: dict[str, Phrase | None] = {}
    for asking in standing.open:
        lock = find_forbidding_lock(standing.locks, asking.hosts, inventory, now)
        if lock is not None or not asking.ready:
            waits[asking.operation] = None if lock is None else _describe_lock_wait(lock)
            continue
        if asking.operation in unverifiable:
            waits[asking.operation] = WAIT_FOR_SLACK
            continue
        busy = {host: taken[host] for host in asking.hosts if host in taken}
        before = {host: wanted[host] for host in asking.hosts if host in wanted}
        if not busy and not before:
            starts.append(asking.operation)
            taken |= dict.fromkeys(asking.hosts, HostClaim(asking.operation, unknown=False))
            continue
        waits[asking.operation] = _describe_claim_wait(busy) if busy else _describe_queue_wait(before)
        if not any(claim.unknown for claim in busy.values()):
            wanted = dict.fromkeys(asking.hosts, asking.operation) | wanted
    return StartChoice(tuple(starts), waits)


def _describe_lock_wait(lock: Lock) -> Phrase:
    return Phrase("the lock {number} to end: {lock}", number=str(lock.number), lock=describe_lock(lock))


def _describe_claim_wait(busy: Mapping[str, HostClaim]) -> Phrase:
    """Describe a claim, an unknown outcome first, for it needs a person."""
    first = max(sorted(busy), key=lambda host: busy[host].unknown)
    claim = busy[first]
    hosts = Listing(tuple(sorted(host for host in busy if busy[host] == claim)))
    if claim.unknown:
        return Phrase(
            "a check of {hosts}, reported with op resolve (result of {operation} unknown)",
            hosts=hosts,
            operation=claim.operation,
        )
    return Phrase("{operation}, running on {hosts}", operation=claim.operation, hosts=hosts)


def _describe_queue_wait(before: Mapping[str, str]) -> Phrase:
    first = min(before.values())
    hosts = Listing(tuple(sorted(host for host in before if before[host] == first)))
    return Phrase("{operation}, queued first on {hosts}", operation=first, hosts=hosts)
