"""Silences and maintenance: who hides which alerts until when. Every change of them is in the audit log first.

alert ─ matches ─▶ the mutes that hide it now ─ the one that ends last ─▶ Mute

Labels and patterns are resolved whenever an alert is judged. A person who removes a mute must have that right on all hosts
that it means then. Nothing hides a condition that is not silenceable.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from adapters.errors import Refused, RequestError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refusal, Verdict
from bot.alerts.rules.mutes import find_mutes
from bot.alerts.tables.mutes import MuteTable
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.model.alert import Alert, Mute, MuteKind

RECENT_PERIOD = timedelta(days=1)
"""Period for which an ended mute is still listed."""


MAX_ACTIVE = 100
"""Most active mutes: more than operators could review, and every alert is compared with each."""


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
