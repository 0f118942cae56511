"""config.yaml of Nebula: its blocklist and its static_host_map, and the splices of one entry. Pure.

`nebula -test` accepts a misspelt key and any text as a fingerprint, and then blocks nothing. So a key that may be a
misspelling is refused, a fingerprint has 64 lower-case hexadecimal digits, and the new text is parsed again.
"""

import copy
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from adapters.phrase import Phrase
from commands.configuration.splice import Splice, Splices, UnsuitableText, apply_splices, require_intended, restore_bytes
from commands.configuration.yaml_text import (
    Entry,
    Meaning,
    Node,
    Scalar,
    Yaml,
    cut_entry,
    find_entry,
    insert_entry,
    parse_yaml,
)

PKI_PATHS = ("ca", "cert", "key")
"""Keys of `pki` that name the files of an identity."""

_SILENT_LEVELS = frozenset({"panic", "fatal", "error", "warn", "warning"})
"""Levels at which Nebula logs neither what it blocks nor whom it accepts."""

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_LIKENESS = 0.75
"""Ratio from which a key may be a misspelling of another one (`difflib`)."""


def is_fingerprint(text: str) -> bool:
    """Returns whether a text is a fingerprint that Nebula compares: with other texts, it blocks no certificate."""
    return _FINGERPRINT.fullmatch(text) is not None


def read_blocklist(text: bytes) -> tuple[str, ...]:
    """Reads `pki.blocklist`, also entries that are no fingerprints. Raises `UnsuitableText`."""
    entry = _find_blocklist(parse_yaml(text))
    return () if entry is None else _read_scalars(entry.value)


def explain_silent_log(text: bytes) -> Phrase | None:
    """Explains that Nebula logs nothing by which a change could be proven; None if it does. Raises `UnsuitableText`."""
    section = find_entry(parse_yaml(text).root, "logging")
    entry = None if section is None else find_entry(section.value, "level")
    level = entry.value.meaning if entry is not None else None
    if not isinstance(level, Scalar) or level.text.lower() not in _SILENT_LEVELS:
        return None
    return Phrase(
        "{key} is {level}, so Nebula logs nothing that proves it. Set it to info", key="logging.level", level=level.text
    )


def block_fingerprint(text: bytes, fingerprint: str) -> Splices:
    """Makes the splices that add a fingerprint to `pki.blocklist`; none if it is there. Raises `UnsuitableText`."""
    if not is_fingerprint(fingerprint):
        raise ValueError("a fingerprint has 64 lower-case hexadecimal digits")
    yaml, row = parse_yaml(text), f'"{fingerprint}"'  # plain digits with an e would be a number
    entry = _find_blocklist(yaml)
    if entry is not None and fingerprint in _read_scalars(entry.value):
        return ()
    splices = _insert_blocklist(yaml, row) if entry is None else insert_entry(yaml, entry, row, f"- {row}")

    def intend(root: dict[str, Meaning]) -> None:
        listed = cast(dict[str, Meaning], root["pki"])
        before = listed.get("blocklist")
        listed["blocklist"] = [*(before if isinstance(before, list) else ()), Scalar(fingerprint, plain=False)]

    return _require(text, splices, intend)


def add_blocks(text: bytes, fingerprints: Iterable[str]) -> bytes:
    """Returns the text with these fingerprints in `pki.blocklist`, each once. Raises `UnsuitableText`."""
    present = read_blocklist(text)
    for fingerprint in dict.fromkeys(fingerprints):
        if fingerprint not in present:
            text = apply_splices(text, block_fingerprint(text, fingerprint))
    return text


def unblock_fingerprint(text: bytes, fingerprint: str) -> Splices:
    """Makes the splices that remove an entry from `pki.blocklist`, of any form; none if it is absent."""
    yaml = parse_yaml(text)
    entry = _find_blocklist(yaml)
    places = [] if entry is None else [at for at, each in enumerate(_read_scalars(entry.value)) if each == fingerprint]
    if entry is None or not places:
        return ()

    def intend(root: dict[str, Meaning]) -> None:
        del cast(list[Meaning], cast(dict[str, Meaning], root["pki"])["blocklist"])[places[0]]

    return _require(text, cut_entry(yaml, entry, places[0]), intend)


