"""The active configuration: what requests are judged by and answered from until the next reload."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.fleet import Fleet
from bot.access.policy import Actor, Policy
from bot.handlers.ports import AuditBook, IncidentBook, LockBook, Memory, Proposals, ScheduleBook
from bot.incidents.channels import Channels
from bot.schedules.builtin import Clockwork
from bot.security.redaction import Redactor
from commands.model.operation import Catalogue, CertificateRules, Thresholds, View
from commands.model.report import Report


@dataclass(frozen=True)
class Basis:
    """What answers rest on. A reload replaces it whole; a request ends on the one that it began with.

    `examine` looks whether everything that the bot needs is in place (`bot.doctor.examination`).
    """

    fleet: Fleet
    policy: Policy
    thresholds: Thresholds
    certificates: CertificateRules
    examine: Callable[[View], Awaitable[Report]]
    clockwork: Clockwork


@dataclass(frozen=True)
class Rights:
    """Who somebody is, and what they may ask for."""

    actor: Actor
    permitted: Catalogue


@dataclass(frozen=True)
class Keeping:
    """What the bot keeps: changes, locks, the audit log for those who may read it, and what was seen over time.

    `running`: a bot runs here that carries changes out; a process that only answers looks, and decides nothing.
    `redactor` knows the secrets that nobody should type.
    """

    changes: Proposals
    locks: LockBook
    audit: AuditBook
    schedules: ScheduleBook
    incidents: IncidentBook
    channels: Channels
    history: Memory
    running: bool
    redactor: Redactor
