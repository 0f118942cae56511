"""What `guard.ps1` does on a real host, once more in Python: a change is applied, kept or put back.

Nothing here sleeps. The guard does what is due whenever somebody looks at the host (`settle`), when a test
lets time pass (`elapse`), and when the host's server sees its window end.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Literal

from adapters.windows.commit_confirm import START_PATIENCE, ChangeState

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
    """A file put in place of another; the old one is kept beside the new, as `kept`. `existed`: there was an old one."""

    source: str
    target: str
    existed: bool = True
    private: bool = False

    @property
    def kept(self) -> PureWindowsPath:
        return PureWindowsPath(f"{self.source}.old")


@dataclass
class Nginx:
    """An nginx without a service."""

    program: str
    folder: str
    config: str


@dataclass
class GuardedChange:
    """One operation's change on this host. `was_running`: before it; `left`: seconds of the window, as of `looked_at`.

    `looked_at` is when it was recorded until a guard has begun with it (`guarded`). `saved`: the old files lie beside
    the new ones. `marks`: what the bot asks for. `facts`: what the guard has found of itself, where no service is touched.
    """

    operation: str
    service: str
    verb: Literal["start", "stop", "restart", "none"]
    window: int
    was_running: bool
    looked_at: datetime
    patience: int = 60
    swaps: list[Swap] = field(default_factory=list)
    nginx: Nginx | None = None
    state: ChangeState = "applying"
    why: str = ""
    marks: set[Literal["confirm", "abort"]] = field(default_factory=set)
    left: float = 0.0
    guarded: bool = False
    saved: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def never(cls, operation: str, now: datetime) -> "GuardedChange":
        """What was aborted before the host knew of it, recorded so that it cannot begin any more."""
        why = "aborted before it began"
        return cls(operation, "", "start", 0, was_running=False, looked_at=now, state="reverted", why=why)

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
            self._revert(state, self.why or "the guard was ended before it was done")

    def _begin(self, state: "WindowsState", now: datetime, late: bool) -> None:
        if not state.record_is_ours:
            return
        self.guarded, self.looked_at = True, now
        if "abort" in self.marks:
            self._revert(state, "aborted")
        elif late:
            self._revert(state, f"not applied within {self.window} s")
        else:
            self._apply(state)

    def _apply(self, state: "WindowsState") -> None:
        try:
            if self.swaps and state.disk_full:
                raise GuardFailed(DISK_FULL)
            for swap in self.swaps:
                if swap.existed:
                    state.write(swap.kept, state.files[PureWindowsPath(swap.target)], self.looked_at)
            self.saved = True
            for swap in self.swaps:
                self._put(state, swap)
            self._stop(state, self.verb in ("stop", "restart"))
            self._start(state, self.verb in ("start", "restart"))
            self.facts = state.facts if self.verb == "none" else {}
        except GuardFailed as failed:
            self._revert(state, str(failed))
            return
        self.state, self.left = "applied", self.window
        if state.cut_after_apply and state.is_nebula(self.service):
            state.cut(dead=True)

    def _decide(self, state: "WindowsState") -> None:
        if "confirm" in self.marks:
            self.state = "confirmed"
        elif "abort" in self.marks:
            self._revert(state, "aborted")
        elif self.left <= 0:
            self._revert(state, f"not confirmed within {self.window} s")

    def _revert(self, state: "WindowsState", why: str) -> None:
        """Put the old state back, and have run what ran before; where nothing was saved, nothing that lives was touched."""
        self.state, self.why = "reverting", why
        was_dead = state.roads_dead
        state.cut(dead=False)
        try:
            if self.saved:
                self._restore(state)
        except GuardFailed as failed:
            self.state, self.why = "stuck", f"{why}; not put back: {failed}"
            state.cut(dead=was_dead)
            return
        try:
            self._start(state, self.was_running)
        except GuardFailed as failed:
            self.state, self.why = "down", f"{why}; {failed}"
            state.cut(dead=was_dead)
            return
        self.state = "reverted"

    def _restore(self, state: "WindowsState") -> None:
        for swap in self.swaps:
            if swap.existed:
                state.write(PureWindowsPath(swap.target), state.files[swap.kept], self.looked_at)
            else:
                state.remove(PureWindowsPath(swap.target))
        self._stop(state, self.verb != "none" and (bool(self.swaps) or not self.was_running))

    def _put(self, state: "WindowsState", swap: Swap) -> None:
        """A private key is nobody else's to read, whoever could read the old one."""
        target = PureWindowsPath(swap.target)
        if swap.private:
            state.protect(target)
        state.write(target, state.files[PureWindowsPath(swap.source)], self.looked_at)

    def _stop(self, state: "WindowsState", wanted: bool) -> None:
        """Stop what runs, where that is wanted."""
        if wanted and self.nginx is not None:
            state.move_nginx(self.nginx.program, stop=True, start=False, now=self.looked_at)
        elif wanted:
            state.stop_service(self.service, self.looked_at)

    def _start(self, state: "WindowsState", wanted: bool) -> None:
        """Start what does not run, where that is wanted; it is tried as often as there is time for."""
        if not wanted:
            return
        for _ in range(self.patience // TRY_SECONDS):
            with suppress(GuardFailed):
                self._start_once(state)
                return
        self._start_once(state)

    def _start_once(self, state: "WindowsState") -> None:
        if self.nginx is not None:
            state.move_nginx(self.nginx.program, stop=False, start=True, now=self.looked_at)
        else:
            state.start_service(self.service, self.looked_at)


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
