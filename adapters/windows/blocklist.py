"""Search of Nebula's log on a Windows host for the certificates that it blocks, and for peers that it refused for that.

`nebula -test` takes any text as a fingerprint, so an entry in config.yaml proves nothing. Nebula logs each entry that it has
read when it starts, and each peer whose certificate is one of them.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, computed_field

from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula_log import LINE_LIMIT, RefusedHandshake, parse_blocked, parse_refused_handshake

REFUSAL_REASON = "certificate is in the block list"

MAX_FINGERPRINTS = 400
"""Fingerprints in one search: those of one host that have not ended."""

MAX_LINES = 50
"""Refusals in one answer. Of more than that the newest count."""

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BlocklistReading(Value):
    """`missing` are the fingerprints that Nebula has not read since the position. `refusals`: peers refused as blocked.

    `oldest`: when it read the one that it has not read for longest; None without any, or without a readable time.
    """

    missing: tuple[Fingerprint, ...]
    refusals: int = Field(ge=0)
    oldest: AwareDatetime | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def listed(self) -> bool:
        """True if Nebula has read all of them."""
        return not self.missing

    @computed_field  # type: ignore[prop-decorator]
    @property
    def refused(self) -> bool:
        """True if a peer was refused."""
        return self.refusals > 0


class FindBlocklist(WindowsAction[BlocklistReading]):
    """Searches this host's Nebula log beyond a position, or a log that was started anew since."""

    script = "find-blocklist"
    deadline = 20.0
    output_limit = 4 * (MAX_FINGERPRINTS + MAX_LINES) * LINE_LIMIT

    log: str
    after: int = Field(ge=0)
    fingerprints: Annotated[tuple[Fingerprint, ...], Field(max_length=MAX_FINGERPRINTS)] = ()

    @classmethod
    def of(cls, side: WindowsSide, fingerprints: tuple[str, ...]) -> "FindBlocklist":
        """Makes the search for one host's whole log."""
        return cls(log=side.paths.nebula_log, after=0, fingerprints=fingerprints)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"reason": REFUSAL_REASON, "most": MAX_LINES}

    def parse(self, data: Any) -> BlocklistReading:
        """Parses the lines, which the script selected only because they hold the words."""
        match data:
            case {"listed": [*listed], "refused": [*refused]}:
                read = dict(parse_blocked(line) for line in listed if isinstance(line, str))
                peers = [parse_refused_handshake(line) for line in refused if isinstance(line, str)]
            case _:
                raise ValueError("no lines")
        times = [at for each, at in read.items() if each in self.fingerprints and at is not None]
        return BlocklistReading(
            missing=tuple(each for each in self.fingerprints if each not in read),
            refusals=sum(each is not None and self._is_blocked(each) for each in peers),
            oldest=min(times, default=None),
        )

    def _is_blocked(self, peer: RefusedHandshake) -> bool:
        """Returns whether a peer was refused as blocked. Lines of 1.10 name its certificate, some without a reason."""
        if peer.fingerprint and self.fingerprints:
            return peer.fingerprint in self.fingerprints
        return peer.why.endswith(REFUSAL_REASON)

    def explain_answer(self, answer: BlocklistReading) -> Phrase | None:
        if answer.missing:
            return Phrase(
                "since its start, Nebula has not logged that it blocks {fingerprint}. See its log, and its log level",
                fingerprint=answer.missing[0][:12],
            )
        return None if answer.refused else Phrase("its log has no refusal of a blocked certificate")
