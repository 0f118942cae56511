"""A change on a Windows host that puts itself back unless it is confirmed, as on network devices.

    BeginChange ─▶ APPLYING ─▶ APPLIED ─ ConfirmChange ─▶ CONFIRMED
                       │          ├───── AbortChange ─┐
                       │          └───── time passes ─┤
                       └─ it fails ───────────────────┴▶ REVERTING ─┬▶ REVERTED
                                                                    └▶ STUCK (says what is where)

AbortChange of a change that the host does not know is recorded as REVERTED, so that a BeginChange that is still
on its way does nothing when it arrives.

One scheduled task on the host does it all (`guard.ps1`), so nothing of it depends on the road that the
bot came by, or on the bot. The host records each state on its disk before it goes on; a host that was
restarted in the middle puts the old state back, and never begins with what is older than its window.
One change at a time: a host is claimed by one operation.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.powershell import guard_options

ChangeState = Literal["absent", "applying", "applied", "confirmed", "reverting", "reverted", "stuck"]
"""`absent`: the host knows of no such change."""

WINDOW = 120
"""Seconds that an applied change waits for its confirmation before the host puts the old state back."""


class FileSwap(Value):
    """A file that is put in place of another one; the old one is kept beside the change's own files."""

    source: str
    target: str


class BareNginx(Value):
    """An nginx that runs without a service: its program, its prefix folder (-p) and its configuration (-c)."""

    program: str
    folder: str
    config: str


class ChangeStatus(Value):
    """How the host stands to a change. `why` is what failed, in the host's words."""

    operation: str
    state: ChangeState
    why: str = ""
    changed: bool = False
    """Whether this very call did something."""


class _OfChange(WindowsAction[ChangeStatus]):
    """`operation` names the change; doing any of these twice for one operation is harmless."""

    deadline = 30.0
    output_limit = 64_000

    operation: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
    """Its id names a folder on the host."""

    def arguments(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def parse(self, data: Any) -> ChangeStatus:
        return ChangeStatus.model_validate(data)


class ReadChange(_OfChange):
    """How far a change is."""

    script = "read-change"


class BeginChange(_OfChange):
    """Hand a change to the host and return while it is applied: files swapped, a service started, stopped or restarted.

    For an operation that the host knows already nothing is begun again: its present state comes back.
    `nginx` is used in place of the service where the host has no service of that name.
    """

    script = "begin-change"
    effect = Effect.CHANGE

    service: str
    verb: Literal["start", "stop", "restart"]
    swaps: tuple[FileSwap, ...] = ()
    nginx: BareNginx | None = None
    window: int = Field(default=WINDOW, ge=1, le=3600)

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | {"guard": guard_options()}


class ConfirmChange(_OfChange):
    """Keep an applied change. Fails where the host has put the old state back already."""

    script = "confirm-change"
    effect = Effect.CHANGE


class AbortChange(_OfChange):
    """Have the old state put back now, or forbid a change that has not begun: `reverted` either way.

    Nothing to do where it is back; fails where the change was confirmed.
    """

    script = "abort-change"
    effect = Effect.CHANGE
