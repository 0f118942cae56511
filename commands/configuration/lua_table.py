"""The table of peers in Lua code: `sync.configure({ … peers = { "http://…", … } … })`. Strict, and pure.

    code ─ split_tokens ─▶ tokens ─ find_peer_tables ─▶ PeerTable ─ commands.configuration.peer_table ─▶ splices

Everything but text constants in the table of peers is refused with its place: values that are computed could not be edited.
Offsets are those of a view (`view_bytes`), so of the bytes. The time is linear in the length of the code.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from adapters.phrase import Phrase
from commands.configuration.splice import UnsuitableText

TokenKind = Literal["name", "number", "text", "symbol", "comment"]

_SPACE = re.compile(r"[ \t\r\n\f\v]*+")
_LONG_OPENING = re.compile(r"(?:--)?\[(=*)\[")
_SIMPLE = re.compile(
    r"(?P<comment>--[^\n]*)"
    r"|(?P<name>[A-Za-z_\u0180-\u01ff][A-Za-z0-9_\u0180-\u01ff]*)"
    r"|(?P<number>(?:0[xX][0-9A-Fa-f.]+(?:[pP][+-]?[0-9]+)?|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+)[A-Za-z]*)"
    r"|(?P<text>\"(?:[^\"\\\n]++|\\[\s\S])*+\"|'(?:[^'\\\n]++|\\[\s\S])*+')"
    r"|(?P<symbol>[-+*/%^#=~<>(){}\[\];:,.])"
)


class Token(NamedTuple):
    """A token of Lua code and its place. `text` is its spelling."""

    kind: TokenKind
    begin: int
    end: int
    text: str


@dataclass(frozen=True)
class Peer:
    """An entry of the table: its address, the place of its constant, and that of the separator after it (None: none)."""

    address: str
    begin: int
    end: int
    separator: int | None


@dataclass(frozen=True)
class PeerTable:
    """The table of peers, from its opening brace to the place after the closing one."""

    begin: int
    end: int
    peers: tuple[Peer, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(peer.address for peer in self.peers)


def split_tokens(view: str, begin: int = 0, end: int | None = None) -> Iterator[Token]:
    """Splits Lua code into tokens, comments included. Raises `UnsuitableText` where it is not Lua."""
    at, end = begin, len(view) if end is None else end
    while (at := _skip_space(view, at)) < end:
        opening = _LONG_OPENING.match(view, at, end)
        if opening is not None:
            token = _read_long(view, opening, end)
        else:
            found = _SIMPLE.match(view, at, end)
            if found is None:
                raise UnsuitableText(Phrase("this is not valid Lua code. Fix it first"), at)
            token = Token(found.lastgroup, at, found.end(), found[0])  # type: ignore[arg-type]
        yield token
        at = token.end


def find_block_end(view: str, begin: int) -> int:
    """Finds the offset of the brace that closes the Lua block whose code begins there. Raises `UnsuitableText`."""
    depth = 0
    for token in split_tokens(view, begin):
        if token.kind == "symbol" and token.text == "{":
            depth += 1
        elif token.kind == "symbol" and token.text == "}":
            if depth == 0:
                return token.begin
            depth -= 1
    raise UnsuitableText(Phrase("this block of Lua code does not end"), begin)


def find_peer_tables(view: str, begin: int, end: int) -> Iterator[PeerTable]:
    """Finds the table of peers of each call of `sync.configure` in Lua code. Raises `UnsuitableText`."""
    code, window = _Code(view, begin, end), deque[str](maxlen=3)
    for token in code:
        window.append(token.text)
        if tuple(window) in (("sync", ".", "configure"), ("sync", ":", "configure")):
            yield _parse_call(code, token)


class _Code:
    """The tokens of Lua code without comments. `take` returns the next one."""

    def __init__(self, view: str, begin: int, end: int) -> None:
        self._tokens = (token for token in split_tokens(view, begin, end) if token.kind != "comment")
        self._end = end

    def __iter__(self) -> Iterator[Token]:
        return self._tokens

    def take(self) -> Token:
        token = next(self._tokens, None)
        if token is None:
            raise UnsuitableText(Phrase("this block of Lua code does not end"), self._end)
        return token


def _skip_space(view: str, at: int) -> int:
    found = _SPACE.match(view, at)
    assert found is not None
    return found.end()


def _read_long(view: str, opening: re.Match[str], end: int) -> Token:
    """Reads a text or a comment in long brackets."""
    closing = view.find(f"]{opening[1]}]", opening.end(), end)
    if closing < 0:
        raise UnsuitableText(Phrase("this is not valid Lua code. Fix it first"), opening.start())
    last = closing + len(opening[1]) + 2
    kind: TokenKind = "comment" if opening[0].startswith("--") else "text"
    return Token(kind, opening.start(), last, view[opening.start() : last])


def _parse_call(code: _Code, name: Token) -> PeerTable:
    """Parses the table that is the only argument of `sync.configure`."""
    token = code.take()
    bracketed = token.text == "("
    if (code.take() if bracketed else token).text != "{":
        raise UnsuitableText(Phrase("sync.configure is not called with a table here"), name.begin)
    found = list(_parse_fields(code))
    if bracketed and (token := code.take()).text != ")":
        raise UnsuitableText(Phrase("sync.configure has more than one argument here"), token.begin)
    if not found:
        raise UnsuitableText(Phrase("sync.configure has no table of peers here. Add an empty one first"), name.begin)
    if len(found) > 1:
        raise UnsuitableText(Phrase("the table of peers is here twice. Remove one"), found[1].begin)
    return found[0]


def _parse_fields(code: _Code) -> Iterator[PeerTable]:
    """Parses the fields of the table up to its closing brace, and yields each table of peers among them."""
    token = code.take()
    while token.text != "}":
        if token.text == "[":
            raise UnsuitableText(Phrase("this key is written in brackets. Write it without"), token.begin)
        key, token = token, code.take()
        if (key.text, token.text) == ("peers", "="):
            token = code.take()
            if token.text != "{":
                raise UnsuitableText(Phrase("the peers are not a table here"), token.begin)
            yield _parse_peers(code, token)
            token = code.take()
            if token.text not in (",", ";", "}"):
                raise UnsuitableText(Phrase("the peers are not a table here"), token.begin)
        else:
            token = _skip_value(code, key, token)
        if token.text != "}":
            token = code.take()


def _skip_value(code: _Code, first: Token, token: Token) -> Token:
    """Skips a value, whose first tokens are given, and returns the token after it: a separator, or the closing brace."""
    depth = 0
    for each in (first, token):
        if each is token and depth == 0 and each.text in (",", ";", "}"):
            return each
        depth += _count_depth(each)
    while True:
        token = code.take()
        if depth == 0 and token.text in (",", ";", "}"):
            return token
        depth += _count_depth(token)


def _count_depth(token: Token) -> int:
    """Returns by how many brackets a token leads deeper. A function is refused: its statements may have separators."""
    if token.kind == "name" and token.text == "function":
        raise UnsuitableText(Phrase("a function is in the table of sync.configure. Define it above the call"), token.begin)
    if token.kind != "symbol":
        return 0
    return (token.text in ("{", "(", "[")) - (token.text in ("}", ")", "]"))


def _parse_peers(code: _Code, opening: Token) -> PeerTable:
    peers = list[Peer]()
    token = code.take()
    while token.text != "}":
        constant, token = token, code.take()
        if constant.kind != "text" or token.text not in (",", ";", "}") or "\\" in constant.text:
            place = token if constant.kind == "text" and "\\" not in constant.text else constant
            raise UnsuitableText(
                Phrase("the table of peers may only have plain addresses in quotes. Edit this file by hand"), place.begin
            )
        separator = None if token.text == "}" else token.begin
        peers.append(Peer(_read_constant(constant.text), constant.begin, constant.end, separator))
        if separator is not None:
            token = code.take()
    return PeerTable(opening.begin, token.end, tuple(peers))


def _read_constant(text: str) -> str:
    """Reads a text constant without escapes."""
    opening = _LONG_OPENING.match(text)
    if opening is None:
        return text[1:-1]
    return text[opening.end() : -opening.end()].removeprefix("\r").removeprefix("\n")
