"""The peers of a gateway in its configuration: exactly one table, and the splices that add or remove one entry. Pure.

files by name ─ find_peers ─▶ FoundPeers ─ add_peer, remove_peer ─▶ splices, verified on the new text
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from adapters.phrase import Phrase
from commands.configuration.lua_table import Peer, PeerTable, find_peer_tables, split_tokens
from commands.configuration.nginx import NginxFile, follow_includes, parse_nginx
from commands.configuration.splice import (
    Splice,
    Splices,
    UnsuitableText,
    locate_offset,
    require_intended,
    restore_bytes,
    view_bytes,
)

_INDENT = re.compile(r"[ \t]*\Z")
_ADDRESS = re.compile(r"[!#-&(-\[\]-~]{1,255}")
"""An address in a table: printable ASCII without quotes and backslashes."""


@dataclass(frozen=True)
class FoundPeers:
    """The table of peers, and the file that has it."""

    file: str
    text: bytes
    table: PeerTable

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.table.addresses


@dataclass(frozen=True)
class _Document:
    """The meaning of a file: its peers, and a digest of everything else except comments."""

    addresses: tuple[str, ...]
    rest: str


def find_peers(files: Mapping[str, bytes], main: str) -> FoundPeers:
    """Finds the one table of peers in nginx.conf (`main`) and the files that it includes. Raises `UnsuitableText`."""
    found = list[FoundPeers]()
    for name, parsed in follow_includes(files, main).items():
        try:
            found += (FoundPeers(name, files[name], table) for table in _list_tables(files[name], parsed))
        except UnsuitableText as error:
            raise UnsuitableText(error.locate(name, files[name])) from error
    if not found:
        raise UnsuitableText(
            Phrase("no call of sync.configure with a table of peers in {file} and the files that it includes", file=main)
        )
    if len(found) > 1:
        raise UnsuitableText(
            Phrase(
                "there are several tables of peers ({places}). Remove all but one",
                places=", ".join(_format_place(each) for each in found),
            )
        )
    return found[0]


def add_peer(found: FoundPeers, address: str) -> Splices:
    """Makes the splices that add an address at the end of the table. Raises `UnsuitableText`."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError("the address has characters that a table of peers cannot have")
    splices = _insert(view_bytes(found.text), found.table, address)
    wanted = (*found.addresses, address)
    require_intended(found.text, splices, _parse_document, partial(replace, addresses=wanted))
    return splices


def remove_peer(found: FoundPeers, address: str) -> Splices:
    """Makes the splices that remove an address, and the comment on its line. Raises `UnsuitableText`."""
    places = [at for at, each in enumerate(found.addresses) if each == address]
    if len(places) != 1:
        again = found.table.peers[places[-1]].begin if places else found.table.begin
        raise UnsuitableText(Phrase("{address} is not exactly once in the table of peers", address=address), again)
    splices = _cut(view_bytes(found.text), found.table, places[0])
    wanted = (*found.addresses[: places[0]], *found.addresses[places[0] + 1 :])
    require_intended(found.text, splices, _parse_document, partial(replace, addresses=wanted))
    return splices


def set_peers(found: FoundPeers, addresses: Sequence[str]) -> Splices:
    """Makes the splices after which the table has these addresses; none if it has them. Raises `UnsuitableText`."""
    if found.addresses == tuple(addresses):
        return ()
    splices = (replace_entries(view_bytes(found.text), found.table, addresses),)
    require_intended(found.text, splices, _parse_document, partial(replace, addresses=tuple(addresses)))
    return splices


def replace_entries(view: str, table: PeerTable, addresses: Sequence[str]) -> Splice:
    """Makes the splice of all entries: one on each line where they stand so, else all on one."""
    if any(not _ADDRESS.fullmatch(address) for address in addresses):
        raise ValueError("an address has characters that a table of peers cannot have")
    begin, end = table.begin + 1, table.end - 1
    inner = view[begin:end]
    quoted = [f'"{address}"' for address in addresses]
    if "\n" in inner and table.peers:
        newline = "\r\n" if "\r\n" in inner else "\n"
        row = f"{newline}{_read_indent(view, table.peers[0].begin)}"
        text = "".join(f"{row}{each}," for each in quoted) + f"{newline}{_read_indent(view, end)}"
    else:
        text = ", ".join(quoted)
    return Splice(begin, restore_bytes(inner), text.encode())


