"""What arrives at the desk and what leaves it, whatever the surface."""

import hashlib
import json
import pwd
import secrets as randomness
from dataclasses import dataclass
from datetime import tzinfo
from enum import IntEnum, StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from adapters.phrase import Phrase
from bot.model.change import Change, State
from commands.model.report import Report


class Surface(StrEnum):
    """Where a request was typed, or that nobody typed it: its time had come."""

    SLACK = "slack"
    SHELL = "shell"
    DO = "do"
    SCHEDULE = "schedule"


class Standing(StrEnum):
    """What Slack says a person is in our workspace. `unknown` (Slack did not answer) counts as no standing at all."""

    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SlackIdentity:
    """Who Slack says it is: ids never change, names do. `groups`: the configured user groups that have this person now."""

    team: str
    user: str
    standing: Standing
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SystemIdentity:
    """Who the operating system says it is (the peer of the control socket, or the process itself)."""

    uid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> "SystemIdentity":
        """Who has that user id, by the system's own database: never by the environment, which anybody sets."""
        try:
            return cls(uid, pwd.getpwuid(uid).pw_name)
        except KeyError:
            return cls(uid, str(uid))


@dataclass(frozen=True)
class BotIdentity:
    """The bot itself, for schedules that are built in: no surface makes it, so nobody can be it. `name`: the schedule's."""

    name: str


Identity = SlackIdentity | SystemIdentity | BotIdentity


@dataclass(frozen=True)
class Request:
    """One request as it arrived.

    `key` names the delivery (Slack's trigger id, or one made for a shell line): the same key is the same request.
    `zone`: of times as whoever asks types them; None for the bot's own.
    """

    key: str
    identity: Identity
    text: str
    surface: Surface
    at: AwareDatetime
    channel: str = ""
    zone: tzinfo | None = None


class FailureKind(StrEnum):
    """Why there is no report. NOTHING: what was asked for is so already, or cannot be done on any host."""

    USAGE = "usage"
    REFUSED = "refused"
    NOTHING = "nothing"
    INTERNAL = "internal"


class Failure(BaseModel):
    """Why there is no report, for people: what is wrong and what to do next.

    `span` is where in the understood text (start, end); `suggestions` are words worth typing;
    `reference` ties an unexpected error to the log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FailureKind
    phrase: Phrase
    span: tuple[int, int] | None = None
    suggestions: tuple[str, ...] = ()
    reference: str | None = None


class Exit(IntEnum):
    """Exit codes of `do`; documented in the README."""

    WELL = 0
    FINDINGS = 1
    USAGE = 2
    REFUSED = 3
    NOT_REACHED = 4
    INTERNAL = 5


class Answer(BaseModel):
    """What the desk says: how the request was understood, and a report, a failure, or how a change stands.

    `operation` is the operation's id, in the audit log too. `here`: for all in the channel. `notes` stand below it in
    small letters where it was not asked for just now: by which schedule it is, and how late.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    understood: str
    """The words in their canonical form; the repaired text where they could not be understood."""
    body: Report | Failure | Change
    here: bool = False
    notes: tuple[Phrase, ...] = ()

    @classmethod
    def read(cls, document: str) -> "Answer | None":
        """From its JSON; None where another version of the bot wrote it."""
        try:
            return cls.model_validate(json.loads(document))
        except ValidationError:
            return None

    @property
    def exit(self) -> Exit:
        """What this answer means to a program. Hosts not reached outrank findings: the answer is incomplete."""
        match self.body:
            case Failure(kind=FailureKind.USAGE):
                return Exit.USAGE
            case Failure(kind=FailureKind.REFUSED | FailureKind.NOTHING):
                return Exit.REFUSED
            case Failure():
                return Exit.INTERNAL
            case Change(state=State.UNDONE | State.FAILED | State.UNKNOWN | State.CLOSED):
                return Exit.FINDINGS
            case Change():
                return Exit.WELL
            case Report(first=report):
                if report.unreached:
                    return Exit.NOT_REACHED
                return Exit.FINDINGS if report.findings else Exit.WELL


def operation_id(key: str) -> str:
    """The id of the operation that a delivery asks for: the same delivery, the same operation.

    48 bits: a hundred thousand operations meet by chance once in fifty thousand such histories.
    """
    return "op-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def new_key() -> str:
    """The key of a request that no delivery named."""
    return f"line-{randomness.token_hex(16)}"
