"""Ports between the parts of alerts, as the watch needs them."""

from datetime import datetime
from typing import Protocol

from bot.model.alert import Alert
from commands.checks.conditions import HostChecked


class AlertMover(Protocol):
    """Moves alerts (`bot.alerts.registry`). Both methods may raise `DatabaseError`; then the next check moves them."""

    async def apply(self, checked: HostChecked) -> None:
        """Moves the alerts of one host by what a check found."""

    async def tick(self, now: datetime) -> None:
        """Ends what is over at that time: acknowledgements, and rows beyond their retention."""


class AlertReader(Protocol):
    """Reads alerts (`bot.alerts.registry`)."""

    async def list_open(self) -> tuple[Alert, ...]:
        """Lists the alerts that people should know of, the worst first."""


class AlertBook(AlertMover, AlertReader, Protocol):
    """Moves and reads alerts."""


class Speaker(Protocol):
    """Shows people what has moved (`bot.alerts.voice`)."""

    async def speak(self) -> None:
        """Posts and edits the messages of all alerts that people were not shown as they are now."""
