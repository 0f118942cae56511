"""Handler context: who requests, when, and the services that handlers answer from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import Refused
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Go, Policy, Verdict
from bot.access.requester import By
from bot.handlers.archive_queue import Archiving
from bot.handlers.ports import AuditBook, Changes, IncidentBook, LockBook, Memory, ScheduleBook
from bot.incidents.channels import Channels
from bot.model.change import Change
from bot.model.request import BotIdentity, Failure
from commands.model.operation import Catalogue, Operation, View
from commands.model.report import Report

Body = Report | Change


class NobodyRuns(Refused):
    """A change was asked for where no bot runs that could carry it out."""

    @classmethod
    def here(cls) -> "NobodyRuns":
        return cls(Phrase("no bot runs here, so nothing can be changed; start it with flatnet-bot run, then ask again"))


@dataclass(frozen=True)
class Asked:
    """Who asks, and all that the bot's own operations answer from.

    `at` is when the request arrived, the same however often it is worked; `permitted` is what that person may ask for
    somewhere, of some host: for help alone. What an answer may tell is for `may` to say.
    """

    operation: str
    by: By
    at: datetime
    permitted: Catalogue
    known: Catalogue
    policy: Policy
    inventory: Inventory
    now: Callable[[], datetime]
    examine: Callable[[], Awaitable[Report]]
    changes: Changes
    locks: LockBook
    audit: AuditBook
    schedules: ScheduleBook
    incidents: IncidentBook
    channels: Channels
    may_see: Callable[[str], bool]
    """Whether this person may see here what was answered to words."""
    would: Callable[[str, str], Operation | Failure]
    """What words would be, asked by this person by the clock for a channel."""
    archiving: Archiving
    usual: tuple[str, str]
    """The time zone and the channel of what nobody says otherwise; "" where there is no such channel."""
    history: Memory
    view: View

    def verdict(self, operation: Operation) -> Verdict:
        """Whether whoever asks may ask for this by itself, and here. What the bot asks by itself is asked nowhere."""
        place = None if isinstance(self.by.identity, BotIdentity) else self.by.place
        return self.policy.judge(self.by.actor, type(operation), operation.hosts(self.inventory), place)

    def may(self, operation: Operation) -> bool:
        """The same as yes or no: an answer tells nothing that is withheld by its own name."""
        return isinstance(self.verdict(operation), Go)
