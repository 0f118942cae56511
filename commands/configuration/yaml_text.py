"""YAML as nodes with places, and splices that add or remove one entry. Strict, pure, and the only importer of ruamel.yaml.

    bytes ─ parse_yaml ─▶ Node and Entry, each with its place ─ insert_entry, cut_entry ─▶ splices

Anchors, aliases, tags, several documents and keys that occur twice are refused with their place: an edit of one place could
change another, or have no effect.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from adapters.phrase import Phrase
from commands.configuration.splice import Splice, Splices, UnsuitableText, restore_bytes, view_bytes

MAX_SIZE = 100_000
"""Maximum bytes. A configuration of Nebula has a few thousand, and ruamel.yaml takes seconds for 100,000."""

_BOM = "\u01ef\u01bb\u01bf"
"""The byte order mark of UTF-8 in a view."""


@dataclass(frozen=True)
class Scalar:
    """A single value as it is written, without its quotes. `plain`: it has none. Equal if both are."""

    text: str
    plain: bool


Meaning = Scalar | list["Meaning"] | dict[str, "Meaning"]
"""A document without places, for comparisons. Mappings have no order."""


@dataclass(frozen=True)
class Node:
    """A node and its place. `entries` are those of a list or a mapping, `flow` means brackets or braces."""

    begin: int
    end: int
    meaning: Meaning
    entries: tuple["Entry", ...] = ()
    flow: bool = False


@dataclass(frozen=True)
class Entry:
    """An item of a list, or a key with its value: `begin` is where it begins, `key_end` where the key ends."""

    begin: int
    key: str
    key_end: int
    value: Node

    @property
    def end(self) -> int:
        """Offset after its last character: a block ends with its last entry, not at the next one."""
        node = self.value
        while node.entries and not node.flow:
            node = node.entries[-1].value
        return node.end


@dataclass(frozen=True)
class Yaml:
    """A document: its view, and its root."""

    view: str
    root: Node


def parse_yaml(text: bytes) -> Yaml:
    """Parses one document. Raises `UnsuitableText`."""
    if len(text) > MAX_SIZE:
        raise UnsuitableText(Phrase("the file has more than {n} bytes. Edit this file by hand", n=MAX_SIZE))
    view = view_bytes(text)
    shift = len(_BOM) if view.startswith(_BOM) else 0
    try:
        composed = YAML(typ="rt", pure=True).compose(view[shift:])
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnsuitableText(_explain_syntax(), None if mark is None else mark.index + shift) from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise UnsuitableText(_explain_syntax()) from error
    if composed is None:
        raise UnsuitableText(_explain_syntax())
    return Yaml(view, _convert(composed, view, shift))


def find_entry(node: Node, key: str) -> Entry | None:
    """Finds the entry of a key in a mapping; None if there is none."""
    return next((entry for entry in node.entries if entry.key == key), None)


def insert_entry(yaml: Yaml, parent: Entry, row: str, block_row: str) -> Splices:
    """Makes the splices that add an entry: `row` as written in brackets, `block_row` as written on a line of its own."""
    node = parent.value
    if node.flow:
        if not node.entries:
            return (_make_splice(node.begin + 1, row),)
        if isinstance(node.meaning, dict):
            return (_make_splice(node.begin + 1, f"{row}, "),)
        return (_make_splice(node.entries[-1].end, f", {row}"),)
    newline = "\r\n" if "\r\n" in yaml.view else "\n"
    if not node.entries:
        indent = " " * (_find_column(yaml.view, parent.begin) + 2)
        return (_make_splice(_find_line_end(yaml.view, parent.key_end), f"{newline}{indent}{block_row}"),)
    if isinstance(node.meaning, dict):
        indent = " " * _find_column(yaml.view, node.begin)
        return (_make_splice(node.begin, f"{block_row}{newline}{indent}"),)
    indent = " " * _find_column(yaml.view, node.begin)
    return (_make_splice(_find_line_end(yaml.view, node.entries[-1].end), f"{newline}{indent}{block_row}"),)


def cut_entry(yaml: Yaml, parent: Entry, place: int) -> Splices:
    """Makes the splices that remove an entry, and the comment on its line. A last entry leaves empty brackets."""
    entries, entry = parent.value.entries, parent.value.entries[place]
    if parent.value.flow:
        if place + 1 < len(entries):
            return (_make_cut(yaml.view, entry.begin, entries[place + 1].begin),)
        if place:
            return (_make_cut(yaml.view, entries[place - 1].end, entry.end),)
        return (_make_cut(yaml.view, parent.value.begin + 1, parent.value.end - 1),)
    begin = yaml.view.rfind("\n", 0, entry.begin) + 1
    end = yaml.view.find("\n", entry.end) + 1 or len(yaml.view)
    if end == len(yaml.view) and not yaml.view.endswith("\n"):
        begin = _find_line_end(yaml.view, max(begin - 1, 0))
    rows = (_make_cut(yaml.view, begin, end),)
    if len(entries) > 1:
        return rows
    colon = yaml.view.index(":", parent.key_end) + 1
    return _make_splice(colon, " {}" if isinstance(parent.value.meaning, dict) else " []"), *rows


def _explain_syntax() -> Phrase:
    return Phrase("this is not valid YAML. Fix it first")


def _convert(node: Any, view: str, shift: int) -> Node:
    """Converts a node of ruamel.yaml, whose places are `shift` characters too small."""
    begin, end = node.start_mark.index + shift, node.end_mark.index + shift
    if node.anchor is not None or view.startswith("!", begin):
        raise UnsuitableText(Phrase("a tag, an anchor or an alias is here. Write its value out first"), begin)
    if isinstance(node, ScalarNode):
        return Node(begin, end, Scalar(node.value, node.style not in ("'", '"')))
    if isinstance(node, SequenceNode):
        values = [_convert(each, view, shift) for each in node.value]
        items = tuple(Entry(value.begin, "", value.begin, value) for value in values)
        return Node(begin, end, [each.value.meaning for each in items], items, bool(node.flow_style))
    assert isinstance(node, MappingNode)
    entries = tuple(_convert_entries(node, view, shift))
    return Node(begin, end, {each.key: each.value.meaning for each in entries}, entries, bool(node.flow_style))


def _convert_entries(node: Any, view: str, shift: int) -> Iterator[Entry]:
    known = set[str]()
    for key_node, value_node in node.value:
        key, value = _convert(key_node, view, shift), _convert(value_node, view, shift)
        if not isinstance(key.meaning, Scalar) or key.meaning.text == "<<":
            raise UnsuitableText(Phrase("this key is not a plain word"), key.begin)
        if key.meaning.text in known:
            raise UnsuitableText(Phrase("the key {key} occurs twice. Remove one", key=key.meaning.text), key.begin)
        known.add(key.meaning.text)
        yield Entry(key.begin, key.meaning.text, key.end, value)


def _find_column(view: str, offset: int) -> int:
    return offset - (view.rfind("\n", 0, offset) + 1)


def _find_line_end(view: str, offset: int) -> int:
    """Finds the end of a line, before its line break."""
    end = view.find("\n", offset)
    end = len(view) if end < 0 else end
    return end - (end > offset and view[end - 1] == "\r")


def _make_splice(offset: int, inserted: str) -> Splice:
    return Splice(offset, b"", inserted.encode("ascii"))


def _make_cut(view: str, begin: int, end: int) -> Splice:
    return Splice(begin, restore_bytes(view[begin:end]), b"")
