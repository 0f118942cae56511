"""Rules of locks: which one forbids a change, and the words about it. Pure."""

from collections.abc import Iterable
from datetime import datetime

from adapters.inventory import Host, Inventory
from adapters.phrase import Moment, Phrase
from bot.model.lock import Lock
from commands.model.finding import relate_moment
from commands.values.arguments import EVERY_HOST, find_meant_names


def find_forbidding_lock(locks: Iterable[Lock], hosts: Iterable[str], inventory: Inventory, now: datetime) -> Lock | None:
    """Find the lock that ends last among those that forbid changes on one of the hosts; None without one."""
    wanted = frozenset(hosts)
    fitting = [lock for lock in locks if lock.ends_at > now and wanted & _resolve_names(lock, inventory, wanted)]
    return max(fitting, key=lambda lock: lock.ends_at, default=None)


def find_locked_hosts(lock: Lock, inventory: Inventory) -> tuple[Host, ...]:
    """Find the hosts of the inventory that a lock means now."""
    names = _resolve_names(lock, inventory, frozenset(inventory.names))
    return tuple(host for host in inventory.hosts if host.name in names)


def describe_lock(lock: Lock, now: datetime | None = None) -> Phrase:
    """Describe a lock to the people whom it stops. A phrase that is stored and compared has no distance from now."""
    return Phrase(
        "{owner} has locked {target} until {end}: {reason}",
        owner=lock.owner,
        target=lock.target,
        end=Moment(lock.ends_at) if now is None else relate_moment(lock.ends_at, now),
        reason=lock.reason,
    )


def _resolve_names(lock: Lock, inventory: Inventory, wanted: frozenset[str]) -> frozenset[str]:
    """Resolve a lock to host names. `all` includes the hosts that are asked about, even if the inventory has
    them no more.
    """
    return wanted if EVERY_HOST in lock.target.split(",") else find_meant_names(lock.target, inventory)