def keep_pki(text: bytes, present: bytes) -> Splices:
    """Makes the splices after which a text names the CA file, certificate and key of the present one.

    Raises `UnsuitableText` if one of the two does not name all three as paths.
    """
    yaml, kept = parse_yaml(text), parse_yaml(present)
    pairs = [(_find_path(yaml, name), _find_path(kept, name)) for name in PKI_PATHS]
    splices = tuple(
        Splice(old.begin, restore_bytes(yaml.view[old.begin : old.end]), restore_bytes(kept.view[new.begin : new.end]))
        for old, new in sorted(pairs, key=lambda pair: pair[0].begin)
        if old.meaning != new.meaning
    )

    def intend(root: dict[str, Meaning]) -> None:
        pki = cast(dict[str, Meaning], root["pki"])
        pki.update({name: new.meaning for name, (_, new) in zip(PKI_PATHS, pairs, strict=True)})

    return _require(text, splices, intend)


def name_pki(text: bytes, paths: Mapping[str, str]) -> Splices:
    """Makes the splices after which a text names these paths of CA file, certificate and key. Raises `UnsuitableText`."""
    yaml = parse_yaml(text)
    nodes = {name: _find_path(yaml, name) for name in PKI_PATHS}
    wrong = {name: node for name, node in nodes.items() if cast(Scalar, node.meaning).text != paths[name]}
    splices = tuple(
        Splice(node.begin, restore_bytes(yaml.view[node.begin : node.end]), _quote(paths[name]).encode())
        for name, node in sorted(wrong.items(), key=lambda pair: pair[1].begin)
    )

    def intend(root: dict[str, Meaning]) -> None:
        cast(dict[str, Meaning], root["pki"]).update({name: Scalar(paths[name], plain=False) for name in wrong})

    return _require(text, splices, intend)


def require_common(text: bytes, marks: Sequence[str]) -> None:
    """Requires a configuration that another host can have: of no lighthouse, and without the marks of its own host.

    `marks` are addresses and names. An entry of `static_host_map` is the same everywhere. Raises `UnsuitableText` with the
    place of what would be wrong elsewhere.
    """
    yaml = parse_yaml(text)
    lighthouse = _find_key(yaml.root, "lighthouse")
    own = None if lighthouse is None else find_entry(lighthouse.value, "am_lighthouse")
    if own is not None and own.value.meaning == Scalar("true", plain=True):
        raise UnsuitableText(Phrase("this is the configuration of a lighthouse"), own.begin)
    for entry in yaml.root.entries:
        if entry.key != "static_host_map":
            _require_unmarked(entry, marks)


def read_static_hosts(text: bytes) -> Mapping[str, tuple[str, ...]]:
    """Reads `static_host_map`: addresses of the underlay by the address on the overlay. Raises `UnsuitableText`."""
    entry = _find_static_hosts(parse_yaml(text))
    return {each.key: _read_scalars(each.value) for each in entry.value.entries}


def remove_static_host(text: bytes, overlay: str) -> Splices:
    """Makes the splices that remove an entry of `static_host_map`; none if it is absent. Raises `UnsuitableText`."""
    yaml = parse_yaml(text)
    entry = _find_static_hosts(yaml)
    places = [at for at, each in enumerate(entry.value.entries) if each.key == overlay]
    if not places:
        return ()

    def intend(root: dict[str, Meaning]) -> None:
        del cast(dict[str, Meaning], root["static_host_map"])[overlay]

    return _require(text, cut_entry(yaml, entry, places[0]), intend)


def _require_unmarked(entry: Entry, marks: Sequence[str]) -> None:
    texts = (entry.key, entry.value.meaning.text if isinstance(entry.value.meaning, Scalar) else "")
    for mark in marks:
        if any(re.search(rf"(?<![\w.-]){re.escape(mark)}(?![\w-]|\.\w)", text) for text in texts):
            raise UnsuitableText(Phrase("{mark} is of this host alone", mark=mark), entry.begin)
    for each in entry.value.entries:
        _require_unmarked(each, marks)


