"""Search of Nebula's log on a Windows host for certificates of peers that it did not take.

A tunnel needs both sides. A peer that answers a handshake logs success although the one that began it refuses: so the log of
the host with a new certificate must be free of refusals, too.
"""

from typing import Any

from pydantic import Field

from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula_log import parse_refusal

EXPECTED_REFUSALS = ("certificate is in the block list", "certificate is expired")
"""Reasons that say nothing of this host: a member that was removed tries again and again, and so does one that has ended."""

MAX_REASON_LENGTH = 300


class RefusalReading(Value):
    """Number of refusals, and Nebula's reason for the newest one; "" if its line has none."""

    count: int = Field(ge=0)
    says: str = Field(default="", max_length=MAX_REASON_LENGTH)


class FindRefusals(WindowsAction[RefusalReading]):
    """Counts the refused certificates in this host's Nebula log beyond a position, or in a log that was started anew since.

    Those of `EXPECTED_REFUSALS` do not count. A line that is unreadable otherwise counts.
    """

    script = "find-refusals"
    deadline = 20.0
    output_limit = 64_000

    log: str
    after: int = Field(ge=0)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"expected": EXPECTED_REFUSALS}

    def parse(self, data: Any) -> RefusalReading:
        match data:
            case {"count": int(count), "lines": [*lines]}:
                newest = next((line for line in reversed(lines) if isinstance(line, str)), "")
                return RefusalReading(count=count, says=parse_refusal(newest)[:MAX_REASON_LENGTH])
            case _:
                raise ValueError("neither lines nor their number")

    def explain_answer(self, answer: RefusalReading) -> Phrase | None:
        if not answer.count:
            return None
        return Phrase(
            "Nebula refused the certificate of a peer: {why}",
            why=answer.says or Phrase("its log gives no reason"),
        )
