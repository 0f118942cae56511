"""Standing of a host that is being added, as far as the bot knows it without contacting the host. Pure.

    reserved ─▶ fingerprints compared, pinned ─▶ rehearsed ─▶ plan and approval ─▶ running ─▶ a member
                (checks as in doctor are made whenever host add is requested)

The stages are facts, not a row: the file of the host has the reservation and the pins, the last rehearsal is in the
database, and the newest operation says what became of the plan.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.inventory import JoiningHost
from adapters.phrase import Listing, Phrase
from bot.model.change import Change, ChangeState
from commands.changes.rehearsal import format_rehearsal_command

MAX_CHANGES = 200
"""Changes among which the newest host add of each host is looked for."""


@dataclass(frozen=True)
class Standing:
    """Standing of one host: what it waits for, and the next command."""

    waits_for: Phrase
    next: str = ""


def format_add(name: str) -> str:
    """Formats the command that goes on with a host."""
    return f"host add {name}"


def format_pins(name: str, unpinned: Iterable[str]) -> str:
    """Formats the command that gives the fingerprints of these sides."""
    return " ".join((format_add(name), *(FINGERPRINT_OPTIONS[side] for side in unpinned)))


def find_newest_change(joining: JoiningHost, changes: Iterable[Change]) -> Change | None:
    """Finds the newest `host add` of a host among changes, the newest of which come first."""
    words = format_add(joining.name).split()
    return next((each for each in changes if each.words.split()[: len(words)] == words), None)


def find_unpinned(joining: JoiningHost) -> tuple[str, ...]:
    """Finds the sides of a host whose identity is not pinned yet."""
    host = joining.host
    sides = {
        "windows": joining.windows_address and (host is None or host.windows is None),
        "wsl": joining.wsl_address and (host is None or host.wsl is None),
    }
    return tuple(side for side, waits in sides.items() if waits)


def find_standing(joining: JoiningHost, objection: Phrase | None, change: Change | None) -> Standing:
    """Finds where a host stands. `objection`: why its rehearsal proves nothing. `change`: the newest `host add` of it."""
    if change is not None and (known := describe_open_change(change)) is not None:
        return known
    if unpinned := find_unpinned(joining):
        items = Listing(tuple(_SIDE_NAMES[side] for side in unpinned))
        return Standing(Phrase("the fingerprints of {items}", items=items), format_add(joining.name))
    if objection is not None:
        return Standing(Phrase("a rehearsal ({why})", why=objection), format_rehearsal_command((joining.name,)))
    if change is not None:
        failed = Phrase("another attempt ({operation} ended before it was a member)", operation=change.operation)
        return Standing(failed, format_add(joining.name))
    return Standing(Phrase("checks and a plan"), format_add(joining.name))


def describe_open_change(change: Change) -> Standing | None:
    """Describes an operation that is under way; None for one that has ended."""
    show = f"op show {change.operation}"
    match change.state:
        case ChangeState.WAITING:
            return Standing(Phrase("approval ({operation})", operation=change.operation), show)
        case ChangeState.READY | ChangeState.RUNNING:
            return Standing(Phrase("its operation, which is under way ({operation})", operation=change.operation), show)
        case ChangeState.UNKNOWN:
            return Standing(Phrase("a person who checks what became of {operation}", operation=change.operation), show)
        case _:
            return None


FINGERPRINT_OPTIONS = {"windows": "--windows-fingerprint HEX", "wsl": "--wsl-fingerprint SHA256:…"}
"""Options of `host add` with the identity of each side, as the prepare scripts print it."""

_SIDE_NAMES = {"windows": Phrase("Windows"), "wsl": Phrase("WSL2")}
