"""Arguments of operations: parses typed words into a value, and renders a value as words.

An annotation on an operation's field describes how the argument is typed: `Annotated[Target, Positional(…)]` is
positional, `Annotated[bool, Flag(…)]` is `--name`. `commands.language.grammar` binds by these and by nothing else.
"""

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from adapters.errors import RequestError
from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Moment, Phrase

MAX_TARGET_PARTS = 100
"""Maximum parts of one target. Longer lists are better typed as a label, a glob or `all`."""

MAX_SHOWN_LENGTH = 40
"""Maximum characters of a typed word in an error message."""

MAX_SUGGESTIONS = 3
"""Maximum suggestions for an unknown word."""


class BadArgument(RequestError):
    """A word that is no valid argument. `part` is that word, `nearest` are valid words close to it."""

    def __init__(self, phrase: Phrase, *, part: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(phrase)
        self.part = part
        self.nearest = nearest


class NoSuchHost(BadArgument):
    """A target that matches no host of the inventory."""


@dataclass(frozen=True)
class Positional:
    """A positional argument: one word, or with `many` all remaining words.

    `parse` may raise `BadArgument`; `render` returns words that `parse` accepts. `multiline`: a form has room for several
    lines. `labeled`: the label of a button has it; long texts are left out.
    """

    placeholder: str
    meaning: Phrase
    parse: Callable[[tuple[str, ...]], Any]
    render: Callable[[Any], tuple[str, ...]]
    many: bool = False
    multiline: bool = False
    labeled: bool = True


@dataclass(frozen=True)
class Flag:
    """A boolean argument, typed `--name`."""

    meaning: Phrase


@dataclass(frozen=True)
class Option:
    """An argument with a value, typed `--name VALUE` or `--name=VALUE`; `parse` and `render` as in `Positional`.

    `flag_value` is used where the option has no value; None where a value is required. `describe` describes the value on a
    button; None where the value is shown as it is typed. `labeled` as in `Positional`.
    """

    placeholder: str
    meaning: Phrase
    parse: Callable[[str], Any]
    render: Callable[[Any], str]
    flag_value: str | None = None
    describe: Callable[[Any], Phrase] | None = None
    labeled: bool = True


MAX_REASON_LENGTH = 500
"""Maximum characters of a reason: two sentences, short enough for an approver on a phone."""


def parse_reason(text: str) -> str:
    """Parses a reason into one line. Raises `BadArgument` if it is empty or too long."""
    told = " ".join(text.split())
    if not told:
        raise BadArgument(Phrase("enter a reason"), part=text)
    if len(told) > MAX_REASON_LENGTH:
        raise BadArgument(Phrase("a reason can have up to {n} characters", n=MAX_REASON_LENGTH), part=told)
    return told


ReasonOption = Annotated[
    str, Option("reason", Phrase("reason, shown to approvers and kept in the audit log"), parse_reason, str)
]


class Target(BaseModel):
    """The hosts of a request: names, globs, labels, `all`. A host that matches any part belongs to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(self.parts)

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> "Target":
        """Parses `host-a,host-b`, also with spaces or the Japanese comma. Raises `BadArgument`."""
        typed = " ".join(words).strip()
        parts = re.split(r"\s*[,、]\s*|\s+", typed)
        if "" in parts:
            phrase = Phrase("a host is missing before or after a comma. Example: {example}", example="host-a,host-b")
            raise BadArgument(phrase, part=typed)
        if len(parts) > MAX_TARGET_PARTS:
            phrase = Phrase(
                "you can list up to {n} hosts by name. Use a label, a pattern or all instead", n=MAX_TARGET_PARTS
            )
            raise BadArgument(phrase, part=parts[MAX_TARGET_PARTS])
        return cls(parts=tuple(_parse_part(part) for part in parts))

    def resolve(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns the matching hosts, each once, in the inventory's order. Raises `NoSuchHost` if a part matches none."""
        meant = {host.name for part in self.parts for host in _find_hosts(part, inventory)}
        return tuple(host for host in inventory.hosts if host.name in meant)

    def resolve_reachable(self, inventory: Inventory) -> tuple[Host, ...]:
        """As `resolve`, and hosts that are being added where their names are given: no pattern or label matches them."""
        added = {each.name: each.host for each in inventory.joining if each.host is not None}
        members = tuple(part for part in self.parts if part not in added)
        found = Target(parts=members).resolve(inventory) if members else ()
        return (*found, *(host for name, host in added.items() if name in self.parts))


EVERY_HOST = "all"
"""The part of a target that means every host."""

ALL_HOSTS = Target(parts=(EVERY_HOST,))

NO_TARGET = Target(parts=())
"""Hosts of a request that names none."""


def find_meant_names(target: str, inventory: Inventory) -> frozenset[str]:
    """Finds the names of the hosts that a stored target means now.

    Each part also means the host of that very name, even if the inventory has it no more: a target never means less than
    its text.
    """
    return frozenset(name for part in target.split(",") for name in _find_part_names(part, inventory))


def _find_part_names(part: str, inventory: Inventory) -> tuple[str, ...]:
    try:
        return (part, *(host.name for host in Target.parse((part,)).resolve(inventory)))
    except BadArgument:
        return (part,)


def make_choice_parser(*words: str) -> Callable[[tuple[str, ...]], str]:
    """Makes a parser that accepts one of these words."""

    def parse(typed: tuple[str, ...]) -> str:
        said = typed[0].lower()
        if said not in words:
            phrase = Phrase(
                "{part} is not valid here. Use one of {words}", part=shorten_argument(typed[0]), words=Listing(words)
            )
            raise BadArgument(phrase, part=typed[0], nearest=find_nearest(said, words) or words)
        return said

    return parse


def make_number_parser(words: str) -> Callable[[str], int]:
    """Makes a parser of list numbers, `7` or `#7`. `words` is the command that shows the list."""

    def parse(text: str) -> int:
        typed = text.strip()
        if not re.fullmatch(r"#?[1-9][0-9]{0,8}", typed):
            raise BadArgument(
                Phrase("{part} is not a number. Run {words} for the list", part=shorten_argument(text), words=words),
                part=text,
            )
        return int(typed.lstrip("#"))

    return parse


def _make_target_argument(meaning: Phrase, *, many: bool = True) -> Positional:
    """Makes the positional argument for hosts."""
    return Positional("target", meaning, Target.parse, lambda target: (str(target),), many=many)


TargetArgument = Annotated[
    Target,
    _make_target_argument(Phrase("comma-separated hosts, labels or patterns: host-a,tokyo,host-*. Default: all")),
]

HostsArgument = Annotated[
    Target,
    _make_target_argument(Phrase("comma-separated hosts, labels or patterns (such as host-a,tokyo,host-*), or all")),
]
"""`TargetArgument` for changes, where it is required."""

OneWordTarget = Annotated[
    Target,
    _make_target_argument(Phrase("comma-separated hosts, labels or patterns without spaces, or all"), many=False),
]
"""`TargetArgument` as a single word, for operations with further positional arguments."""


def resolve_one_host(target: Target, inventory: Inventory) -> Host:
    """Resolves a target to a single host. Raises `BadArgument` if it matches several."""
    meant = target.resolve(inventory)
    if len(meant) == 1:
        return meant[0]
    phrase = Phrase("{part} matches {n} hosts. Specify one host", part=str(target), n=len(meant))
    raise BadArgument(phrase, part=str(target), nearest=tuple(host.name for host in meant[:MAX_SUGGESTIONS]))


def find_nearest(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Returns known words close to an unknown one, the closest first."""
    return tuple(difflib.get_close_matches(word[:MAX_SHOWN_LENGTH].lower(), sorted(known), n=MAX_SUGGESTIONS))


def shorten_argument(word: str) -> str:
    """Shortens a typed word for an error message."""
    return word if len(word) <= MAX_SHOWN_LENGTH else word[: MAX_SHOWN_LENGTH - 1] + "…"


def _parse_part(part: str) -> str:
    if part.startswith("-"):
        raise BadArgument(
            Phrase(
                "{part} looks like an option, not a host. Write options without quotes",
                part=shorten_argument(part),
            ),
            part=part,
        )
    if re.match(r"\d\d?:\d\d", part, re.ASCII):
        phrase = Phrase(
            "{part} is not a host. Write date and time as one word: {example}",
            part=shorten_argument(part),
            example="2026-01-31T14:20",
        )
        raise BadArgument(phrase, part=part)
    if not re.fullmatch(r"[a-z0-9*?][a-z0-9_.*?-]*", part.lower()):
        phrase = Phrase(
            "{part} is not a valid host name. Use letters, digits and hyphens, and * as a wildcard",
            part=shorten_argument(part),
        )
        raise BadArgument(phrase, part=part)
    return part.lower()


def _find_hosts(part: str, inventory: Inventory) -> Sequence[Host]:
    """Finds the hosts of one part: `all`, a glob, a name or a label, in this order."""
    if part == EVERY_HOST:
        return inventory.hosts
    if "*" in part or "?" in part:
        matching = [host for host in inventory.hosts if fnmatch.fnmatchcase(host.name, part)]
        return matching or _raise_no_match(part)
    host = inventory.find_host(part)
    return (host,) if host is not None else inventory.find_by_label(part) or _raise_no_host(part, inventory)


def _raise_no_match(part: str) -> Sequence[Host]:
    raise NoSuchHost(
        Phrase("no host matches {part}. Run {words} for the list", part=shorten_argument(part), words="host"), part=part
    )


def _raise_no_host(part: str, inventory: Inventory) -> Sequence[Host]:
    if inventory.find_joining(part) is not None:
        words = f"host show {part}"
        phrase = Phrase(
            "{host} is being added, and is not a member yet. Run {words} for what it waits for", host=part, words=words
        )
        raise NoSuchHost(phrase, part=part)
    if (removed := inventory.find_removed(part)) is not None:
        raise NoSuchHost(Phrase("{host} was removed {at}", host=part, at=Moment(removed.since)), part=part)
    near = find_nearest(part, {*inventory.names, *inventory.labels})
    if not near:
        phrase = Phrase("no host or label named {part}. Run {words} for the list", part=shorten_argument(part), words="host")
        raise NoSuchHost(phrase, part=part)
    phrase = Phrase(
        "no host or label named {part}. Did you mean {nearest}?",
        plural="no host or label named {part}. Closest matches: {nearest}",
        part=shorten_argument(part),
        nearest=Listing(near),
        n=len(near),
    )
    raise NoSuchHost(phrase, part=part, nearest=near)


def make_text_argument(placeholder: str, meaning: Phrase) -> Positional:
    """Makes a free-text argument that takes the rest of the line."""
    return Positional(
        placeholder,
        meaning,
        lambda words: parse_reason(" ".join(words)),
        lambda told: (told,),
        many=True,
        multiline=True,
    )
