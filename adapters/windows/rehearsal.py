"""Rehearsal of a commit-confirmed change: the real guard swaps scratch files and touches no service.

    MakeScratch ─▶ BeginChange (no services) ─▶ ReadRehearsal ─▶ confirmed, reverted by itself, or aborted ─▶ ReadRehearsal

What the rehearsal shows of a host holds for one version of the guard: `identify_guard`.
"""

import hashlib
import re
from datetime import datetime
from functools import cache
from pathlib import PureWindowsPath
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from adapters.action import Effect
from adapters.host_clock import compute_clock_offset
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.commit_confirm import (
    AbortChange,
    BeginChange,
    ChangeName,
    ChangeState,
    ConfirmChange,
    FileSwap,
    ReadChange,
)
from adapters.windows.powershell import build_command_line, build_guard_options

SYSTEM_SID = "S-1-5-18"
"""The account as which the scheduled task must run."""

_PROTECTED = re.compile(r"O:(BA|SY)(G:\S*?)?D:P[A-Z]*(\(A;[A-Z]*;FA;;;(BA|SY)\))+(S:.*)?")
"""An access list of SYSTEM and Administrators alone, in SDDL."""


class GuardVersion(Value):
    """Hashes of the bootstrap, and of the guard with the scripts that begin, read, confirm and abort a change."""

    bootstrap: str
    guard: str


@cache
def identify_guard() -> GuardVersion:
    """Identifies the code of this version."""
    actions = (BeginChange, ReadChange, ConfirmChange, AbortChange)
    scripts = [build_guard_options(), *(action.load_script() for action in actions)]
    return GuardVersion(bootstrap=_hash(build_command_line()), guard=_hash("\n".join(scripts)))


class Scratch(Value):
    """The scratch files were made."""

    changed: bool


def list_scratch_swaps(folder: str, name: str) -> tuple[FileSwap, ...]:
    """Lists what `MakeScratch` makes for a name: a file that counts as a private key, another file, and a folder."""
    here = PureWindowsPath(folder)
    return (
        FileSwap(source=str(here / f"{name}.new"), target=str(here / f"{name}.txt")),
        FileSwap(source=str(here / f"{name}-plain.new"), target=str(here / f"{name}-plain.txt")),
        FileSwap(source=str(here / f"{name}-folder.new"), target=str(here / f"{name}-folder"), kind="folder"),
    )


def list_other_scratch(folder: str, name: str) -> tuple[str, ...]:
    """Lists the files that are swapped beside the private one: the plain one, and the one in the folder."""
    here = PureWindowsPath(folder)
    return (str(here / f"{name}-plain.txt"), str(here / f"{name}-folder" / "scratch.txt"))


class MakeScratch(WindowsAction[Scratch]):
    """Makes for each name two scratch files and a folder, and what is to replace them, in an operation's folder."""

    script = "make-scratch"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    names: tuple[str, ...]


ShortText = Annotated[str, StringConstraints(max_length=100)]


class RehearsalReading(Value):
    """State of a rehearsed change, and what its guard and its host report.

    `text` is "old", "new" or "absent" where that is so of all files, else "other". `sddl` is the access list of the private
    file. The guard reports its `account` (SID),
    PowerShell's version and edition, and the cultures; each "" if it did not run. `arguments_length` and `arguments_hash`
    are those of the scheduled task as Windows keeps it, 0 and "" if it is gone. `build` is "" if WMI does not answer.
    """

    operation: str
    state: ChangeState
    why: str
    text: Literal["old", "new", "other", "absent"]
    sddl: Annotated[str, StringConstraints(max_length=4_000)]
    account: ShortText
    powershell: ShortText
    edition: ShortText
    culture: ShortText
    ui_culture: ShortText
    arguments_length: int
    arguments_hash: ShortText
    build: ShortText
    clock: AwareDatetime


class ReadRehearsal(WindowsAction[RehearsalReading]):
    """Reads how far a rehearsed change is, and judges what its guard and its host report.

    `target` is the private file, `others` are those that are swapped with it. `max_clock_offset` is in seconds.
    `running`: the guard waits, so its scheduled task must be there.
    """

    script = "read-rehearsal"
    deadline = 30.0
    output_limit = 64_000

    operation: ChangeName
    target: str
    others: tuple[str, ...] = ()
    running: bool
    max_clock_offset: float = Field(gt=0)

    def explain_answer(self, answer: RehearsalReading) -> Phrase | None:
        return Phrase(
            "the change ended as {state} ({why}), with the {text} file. Check the scheduled task "
            '"flatnet-bot change {operation}" and its folder in %ProgramData%\\flatnet-bot\\changes on the host',
            state=answer.state,
            why=answer.why,
            text=answer.text,
            operation=answer.operation,
        )

    def find_fault(self, answer: RehearsalReading, asked_at: datetime, answered_at: datetime) -> Phrase | None:
        if answer.account != SYSTEM_SID:
            return Phrase(
                "the scheduled task ran as {account} instead of SYSTEM. Check which policy changes scheduled tasks on the "
                "host",
                account=answer.account,
            )
        if not _PROTECTED.fullmatch(answer.sddl):
            return Phrase(
                "others than SYSTEM and Administrators can open the swapped file ({sddl}). Check which program or policy "
                "changes access lists on the host",
                sddl=answer.sddl,
            )
        if self.running and answer.arguments_hash != _hash(build_guard_options()):
            return Phrase(
                "Windows did not keep the arguments of the scheduled task as they were sent ({kept} of {sent} characters). "
                "Check which program or policy changes scheduled tasks on the host",
                kept=answer.arguments_length,
                sent=len(build_guard_options()),
            )
        offset = compute_clock_offset(answer.clock, answered_at, (answered_at - asked_at).total_seconds())
        if abs(offset) > self.max_clock_offset:
            return Phrase(
                "the host's clock differs from the bot's by {seconds} s. Synchronize it on the host: w32tm /resync",
                seconds=round(offset),
            )
        return None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
