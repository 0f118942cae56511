"""Redacts secrets in the lines that a host found, and drops lines whose match depends on hidden text. Pure.

raw line ─ sanitize_line ─▶ seen ─ redact alone ┬─ nothing hidden, or visible text matches ─▶ redact all together ─▶ shown
                                                └─ hidden text alone matches ─▶ dropped

A host searches raw lines, which have secrets, invisible parts (colors, the address of a link) and ends that are not
transferred. If such parts could decide on a match, a requester could find out a secret letter by letter. Therefore a line
is kept only if the pattern matches within a visible part of the raw line, outside of every redaction mark. Such a match
does not depend on hidden text. A match across a mark is dropped, too, because the hidden text cannot be enumerated.

Names of the fleet's hosts in place of their addresses. Pure.

| address | is that of a host |
| --- | --- |
| 10.100.N.1, 10.87.N.1 | whose ID is N: its address on the overlay and that of its bridge |
| in the configuration of one of its sides | unless it is a loopback address, or several hosts have it |

Any other address stays as it is.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import pairwise, product
from urllib.parse import urlsplit

from adapters.inventory import Host, Inventory
from commands.log_lines.lines import is_truncated, map_positions, sanitize_line, shorten_line

REDACTION_MARK = "[redacted]"
"""Text in place of a secret, as in `bot.security.secret_patterns`. A test compares both."""

_HIDDEN_START = "\x1b]"
"""Start of a sequence that terminals never show: a title, the address of a link."""

_NEIGHBORS = ("x", "-")
"""Possible hidden neighbors of a word: a character that belongs to it, or one that does not."""

Redactor = Callable[[str], str]
PartMatcher = Callable[[str, int, int], bool]
"""Predicate: a part of a text, from one place to another, matches the search."""


def redact_and_filter(
    raw: Sequence[str], clean: Redactor, fits: PartMatcher | None, count_prefix: Callable[[str], int] = lambda line: 0
) -> tuple[tuple[int, str], ...]:
    """Sanitizes lines, redacts their secrets and drops those that do not match. `fits` is None without a search.

    Returns each line that is left, with its place among the raw ones.

    `count_prefix` counts the characters at the start of a raw line that the search ignores: a line begins after them.

    All lines are redacted together, because a key has many lines, and in their visible form, because invisible characters
    could separate a secret from its name. Each line is first redacted and matched alone, because a dropped
    line must not have a visible effect on its neighbors.
    """

    def is_found(line: str, seen: str, shown: str) -> bool:
        return fits is None or _is_found(_Redacted(line, seen, shown, count_prefix(line)), fits)

    left = [(at, line) for at, line in enumerate(raw) if fits is None or is_found(line, *_redact_lines([line], clean)[0])]
    while left:
        pairs = _redact_lines([line for _, line in left], clean)
        kept = [each for each, pair in zip(left, pairs, strict=True) if is_found(each[1], *pair)]
        if len(kept) == len(left):
            return tuple((at, shown) for (at, _), (_, shown) in zip(left, pairs, strict=True))
        left = kept
    return ()


def _redact_lines(raw: Sequence[str], clean: Redactor) -> list[tuple[str, str]]:
    """Returns each line in its visible form, before and after redaction."""
    seen = [sanitize_line(line) for line in raw]
    return list(zip(seen, clean("\n".join(seen)).split("\n"), strict=True))


@dataclass(frozen=True)
class _VisiblePart:
    """Part of a line, from one place to another; `after_hidden`, `before_hidden`: hidden text is next to it."""

    begin: int
    end: int
    after_hidden: bool
    before_hidden: bool

    def move(self, by: int) -> "_VisiblePart":
        """Moves the part; what is before the text's beginning is dropped."""
        return replace(self, begin=max(self.begin + by, 0), end=self.end + by)


@dataclass(frozen=True)
class _Redacted:
    """A line as the host returned it, in its visible form, and redacted; `prefix` characters are not searched."""

    raw: str
    seen: str
    shown: str
    prefix: int


def _is_found(line: _Redacted, fits: PartMatcher) -> bool:
    if line.raw == line.shown and not is_truncated(line.seen):
        return True
    parts = _find_visible_parts(line.raw, line.seen, line.shown)
    searched = (part.move(-line.prefix) for part in parts if part.end > line.prefix)
    return any(_fits_whatever_is_hidden(line.raw[line.prefix :], part, fits) for part in searched)


def _fits_whatever_is_hidden(raw: str, part: _VisiblePart, fits: PartMatcher) -> bool:
    """Returns whether a part matches for any hidden text next to it: a word may end there or continue."""
    before = _NEIGHBORS if part.after_hidden else (raw[: part.begin],)
    behind = _NEIGHBORS if part.before_hidden else (raw[part.end :],)
    text = raw[part.begin : part.end]
    return all(fits(f"{one}{text}{other}", len(one), len(one) + len(text)) for one, other in product(before, behind))


def _find_visible_parts(raw: str, seen: str, shown: str) -> Iterator[_VisiblePart]:
    """Finds the visible parts of a raw line. Colors and breaks may be within a part, because they hide nothing."""
    where = map_positions(raw)
    for part in _find_shown_parts(seen, shown):
        known = where[part.begin : part.end]
        edges = [
            0,
            *(at for at, (one, other) in enumerate(pairwise(known), 1) if _HIDDEN_START in raw[one:other]),
            len(known),
        ]
        for first, last in pairwise(edges):
            if first < last:
                after, before = part.after_hidden and first == 0, part.before_hidden and last == len(known)
                yield _VisiblePart(known[first], known[last - 1] + 1, after, before)


def _find_shown_parts(seen: str, shown: str) -> Iterator[_VisiblePart]:
    """Finds the parts of a visible line that are outside of every mark and within its shown part."""
    parts = (shorten_line(shown).removesuffix("…") if is_truncated(seen) else shown).split(REDACTION_MARK)
    at = 0
    for number, part in enumerate(parts):
        begin = seen.find(part, at) if number else 0
        if begin < 0 or not seen.startswith(part, begin):
            return
        at = begin + len(part)
        yield _VisiblePart(begin, at, number > 0, number < len(parts) - 1 or at < len(seen))


_ADDRESS = re.compile(r"(?<![0-9A-Za-z_.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
"""An IPv4 address that does not continue a word."""

_CONTINUATION = re.compile(r"[0-9A-Za-z_]|\.[0-9]|/[0-9]")
"""Text after an address that makes it something else: a version, a network."""


def map_host_names(inventory: Inventory) -> Mapping[str, str]:
    """Maps every address that belongs to exactly one host to the host's name."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for host in inventory.hosts:
        for address in _list_addresses(host):
            owners[address].add(host.name)
    return {address: min(names) for address, names in owners.items() if len(names) == 1}


def name_hosts(text: str, names: Mapping[str, str]) -> str:
    """Replaces the addresses of hosts in a text by their names. A network such as 10.100.1.1/16 stays."""

    def name(found: re.Match[str]) -> str:
        continues = _CONTINUATION.match(text, found.end()) is not None
        return found[0] if continues else names.get(found[0], found[0])

    return _ADDRESS.sub(name, text) if names else text


def _list_addresses(host: Host) -> Iterator[str]:
    yield str(host.overlay.ip)
    yield str(host.bridge.ip)
    urls = [side.url for side in (host.windows, host.gateway) if side is not None]
    configured = [*(urlsplit(url).hostname for url in urls), *([host.wsl.address] if host.wsl is not None else [])]
    yield from (address for address in configured if address is not None and _is_specific(address))


def _is_specific(address: str) -> bool:
    try:
        parsed = IPv4Address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)
