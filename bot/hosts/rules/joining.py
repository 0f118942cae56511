"""Reservation of a new host: what its first request says, and that later requests say nothing else. Pure.

Standing of a host that is being added, as far as the bot knows it without contacting the host. Pure.

    reserved ─▶ fingerprints compared, pinned ─▶ rehearsed ─▶ plan and approval ─▶ running ─▶ a member
                (checks as in doctor are made whenever host add is requested)

The stages are facts, not a row: the file of the host has the reservation and the pins, the last rehearsal is in the
database, and the newest operation says what became of the plan.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from adapters.errors import Refused
from adapters.inventory import Inventory, JoiningHost
from adapters.phrase import Listing, Phrase
from adapters.windows.tls_certificate import WINRM_TLS_PORT
from bot.hosts.rules.host_sides import complete_address, find_usual_port
from bot.model.change import Change, ChangeState
from commands.changes.rehearsal import format_rehearsal_command
from commands.hosts.add.operation import HostAdd


class NotTheSame(Refused):
    """A later request for a host that is being added says something else than its file."""


@dataclass(frozen=True)
class Wish:
    """Wish of a request for a new host, with complete addresses."""

    name: str
    windows: str
    wsl: str
    id: int | None
    labels: tuple[str, ...]
    adopt: bool

    @classmethod
    def of(cls, operation: HostAdd, inventory: Inventory) -> "Wish":
        """Reads a request."""
        return cls(
            operation.name,
            complete_address(operation.windows, find_usual_port(inventory, "windows")),
            complete_address(operation.wsl, find_usual_port(inventory, "wsl")),
            operation.id,
            operation.label_,
            operation.adopt,
        )


def require_address(wish: Wish) -> None:
    """Raises `Refused` for a first request without the address of Windows."""
    if not wish.windows:
        raise Refused(Phrase("the first request needs the address of Windows: {option}", option="--windows ADDRESS"))


def require_own_addresses(wish: Wish, inventory: Inventory) -> None:
    """Raises `Refused` for an address that another host has, or is being added with."""
    wanted = {address for address in (wish.windows, wish.wsl) if address}
    for name, address in _list_addresses(inventory):
        if name != wish.name and address in wanted:
            raise Refused(Phrase("{address} is the address of {host}", address=address, host=name))


def _list_addresses(inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Lists the names of members and of hosts that are being added, each with a complete address."""
    for joining in inventory.joining:
        yield joining.name, joining.windows_address
        yield joining.name, joining.wsl_address
    for host in inventory.hosts:
        if host.windows is not None:
            parts = urlsplit(host.windows.url)
            yield host.name, f"{parts.hostname}:{parts.port or WINRM_TLS_PORT}"
        if host.wsl is not None:
            yield host.name, f"{host.wsl.address}:{host.wsl.port}"


def reserve(wish: Wish, number: int, by: str, now: datetime) -> JoiningHost:
    """Makes the reservation of an id."""
    return JoiningHost(
        name=wish.name,
        id=number,
        labels=wish.labels,
        since=now.replace(microsecond=0),
        by=by,
        adopt=wish.adopt,
        windows_address=wish.windows,
        wsl_address=wish.wsl,
    )


def go_on(wish: Wish, joining: JoiningHost) -> JoiningHost:
    """Returns the host as a later request wants it: the address of WSL2 may come later. Raises `NotTheSame`."""
    for what, wanted, known in _compare(wish, joining):
        if wanted != known:
            raise NotTheSame(
                Phrase(
                    "{host} is being added with the {what} {known}, not {wanted}. Leave it out to go on, or start again "
                    "after {words}",
                    host=joining.name,
                    what=what,
                    known=known,
                    wanted=wanted,
                    words=f"host remove {joining.name}",
                )
            )
    return joining.model_copy(update={"wsl_address": joining.wsl_address or wish.wsl})


def _compare(wish: Wish, joining: JoiningHost) -> Iterator[tuple[Phrase, str, str]]:
    """Yields what a request says, with what it says and what the file says."""
    if wish.windows:
        yield Phrase("Windows address"), wish.windows, joining.windows_address
    if wish.wsl and joining.wsl_address:
        yield Phrase("WSL2 address"), wish.wsl, joining.wsl_address
    if wish.id is not None:
        yield Phrase("ID"), str(wish.id), str(joining.id)
    if wish.labels:
        yield Phrase("labels"), ",".join(sorted(wish.labels)), ",".join(sorted(joining.labels))
    if wish.adopt:
        yield Phrase("option"), "--adopt", "--adopt" if joining.adopt else "–"


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