def _quote(text: str) -> str:
    """Quotes a text so that YAML takes every character as it is."""
    return "'" + text.replace("'", "''") + "'"


def _require(text: bytes, splices: Sequence[Splice], change: Callable[[dict[str, Meaning]], None]) -> Splices:
    """Returns the splices if they make exactly this change of the document."""

    def intend(before: Meaning) -> Meaning:
        after = copy.deepcopy(before)
        change(cast(dict[str, Meaning], after))
        return after

    require_intended(text, splices, lambda each: parse_yaml(each).root.meaning, intend)
    return tuple(splices)


def _find_pki(yaml: Yaml) -> Entry:
    pki = _find_key(yaml.root, "pki")
    if pki is None or not isinstance(pki.value.meaning, dict) or not pki.value.entries:
        raise UnsuitableText(Phrase("section pki not found, or without keys"), None if pki is None else pki.begin)
    return pki


def _find_blocklist(yaml: Yaml) -> Entry | None:
    """Finds the blocklist, which may be empty; None if there is none. Raises `UnsuitableText` if it is not a list."""
    entry = _find_key(_find_pki(yaml).value, "blocklist")
    if entry is not None and not isinstance(entry.value.meaning, list) and not _is_empty(entry.value):
        raise UnsuitableText(Phrase("{key} is not a list", key=entry.key), entry.begin)
    return entry


def _find_path(yaml: Yaml, name: str) -> Node:
    """Finds the path of a file of `pki`. Raises `UnsuitableText` if there is none, or if the file is written out there."""
    pki = _find_pki(yaml)
    entry = _find_key(pki.value, name)
    if entry is None or not isinstance(entry.value.meaning, Scalar) or "\n" in entry.value.meaning.text:
        place = pki.begin if entry is None else entry.begin
        raise UnsuitableText(Phrase("pki does not name {key} as the path of a file", key=name), place)
    return entry.value


def _find_static_hosts(yaml: Yaml) -> Entry:
    entry = _find_key(yaml.root, "static_host_map")
    if entry is None or not (isinstance(entry.value.meaning, dict) or _is_empty(entry.value)):
        raise UnsuitableText(Phrase("section static_host_map not found"), None if entry is None else entry.begin)
    return entry


def _find_key(node: Node, name: str) -> Entry | None:
    """Finds an entry by its key. Raises `UnsuitableText` if another key may be a misspelling of it."""
    for entry in node.entries:
        likeness = difflib.SequenceMatcher(None, entry.key.lower(), name).ratio()
        if entry.key != name and likeness >= _LIKENESS:
            raise UnsuitableText(
                Phrase("{key} may be a misspelling of {name}. Nebula ignores it. Fix it first", key=entry.key, name=name),
                entry.begin,
            )
    return find_entry(node, name)


def _insert_blocklist(yaml: Yaml, row: str) -> Splices:
    """Makes the splices that add a blocklist with one entry."""
    pki = _find_pki(yaml)
    if pki.value.flow:
        return insert_entry(yaml, pki, f"blocklist: [{row}]", "")
    indent = " " * (pki.value.begin - yaml.view.rfind("\n", 0, pki.value.begin) - 1)
    newline = "\r\n" if "\r\n" in yaml.view else "\n"
    return insert_entry(yaml, pki, "", f"blocklist:{newline}{indent}  - {row}")


def _is_empty(node: Node) -> bool:
    return node.meaning == Scalar("", plain=True)


def _read_scalars(node: Node) -> tuple[str, ...]:
    """Reads the items of a list. Raises `UnsuitableText` if one of them is not a single value."""
    texts = list[str]()
    for entry in node.entries:
        if not isinstance(entry.value.meaning, Scalar):
            raise UnsuitableText(Phrase("this entry is not a single value"), entry.begin)
        texts.append(entry.value.meaning.text)
    return tuple(texts)
