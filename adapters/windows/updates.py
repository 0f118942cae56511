"""Pending updates of Windows as of its own last search, and whether a restart is pending.

The Windows Update Agent is asked offline, through COM. Its answer is as old as its last search and takes seconds, while an
online search takes minutes. It lets administrators search remotely (learn.microsoft.com, "Using WUA From a Remote
Computer"). Since 2025, Windows 11 and Server 2025 are reported to refuse that with E_ACCESSDENIED.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from adapters.error_text import clean_line
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction

UPDATES_LIMIT = 200
"""Updates that a host lists, security updates first. More are counted."""

_SUCCEEDED = 2
"""OperationResultCode of a complete search. 3 is success with errors, after which the list may be incomplete."""

_NEVER = datetime(1900, 1, 1, tzinfo=UTC)
"""Upper bound of COM's zero date (two days before it), which stands for a missing date."""

Rating = Literal["Critical", "Important", "Moderate", "Low", ""]
"""Severity that Microsoft's security response center gives to the fixed problem; "" if it gives none."""


class Update(Value):
    """One update that is not installed and not hidden. `articles` are numbers of the knowledge base, without "KB".

    `security`: of the class Security Updates or Critical Updates, or rated.
    """

    title: Annotated[str, StringConstraints(max_length=200), AfterValidator(clean_line)]
    articles: Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")], ...], Field(max_length=16)]
    rating: Rating
    security: bool


class UnreadUpdates(Value):
    """Pending updates that could not be read, with the reason."""

    phrase: Phrase


class WindowsUpdates(Value):
    """The first `UPDATES_LIMIT` of `total` pending updates, as of `searched_at` (None: never, or unknown).

    `restart`: Windows must be restarted to finish an installation.
    """

    updates: tuple[Update, ...] | UnreadUpdates
    total: int = 0
    searched_at: AwareDatetime | None
    restart: bool


class _SearchAnswer(BaseModel):
    """The script's answer. `error` is an HRESULT, 0 if the search finished with `result`."""

    updates: Annotated[tuple[Update, ...], Field(max_length=UPDATES_LIMIT)]
    total: Annotated[int, Field(ge=0)]
    result: int
    error: Annotated[int, Field(ge=-(2**31), lt=2**32)]
    words: str
    searched_at: AwareDatetime | None
    restart: bool


class ReadUpdates(WindowsAction[WindowsUpdates]):
    """Asks the Windows Update Agent for pending updates, offline."""

    script = "read-updates"
    deadline = 30.0
    output_limit = 512_000  # 200 updates have about 60 kB

    limit: int = UPDATES_LIMIT

    @classmethod
    def of(cls, side: WindowsSide) -> "ReadUpdates":
        """Makes the action, which is the same for any host."""
        return cls()

    def parse(self, data: Any) -> WindowsUpdates:
        answer = _SearchAnswer.model_validate(data)
        failure = _describe_failure(answer)
        return WindowsUpdates(
            updates=answer.updates if failure is None else UnreadUpdates(phrase=failure),
            total=answer.total if failure is None else 0,
            searched_at=answer.searched_at if answer.searched_at is not None and answer.searched_at > _NEVER else None,
            restart=answer.restart,
        )


def _describe_failure(answer: _SearchAnswer) -> Phrase | None:
    match answer.error % 2**32:
        case 0 if answer.result == _SUCCEEDED:
            return None
        case 0:
            return Phrase("Windows Update search failed. Check on the host under Settings > Windows Update")
        case 0x80070005:
            return Phrase(
                "this version of Windows (such as Windows 11 or Server 2025) does not allow remote update queries. Check "
                "on the host under Settings > Windows Update"
            )
        case 0x80070422:
            return Phrase(
                "the Windows Update service is disabled. Enable it on the host: Set-Service wuauserv -StartupType Manual"
            )
        case code:
            return Phrase(
                "Windows Update failed with {code}: {words}. Check on the host under Settings > Windows Update",
                code=f"0x{code:08X}",
                words=clean_line(answer.words),
            )
