"""The chain that binds audit events: signing the next one, and following all of them. Pure.

    event n   sequence, at, kind, actor, operation, data, key, previous = mac of event n-1
              mac = HMAC-SHA256(key, canonical JSON of all these as they are stored)

A changed, removed, exchanged or forged event breaks the chain; a cut tail, an older copy and a
table that was written anew disagree with the head file (`bot.store.heads`).
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace

from pydantic import BaseModel, ConfigDict

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.store.heads import BEGINNING, Head
from bot.store.stored import safe_text

MIN_KEY = 32
"""Bytes of the key: as many as the mac has (RFC 2104)."""


class AuditKeyTooShort(FlatnetError):
    """The key is too short to protect anything."""


@dataclass(frozen=True)
class StoredEvent:
    """One audit event, each field as it is stored. A row from the disk may be forged: nothing in it is believed."""

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
    """The secret that signs events. Its id stands in each event, tells keys apart and gives nothing of the secret away."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_KEY:
            raise AuditKeyTooShort(
                Phrase("the audit key is shorter than {n} bytes; make one with: openssl rand -hex 32", n=MIN_KEY)
            )

    @property
    def id(self) -> str:
        """Eight hexadecimal digits, always the same for the same secret."""
        return hmac.digest(self.secret, b"flatnet-bot audit key id", "sha256").hex()[:8]

    def mac(self, event: StoredEvent) -> str:
        """The mac of an event, over everything else in it."""
        signed = json.dumps([str(part) for part in astuple(event)[:-1]], ensure_ascii=True, separators=(",", ":"))
        return hmac.digest(self.secret, signed.encode("ascii"), "sha256").hex()

    def seal(self, event: StoredEvent, before: StoredEvent | None) -> StoredEvent:
        """The event as it follows the one before: numbered, chained and signed."""
        sequence, previous = (1, BEGINNING) if before is None else (before.sequence + 1, before.mac)
        chained = replace(event, sequence=sequence, key=self.id, previous=previous)
        return replace(chained, mac=self.mac(chained))


class Problem(BaseModel):
    """Where the log is first not as it was written, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int
    phrase: Phrase


class Verification(BaseModel):
    """What a verification found: so many events in order (their numbers are 1 to `count`), then the first problem, if any.

    `mac` is that of the last event in order: said elsewhere (a digest, a note), it proves all events before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    mac: str
    problem: Problem | None = None

    @property
    def intact(self) -> bool:
        return self.problem is None

    @property
    def phrase(self) -> Phrase:
        """The outcome as a sentence."""
        if self.problem is not None:
            return self.problem.phrase
        return Phrase("{n} audit event, in order", plural="{n} audit events, all in order", n=self.count)


class _Witnesses:
    """The head file's lines, compared one after the other with the events."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self._heads = iter(heads)
        self._next = next(self._heads, None)
        self.absent = self._next is None

    def contradict(self, sequence: int, mac: str) -> Phrase | None:
        """What the lines up to `sequence` say against this event."""
        while self._next is not None and self._next.sequence <= sequence:
            if (self._next.sequence, self._next.mac) != (sequence, mac):
                return Phrase(
                    "audit event {sequence} is another than the head file says: the log was written anew "
                    "or is from another time; compare with a copy of both",
                    sequence=self._next.sequence,
                )
            self._next = next(self._heads, None)
        return None

    def missing(self, count: int) -> Phrase | None:
        """What the lines say that the events do not have."""
        if self._next is not None:
            last = max([self._next.sequence, *(head.sequence for head in self._heads)])
            return Phrase(
                "audit events {first} to {last} are missing at the end: the log was cut, or copied back from an "
                "earlier time; put the newest copy of the database back",
                first=count + 1,
                last=last,
            )
        if self.absent and count:
            return Phrase(
                "the head file is missing or empty, so nothing shows that the end of the log is there; put the file back"
            )
        return None


def verify(events: Iterable[StoredEvent], heads: Iterable[Head], keys: Iterable[AuditKey]) -> Verification:
    """Follow the chain from its beginning, with the head file's lines as witnesses; ends at the first problem."""
    by_id = {key.id: key for key in keys}
    witnesses = _Witnesses(heads)
    count, mac = 0, BEGINNING
    problem = witnesses.contradict(count, mac)
    for event in events:
        problem = problem or _flaw(event, (count, mac), by_id) or witnesses.contradict(event.sequence, event.mac)
        if problem is not None:
            break
        count, mac = event.sequence, event.mac
    problem = problem or witnesses.missing(count)
    if problem is None:
        return Verification(count=count, mac=mac)
    return Verification(count=count, mac=mac, problem=Problem(sequence=count + 1, phrase=problem))


def _flaw(event: StoredEvent, before: tuple[int, str], keys: Mapping[str, AuditKey]) -> Phrase | None:
    """What is wrong with an event that should follow the one `before`."""
    count, mac = before
    if event.sequence <= count:
        return Phrase("audit event {sequence} is out of order; put a copy of the database back", sequence=event.sequence)
    if event.sequence != count + 1:
        return Phrase(
            "audit events {first} to {last} are missing: they were removed; put a copy of the database back",
            first=count + 1,
            last=event.sequence - 1,
        )
    key = keys.get(event.key)
    if key is None:
        return Phrase(
            "audit event {sequence} is signed with the key {key}, which is not configured; name the key it was written with",
            sequence=event.sequence,
            key=safe_text(str(event.key)),
        )
    if not hmac.compare_digest(key.mac(event).encode(), str(event.mac).encode("utf-8", "replace")):
        return Phrase("audit event {sequence} was changed; put a copy of the database back", sequence=event.sequence)
    if event.previous != mac:
        return Phrase(
            "audit event {sequence} does not follow the one before it: the chain was joined anew; "
            "put a copy of the database back",
            sequence=event.sequence,
        )
    return None
