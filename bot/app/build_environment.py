"""Builds the environment of the dispatcher from the services of a bot, and what handlers of its own operations use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.alerts.build import AlertServices
from bot.app.build_backups import BackupServices
from bot.app.build_changes import ChangeServices
from bot.audit_log.log import AuditLog
from bot.digests.services import CheckRegistry, HealthHistory
from bot.incidents.build import IncidentServices, build_report_sources
from bot.requests.environment import Environment
from bot.requests.handler_registry import Handlers, Services
from bot.security.redaction import Redactor
from commands.catalogue import CATALOGUE


@dataclass(frozen=True)
class BuiltServices:
    """The services of a bot, built over its database."""

    changes: ChangeServices
    alerts: AlertServices
    audit: AuditLog
    history: HealthHistory
    checks: CheckRegistry
    backups: BackupServices
    incidents: IncidentServices


def build_environment(
    built: BuiltServices, redactor: Redactor, now: Callable[[], datetime], *, running: bool
) -> Environment:
    """Builds the environment. `running`: this process carries out changes."""
    machinery, alerts = built.changes, built.alerts
    return Environment(
        catalogue=CATALOGUE,
        handlers=Handlers.build(_gather_services(built, now), CATALOGUE, now),
        changes=machinery.lifecycle,
        locks=machinery.locks,
        incidents=built.incidents.registry,
        channels=machinery.links,
        checks=built.checks,
        alerts=alerts.registry,
        mutes=alerts.mutes,
        owed=machinery.owed.registry,
        identities=machinery.ledger,
        rotations=machinery.rotations,
        suspensions=machinery.suspensions,
        good_configurations=machinery.good_configurations.table,
        backups=machinery.backups,
        recorder=built.audit,
        redactor=redactor,
        now=now,
        running=running,
    )


def _gather_services(built: BuiltServices, now: Callable[[], datetime]) -> Services:
    """Gathers the services that handlers of the bot's own operations are built from."""
    machinery, alerts, backups = built.changes, built.alerts, built.backups
    return Services(
        changes=machinery.lifecycle,
        locks=machinery.locks,
        audit=built.audit,
        schedules=machinery.schedules,
        incidents=built.incidents.registry,
        channels=machinery.links,
        history=built.history,
        rehearsals=machinery.rehearsals.table,
        checks=built.checks,
        alerts=alerts.registry,
        traffic=alerts.traffic,
        mutes=alerts.mutes,
        owed=machinery.owed.registry,
        owed_requests=machinery.owed.requests,
        backups=backups.verifier,
        key_verifier=backups.key_verifier,
        drills=backups.drills,
        joining=machinery.joining,
        show_alerts=alerts.notifier.notify,
        report_sources=build_report_sources(built.incidents, alerts.registry, built.audit, now),
    )
