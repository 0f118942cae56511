"""nginx.conf as nginx reads it, with the places of its Lua code and its includes. The only importer of crossplane.

    bytes ─ crossplane's words, each found again in the text ─▶ NginxFile
    files by name ─ follow_includes ─▶ the files that nginx reads for `http`, each once

crossplane gives lines and reads Lua code roughly. So it gets the text without the code, which `lua_table` delimits, and a
word that is not found again is refused. Nothing is read from the file system: includes are names in a mapping.
"""

import hashlib
import ntpath
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath

from crossplane.lexer import EXTERNAL_LEXERS
from crossplane.lexer import _lex_file_object as split_words  # the public function takes the name of a file, not its text

from adapters.phrase import Phrase
from commands.configuration.lua_table import find_block_end
from commands.configuration.splice import UnsuitableText, view_bytes

EXTERNAL_LEXERS.clear()
"""crossplane's own lexers of Lua code end a block at a brace in a long text or a long comment."""

_BOM = "\u01ef\u01bb\u01bf"
"""The byte order mark of UTF-8 in a view. nginx skips it."""

_SPACE_AND_COMMENTS = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+(?:\n|\Z))*+")
_QUOTED = re.compile(r"\"(?:[^\"\\]++|\\[\s\S])*+\"|'(?:[^'\\]++|\\[\s\S])*+'")
_LUA_OPENING = re.compile(r"[ \t\r\n]*(?:\$[A-Za-z0-9_]+[ \t\r\n]*)?\{")
_LUA_DIRECTIVE = re.compile(r"[a-z_]+_by_lua_block")
_FLATNET_ADDRESS = re.compile(r"10\.(?:100|87)\.\d")
_MAX_DEPTH = 50
"""Maximum blocks within blocks. Configurations have four."""


@dataclass(frozen=True)
class LuaBlock:
    """A block of Lua code, from one offset to another without its braces."""

    directive: str
    begin: int
    end: int


@dataclass(frozen=True)
class Include:
    """An include: its pattern, its place, and the names of the blocks around it."""

    pattern: str
    begin: int
    context: tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """A word and its place, with its quotes if it has any."""

    begin: int
    end: int


@dataclass(frozen=True)
class NginxFile:
    """One file. `digest` covers everything that has a meaning in it, except Lua code.

    `addresses` are the words outside of that with addresses of Flatnet's networks.
    """

    lua_blocks: tuple[LuaBlock, ...]
    includes: tuple[Include, ...]
    digest: str
    addresses: tuple[Word, ...] = ()


def parse_nginx(text: bytes) -> NginxFile:
    """Parses one file. Raises `UnsuitableText`."""
    return _Parser(view_bytes(text)).parse()


def resolve_include(pattern: str, main: str) -> str:
    """Returns the full name or pattern of an include. It is relative to the folder of nginx.conf, as in nginx."""
    return ntpath.normpath(ntpath.join(ntpath.dirname(main), pattern))


def follow_includes(files: Mapping[str, bytes], main: str) -> Mapping[str, NginxFile]:
    """Parses nginx.conf and the files that it includes in `http`, by name. Raises `UnsuitableText` if one is missing."""
    parsed, waiting = dict[str, NginxFile](), deque[tuple[str, tuple[str, ...]]]([(main, ())])
    while waiting:
        name, around = waiting.popleft()
        if name in parsed:
            continue
        try:
            parsed[name] = parse_nginx(files[name])
        except UnsuitableText as error:
            raise UnsuitableText(error.locate(name, files[name])) from error
        for include in parsed[name].includes:
            context = (*around, *include.context)
            if context in ((), ("http",)):
                waiting += ((each, context) for each in _match_names(include, name, files, main))
    return parsed


def _match_names(include: Include, name: str, files: Mapping[str, bytes], main: str) -> list[str]:
    """Returns the names of the files that an include reads."""
    pattern = resolve_include(include.pattern, main)
    found = sorted(each for each in files if PureWindowsPath(each).match(pattern))
    if not found and not re.search(r"[*?\[]", pattern):
        missing = UnsuitableText(Phrase("could not read the included file {file}", file=pattern), include.begin)
        raise UnsuitableText(missing.locate(name, files[name]))
    return found


