"""Audit events, moves of alerts and incidents as the bot records them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.phrase import Phrase
from bot.model.alert import AlertChange, AlertState, AlertStep
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.store.audit_chain import StoredEvent
from commands.model.finding import Severity

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


def stored(kind: str, data: dict[str, Any], *, number: int = 7, actor: str = "ana", operation: str = "op-1") -> StoredEvent:
    """An event of nine o'clock."""
    return StoredEvent(number, "2026-01-31T09:00:00.000000Z", kind, actor, operation, json.dumps(data), "", "", "")


def look(words: str, **more: Any) -> dict[str, Any]:
    """Data of a request, as `bot.requests.authorization.make_event` makes them."""
    return {"text": words, "understood": words, "surface": "slack", "channel": "D1", **more}


def plan(*hosts: str, **more: Any) -> dict[str, Any]:
    """Data of a plan, as `bot.changes.services.repository.make_plan_event` makes them."""
    usual = {"words": "service restart nebula host-a", "digest": "0123456789abcdef", "left_out": [], "reason": ""}
    return {**usual, "hosts": hosts, "dry_run": False, **more}


def step(state: AlertState, *, host: str = "host-a", alert: int = 12, actor: str = "", minutes: float = 0) -> AlertStep:
    """A move of an alert, so many minutes after nine."""
    at = NOW + timedelta(minutes=minutes)
    version = 1 + list(AlertState).index(state)
    change = AlertChange(alert=alert, version=version, at=at, state=state, severity=Severity.HIGH, actor=actor)
    return AlertStep(change, host, Phrase("Nebula stopped"))


def incident(target: str = "host-a", **more: Any) -> Incident:
    """An incident that was opened at nine, in which people work."""
    made = Incident("op-0", "C1", "no tunnel", target, "ana", NOW, number=1, severity=Severity.HIGH)
    return replace(made, **more)


def entry(kind: EntryKind = EntryKind.LOOK, *, minutes: float = 0, **more: Any) -> TimelineEntry:
    """An entry that names no incident yet, so many minutes after nine."""
    at = NOW + timedelta(minutes=minutes)
    usual: dict[str, Any] = {"source": "audit:7", "author": "ana", "text": Phrase("looked")}
    return TimelineEntry(0, **{**usual, **more}, kind=kind, happened_at=at, recorded_at=at)
