"""Requests and answers: values that enter and leave the dispatcher, the same for every surface."""

import hashlib
import json
import pwd
import secrets as randomness
from dataclasses import dataclass
from datetime import tzinfo
from enum import IntEnum, StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from adapters.phrase import Phrase
from bot.model.change import Change, ChangeState
from bot.model.incident import QuotedMessage
from commands.model.report import Report


class Surface(StrEnum):
    """Surface on which a request was made; SCHEDULE for a scheduled run."""

    SLACK = "slack"
    SHELL = "shell"
    DO = "do"
    SCHEDULE = "schedule"


class Membership(StrEnum):
    """Membership of a person in the bot's workspace, by Slack. `unknown` (Slack did not answer) counts as no membership."""

    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SlackIdentity:
    """A person as Slack identifies them: ids never change, names do. `groups`: configured user groups that have this person
    now.
    """

    team: str
    user: str
    standing: Membership
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SystemIdentity:
    """A user as the operating system identifies them: the peer of the control socket, or the process itself."""

    uid: int
    name: str

    @classmethod
    def from_uid(cls, uid: int) -> "SystemIdentity":
        """Look a user id up in the system's own database. The environment is never read, for any process can set it."""
        try:
            return cls(uid, pwd.getpwuid(uid).pw_name)
        except KeyError:
            return cls(uid, str(uid))


@dataclass(frozen=True)
class BotIdentity:
    """The bot itself, for built-in schedules. No surface makes it, so a requester cannot pose as it. `name`:
    the schedule's.
    """

    name: str


Identity = SlackIdentity | SystemIdentity | BotIdentity


@dataclass(frozen=True)
class Request:
    """One request as it arrived.

    `key` names the delivery (Slack's trigger id, or one made for a shell line): the same key is the same request. `zone` is
    the time zone of the times that the requester types; None for the bot's own. `attempt` counts how often it is handled:
    from the second time on, it may have been carried out already. `answered_in_public`: all in the channel read the answer.
    `quoted` is the message that it makes a note of, with a shortcut or a reaction.
    """

    key: str
    identity: Identity
    text: str
    surface: Surface
    at: AwareDatetime
    channel: str = ""
    zone: tzinfo | None = None
    attempt: int = 1
    answered_in_public: bool = False
    quoted: QuotedMessage | None = None


class FailureKind(StrEnum):
    """Reason for a missing report. NOTHING: the request is already fulfilled, or cannot be fulfilled on any host."""

    USAGE = "usage"
    REFUSED = "refused"
    NOTHING = "nothing"
    INTERNAL = "internal"


class Failure(BaseModel):
    """Explanation of a missing report, for people: the problem and the next step.

    `span` is its place in the understood text (start, end); `suggestions` are words worth typing; `reference` ties an
    unexpected error to the log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: FailureKind
    phrase: Phrase
    span: tuple[int, int] | None = None
    suggestions: tuple[str, ...] = ()
    reference: str | None = None


class ExitCode(IntEnum):
    """Exit codes of `do`; documented in the README."""

    WELL = 0
    FINDINGS = 1
    USAGE = 2
    REFUSED = 3
    NOT_REACHED = 4
    INTERNAL = 5


class Answer(BaseModel):
    """The dispatcher's answer: the request as it was understood, and a report, a failure or a change.

    `operation` is the operation's id, in the audit log too. `here`: visible to all in the channel. `notes` are below it in
    small letters: for a scheduled run its name and its delay.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    operation: str
    understood: str
    """The words in their canonical form; the repaired text where they could not be parsed."""
    body: Report | Failure | Change
    here: bool = False
    notes: tuple[Phrase, ...] = ()

    @classmethod
    def from_json(cls, document: str) -> "Answer | None":
        """Parse its JSON; None where another version of the bot wrote it."""
        try:
            return cls.model_validate(json.loads(document))
        except ValidationError:
            return None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for programs. Hosts not reached outrank findings, for the answer is incomplete."""
        match self.body:
            case Failure(kind=FailureKind.USAGE):
                return ExitCode.USAGE
            case Failure(kind=FailureKind.REFUSED | FailureKind.NOTHING):
                return ExitCode.REFUSED
            case Failure():
                return ExitCode.INTERNAL
            case Change(state=ChangeState.UNDONE | ChangeState.FAILED | ChangeState.UNKNOWN | ChangeState.CLOSED):
                return ExitCode.FINDINGS
            case Change(owed_hosts=owed):
                return ExitCode.FINDINGS if owed else ExitCode.WELL
            case Report(initial=report):
                if report.unreached_hosts:
                    return ExitCode.NOT_REACHED
                return ExitCode.FINDINGS if report.findings else ExitCode.WELL


def derive_operation_id(key: str) -> str:
    """Derive the id of the operation that a delivery asks for: the same delivery, the same operation.

    48 bits: in histories of a hundred thousand operations two ids collide once in fifty thousand such histories.
    """
    return "op-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def make_request_key() -> str:
    """Make the key of a request whose delivery has none."""
    return f"line-{randomness.token_hex(16)}"
