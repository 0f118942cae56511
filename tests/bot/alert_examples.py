"""Alerts for tests: one that fires, and changes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.phrase import Phrase
from bot.model.alert import Alert, AlertState
from commands.alerts.conditions import Condition
from commands.model.finding import Severity

BEGAN = datetime(2026, 11, 25, 3, 10, 5, tzinfo=UTC)
FIRED = BEGAN + timedelta(minutes=1)

FIRING = Alert(
    number=7,
    host="host-a",
    subject="nebula",
    condition=Condition.NEBULA,
    severity=Severity.CRITICAL,
    state=AlertState.FIRING,
    version=2,
    streak=0,
    short=Phrase("Nebula stopped"),
    why=Phrase("service Nebula: {state}", state="Stopped"),
    next="service start nebula host-a",
    began_at=BEGAN,
    checked_at=FIRED,
    first_fired_at=FIRED,
    fired_at=FIRED,
    message="alert 7",
)


def change(alert: Alert = FIRING, **changes: Any) -> Alert:
    """An alert with other fields."""
    return Alert.model_validate({**dict(alert), **changes})


ACKNOWLEDGED = change(
    state=AlertState.ACKNOWLEDGED,
    acknowledged_by="boss",
    acknowledged_at=FIRED + timedelta(minutes=2),
    acknowledged_until=FIRED + timedelta(hours=2, minutes=2),
)
RESOLVED = change(ACKNOWLEDGED, state=AlertState.RESOLVED, resolved_at=FIRED + timedelta(minutes=42))
