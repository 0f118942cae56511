"""Real guarded changes on a real machine, by the real scheduled task.

A scratch service is restarted with another file. As in a rehearsal, scratch files and a folder are swapped without any
service.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from adapters.action import Action, Answer
from adapters.windows.commit_confirm import (
    CONFIRM_WINDOW,
    AbortChange,
    BeginChange,
    ChangeState,
    ChangeStatus,
    ConfirmChange,
    FileSwap,
    ReadChange,
    ServiceMove,
)
from adapters.windows.rehearsal import MakeScratch, ReadRehearsal, list_other_scratch, list_scratch_swaps
from tests.windows.scratch import FOLDER, SERVICE, SERVICE_FOLDER, ReadText, WriteText

WINDOW = 15
"""Seconds until a change is rolled back that is left alone. One that gets a word has the usual time."""

PATIENCE = 240
"""Looks, one a second, for a state. The guard retries a service that does not start for a minute, then the old one."""

RULE = rf"{SERVICE_FOLDER}\rule.txt"
NEW = rf"{FOLDER}\new.txt"

OLD_TEXT, NEW_TEXT, REFUSED_TEXT = "run: old", "run: new", "refuse"


@dataclass(frozen=True)
class GuardTrial:
    """A change of the service's file to `text`, the word that is given once it is applied, and how it must end."""

    story: str
    text: str
    word: type[ConfirmChange] | type[AbortChange] | None
    ends: ChangeState
    left: str

    @property
    def name(self) -> str:
        return f"guard: {self.story}"


GUARD_TRIALS = (
    GuardTrial("a change that is confirmed stays", NEW_TEXT, ConfirmChange, "confirmed", NEW_TEXT),
    GuardTrial("a change that is aborted is rolled back", NEW_TEXT, AbortChange, "reverted", OLD_TEXT),
    GuardTrial("a change without a word is rolled back by itself", NEW_TEXT, None, "reverted", OLD_TEXT),
    GuardTrial("a service that does not start with the new file", REFUSED_TEXT, None, "reverted", OLD_TEXT),
)

REHEARSAL = "guard: a rehearsal of this host, which needs no service"


class Host(Protocol):
    """A connection as these trials use it."""

    async def perform(self, action: Action[Answer]) -> Answer: ...


async def try_change(trial: GuardTrial, host: Host, pause: Callable[[], Awaitable[None]], window: int) -> str:
    """Returns what was wrong; "" if the change ended as it must, with the service running on the right file."""
    operation = f"contract-{secrets.token_hex(4)}"
    await host.perform(WriteText(path=RULE, text=OLD_TEXT))
    await host.perform(WriteText(path=NEW, text=trial.text))
    swap = FileSwap(source=NEW, target=RULE)
    window = window if trial.word is None else CONFIRM_WINDOW
    restart = ServiceMove(service=SERVICE, verb="restart")
    await host.perform(BeginChange(operation=operation, swaps=(swap,), services=(restart,), window=window))
    if trial.word is not None:
        applied = await _wait_for(host, pause, operation, {"applied", "reverted", "stuck", "down"})
        if applied.state != "applied":
            return f"expected the change to be applied, found {applied.state}: {applied.why}"
        await host.perform(trial.word(operation=operation))
    ended = await _wait_for(host, pause, operation, {"confirmed", "reverted", "stuck", "down"})
    found = await host.perform(ReadText(path=RULE))
    wanted = (trial.ends, trial.left, "Running")
    if (ended.state, found["text"], found["status"]) == wanted:
        return ""
    return f"expected {wanted}, found {(ended.state, found['text'], found['status'])}: {ended.why}"


async def try_rehearsal(host: Host, pause: Callable[[], Awaitable[None]]) -> str:
    """Returns what was wrong; "" if a change may rely on the guard of this machine. Its clock does not count."""
    operation, folder = f"contract-{secrets.token_hex(4)}", rf"{FOLDER}\operations\op-{secrets.token_hex(6)}"
    target = rf"{folder}\keep.txt"
    await host.perform(MakeScratch(folder=folder, names=("keep",)))
    await host.perform(BeginChange(operation=operation, swaps=list_scratch_swaps(folder, "keep")))
    await _wait_for(host, pause, operation, {"applied", "reverted", "stuck", "down"})
    others = list_other_scratch(folder, "keep")
    read = ReadRehearsal(operation=operation, target=target, others=others, running=True, max_clock_offset=1.0)
    found = await host.perform(read)
    if (found.state, found.text) != ("applied", "new"):
        return str(read.explain_answer(found))
    if (fault := read.find_fault(found, found.clock, found.clock)) is not None:
        return str(fault)
    await host.perform(ConfirmChange(operation=operation))
    ended = await _wait_for(host, pause, operation, {"confirmed", "reverted", "stuck", "down"})
    return "" if ended.state == "confirmed" else f"expected the change to be confirmed, found {ended.state}: {ended.why}"


async def _wait_for(
    host: Host, pause: Callable[[], Awaitable[None]], operation: str, states: set[ChangeState]
) -> ChangeStatus:
    status = await host.perform(ReadChange(operation=operation))
    for _ in range(PATIENCE):
        if status.state in states:
            break
        await pause()
        status = await host.perform(ReadChange(operation=operation))
    return status
