"""One argument: typed words to one typed value, and back to words.

A field of an operation says with an annotation how it is typed: `Annotated[Target, Positional(…)]`
stands by its place, `Annotated[bool, Flag(…)]` is `--name`. `commands.language.grammar` binds by these and
by nothing else.
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
from adapters.phrase import Listing, Phrase

PARTS_LIMIT = 100
"""Parts of one target; whoever names more means a label, a glob or `all`."""

SHOWN = 40
"""Characters of a typed word that an error repeats."""

NEAREST = 3
"""Words offered in place of one that is not known."""


class BadArgument(RequestError):
    """A word that cannot stand where it stands. `part` is that word, `nearest` are words that could."""

    def __init__(self, phrase: Phrase, *, part: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(phrase)
        self.part = part
        self.nearest = nearest


class NoSuchHost(BadArgument):
    """A target that names nothing in the inventory."""


@dataclass(frozen=True)
class Positional:
    """An argument known by its place: one word, or with `many` all that are left.

    `parse` may raise `BadArgument`; `render` gives words that `parse` reads back.
    """

    placeholder: str
    meaning: Phrase
    parse: Callable[[tuple[str, ...]], Any]
    render: Callable[[Any], tuple[str, ...]]
    many: bool = False


@dataclass(frozen=True)
class Flag:
    """A yes-or-no argument, typed `--name`."""

    meaning: Phrase


@dataclass(frozen=True)
class Option:
    """An argument with a value, typed `--name VALUE` or `--name=VALUE`; `parse` and `render` as in `Positional`.

    `bare` is the value where the name stands alone; None where it needs one.
    """

    placeholder: str
    meaning: Phrase
    parse: Callable[[str], Any]
    render: Callable[[Any], str]
    bare: str | None = None


REASON_LIMIT = 500
"""Characters of a reason: two sentences, as an approver on a phone reads them."""


def reason(text: str) -> str:
    """A reason as it was typed, on one line; `BadArgument` where it is empty or too long."""
    told = " ".join(text.split())
    if not told:
        raise BadArgument(Phrase("the reason is empty; say in a few words why"), part=text)
    if len(told) > REASON_LIMIT:
        raise BadArgument(Phrase("a reason has at most {n} characters", n=REASON_LIMIT), part=told)
    return told


Reason = Annotated[str, Option("reason", Phrase("why, for whoever approves and for the audit log"), reason, str)]


class Target(BaseModel):
    """The hosts that a request means: names, globs, labels, `all`; any of them fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(self.parts)

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> "Target":
        """`host-a,host-b`, also with spaces or the Japanese comma; `BadArgument` where it is no target."""
        typed = " ".join(words).strip()
        parts = re.split(r"\s*[,、]\s*|\s+", typed)
        if "" in parts:
            phrase = Phrase("a host is missing beside a comma; write for example {example}", example="host-a,host-b")
            raise BadArgument(phrase, part=typed)
        if len(parts) > PARTS_LIMIT:
            phrase = Phrase("at most {n} hosts can be named one by one; use a label, a pattern or all", n=PARTS_LIMIT)
            raise BadArgument(phrase, part=parts[PARTS_LIMIT])
        return cls(parts=tuple(_part(part) for part in parts))

    def resolve(self, inventory: Inventory) -> tuple[Host, ...]:
        """The hosts meant, each once, in the inventory's order; `NoSuchHost` where a part names none."""
        meant = {host.name for part in self.parts for host in _named(part, inventory)}
        return tuple(host for host in inventory.hosts if host.name in meant)


ALL = Target(parts=("all",))


def choice(*words: str) -> Callable[[tuple[str, ...]], str]:
    """A reader of one of these words."""

    def parse(typed: tuple[str, ...]) -> str:
        said = typed[0].lower()
        if said not in words:
            phrase = Phrase("{part} cannot stand here; it is one of {words}", part=shown(typed[0]), words=Listing(words))
            raise BadArgument(phrase, part=typed[0], nearest=nearest(said, words) or words)
        return said

    return parse


def numbered(words: str) -> Callable[[str], int]:
    """A reader of numbers as a list has them, `7` or `#7`; `words` ask for the list."""

    def parse(text: str) -> int:
        typed = text.strip()
        if not re.fullmatch(r"#?[1-9][0-9]{0,8}", typed):
            raise BadArgument(Phrase("{part} is no number; {words} lists them", part=shown(text), words=words), part=text)
        return int(typed.lstrip("#"))

    return parse


def _target(meaning: Phrase, *, many: bool = True) -> Positional:
    """The argument that names hosts."""
    return Positional("target", meaning, Target.parse, lambda target: (str(target),), many=many)


TargetArgument = Annotated[
    Target,
    _target(
        Phrase("hosts by name, label or pattern, with commas between them: host-a,tokyo,host-*; all of them if left out")
    ),
]

HostsArgument = Annotated[
    Target, _target(Phrase("hosts by name, label or pattern, with commas between them: host-a,tokyo,host-*; or all"))
]
"""The same for changes: never left out."""

OneWordTarget = Annotated[
    Target,
    _target(Phrase("hosts by name, label or pattern, with commas and no spaces between them; or all"), many=False),
]
"""The same where something else follows."""


def nearest(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """What may have been meant by a word that is not known; the best first."""
    return tuple(difflib.get_close_matches(word[:SHOWN].lower(), sorted(known), n=NEAREST))


def shown(word: str) -> str:
    """A typed word as an error repeats it, cut where it is long."""
    return word if len(word) <= SHOWN else word[: SHOWN - 1] + "…"


def _part(part: str) -> str:
    if part.startswith("-"):
        raise BadArgument(
            Phrase(
                "{part} looks like an option, and no host can be called so; write options without quotes", part=shown(part)
            ),
            part=part,
        )
    if re.match(r"\d\d?:\d\d", part, re.ASCII):
        phrase = Phrase(
            "{part} cannot be a host; write a day and its time as one word: {example}",
            part=shown(part),
            example="2026-01-31T14:20",
        )
        raise BadArgument(phrase, part=part)
    if not re.fullmatch(r"[a-z0-9*?][a-z0-9_.*?-]*", part.lower()):
        phrase = Phrase(
            "{part} cannot be a host; names have letters, digits and hyphens, and * stands for any of them", part=shown(part)
        )
        raise BadArgument(phrase, part=part)
    return part.lower()


def _named(part: str, inventory: Inventory) -> Sequence[Host]:
    """The hosts of one part: `all`, else the pattern, else the name, else the label."""
    if part == "all":
        return inventory.hosts
    if "*" in part or "?" in part:
        matching = [host for host in inventory.hosts if fnmatch.fnmatchcase(host.name, part)]
        return matching or _no_match(part)
    host = inventory.host(part)
    return (host,) if host is not None else inventory.labelled(part) or _no_host(part, inventory)


def _no_match(part: str) -> Sequence[Host]:
    raise NoSuchHost(Phrase("no host's name matches {part}; {words} lists them", part=shown(part), words="host"), part=part)


def _no_host(part: str, inventory: Inventory) -> Sequence[Host]:
    near = nearest(part, {*inventory.names, *inventory.labels})
    if not near:
        phrase = Phrase("no host or label is called {part}; {words} lists them", part=shown(part), words="host")
        raise NoSuchHost(phrase, part=part)
    phrase = Phrase(
        "no host or label is called {part}; the nearest is {nearest}",
        plural="no host or label is called {part}; the nearest are {nearest}",
        part=shown(part),
        nearest=Listing(near),
        n=len(near),
    )
    raise NoSuchHost(phrase, part=part, nearest=near)
