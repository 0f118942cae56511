"""A notifier with real alerts, and a workspace that writes down what arrives in it. It may be away; messages wait then."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.alerts.rules.routes import Router
from bot.alerts.services.notifier import Notifier
from bot.alerts.slack.message import render, render_word
from bot.config.alerts import AlertRoute, AlertSettings, QuietHours
from bot.locale.texts import get_texts
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.alert_notice import AlertNotice, AlertWord
from bot.model.announcement import Announcement, DeliveryStage
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.model.finding import Severity
from tests.bot.alerts.living import House, nebula
from tests.bot.answers.slack.test_answer import shown

UTC_TEXTS = get_texts("en", ZoneInfo("UTC"))
OPS = "C0OPS"
CALLED = AlertRoute(
    severities=frozenset({Severity.CRITICAL, Severity.HIGH}),
    mention=("ana",),
    escalate=timedelta(minutes=30),
    escalate_to=("boss", "S0NIGHT"),
)
PEOPLE = (Person(name="ana", slack=("U0ANA",)), Person(name="boss", slack=("U0BOSS",)))
NIGHT = QuietHours(begin=time(22), end=time(7))


class SlackAway(FlatnetError):
    """The database does not take what is announced."""


class Workspace:
    """The outbox and what arrived, a line each: `#` a message, `~` its edit, `>` a word in its thread, `@` directly."""

    def __init__(self) -> None:
        self.away = False
        self.failing = 0
        self.breaking = ""
        self.revised = 0
        self._known: dict[str, Announcement] = {}
        self._waiting: list[str] = []
        self._lines: list[str] = []
        self._shown: dict[str, str] = {}

    def read(self) -> list[str]:
        """What arrived since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def come_back(self) -> list[str]:
        """What waited arrives."""
        self.away = False
        waiting, self._waiting = self._waiting, []
        for name in waiting:
            self._arrive(self._known[name])
        return self.read()

    async def announce(self, announcement: Announcement) -> None:
        self._take()
        if isinstance(announcement.body, AlertNotice) and announcement.body.alerts[0].host == self.breaking:
            raise ValueError(self.breaking)
        if announcement.name not in self._known:
            self._known[announcement.name] = announcement
            if self.away:
                self._waiting.append(announcement.name)
            else:
                self._arrive(announcement)

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        self._take()
        assert word is None
        self.revised += 1
        if announcement.name in self._known:
            self._known[announcement.name] = announcement
            if announcement.name not in self._waiting:
                self._show(announcement, "~")

    async def find_delivery(self, name: str) -> DeliveryStage:
        self._take()
        if name not in self._known:
            return DeliveryStage.ABSENT
        return DeliveryStage.WAITING if name in self._waiting else DeliveryStage.BEGUN

    async def withdraw(self, prefix: str) -> int:
        self._take()
        gone = [name for name in self._waiting if name.startswith(prefix)]
        for name in gone:
            self._waiting.remove(name)
            del self._known[name]
        return len(gone)

    def _take(self) -> None:
        """Counts down to the call that fails."""
        self.failing -= 1
        if self.failing == 0:
            raise SlackAway(Phrase("the disk is full"))

    def _arrive(self, announcement: Announcement) -> None:
        word = announcement.body
        if not isinstance(word, AlertWord):
            self._show(announcement, "#")
            return
        direct = not announcement.channel.startswith("C")
        assert announcement.below in self._known or not announcement.below
        sign = "@" if direct else ">" if announcement.below else "#"
        self._lines.append(f"{announcement.channel} {sign} {render_word(word, UTC_TEXTS).text}")

    def _show(self, announcement: Announcement, sign: str) -> None:
        """Writes down a message, unless it shows nothing else than before."""
        assert isinstance(announcement.body, AlertNotice)
        message = render(announcement.body, UTC_TEXTS)
        head = shown(message)[0].replace("\n", " | ")
        if self._shown.get(announcement.name) != head:
            self._shown[announcement.name] = head
            self._lines.append(f"{announcement.channel} {sign} {head}")


class Mutes:
    """Mutes by key or host."""

    def __init__(self) -> None:
        self.by_name: dict[str, Mute] = {}

    def add(self, what: str, at: datetime, length: timedelta = timedelta(hours=2)) -> None:
        self.by_name[what] = Mute(
            number=len(self.by_name) + 1,
            kind=MuteKind.SILENCE,
            what=what,
            reason="disk swap",
            owner="ana",
            identity="{}",
            operation=f"op-{what}",
            channel=OPS,
            added_at=at,
            ends_at=at + length,
        )

    async def find_mutes(self, alerts: tuple[Alert, ...], now: datetime) -> dict[int, Mute]:
        active = {what: mute for what, mute in self.by_name.items() if mute.is_active(now)}
        return {each.number: active[what] for each in alerts for what in (each.key, each.host) if what in active}


class Night:
    """Alerts, the notifier, and what people hear. The notifier runs after each check."""

    def __init__(self, house: House, *routes: AlertRoute, quiet: QuietHours | None = None) -> None:
        self.house = house
        self.slack = Workspace()
        self.mutes = Mutes()
        self.settings = AlertSettings(routes=routes, quiet_hours=quiet)
        self.zone = ZoneInfo("UTC")
        self.notifier = self.start()

    def start(self) -> Notifier:
        """The notifier of a bot that was started just now."""
        self.notifier = Notifier(self.house.registry, self.mutes, self.slack, self.find_router, lambda: self.house.now)
        return self.notifier

    async def check(self, *signals: Signal, host: str = "host-a") -> list[str]:
        """A minute passes, and a check of a host finds these problems. Returns what people heard."""
        await self.house.check(*signals, host=host)
        return await self.notify()

    async def notify(self) -> list[str]:
        await self.notifier.notify()
        return self.slack.read()

    async def fire(self, **more: Any) -> list[str]:
        """Nebula of a host is found stopped until its alert fires."""
        signal = nebula(**more)
        await self.house.check(signal, host=signal.host)
        return await self.check(signal, host=signal.host)

    async def resolve(self, host: str = "host-a") -> list[str]:
        """A host is found well until its alerts are resolved."""
        await self.house.check(host=host)
        return await self.check(host=host)

    async def wait(self, minutes: float) -> list[str]:
        """Time passes in which no check finds anything new."""
        self.house.now += timedelta(minutes=minutes)
        await self.house.registry.tick(self.house.now)
        return await self.notify()

    async def fail_at_once(self, hosts: Sequence[str], make: Any = nebula) -> None:
        """Some hosts have the same problem in the same round, twice."""
        self.house.hosts = {*self.house.hosts, *hosts}
        for _ in range(2):
            self.house.now += timedelta(minutes=1)
            for host in hosts:
                checked = HostChecked(host=host, at=self.house.now, judged=frozenset(Condition), signals=(make(host=host),))
                await self.house.registry.apply(checked)

    def make_check(self, host: str, *signals: Signal) -> HostChecked:
        """A check of a host at this moment."""
        return HostChecked(host=host, at=self.house.now, judged=frozenset(Condition), signals=signals)

    def find_router(self) -> Router:
        return Router(self.settings, OPS, PEOPLE, {"host-a": frozenset({"tokyo"})}, self.zone)
