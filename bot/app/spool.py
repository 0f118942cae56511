"""Performs the actions on files of an operation in the data folder: the bot's end of transfers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adapters.local.spool import ReadSpool, ReadSpoolState, RemoveSpool, WriteSpool
from adapters.transfer import Piece, SpoolState
from bot.app.files import MeasureFree, ReceivedFile, do_file_work, measure_free
from bot.changes.services.step_binding import OwnActions

A = TypeVar("A")
R = TypeVar("R", Piece, SpoolState)


@dataclass(frozen=True)
class SpoolActions:
    """Performers of the actions on files of operations."""

    data_folder: Path
    measure_free: MeasureFree = measure_free

    def add_to(self, own: OwnActions) -> None:
        """Add the performers to the actions that this bot can do on itself."""
        own.add(ReadSpool, self._perform(lambda action: self._find(action).read(action.offset)))
        own.add(ReadSpoolState, self._perform(lambda action: self._find(action).read_state(action.sha256)))
        own.add(WriteSpool, self._perform(self._write))
        own.add(RemoveSpool, self._perform(lambda action: self._find(action).remove()))

    def _perform(self, work: Callable[[A], R]) -> Callable[[A], Awaitable[R]]:
        return lambda action: do_file_work(self.data_folder, work, action)

    def _write(self, action: WriteSpool) -> SpoolState:
        received = self._find(action)
        received.file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        return received.take(action)

    def _find(self, action: ReadSpool | ReadSpoolState | WriteSpool | RemoveSpool) -> ReceivedFile:
        return ReceivedFile(self.data_folder / "changes" / action.operation / action.name, self.measure_free)