class _Feed:
    """Characters of a view, one at a time. `skip` leaves out a part that comes later."""

    def __init__(self, view: str, at: int) -> None:
        self._view, self._at = view, at
        self._from = self._to = -1

    def skip(self, begin: int, end: int) -> None:
        self._from, self._to = begin, end

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._at == self._from:
            self._at = self._to
        if self._at >= len(self._view):
            raise StopIteration
        self._at += 1
        return self._view[self._at - 1]


class _Parser:
    """Parser of one file: one pass over crossplane's words, each of which it finds again in the view."""

    def __init__(self, view: str) -> None:
        self._view = view
        self._at = len(_BOM) if view.startswith(_BOM) else 0
        self._feed = _Feed(view, self._at)
        self._context = list[str]()
        self._words = list[str]()
        self._addresses = list[Word]()
        self._lua_blocks = list[LuaBlock]()
        self._includes = list[Include]()
        self._digest = hashlib.sha256()

    def parse(self) -> NginxFile:
        within_lua = False
        for word, _, quoted in split_words([self._feed]):
            if within_lua:
                within_lua = quoted or word != "}"
            elif quoted or not word.startswith("#"):
                begin = self._place(word, quoted)
                if _FLATNET_ADDRESS.search(word):
                    self._addresses.append(Word(begin, self._at))
                self._digest.update(f"{len(word)}:{quoted}:{word}".encode())
                within_lua = self._take(word, quoted, begin)
        self._at = self._skip_space(self._at)
        if self._at < len(self._view) or self._context or self._words:
            raise UnsuitableText(Phrase("a quote, a brace or a semicolon is missing before this place"), self._at)
        return NginxFile(tuple(self._lua_blocks), tuple(self._includes), self._digest.hexdigest(), tuple(self._addresses))

    def _place(self, word: str, quoted: bool) -> int:
        """Finds a word at the next place of the view, and returns its beginning."""
        begin = self._skip_space(self._at)
        found = _QUOTED.match(self._view, begin) if quoted else None
        if found is not None:
            self._at = found.end()
        elif not quoted and self._view.startswith(word, begin):
            self._at = begin + len(word)
        else:
            raise UnsuitableText(Phrase("nginx may read this place differently. Edit this file by hand"), begin)
        return begin

    def _take(self, word: str, quoted: bool, begin: int) -> bool:
        """Takes a word. Returns True if a block of Lua code begins, whose tokens are to be left out."""
        if quoted or word not in (";", "{", "}"):
            self._words.append(word)
            if len(self._words) == 1 and _LUA_DIRECTIVE.fullmatch(word):
                self._take_lua(word, begin)
                return True
            return False
        if word == "{":
            if len(self._context) == _MAX_DEPTH or not self._words:
                raise UnsuitableText(Phrase("this block has no name, or is inside too many others"), begin)
            self._context.append(self._words[0])
        elif word == "}":
            if not self._context or self._words:
                raise UnsuitableText(Phrase("a quote, a brace or a semicolon is missing before this place"), begin)
            self._context.pop()
        elif self._words[:1] == ["include"] and len(self._words) == 2:
            self._includes.append(Include(self._words[1], begin, tuple(self._context)))
        self._words = []
        return False

    def _take_lua(self, directive: str, begin: int) -> None:
        """Takes a block of Lua code, and has crossplane see it empty."""
        opening = _LUA_OPENING.match(self._view, self._at)
        if opening is None:
            raise UnsuitableText(Phrase("this block of Lua code does not begin with a brace"), begin)
        end = find_block_end(self._view, opening.end())
        self._digest.update(opening[0].strip().encode())
        self._lua_blocks.append(LuaBlock(directive, opening.end(), end))
        self._feed.skip(opening.end(), end)
        self._at, self._words = end + 1, []

    def _skip_space(self, at: int) -> int:
        found = _SPACE_AND_COMMENTS.match(self._view, at)
        assert found is not None
        return found.end()
