"""Commit-confirmed change on a Windows host: it is rolled back unless confirmed in time, as on network devices.

    BeginChange ─▶ APPLYING ─▶ APPLIED ─ ConfirmChange ─▶ CONFIRMED
                       │          ├───── AbortChange ─┐
                       │          └───── time passes ─┤
                       └─ it fails ───────────────────┴▶ REVERTING ─┬▶ REVERTED
                                                                    ├▶ STUCK  the old files are not back
                                                                    └▶ DOWN   they are, but what ran before does not run

AbortChange of a change unknown to the host is recorded as REVERTED, so that a BeginChange still on its way does nothing
when it arrives.

A service that does not start is tried again for `START_PATIENCE` seconds, with the new state and then with the old one.

One scheduled task on the host does all the work (`guard.ps1`), so nothing depends on the bot or its connection. The host
records each state on its disk before it continues. After a restart in the middle it restores the old state, and it never
begins a change older than its window. One change at a time: a host is claimed by one operation.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, computed_field, model_validator

from adapters.action import Effect
from adapters.phrase import Phrase
from adapters.term import find_kept_term
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.powershell import build_guard_options

ChangeState = Literal["absent", "applying", "applied", "confirmed", "reverting", "reverted", "stuck", "down"]
"""State of a change. `absent`: unknown to the host."""

CONFIRM_WINDOW = 120
"""Seconds that an applied change waits for its confirmation before the host restores the old state."""


START_PATIENCE = 60
"""Seconds for which the host tries again to start a service: Windows lets go of a network adapter's name with a delay."""


ChangeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
"""Name of a change on its host, where a folder is called so: the operation's id, or made from it."""


class FileSwap(Value):
    """A file or a folder that replaces another one. The old one is kept beside the change's own files: `source` + ".old".

    A folder replaces a folder as a whole. The two are never merged, and both must be on the same drive.
    """

    source: str
    target: str
    kind: Literal["file", "folder"] = "file"


class BareNginx(Value):
    """An nginx that runs without a service: its program, its prefix folder (-p) and its configuration (-c)."""

    program: str
    folder: str
    config: str


class ServiceMove(Value):
    """One service, and what is done with it.

    `nginx` is used instead of the service if the host has no service of that name. A reload needs it in any case: it is
    `nginx -s reload`, after `nginx -t`, and it proves new worker processes.
    """

    service: str = Field(min_length=1)
    verb: Literal["start", "stop", "restart", "reload"]
    nginx: BareNginx | None = None

    @model_validator(mode="after")
    def _check_reload(self) -> Self:
        if self.verb == "reload" and self.nginx is None:
            raise ValueError("a reload needs the program, the folder and the configuration of nginx")
        return self


class ChangeStatus(Value):
    """Status of a change on the host. `why` is the reason of a failure, in the host's words."""

    operation: str
    state: ChangeState
    why: str = ""
    changed: bool = False
    """True if this very call changed something."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def settled(self) -> bool:
        """True if the change has ended, and left either its new state or the old one."""
        return self.state in ("confirmed", "reverted")


class _ChangeAction(WindowsAction[ChangeStatus]):
    """Base class of the four actions. `operation` names the change; repeating an action for one operation is harmless."""

    deadline = 30.0
    output_limit = 64_000

    operation: ChangeName

    def build_arguments(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def explain_answer(self, answer: ChangeStatus) -> Phrase | None:
        match answer.state:
            case "reverted" if (terms := find_kept_term(answer.why)) is not None:
                kept, term = map(str, terms)
                return Phrase(
                    "the host did not begin this: a later leader (term {kept}) had already acted there, and this "
                    "was requested in term {term}",
                    kept=kept,
                    term=term,
                )
            case "reverted":
                return Phrase("the host restored its previous state ({why})", why=answer.why)
            case "stuck":
                return Phrase(
                    "the host could not restore its previous files ({why}). Restore them there from the files that end in "
                    ".old in the operation's folder",
                    why=answer.why,
                )
            case "down":
                return Phrase(
                    "the host restored its previous files, but not all that ran before runs with them ({why}). Start the "
                    "service on the host, or reload nginx, and see its log if that fails again",
                    why="; ".join(dict.fromkeys(answer.why.split("; "))),  # the change and its rollback may fail alike
                )
            case "applying" | "applied" | "reverting":
                return Phrase(
                    'the host reports the change as {state}. Check the scheduled task "flatnet-bot change {operation}" on '
                    "the host: whether it is there and running, and its last result",
                    state=answer.state,
                    operation=answer.operation,
                )
        return None


class ReadChange(_ChangeAction):
    """Reads the state of a change."""

    script = "read-change"


class BeginChange(_ChangeAction):
    """Starts a change and returns while it is applied: files and folders swapped, services moved in order.

    Services that are stopped first are stopped before the swaps; everything else follows them. A rollback goes the other
    way: it restores the old files, and after them puts the `fallbacks` in place (files known to be good, where the change
    itself swaps none). Without services, only files are swapped.

    If the host knows the operation already, nothing is started again: its present state is returned.
    """

    script = "begin-change"
    effect = Effect.CHANGE

    swaps: tuple[FileSwap, ...] = ()
    fallbacks: tuple[FileSwap, ...] = ()
    services: tuple[ServiceMove, ...] = ()
    window: int = Field(default=CONFIRM_WINDOW, ge=1, le=3600)
    patience: int = Field(default=START_PATIENCE, ge=0, le=600)

    @model_validator(mode="after")
    def _check_fallbacks(self) -> Self:
        if any(swap.kind != "file" for swap in self.fallbacks):
            raise ValueError("a fallback is a file")
        return self

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"guard": build_guard_options()}

    def build_arguments_of_term(self, term: int) -> dict[str, Any]:
        return self.build_arguments() | {"term": term}


class ConfirmChange(_ChangeAction):
    """Confirms an applied change. Fails if the host has already restored the old state."""

    script = "confirm-change"
    effect = Effect.CHANGE


class AbortChange(_ChangeAction):
    """Rolls back a change now, or blocks one that has not begun: `reverted` either way.

    Does nothing if it is rolled back already; fails if it was confirmed.
    """

    script = "abort-change"
    effect = Effect.CHANGE
