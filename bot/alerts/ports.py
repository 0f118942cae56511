"""Ports between the parts of alerts, as the watch needs them."""

from collections.abc import Mapping
from typing import Protocol

from bot.model.alert import Alert
from bot.store.claims import HostClaim
from commands.checks.conditions import HostChecked


class AlertMover(Protocol):
    """Moves alerts (`bot.alerts.registry`). Every method may raise `DatabaseError`; then the next check moves them."""

    async def apply(self, checked: HostChecked) -> None:
        """Moves the alerts of one host by what a check found."""


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


class ClaimSource(Protocol):
    """Source of the claims of changes on hosts (`bot.store.operations`)."""

    async def find_claims(self) -> Mapping[str, HostClaim]:
        """Returns the claims by host."""
