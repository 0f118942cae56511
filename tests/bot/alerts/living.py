"""Alerts with a real database, a clock that stands until it is moved, and an audit log that may fail."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.alerts.services.registry import AlertRegistry
from bot.alerts.tables.alerts import AlertTable
from bot.audit_log.log import EventKind
from bot.model.alert import Alert
from bot.security.redaction import Redactor
from bot.store.database import Database
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.model.finding import Severity

BEGINNING = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
CANARY = "correct-horse-battery"
HOSTS = ("host-a", "host-b")


def nebula(severity: Severity = Severity.CRITICAL, **more: Any) -> Signal:
    """Nebula of host-a is stopped."""
    usual: dict[str, Any] = {
        "host": "host-a",
        "subject": "nebula",
        "condition": Condition.NEBULA,
        "severity": severity,
        "short": Phrase("Nebula stopped"),
        "why": Phrase("the service Nebula is {state}", state="Stopped"),
        "next": "service start nebula host-a",
    }
    return Signal(**(usual | more))


def container(name: str, severity: Severity = Severity.MEDIUM, **more: Any) -> Signal:
    """A container of host-a exited."""
    usual = {"subject": f"container/{name}", "condition": Condition.CONTAINER, "short": Phrase("{name} exited", name=name)}
    return nebula(severity, **(usual | more))


class Log:
    """The audit log, as far as it is looked at; `failing` makes it refuse, and `refused` counts the events."""

    def __init__(self) -> None:
        self.refused = 0
        self.events: list[tuple[str, str, Mapping[str, Any]]] = []
        self.failing: FlatnetError | None = None

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        assert EventKind.ALERT == kind
        if self.failing is not None:
            self.refused += 1
            raise self.failing
        self.events.append((actor, operation, data))

    @property
    def did(self) -> list[str]:
        """What happened to alerts, in a word each."""
        return [str(data["alert"]) for _, _, data in self.events]


class House:
    """A database and a clock that outlive the registries that use them."""

    def __init__(self, database: Database) -> None:
        self.now = BEGINNING
        self.log = Log()
        self.hosts: Collection[str] = HOSTS
        self.table: Any = AlertTable(database)
        self.registry = self.build()

    def build(self, wrap: Callable[[Any], Any] = lambda part: part) -> AlertRegistry:
        """The registry of a bot that was started just now."""
        return AlertRegistry(
            wrap(self.table), wrap(self.log), Redactor([CANARY]).redact_json, lambda: self.now, lambda: self.hosts
        )

    async def check(self, *signals: Signal, host: str = "host-a", judged: Collection[Condition] = tuple(Condition)) -> None:
        """A minute passes, and a check of a host finds these problems."""
        self.now += timedelta(minutes=1)
        await self.registry.apply(HostChecked(host=host, at=self.now, judged=frozenset(judged), signals=signals))

    async def fire(self) -> Alert:
        """Nebula of host-a is found stopped until its alert fires."""
        await self.check(nebula())
        await self.check(nebula())
        (alert,) = await self.registry.list_open()
        return alert

    async def read_states(self) -> list[tuple[str, str]]:
        """Reads keys and states of the alerts that are not resolved."""
        return [(alert.key, alert.state.value) for alert in await self.table.list_unresolved()]


class Interrupted:
    """A table or an audit log; once, before it does something, something else happens."""

    def __init__(self, whole: Any, before: str, happen: Callable[[], Awaitable[Any]]) -> None:
        self._whole = whole
        self._before = before
        self._happen: Callable[[], Awaitable[Any]] | None = happen

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._whole, name)
        if name != self._before:
            return method

        async def call(*given: Any) -> Any:
            happen, self._happen = self._happen, None
            if happen is not None:
                await happen()
            return await method(*given)

        return call


class Mortal:
    """A table or an audit log around whose writes the process may be killed."""

    def __init__(self, whole: Any, kill: Callable[[str], None]) -> None:
        self._whole = whole
        self._kill = kill

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._whole, name)
        if name not in ("apply", "record", "prune", "correct_times"):
            return method

        async def call(*given: Any) -> Any:
            self._kill(f"before {name}")
            done = await method(*given)
            self._kill(f"after {name}")
            return done

        return call
