"""Hash chain of audit events: signs the next event, and verifies all of them. Pure.

    event n   sequence, at, kind, actor, operation, data, key, previous = mac of event n-1
              mac = HMAC-SHA256(key, canonical JSON of all these as they are stored)

A changed, removed, exchanged or forged event breaks the chain. A truncated table, an older copy and a rewritten table
contradict the head file (`bot.store.audit_head_file`).
"""

import hmac
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from json.encoder import encode_basestring_ascii as ascii_json
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.store.audit_head_file import INITIAL_MAC, Head
from bot.store.encoding import escape_text

MIN_KEY_BYTES = 32
"""Minimum key length in bytes: the length of the mac (RFC 2104)."""


class AuditKeyTooShort(FlatnetError):
    """The key is too short to protect anything."""


class StoredEvent(NamedTuple):
    """One audit event, each field as it is stored. A row from the disk may be forged, so no field is trusted.

    It is a tuple, because the verification of a long log makes a million of them.
    """

    sequence: int
    at: str
    kind: str
    actor: str
    operation: str
    data: str
    key: str
    previous: str
    mac: str


@dataclass(frozen=True)
class AuditKey:
    """The secret that signs events. Its id is stored in each event. It distinguishes keys and does not reveal the secret."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_KEY_BYTES:
            raise AuditKeyTooShort(
                Phrase("the audit key is shorter than {n} bytes. Generate one with: openssl rand -hex 32", n=MIN_KEY_BYTES)
            )

    @property
    def id(self) -> str:
        """The key's id: eight hexadecimal digits, always the same for the same secret."""
        return hmac.digest(self.secret, b"flatnet-bot audit key id", "sha256").hex()[:8]

    def derive(self, purpose: bytes) -> bytes:
        """Derives a key for another purpose. It reveals nothing of this one."""
        return hmac.digest(self.secret, b"flatnet-bot key for " + purpose, "sha256")

    @cached_property
    def _signing(self) -> hmac.HMAC:
        """The HMAC with the key already processed. Signing copies it."""
        return hmac.new(self.secret, digestmod="sha256")

    def compute_mac(self, event: StoredEvent) -> str:
        """Computes the mac of an event, over all its other fields."""
        signing = self._signing.copy()
        signing.update(_encode_signed_part(event).encode("ascii"))
        return signing.hexdigest()

    def has_signed(self, event: StoredEvent) -> bool:
        """Returns whether this key signed this very event."""
        return hmac.compare_digest(self.compute_mac(event).encode(), str(event.mac).encode("utf-8", "replace"))

    def seal(self, event: StoredEvent, before: StoredEvent | None) -> StoredEvent:
        """Returns the event as the successor of `before`: numbered, chained and signed."""
        sequence, previous = (1, INITIAL_MAC) if before is None else (before.sequence + 1, before.mac)
        chained = event._replace(sequence=sequence, key=self.id, previous=previous)
        return chained._replace(mac=self.compute_mac(chained))


@dataclass(frozen=True)
class AuditKeys:
    """The key that signs new events, and earlier keys that signed older events."""

    signing: AuditKey
    earlier: tuple[AuditKey, ...] = ()

    @property
    def all(self) -> tuple[AuditKey, ...]:
        """The signing key and the earlier ones."""
        return self.signing, *self.earlier

    @cached_property
    def by_id(self) -> Mapping[str, AuditKey]:
        """All keys by the id that events name."""
        return {key.id: key for key in self.all}

    def is_signed(self, event: StoredEvent) -> bool:
        """Returns whether the key that an event names is ours and signed this very event."""
        key = self.by_id.get(event.key)
        return key is not None and key.has_signed(event)


def _encode_signed_part(event: StoredEvent) -> str:
    """Encodes the signed part: a canonical JSON list of texts, without the mac. Built by hand: `json.dumps` is slow."""
    return f"[{','.join(map(ascii_json, map(str, event[:-1])))}]"


class ChainProblem(BaseModel):
    """The first event at which the log is not as it was written, and the reason."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    sequence: int
    phrase: Phrase


class AcceptedLoss(BaseModel):
    """An accepted loss: the head file attests events up to `lost`, and the log continues with event `sequence`.

    `actor` accepted the loss. `lost` is 0 if the head file itself was lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    sequence: int
    at: str
    actor: str
    lost: int


class Verification(BaseModel):
    """Result of a verification: `count` events in order (numbers 1 to `count`), then the first problem, if any.

    `mac` is the mac of the last event in order. Published elsewhere (in a digest, in a note), it proves all events before.
    `gap` is the last accepted loss.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    count: int
    mac: str
    problem: ChainProblem | None = None
    gap: AcceptedLoss | None = None

    @property
    def intact(self) -> bool:
        """True if no problem was found."""
        return self.problem is None

    @property
    def phrase(self) -> Phrase:
        """The outcome as a sentence."""
        if self.problem is not None:
            return self.problem.phrase
        if self.gap is not None:
            return Phrase(
                "{n} audit event verified. A loss was accepted by {actor} (event {sequence})",
                plural="{n} audit events verified. A loss was accepted by {actor} (event {sequence})",
                n=self.count,
                actor=self.gap.actor,
                sequence=self.gap.sequence,
            )
        return Phrase("{n} audit event verified", plural="{n} audit events verified", n=self.count)


ACCEPTED_KIND = "accepted"
"""The kind of an event that records an accepted loss."""


class LossAcceptance(BaseModel):
    """Data of such an event: number and mac of the head file's last line, and of the newest event before the acceptance.

    `lost` is None if there was no head file. `unsettled`: no bot ran that had closed the operations that are open in the
    earlier state, so the next one does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    lost: int | None
    lost_mac: str
    found: int
    found_mac: str
    unsettled: bool = False