def _read_indent(view: str, place: int) -> str:
    """Reads the white space at the beginning of the line of a place."""
    line = view[view.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _list_tables(text: bytes, parsed: NginxFile) -> list[PeerTable]:
    view = view_bytes(text)
    return [table for block in parsed.lua_blocks for table in find_peer_tables(view, block.begin, block.end)]


def _format_place(found: FoundPeers) -> str:
    line, column = locate_offset(found.text, found.table.begin)
    return f"{found.file}:{line}:{column}"


def _parse_document(text: bytes) -> _Document:
    """Parses a file that has exactly one table of peers."""
    parsed, view = parse_nginx(text), view_bytes(text)
    tables = _list_tables(text, parsed)
    if len(tables) != 1:
        raise UnsuitableText(Phrase("not exactly one table of peers found"))
    rest = hashlib.sha256(parsed.digest.encode())
    for block in parsed.lua_blocks:
        for token in split_tokens(view, block.begin, block.end):
            if token.kind != "comment" and not tables[0].begin < token.begin < tables[0].end - 1:
                rest.update(f"{len(token.text)}:{token.text}".encode())
    return _Document(tables[0].addresses, rest.hexdigest())


def _insert(view: str, table: PeerTable, address: str) -> Splices:
    if not table.peers:
        return (_make_splice(table.begin + 1, f'"{address}"'),)
    last = table.peers[-1]
    quote = view[last.begin] if view[last.begin] in "\"'" else '"'
    constant = f"{quote}{address}{quote}"
    line = _find_own_line(view, last)
    if line is None:
        return (_make_splice(last.end, f", {constant}"),)
    begin, end = line
    newline = "\r\n" if view.startswith("\r\n", end) else "\n"
    row = f"{newline}{view[begin : last.begin]}{constant}"
    if last.separator is not None:
        return (_make_splice(end, f"{row}{view[last.separator]}"),)
    if last.end == end:
        return (_make_splice(end, f",{row}"),)
    return _make_splice(last.end, ","), _make_splice(end, row)


def _cut(view: str, table: PeerTable, place: int) -> Splices:
    peer, peers = table.peers[place], table.peers
    before = peers[place - 1] if place else None
    line = _find_own_line(view, peer)
    if line is not None:
        whole = _make_cut(view, line[0], view.index("\n", line[1]) + 1)
        if peer.separator is None and before is not None and before.separator is not None:
            return _make_cut(view, before.separator, before.separator + 1), whole
        return (whole,)
    if place + 1 < len(peers):
        assert peer.separator is not None
        return (_make_cut(view, peer.begin, _skip_blanks(view, peer.separator + 1)),)
    if before is None or before.separator is None:
        return (_make_cut(view, peer.begin, peer.end if peer.separator is None else peer.separator + 1),)
    if view[before.separator + 1 : peer.begin].strip() == "":
        return (_make_cut(view, before.separator, peer.end),)
    if peer.separator is not None:
        return (_make_cut(view, peer.begin, peer.separator + 1),)
    return _make_cut(view, before.separator, before.separator + 1), _make_cut(view, peer.begin, peer.end)


def _find_own_line(view: str, peer: Peer) -> tuple[int, int] | None:
    """Finds the line of an entry, without its end, if only its separator and comments are on it, too; else None."""
    end = view.find("\n", peer.end)
    begin = view.rfind("\n", 0, peer.begin) + 1
    if end < 0 or not _INDENT.match(view, begin, peer.begin):
        return None
    if peer.separator is not None and peer.separator > end:
        return None
    for token in split_tokens(view, peer.end):
        if token.begin > end:
            break
        if token.end > end or (token.kind != "comment" and token.begin != peer.separator):
            return None
    return begin, end - view.startswith("\r", end - 1)


def _skip_blanks(view: str, at: int) -> int:
    while view[at] in " \t":
        at += 1
    return at


def _make_splice(offset: int, inserted: str) -> Splice:
    return Splice(offset, b"", inserted.encode("ascii"))


def _make_cut(view: str, begin: int, end: int) -> Splice:
    return Splice(begin, restore_bytes(view[begin:end]), b"")
