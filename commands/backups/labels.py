"""Texts of backups that several answers share. Pure."""

from collections.abc import Mapping

from adapters.action import BOT_NAME
from adapters.phrase import Phrase
from commands.model.backup import PlaceState
from commands.model.report import Cell, Mark

_STATES: Mapping[PlaceState, tuple[Phrase | str, Mark]] = {
    PlaceState.UNCHECKED: (Phrase("not checked"), Mark.UNKNOWN),
    PlaceState.WHOLE: (Phrase("complete"), Mark.WELL),
    PlaceState.DAMAGED: (Phrase("damaged"), Mark.BAD),
    PlaceState.ABSENT: (Phrase("missing"), Mark.BAD),
    PlaceState.UNREACHABLE: (Phrase("unreachable"), Mark.UNKNOWN),
    PlaceState.NONE: ("", Mark.ABSENT),
}


def build_place_cell(state: PlaceState) -> Cell:
    """Builds the cell of the copy at one place."""
    text, mark = _STATES[state]
    return Cell(text=text, value=state.value, mark=mark)


def name_owner(host: str) -> Phrase | str:
    """Names the host of a backup, or the bot."""
    return Phrase("the bot") if host == BOT_NAME else host
