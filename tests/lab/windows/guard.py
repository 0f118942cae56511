"""What `guard.ps1` does on a real host, once more in Python: a change is applied, kept or put back.

Nothing here sleeps. The guard does what is due whenever somebody looks at the host (`settle`), when a test
lets time pass (`elapse`), and when the host's server sees its window end.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Literal

from adapters.windows.commit_confirm import START_PATIENCE, ChangeState
from tests.lab.windows.nginx import check_configuration

if TYPE_CHECKING:
    from tests.lab.windows.state import WindowsState

PENDING: frozenset[ChangeState] = frozenset({"applying", "applied", "reverting"})
"""Of these the guard has yet to make an end."""

TRY_SECONDS = 5
"""Seconds from one try to start a service to the next, as the guard needs them: to try, to look and to wait."""

A_MINUTE = START_PATIENCE // TRY_SECONDS + 1
"""Tries to start a service, after which the guard gives up."""

DISK_FULL = "There is not enough space on the disk."


class GuardFailed(Exception):
    """A move of the guard that did not succeed, in the host's words."""


@dataclass
class Swap:
    """What is put in place of another; the old one is kept beside the new, as `kept`. `existed`: there was an old one.

    `fallback`: it is put in place by a rollback alone.
    """

    source: str
    target: str
    existed: bool = True
    private: bool = False
    kind: Literal["file", "folder"] = "file"
    fallback: bool = False

    @property
    def kept(self) -> PureWindowsPath:
        return PureWindowsPath(f"{self.source}.old")


@dataclass
class Nginx:
    """An nginx as it is started and reloaded."""

    program: str
    folder: str
    config: str


@dataclass
class Step:
    """One thing that a guard does. `index` is that of a swap, `nginx` is None where a service is moved.

    `patience`: seconds for which it is tried again. `of`: the number of the step that it takes back.
    """

    verb: Literal["swap", "restore", "stop", "start", "test", "reload"]
    patience: int = 0
    of: int = 0
    index: int = 0
    service: str = ""
    nginx: Nginx | None = None


