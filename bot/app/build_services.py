"""Builds the services that requests are answered with from those of the subjects."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.alerts.build import AlertServices
from bot.app.build_backups import BackupServices
from bot.app.build_changes import ChangeServices
from bot.audit_log.log import AuditLog
from bot.digests.services import CheckRegistry, HealthHistory
from bot.incidents.build import IncidentServices, build_report_sources
from bot.requests.services import Services
from bot.security.redaction import Redactor
from commands.catalogue import CATALOGUE


@dataclass(frozen=True)
class WingServices:
    """Services of the wings that keep a state, built over one database."""

    changes: ChangeServices
    alerts: AlertServices
    incidents: IncidentServices
    backups: BackupServices
    history: HealthHistory
    checks: CheckRegistry


def build_services(
    wings: WingServices, audit: AuditLog, redactor: Redactor, now: Callable[[], datetime], *, running: bool
) -> Services:
    """Builds the services. `running`: this process carries out changes."""
    changes, alerts, backups = wings.changes, wings.alerts, wings.backups
    return Services(
        catalogue=CATALOGUE,
        changes=changes.lifecycle,
        locks=changes.locks,
        audit=audit,
        recorder=audit,
        schedules=changes.schedules,
        incidents=wings.incidents.registry,
        channels=changes.links,
        history=wings.history,
        rehearsals=changes.rehearsals.table,
        checks=wings.checks,
        alerts=alerts.registry,
        traffic=alerts.traffic,
        mutes=alerts.mutes,
        owed=changes.owed.registry,
        owed_requests=changes.owed.requests,
        identities=changes.ledger,
        rotations=changes.rotations,
        suspensions=changes.suspensions,
        good_configurations=changes.good_configurations.table,
        backups=changes.backups,
        backup_verifier=backups.verifier,
        key_verifier=backups.key_verifier,
        drills=backups.drills,
        joining=changes.joining,
        show_alerts=alerts.notifier.notify,
        report_sources=build_report_sources(wings.incidents, alerts.registry, audit, now),
        redactor=redactor,
        now=now,
        running=running,
    )
