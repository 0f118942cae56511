"""Pending updates of Windows as its own last look found them, and whether a restart is awaited.

The Windows Update Agent is asked offline, through COM: what it says is as old as its last look, and is there in seconds,
where a look online takes minutes. It lets administrators search from afar (learn.microsoft.com, "Using WUA From a Remote
Computer"); since 2025, Windows 11 and Server 2025 are reported to refuse that with E_ACCESSDENIED.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from adapters.error_text import one_line
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction

LIMIT = 200
"""Updates that a host lists, those for security first; more are counted."""

_SUCCEEDED = 2
"""OperationResultCode: 3 is success with errors, after which nobody knows what is missing."""

_NEVER = datetime(1900, 1, 1, tzinfo=UTC)
"""COM's dates begin two days before it: what has none says that it is then."""

Rating = Literal["Critical", "Important", "Moderate", "Low", ""]
"""How grave Microsoft's security response centre finds what an update mends; "" where it says nothing."""


class Update(Value):
    """One update that is not installed and not hidden; `articles` are numbers of the knowledge base, without "KB".

    `security`: of the class Security Updates or Critical Updates, or rated.
    """

    title: Annotated[str, StringConstraints(max_length=200), AfterValidator(one_line)]
    articles: Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")], ...], Field(max_length=16)]
    rating: Rating
    security: bool


class Unsearched(Value):
    """Why pending updates could not be read."""

    phrase: Phrase


class WindowsUpdates(Value):
    """The first `LIMIT` of `total` pending updates, as of `searched_at` (None: never, or not known).

    `restart`: Windows must be restarted to finish what was installed.
    """

    updates: tuple[Update, ...] | Unsearched
    total: int = 0
    searched_at: AwareDatetime | None
    restart: bool


class _Told(BaseModel):
    """The script's answer. `error` is a HRESULT, 0 where the search came to its end with `result`."""

    updates: Annotated[tuple[Update, ...], Field(max_length=LIMIT)]
    total: Annotated[int, Field(ge=0)]
    result: int
    error: Annotated[int, Field(ge=-(2**31), lt=2**32)]
    words: str
    searched_at: AwareDatetime | None
    restart: bool


class ReadUpdates(WindowsAction[WindowsUpdates]):
    """Ask the Windows Update Agent what is pending, without letting it go online."""

    script = "read-updates"
    deadline = 30.0
    output_limit = 512_000  # 200 updates have some 60 kB

    limit: int = LIMIT

    @classmethod
    def of(cls, side: WindowsSide) -> "ReadUpdates":
        """The action for any host."""
        return cls()

    def parse(self, data: Any) -> WindowsUpdates:
        told = _Told.model_validate(data)
        failure = _failure(told)
        return WindowsUpdates(
            updates=told.updates if failure is None else Unsearched(phrase=failure),
            total=told.total if failure is None else 0,
            searched_at=told.searched_at if told.searched_at is not None and told.searched_at > _NEVER else None,
            restart=told.restart,
        )


def _failure(told: _Told) -> Phrase | None:
    match told.error % 2**32:
        case 0 if told.result == _SUCCEEDED:
            return None
        case 0:
            return Phrase("the search of Windows Update failed; look on the host: Settings, Windows Update")
        case 0x80070005:
            return Phrase(
                "this Windows does not tell it over the network, as Windows 11 and Server 2025 do not; "
                "look on the host: Settings, Windows Update"
            )
        case 0x80070422:
            return Phrase(
                "the service Windows Update is disabled; allow it on the host: Set-Service wuauserv -StartupType Manual"
            )
        case code:
            return Phrase(
                "Windows Update fails with {code}: {words}; look on the host: Settings, Windows Update",
                code=f"0x{code:08X}",
                words=one_line(told.words),
            )
