"""Runs the contract against one machine and collects a row for each trial."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from adapters.errors import ActionFailed, HostError
from tests.adapters.windows.script_cases import Failed
from tests.windows.guard_trials import GUARD_TRIALS, OLD_TEXT, REHEARSAL, RULE, WINDOW, Host, try_change, try_rehearsal
from tests.windows.resident_trials import LEFT, SHARED, try_leaving, try_sharing
from tests.windows.scratch import LayOut, Machine, MakeService, ReadMachine, TakeAway, WriteText
from tests.windows.trials import LeftOut, Trial, select_trials

Verdict = Literal["passed", "failed", "left out"]


@dataclass(frozen=True)
class Row:
    """The result of one trial. `why` says what was wrong, or why it was left out."""

    name: str
    verdict: Verdict
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Scope:
    """What to try: names that contain `only`, Nebula's programs in `nebula_folder`, a scratch service or none."""

    only: str = ""
    nebula_folder: str = ""
    service: bool = True

    def includes(self, name: str) -> bool:
        """Tells whether a trial of that name is to be tried."""
        return self.only in name


@dataclass(frozen=True)
class Kit:
    """A connection to the machine. `setup` makes the service; it must lead to Windows PowerShell 5.1.

    `brief` is like `host`, but its process that stays ends after `resident_trials.IDLE_SECONDS`.
    """

    host: Host
    setup: Host
    brief: Host
    report: Callable[[Row], None] = lambda row: None
    pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(1.0)
    monotonic: Callable[[], float] = time.monotonic
    window: int = WINDOW

    async def run(self, scope: Scope) -> tuple[Machine, list[Row]]:
        """Tries all, and removes the scratch whatever happens."""
        machine = await self.host.perform(ReadMachine())
        rows: list[Row] = []
        try:
            for trial in select_trials(machine, scope.nebula_folder):
                if scope.includes(trial.name):
                    rows.append(self._report(await self._try(trial)))
            for name, trying in self._resident_trials():
                if scope.includes(name):
                    rows.append(self._report(await self._try_story(name, trying())))
            async for row in self._try_guard(scope):
                rows.append(self._report(row))
        finally:
            left = await self.host.perform(TakeAway())
            rows += [self._report(Row("the scratch is removed", "failed" if left else "passed", ", ".join(left)))]
        return machine, rows

    def _report(self, row: Row) -> Row:
        self.report(row)
        return row

    async def _try(self, trial: Trial | LeftOut) -> Row:
        if isinstance(trial, LeftOut):
            return Row(trial.name, "left out", trial.why)
        begun = self.monotonic()
        try:
            if trial.state is not None:
                await self.setup.perform(LayOut.of(trial.state, trial.copies))
            begun = self.monotonic()
            why = trial.judge(await self._ask(trial))
        except (HostError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
        return Row(trial.name, "failed" if why else "passed", why, self.monotonic() - begun)

    async def _ask(self, trial: Trial) -> object:
        try:
            return await self.host.perform(trial.build_action())
        except ActionFailed as failure:
            return Failed(failure.code, str(failure.phrase.values["message"]))

    def _resident_trials(self) -> tuple[tuple[str, Callable[[], Awaitable[str]]], ...]:
        return (
            (SHARED, lambda: try_sharing(self.host)),
            (LEFT, lambda: try_leaving(self.brief, self.setup, self.pause)),
        )

    async def _try_guard(self, scope: Scope) -> AsyncIterator[Row]:
        if scope.includes(REHEARSAL):
            yield await self._try_story(REHEARSAL, try_rehearsal(self.host, self.pause))
        wanted = [trial for trial in GUARD_TRIALS if scope.includes(trial.name)]
        if not wanted:
            return
        if not scope.service:
            for trial in wanted:
                yield Row(trial.name, "left out", "needs a scratch service (--no-service was given)")
            return
        await self.setup.perform(WriteText(path=RULE, text=OLD_TEXT))
        await self.setup.perform(LayOut())
        await self.setup.perform(MakeService())
        for trial in wanted:
            yield await self._try_story(trial.name, try_change(trial, self.host, self.pause, self.window))

    async def _try_story(self, name: str, trying: Awaitable[str]) -> Row:
        begun = self.monotonic()
        try:
            why = await trying
        except HostError as error:
            why = f"{type(error).__name__}: {error}"
        return Row(name, "failed" if why else "passed", why, self.monotonic() - begun)
