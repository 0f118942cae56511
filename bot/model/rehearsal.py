"""Rehearsal of a host's guard, as the bot remembers it."""

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from adapters.endpoint import Endpoint
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.rehearsal import GuardVersion


class Rehearsal(Value):
    """Last rehearsal of one host. `why` is the reason for which it was not successful.

    `version` and `endpoint` are those that it was made with: it proves nothing of others. `build` to `clock_offset` (seconds
    by which the host's clock was ahead) are what the host reported; "" and 0 where it did not come so far. `seconds` by
    phase: apply, confirm, revert (with its window), abort.
    """

    host: str
    operation: str
    at: AwareDatetime
    successful: bool
    why: Phrase | None = None
    version: GuardVersion
    endpoint: Endpoint
    build: str = ""
    powershell: str = ""
    edition: str = ""
    culture: str = ""
    ui_culture: str = ""
    account: str = ""
    sddl: str = ""
    arguments_length: int = 0
    clock_offset: float = 0.0
    seconds: Mapping[str, float] = Field(default_factory=dict)
