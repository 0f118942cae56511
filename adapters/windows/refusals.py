"""Search of Nebula's log on a Windows host for certificates of peers that it did not take.

A tunnel needs both sides. A peer that answers a handshake logs success although the one that began it refuses: so the log of
the host with a new certificate must be free of refusals, too.

Who is refused again and again, such as a machine of another CA, was refused before, and says nothing of a change.
"""

from typing import Annotated, Any

from pydantic import Field

from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula_log import LINE_LIMIT, parse_refusal

EXPECTED_REFUSALS = ("certificate is in the block list", "certificate is expired")
"""Reasons that say nothing of this host: a member that was removed tries again and again, and so does one that has ended."""

MAX_LINES = 200
"""Lines in one answer, of those beyond the position and of those before it. Of more than that the newest count."""

MAX_TEXT_LENGTH = 300


class RefusalReading(Value):
    """Number of refusals, Nebula's reason for the newest one, and the address of that peer; "" if its line has none."""

    count: int = Field(ge=0)
    says: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""
    address: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""


class FindRefusals(WindowsAction[RefusalReading]):
    """Counts the refused certificates in this host's Nebula log beyond a position, or in a log that was started anew since.

    Those of `EXPECTED_REFUSALS` do not count, nor do those of an address that was refused before the position. A line that
    cannot be read counts.
    """

    script = "find-refusals"
    deadline = 20.0
    output_limit = 4 * MAX_LINES * LINE_LIMIT

    log: str
    after: int = Field(ge=0)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"expected": EXPECTED_REFUSALS, "most": MAX_LINES}

    def parse(self, data: Any) -> RefusalReading:
        match data:
            case {"lines": [*lines], "earlier": [*earlier]}:
                known = {parse_refusal(line).address for line in earlier if isinstance(line, str)} - {""}
                found = [parse_refusal(line) for line in lines if isinstance(line, str)]
                counted = [each for each in found if each.address not in known]
                newest = counted[-1] if counted else None
            case _:
                raise ValueError("no lines")
        if newest is None:
            return RefusalReading(count=0)
        why, address = newest.why[:MAX_TEXT_LENGTH], newest.address[:MAX_TEXT_LENGTH]
        return RefusalReading(count=len(counted), says=why, address=address)

    def explain_answer(self, answer: RefusalReading) -> Phrase | None:
        if not answer.count:
            return None
        return Phrase(
            "Nebula refused the certificate of a peer at {address}: {why}",
            address=answer.address or "?",
            why=answer.says or Phrase("its log gives no reason"),
        )