def parse_acceptance(event: StoredEvent | None) -> LossAcceptance | None:
    """Parses the data of an event that records an accepted loss; None for any other event. Does not check the mac."""
    if event is None or event.kind != ACCEPTED_KIND:
        return None
    try:
        return LossAcceptance.model_validate_json(event.data)
    except ValidationError:
        return None


def accepts_loss_of(accepted: LossAcceptance, head: Head) -> bool:
    """Returns whether `head` is the line that was accepted as lost."""
    return (accepted.lost, accepted.lost_mac) == (head.sequence, head.mac)


class _HeadWitnesses:
    """Lines of the head file, compared one by one with the events.

    Lines up to the one that was accepted as lost are only evidence: the line of a later event proves all events before it.
    """

    def __init__(self, heads: Iterable[Head], accepted: LossAcceptance | None) -> None:
        self._heads = iter(heads)
        self._lost = accepted if accepted is not None and accepted.lost is not None else None
        self._found = self._lost is None or any(accepts_loss_of(self._lost, head) for head in self._heads)
        self._next = next(self._heads, None)
        self._absent = self._next is None and self._lost is None

    def find_contradiction(self, sequence: int, mac: str) -> Phrase | None:
        """Returns the contradiction between the lines up to `sequence` and this event; None if they agree."""
        while self._next is not None and self._next.sequence <= sequence:
            if (self._next.sequence, self._next.mac) != (sequence, mac):
                return Phrase(
                    "audit event {sequence} does not match the head file: the log was rewritten or is from another time. "
                    "Compare both with a backup, or, if an older database was restored, accept the loss with: audit accept "
                    "{name}",
                    sequence=self._next.sequence,
                    name=deque(chain((self._next,), self._heads), maxlen=1)[0].name,
                )
            self._next = next(self._heads, None)
        return None

    def find_missing(self, count: int) -> Phrase | None:
        """Returns the problem if lines are left for which there is no event, or if lines are missing; None otherwise."""
        if not self._found and self._lost is not None:
            return Phrase(
                "the head file no longer has the line {name} that was accepted as lost: the file was changed. Restore it "
                "from a backup",
                name=self._lost.name,
            )
        if self._next is not None:
            last, top = self._next, self._next.sequence
            for last in self._heads:
                top = max(top, last.sequence)
            return Phrase(
                "audit events {first} to {last} are missing at the end: the log was truncated or restored from an older "
                "backup. Restore the newest backup, or accept the loss with: audit accept {name}",
                first=count + 1,
                last=top,
                name=last.name,
            )
        if self._absent and count:
            return Phrase(
                "the head file is missing or empty, so the end of the log cannot be verified. Restore the head file"
            )
        return None


def verify_chain(
    events: Iterable[StoredEvent], heads: Iterable[Head], keys: Iterable[AuditKey], accepted: StoredEvent | None = None
) -> Verification:
    """Verifies the chain from its beginning against the lines of the head file. Stops at the first problem.

    `accepted` is the last event of the kind `ACCEPTED_KIND`. It is used before the chain has been verified up to it. That
    only decides which lines count: a forged event is found on the way.
    """
    by_id = {key.id: key for key in keys}
    witnesses = _HeadWitnesses(heads, parse_acceptance(accepted))
    count, mac, gap = 0, INITIAL_MAC, None
    problem = witnesses.find_contradiction(count, mac)
    for event in events:
        problem = problem or find_flaw(event, (count, mac), by_id) or witnesses.find_contradiction(event.sequence, event.mac)
        if problem is not None:
            break
        count, mac = event.sequence, event.mac
        if event.kind == ACCEPTED_KIND:
            gap = _make_accepted_loss(event)
    problem = problem or witnesses.find_missing(count)
    if problem is None:
        return Verification(count=count, mac=mac, gap=gap)
    return Verification(count=count, mac=mac, problem=ChainProblem(sequence=count + 1, phrase=problem), gap=gap)


def _make_accepted_loss(event: StoredEvent) -> AcceptedLoss:
    told = parse_acceptance(event)
    lost = 0 if told is None or told.lost is None else told.lost
    return AcceptedLoss(sequence=event.sequence, at=event.at, actor=event.actor, lost=lost)


def find_flaw(event: StoredEvent, before: tuple[int, str], keys: Mapping[str, AuditKey]) -> Phrase | None:
    """Returns the flaw of an event that should follow the one with the number and mac `before`; None if it has none."""
    count, mac = before
    if event.sequence <= count:
        return Phrase("audit event {sequence} is out of order. Restore the database from a backup", sequence=event.sequence)
    if event.sequence != count + 1:
        return Phrase(
            "audit events {first} to {last} were removed. Restore the database from a backup",
            first=count + 1,
            last=event.sequence - 1,
        )
    key = keys.get(event.key)
    if key is None:
        return Phrase(
            "audit event {sequence} is signed with the unknown key {key}. Add that key to the configuration",
            sequence=event.sequence,
            key=escape_text(str(event.key)),
        )
    if not key.has_signed(event):
        return Phrase("audit event {sequence} was modified. Restore the database from a backup", sequence=event.sequence)
    if event.previous != mac:
        return Phrase(
            "audit event {sequence} does not follow the previous one (the chain was re-linked). Restore the database from "
            "a backup",
            sequence=event.sequence,
        )
    return None
