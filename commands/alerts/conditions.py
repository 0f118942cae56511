"""Conditions that alerts are about: what each watches, and after how many checks it fires and is resolved. Pure.

one check of a host ─▶ HostChecked: the conditions that were judged, and a Signal for each problem found
a judged condition without a signal is well; a condition that was not judged is unknown, and moves nothing
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from adapters.phrase import Phrase
from adapters.value import Value
from commands.model.finding import Severity

Subject = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""What of a host a signal is about: `nebula`, `container/web`, `disk/windows/F:`."""


class Condition(StrEnum):
    """Conditions that are watched. The values are stored."""

    NEBULA = "nebula"
    LIGHTHOUSE = "lighthouse"
    GATEWAY = "gateway"
    API = "api"
    SILENT = "silent"
    BLIND = "blind"
    ERRORS = "errors"
    DISK = "disk"
    CONTAINER = "container"
    PEERS = "peers"
    CLOCK = "clock"
    CERTIFICATE = "certificate"
    AUTHORITY = "authority"
    WINRM = "winrm"
    OWN = "own"
    STRANGER = "stranger"
    REMOVED = "removed"
    REFUSED = "refused"
    CA_KEY = "ca_key"
    CHANGE = "change"
    OWED = "owed"
    BACKUP = "backup"
    ROTATION = "rotation"
    DIGEST = "digest"
    AUDIT = "audit"


@dataclass(frozen=True)
class ConditionRule:
    """Rule of one condition: `heading` names it. It fires after `fires_after` checks in a row that found the problem, and is
    resolved after `resolves_after` checks in a row that did not. `silenceable` is False where nothing may hide it.
    `repeats` is False where its steps remind people: it is not mentioned again until it is acknowledged.
    `named_only`: a mute of everything does not hide it, one that names it does. `watched` is False where it is checked also
    while the watch is switched off.
    """

    heading: Phrase
    fires_after: int = 2
    resolves_after: int = 2
    silenceable: bool = True
    repeats: bool = True
    named_only: bool = False
    watched: bool = True


CONDITION_RULES: Mapping[Condition, ConditionRule] = {
    Condition.NEBULA: ConditionRule(Phrase("Nebula stopped")),
    Condition.LIGHTHOUSE: ConditionRule(Phrase("Nebula of the lighthouse stopped"), fires_after=1),
    Condition.GATEWAY: ConditionRule(Phrase("gateway stopped")),
    Condition.API: ConditionRule(Phrase("gateway API not healthy")),
    Condition.SILENT: ConditionRule(Phrase("host not responding"), fires_after=3, resolves_after=1),
    Condition.BLIND: ConditionRule(Phrase("most hosts not responding"), resolves_after=1),
    Condition.ERRORS: ConditionRule(Phrase("more server errors (5xx)"), fires_after=1),
    Condition.DISK: ConditionRule(Phrase("disk nearly full"), fires_after=1, resolves_after=1),
    Condition.CONTAINER: ConditionRule(Phrase("container with problems")),
    Condition.PEERS: ConditionRule(Phrase("gateway peers out of sync")),
    Condition.CLOCK: ConditionRule(Phrase("clock skew")),
    Condition.CERTIFICATE: ConditionRule(
        Phrase("certificate expires"), fires_after=1, resolves_after=1, repeats=False, watched=False
    ),
    Condition.AUTHORITY: ConditionRule(Phrase("CA expires"), fires_after=1, resolves_after=1, repeats=False, watched=False),
    Condition.WINRM: ConditionRule(
        Phrase("WinRM certificate expires"), fires_after=1, resolves_after=1, repeats=False, watched=False
    ),
    Condition.OWN: ConditionRule(
        Phrase("the bot's own certificate expires"), fires_after=1, resolves_after=1, repeats=False, watched=False
    ),
    Condition.STRANGER: ConditionRule(
        Phrase("unknown certificate"), fires_after=1, resolves_after=1, repeats=False, watched=False
    ),
    Condition.REMOVED: ConditionRule(
        Phrase("removed host connected"), fires_after=1, resolves_after=1, silenceable=False, watched=False
    ),
    Condition.REFUSED: ConditionRule(Phrase("peer refused"), resolves_after=24, repeats=False, watched=False),
    Condition.CA_KEY: ConditionRule(
        Phrase("copy of the CA key needs attention"), fires_after=1, resolves_after=1, repeats=False
    ),
    Condition.CHANGE: ConditionRule(Phrase("result of a change unknown"), fires_after=1, resolves_after=1, named_only=True),
    Condition.OWED: ConditionRule(Phrase("change owed to hosts"), fires_after=1, resolves_after=1, repeats=False),
    Condition.BACKUP: ConditionRule(Phrase("backup old or not verified"), fires_after=1, resolves_after=1, repeats=False),
    Condition.ROTATION: ConditionRule(Phrase("CA rotation late"), fires_after=1, resolves_after=1, repeats=False),
    Condition.DIGEST: ConditionRule(Phrase("digest not delivered"), fires_after=1, resolves_after=1),
    Condition.AUDIT: ConditionRule(Phrase("audit log inconsistent"), fires_after=1, resolves_after=1, silenceable=False),
}
"""Rule of every condition. Checks of the watch come every minute; those of disks and certificates follow their schedules,
and surveys of logs are hourly."""


class Signal(Value):
    """One problem that one check found. `host` is "" for the bot itself and for a CA.

    `hovering`: the figure lies between the limits of firing and resolving, so an open alert stays and none begins. `next` is
    the command that fixes it or shows more. `cause` is the key of the signal that explains this one, "" without any. `step`
    counts the steps of one severity, such as fewer days left: an open alert fires again at a higher step, unless it is
    acknowledged until a time that is not over. `lingering` is a worse severity, which an open alert of it keeps, because the
    figure lies little below its limit.
    """

    host: str
    subject: Subject
    condition: Condition
    severity: Severity
    step: int = 0
    short: Phrase
    why: Phrase
    next: str | None = None
    cause: str = ""
    hovering: bool = False
    lingering: Severity | None = None

    @property
    def key(self) -> str:
        """Identity of the problem: host and subject."""
        return make_key(self.host, self.subject)


class Resolution(Value):
    """Outcome of a problem that is over, as a sentence: "The certificate of host-a was renewed and now expires at …"."""

    subject: Subject
    phrase: Phrase


class HostChecked(Value):
    """Outcome of one check of one host ("" for the bot itself), which began at `at`.

    `judged` are the conditions that could be judged as a whole: an open alert of these without a signal is well now.
    `subjects` narrows that to alerts of these subjects; None means all of the host. `resolutions` say how problems ended,
    where the check knows it.
    """

    host: str
    at: AwareDatetime
    judged: frozenset[Condition]
    signals: tuple[Signal, ...] = ()
    subjects: frozenset[str] | None = None
    resolutions: tuple[Resolution, ...] = ()


def make_key(host: str, subject: str) -> str:
    """Makes the identity of a problem: `host-a/nebula`, or the subject alone for the bot's own."""
    return f"{host}/{subject}" if host else subject