@dataclass
class GuardedChange:
    """One operation's change on this host: its steps, and those that take them back.

    `left`: seconds of the window, as of `looked_at`, which is when it was recorded until a guard has begun with it
    (`guarded`). `saved`: the old files lie beside the new ones. `marks`: what the bot asks for. `begun`: how many steps
    were. `facts`: what the guard has found of itself, where it is asked (`has_facts`). `term`: of the lead that
    asked for it, 0 where there is none.
    """

    operation: str
    window: int
    looked_at: datetime
    swaps: list[Swap] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    undo: list[Step] = field(default_factory=list)
    has_facts: bool = False
    state: ChangeState = "applying"
    why: str = ""
    marks: set[Literal["confirm", "abort"]] = field(default_factory=set)
    left: float = 0.0
    guarded: bool = False
    saved: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    term: int = 0

    @classmethod
    def never(cls, operation: str, now: datetime) -> "GuardedChange":
        """What was aborted before the host knew of it, recorded so that it cannot begin any more."""
        return cls(operation, 0, looked_at=now, state="reverted", why="aborted before it began")

    @property
    def pending(self) -> bool:
        return self.state in PENDING

    def settle(self, state: "WindowsState", now: datetime) -> None:
        """All that the guard has done by now."""
        passed = (now - self.looked_at).total_seconds()
        if self.state == "applying" and not self.guarded:
            self._begin(state, now, abs(passed) > self.window)
        elif self.state == "applied":
            self.left -= max(passed, 0.0)
        self.looked_at = max(now, self.looked_at)
        if self.state == "applied":
            self._decide(state)

    def elapse(self, state: "WindowsState", seconds: float) -> None:
        """The guard's stopwatch runs on; the host's clock does not (the guard never asks it)."""
        if self.state == "applied":
            self.left -= seconds
            self._decide(state)

    def recover(self, state: "WindowsState", now: datetime) -> None:
        """A guard that is started again finds this change: what has begun and was not confirmed is put back."""
        if not self.guarded:
            self.settle(state, now)
        elif self.pending and state.record_is_ours:
            self.looked_at = now
            why = self.why or "the guard was ended before it was done"
            self._revert(state, why, len(self.steps) if self.saved else 0)

    def _begin(self, state: "WindowsState", now: datetime, late: bool) -> None:
        if not state.record_is_ours:
            return
        self.guarded, self.looked_at = True, now
        if "abort" in self.marks:
            self._revert(state, "aborted", 0)
        elif late:
            self._revert(state, f"not applied within {self.window} s", 0)
        elif self.term and state.kept_term > self.term:
            self._revert(state, f"term {state.kept_term} is kept here, and this is of term {self.term}", 0)
        else:
            self._apply(state)

    def _apply(self, state: "WindowsState") -> None:
        begun = 0
        try:
            self.save(state)
            for step in self.steps:
                begun += 1
                self.do(state, step)
            self.facts = state.facts if self.has_facts else {}
        except GuardFailed as failed:
            self._revert(state, str(failed), begun)
            return
        self.state, self.left = "applied", self.window
        if state.cut_after_apply and any(state.is_nebula(step.service) for step in self.steps):
            state.cut(dead=True)

    def save(self, state: "WindowsState") -> None:
        """Keep the old files beside the new ones."""
        if self.swaps and state.disk_full:
            raise GuardFailed(DISK_FULL)
        for swap in self.swaps:
            if swap.existed and swap.kind == "file":
                state.write_bytes(swap.kept, state.bytes_of(PureWindowsPath(swap.target)), self.looked_at)
        self.saved = True

    def _decide(self, state: "WindowsState") -> None:
        if "confirm" in self.marks:
            self.state = "confirmed"
        elif "abort" in self.marks:
            self._revert(state, "aborted", len(self.steps))
        elif self.left <= 0:
            self._revert(state, f"not confirmed within {self.window} s", len(self.steps))

    def _revert(self, state: "WindowsState", why: str, begun: int) -> None:
        """Put the old state back, and have run what ran before; what was never begun is not taken back."""
        self.state, self.why, self.saved = "reverting", why, begun > 0
        was_dead = state.roads_dead
        state.cut(dead=False)
        end: ChangeState = "reverted"
        for step in self.undo:
            files = step.verb in ("restore", "swap")
            if step.of > begun or (end == "stuck" and not files):
                continue
            try:
                self.do(state, step)
            except GuardFailed as failed:
                stuck = files or step.verb == "stop"
                end = "stuck" if stuck else "down"
                self.why += f"; not put back: {failed}" if stuck else f"; {failed}"
        if end != "reverted":
            state.cut(dead=was_dead)
        self.state = end

    def do(self, state: "WindowsState", step: Step) -> None:
        """Do one step; it is tried as often as there is time for."""
        for _ in range(step.patience // TRY_SECONDS):
            with suppress(GuardFailed):
                self._do_once(state, step)
                return
        self._do_once(state, step)

    def _do_once(self, state: "WindowsState", step: Step) -> None:
        match step.verb:
            case "swap":
                self._put(state, self.swaps[step.index])
            case "restore":
                self._restore(state, self.swaps[step.index])
            case "stop" if step.nginx is not None:
                state.move_nginx(step.nginx.program, stop=True, start=False, now=self.looked_at)
            case "stop":
                state.stop_service(step.service, self.looked_at)
            case "start" if step.nginx is not None:
                state.move_nginx(step.nginx.program, stop=False, start=True, now=self.looked_at)
            case "start":
                state.start_service(step.service, self.looked_at)
            case "test":
                assert step.nginx is not None
                _test(state, step.nginx)
            case "reload":
                assert step.nginx is not None
                _reload(state, step.nginx, self.looked_at)

    def _put(self, state: "WindowsState", swap: Swap) -> None:
        """A private key is nobody else's to read, whoever could read the old one. Others are as open as their folder."""
        source, target = PureWindowsPath(swap.source), PureWindowsPath(swap.target)
        if swap.kind == "folder":
            if not state.has_folder(source):
                raise GuardFailed(f"Could not find a part of the path '{source}'.")
            if swap.existed:
                state.rename_folder(target, swap.kept)
            state.rename_folder(source, target)
            return
        if swap.private:
            state.protect(target)
        elif not swap.existed and target.parent in state.readers:
            state.readers[target] = list(state.readers[target.parent])
        state.write_bytes(target, state.bytes_of(source), self.looked_at)

    def _restore(self, state: "WindowsState", swap: Swap) -> None:
        source, target = PureWindowsPath(swap.source), PureWindowsPath(swap.target)
        if swap.kind == "folder":
            if swap.existed and not state.has_folder(swap.kept):
                return
            state.rename_folder(target, source)
            state.rename_folder(swap.kept, target)
        elif swap.existed:
            state.write_bytes(target, state.bytes_of(swap.kept), self.looked_at)
        else:
            state.remove(target)


def _test(state: "WindowsState", nginx: Nginx) -> None:
    code, said = check_configuration(state, nginx.config)
    if code:
        raise GuardFailed(f"nginx -t: {_find_reason(said)}")


def _reload(state: "WindowsState", nginx: Nginx, now: datetime) -> None:
    """Reload nginx. The master must stay, and new workers must come."""
    before = state.nginx_processes
    if not before:
        raise GuardFailed(f"{nginx.program} is not running")
    if said := state.reload_nginx(now):
        raise GuardFailed(f"nginx -s reload: {_find_reason(said)}")
    if before[0] not in state.nginx_processes:
        raise GuardFailed(f"{nginx.program} ended as it was reloaded")
    if not set(state.nginx_processes) - set(before):
        raise GuardFailed(f"{nginx.program} has no new workers after its reload")


def _find_reason(said: str) -> str:
    found = re.search(r"\[[a-z]+\] .{1,300}", said)
    return found[0].strip() if found is not None else ""


StartHook = Callable[["WindowsState", datetime], None]
"""Called when Nebula has begun to run, or nginx begins; raises `GuardFailed` where it does not."""


@dataclass(frozen=True)
class Reloaded:
    """What became of a reload of nginx: what the call says, whether there are new workers, and whether the old ones stay."""

    words: str = ""
    renewed: bool = True
    old_stay: bool = False


ReloadHook = Callable[["WindowsState", datetime], Reloaded]
"""Called when nginx is told to reload its configuration."""

ServiceHook = Callable[[str, bool], None]
"""Told which service runs from now on, or no longer."""

CutHook = Callable[[bool], None]
"""Told that the roads to this host are dead (True), or back."""
