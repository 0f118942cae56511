"""Silences and maintenance: who hides which alerts until when. Every change of them is in the audit log first.

alert ─ matches ─▶ the mutes that hide it now ─ the one that ends last ─▶ Mute

Labels and patterns are resolved whenever an alert is judged. A person who removes a mute must have that right on all hosts
that it means then. Nothing hides a condition that is not silenceable.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from adapters.errors import Refused, RequestError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refusal, Verdict
from bot.audit.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.model.alert import Alert, Mute, MuteKind
from bot.store.mutes import MuteTable
from commands.alerts.conditions import CONDITION_RULES, Condition
from commands.alerts.silence_scope import AlertKey, SilenceScope
from commands.values.arguments import BadArgument, find_meant_names

RECENT_PERIOD = timedelta(days=1)
"""Period for which an ended mute is still listed."""


MAX_ACTIVE = 100
"""Most active mutes: more than operators could review, and every alert is compared with each."""

AlertMatcher = Callable[[Alert], bool]

MuteSource = Callable[[], Awaitable[Iterable[Mute]]]
"""Returns mutes that hide something now."""


class NoSuchMute(RequestError):
    """No silence or maintenance has that number."""

    @classmethod
    def of(cls, kind: MuteKind, number: int) -> "NoSuchMute":
        words = str(kind)
        if kind is MuteKind.SILENCE:
            return cls(Phrase("no silence {number}. Run {words} for the list", number=str(number), words=words))
        return cls(Phrase("no maintenance {number}. Run {words} for the list", number=str(number), words=words))


class MuteForbidden(Refused):
    """The person may not end this mute."""


class TooManyMutes(Refused):
    """So many silences and maintenance are active that no more can be added."""


class MuteRegistry:
    """The silences and maintenance of a bot, and the finder of what mutes an alert (`bot.alerts.ports.MuteFinder`)."""

    def __init__(
        self, table: MuteTable, audit: Recorder, basis: Callable[[], Inventory], now: Callable[[], datetime]
    ) -> None:
        self._table = table
        self._audit = audit
        self._basis = basis
        self._now = now
        self._sources: list[MuteSource] = []

    def add_source(self, source: MuteSource) -> None:
        """Adds a source of mutes that are no rows here, such as those of suspended hosts. They are in no list of mutes."""
        self._sources.append(source)

    async def add(self, mute: Mute) -> Mute:
        """Hides alerts from now on; the same request again is the same mute. Raises `TooManyMutes`."""
        others = [each for each in await self.list_active() if each.operation != mute.operation]
        if len(others) >= MAX_ACTIVE:
            raise TooManyMutes(
                Phrase("the limit of {n} active silences and maintenance is reached. End one first", n=MAX_ACTIVE)
            )
        event = {
            "mute": "added",
            "kind": mute.kind,
            "what": mute.what,
            "ends_at": mute.ends_at.isoformat(),
            "reason": mute.reason,
        }
        await self._audit.record(EventKind.MUTE, mute.owner, mute.operation, event)
        return await self._table.add(mute)

    async def find(self, kind: MuteKind, number: int) -> Mute:
        """Finds a silence or a maintenance. Raises `NoSuchMute`."""
        mute = await self._table.find(number)
        if mute is None or mute.kind is not kind:
            raise NoSuchMute.of(kind, number)
        return mute

    async def remove(self, operation: str, mute: Mute, by: str, judge: Callable[[Mute], Verdict]) -> None:
        """Shows alerts again. Raises `MuteForbidden` where `judge` refuses. A mute that has ended stays as it is."""
        verdict = judge(mute)
        if isinstance(verdict, Refusal):
            event = {"rule": verdict.rule, "outcome": str(verdict.reason)[:MAX_RECORDED_LENGTH]}
            await self._audit.record(EventKind.REFUSAL, by, operation, event)
            raise MuteForbidden(verdict.reason)
        await self.end(mute, by, operation, "removed")

    async def end(self, mute: Mute, by: str, operation: str, how: str) -> None:
        """Ends a mute now, on behalf of a person or of the bot. `how` is for the audit log."""
        event = {"mute": how, "kind": mute.kind, "number": mute.number, "what": mute.what}
        await self._audit.record(EventKind.MUTE, by, operation, event)
        await self._table.end(mute.number, by, self._now())

    async def mark_reminded(self, mute: Mute) -> None:
        """Marks that the owner of a mute was reminded of its end."""
        await self._table.mark_reminded(mute.number, self._now())

    async def list_active(self) -> tuple[Mute, ...]:
        """Lists all mutes that hide something now, by number."""
        now = self._now()
        return tuple(mute for mute in await self._table.list_since(now) if mute.is_active(now))

    async def list_recent(self) -> tuple[Mute, ...]:
        """Lists the active mutes, and those that ended within a day, by number."""
        return await self._table.list_since(self._now() - RECENT_PERIOD)

    async def find_mutes(self, alerts: tuple[Alert, ...], now: datetime) -> dict[int, Mute]:
        """As `bot.alerts.ports.MuteFinder`."""
        others = [mute for source in self._sources for mute in await source()]
        active = [mute for mute in (*await self._table.list_since(now), *others) if mute.is_active(now)]
        return find_mutes(active, alerts, self._basis())


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
