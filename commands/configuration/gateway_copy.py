"""nginx.conf of a new host, made from that of a member: its own id and addresses, all other gateways as peers. Pure.

bytes of a member ─ renumber_gateway ─▶ splices, verified on the new text: nothing but these three differs

Flatnet's addresses have the id in them: 10.100.N.1 on the overlay, 10.87.N.0/24 for containers. All other words stay.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.phrase import Phrase
from commands.configuration.lua_table import PeerTable, Token, find_peer_tables, split_tokens
from commands.configuration.nginx import NginxFile, parse_nginx
from commands.configuration.peer_table import replace_entries
from commands.configuration.splice import Splice, Splices, UnsuitableText, apply_splices, restore_bytes, view_bytes

_HOST_ID = re.compile(r"(?:[a-z]+_)?host_id")
"""Names of a host's own id in Lua code: `host_id`, `local_host_id`."""


@dataclass(frozen=True)
class _Found:
    """Places in an nginx.conf that are of its host alone: its addresses, its ids, its table of peers."""

    parsed: NginxFile
    addresses: tuple[Token, ...]
    ids: tuple[Token, ...]
    peers: PeerTable


def renumber_gateway(text: bytes, old: int, new: int, peers: Sequence[str]) -> Splices:
    """Makes the splices that turn the nginx.conf of the host `old` into that of the host `new`.

    Raises `UnsuitableText` if the id or the table of peers is not there as a plain value, or is another host's.
    """
    view = view_bytes(text)
    found = _find(view, text, old)
    splices = sorted(
        (
            *(_replace(view, each, _renumber(each.text, old, new)) for each in found.addresses),
            *(_replace(view, each, str(new)) for each in found.ids),
            replace_entries(view, found.peers, peers),
        ),
        key=lambda each: each.offset,
    )
    wanted = tuple(each for each in splices if each.removed != each.inserted)
    _require(found, apply_splices(text, wanted), new, peers)
    return wanted


def list_peers(text: bytes) -> tuple[str, ...]:
    """Lists the peers that an nginx.conf names itself. Raises `UnsuitableText`."""
    view = view_bytes(text)
    return _find_table(view, parse_nginx(text)).addresses


def _find(view: str, text: bytes, number: int) -> _Found:
    """Finds what is of the host with that id alone."""
    parsed = parse_nginx(text)
    table = _find_table(view, parsed)
    tokens = [
        token
        for block in parsed.lua_blocks
        for token in split_tokens(view, block.begin, block.end)
        if token.kind != "comment" and not table.begin < token.begin < table.end - 1
    ]
    own = re.compile(rf"(?<![\w.])10\.(?:100|87)\.{number}\.\d")
    words = (Token("text", word.begin, word.end, view[word.begin : word.end]) for word in parsed.addresses)
    addresses = tuple(each for each in (*words, *_list_texts(tokens)) if own.search(each.text))
    ids = tuple(_find_ids(tokens, number))
    if not ids:
        raise UnsuitableText(Phrase("host_id not found in this file"), table.begin)
    return _Found(parsed, addresses, ids, table)


def _find_table(view: str, parsed: NginxFile) -> PeerTable:
    tables = [table for block in parsed.lua_blocks for table in find_peer_tables(view, block.begin, block.end)]
    if len(tables) != 1:
        raise UnsuitableText(Phrase("not exactly one table of peers found"))
    return tables[0]


def _list_texts(tokens: Sequence[Token]) -> Iterator[Token]:
    return (token for token in tokens if token.kind == "text")


def _find_ids(tokens: Sequence[Token], number: int) -> Iterator[Token]:
    """Finds the ids, each a plain number. One that is another host's, or is computed, is refused."""
    for name, equals, value, after in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        if name.kind != "name" or not _HOST_ID.fullmatch(name.text) or equals.text != "=":
            continue
        if value.kind != "number" or value.text != str(number) or after.text in ("+", "-", "*", "/", "%", "^", "."):
            raise UnsuitableText(Phrase("host_id is not {id} here", id=str(number)), value.begin)
        yield value


def _renumber(text: str, old: int, new: int) -> str:
    return re.sub(rf"(?<![\w.])10\.(100|87)\.{old}\.(?=\d)", rf"10.\g<1>.{new}.", text)


def _replace(view: str, place: Token, text: str) -> Splice:
    return Splice(place.begin, restore_bytes(view[place.begin : place.end]), restore_bytes(text))


def _require(found: _Found, text: bytes, number: int, peers: Sequence[str]) -> None:
    """Requires that the new text is read as it is meant. Raises `UnsuitableText`."""
    try:
        made = _find(view_bytes(text), text, number)
    except UnsuitableText as error:
        raise _make_unintended() from error
    alike = (len(found.parsed.lua_blocks), len(found.parsed.addresses), len(found.addresses), len(found.ids))
    seen = (len(made.parsed.lua_blocks), len(made.parsed.addresses), len(made.addresses), len(made.ids))
    if alike != seen or made.peers.addresses != tuple(peers):
        raise _make_unintended()


def _make_unintended() -> UnsuitableText:
    return UnsuitableText(Phrase("the copy would not be read as intended. Write this file by hand"))
