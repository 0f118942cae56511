"""Rules of mutes: which alerts and hosts a silence or a maintenance hides. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from adapters.inventory import Host, Inventory
from bot.model.alert import Alert, Mute, MuteKind
from commands.alerts.conditions import CONDITION_RULES, Condition
from commands.alerts.silence_scope import AlertKey, SilenceScope
from commands.values.arguments import BadArgument, find_meant_names

AlertMatcher = Callable[[Alert], bool]


def make_matcher(mute: Mute, inventory: Inventory) -> AlertMatcher:
    """Makes the function that returns whether a mute hides an alert while it is active.

    What a hidden problem explains is hidden, too: maintenance of a host also hides that its peers miss it.
    """
    covers, hosts = _make_coverage(mute, inventory), frozenset(inventory.names)

    def matches(alert: Alert) -> bool:
        if not CONDITION_RULES[alert.condition].silenceable:
            return False
        own = AlertKey(alert.host, alert.subject, alert.condition)
        return covers(own) or (alert.cause != "" and covers(_read_cause(alert, hosts)))

    return matches


def _read_cause(alert: Alert, hosts: Collection[str]) -> AlertKey:
    """Reads the key of the alert that explains this one. Its condition is not known, so this one's stands in."""
    host, _, subject = alert.cause.partition("/")
    return AlertKey(host, subject, alert.condition) if host in hosts else AlertKey("", alert.cause, alert.condition)


def _make_coverage(mute: Mute, inventory: Inventory) -> Callable[[AlertKey], bool]:
    if mute.kind is not MuteKind.SILENCE:
        names = find_meant_names(mute.what, inventory)
        blind = Condition.BLIND if names.issuperset(inventory.names) else None  # that no host responds is meant, too
        return lambda key: key.condition is blind or (key.host in names and not CONDITION_RULES[key.condition].named_only)
    return _read_scope(mute).make_matcher(inventory)


def _read_scope(mute: Mute) -> SilenceScope:
    """Reads the scope of a silence. One that another version stored, and this one cannot read, hides nothing."""
    try:
        return SilenceScope.parse((mute.what,))
    except BadArgument:
        return SilenceScope(parts=())


def find_mutes(mutes: Iterable[Mute], alerts: Iterable[Alert], inventory: Inventory) -> dict[int, Mute]:
    """Finds the mute of each muted alert that ends last, by the alert's number. All these mutes must be active."""
    soonest_first = sorted(mutes, key=lambda mute: mute.ends_at)
    matchers = [(mute, make_matcher(mute, inventory)) for mute in soonest_first]
    return {alert.number: mute for alert in alerts for mute, matches in matchers if matches(alert)}


def find_muted_hosts(mute: Mute, inventory: Inventory) -> tuple[Host, ...]:
    """Finds the hosts of the inventory whose alerts a mute may hide now."""
    if mute.kind is MuteKind.SILENCE:
        return _read_scope(mute).find_hosts(inventory)
    names = find_meant_names(mute.what, inventory)
    return tuple(host for host in inventory.hosts if host.name in names)


def find_maintenance(mutes: Iterable[Mute], inventory: Inventory, now: datetime) -> Mapping[str, Mute]:
    """Finds the hosts in maintenance at that time, each with the one that ends last, in the inventory's order."""
    active = [mute for mute in mutes if mute.kind is MuteKind.MAINTENANCE and mute.is_active(now)]
    by_host: dict[str, Mute] = {}
    for mute in sorted(active, key=lambda mute: mute.ends_at):
        by_host |= {host.name: mute for host in find_muted_hosts(mute, inventory)}
    return {name: by_host[name] for name in inventory.names if name in by_host}
