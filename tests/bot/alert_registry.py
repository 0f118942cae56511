"""Registry of alerts in memory, for tests: it answers from what it is given, and remembers what it was asked."""

from datetime import datetime
from typing import Any

from adapters.phrase import Moment, Phrase
from bot.alerts.services.registry import AlertResolved, NoSuchAlert
from bot.model.alert import Alert, AlertChange, AlertEpisode, AlertState
from commands.alerts.traffic import TrafficCount
from tests.bot.alert_examples import change


class Alerts:
    """Alerts of a test. `asked` are the acknowledgements, `shown` counts how often people were to see them."""

    def __init__(self, *alerts: Alert, changes: tuple[AlertChange, ...] = ()) -> None:
        self.there = {alert.number: alert for alert in alerts}
        self.changes = changes
        self.episodes: dict[str, tuple[AlertEpisode, ...]] = {}
        self.traffic: dict[str, TrafficCount] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.shown = 0

    async def list_open(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.there.values() if alert.open)

    async def list_recent(self, since: datetime) -> tuple[Alert, ...]:
        ended = [alert for alert in self.there.values() if alert.resolved_at is not None]
        return tuple(alert for alert in ended if alert.resolved_at is not None and alert.resolved_at >= since)

    async def list_of_message(self, message: str) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.there.values() if alert.message == message)

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]:
        return tuple(each for each in self.changes if each.alert == number)

    async def find(self, number: int) -> Alert:
        if number not in self.there:
            raise NoSuchAlert(Phrase("no alert {number}", number=str(number)))
        return self.there[number]

    async def acknowledge(self, number: int, by: str, until: datetime | None, operation: str) -> Alert:
        alert = await self.find(number)
        if alert.resolved_at is not None:
            raise AlertResolved(
                Phrase("alert {number} was resolved at {at}", number=str(number), at=Moment(alert.resolved_at))
            )
        self.asked.append((number, by, until, operation))
        self.there[number] = change(
            alert, state=AlertState.ACKNOWLEDGED, version=alert.version + 1, acknowledged_by=by, acknowledged_until=until
        )
        return self.there[number]

    async def list_durations(self, since: datetime, until: datetime) -> dict[str, tuple[AlertEpisode, ...]]:
        return self.episodes

    async def sum_by_host(self, since: datetime, until: datetime) -> dict[str, TrafficCount]:
        return self.traffic

    async def notify(self) -> None:
        self.shown += 1
