"""Scope of a silence: parses what it silences, and finds the alerts that it means. Pure.

    host-a, host-*          every alert of these hosts
    label:tokyo             every alert of the hosts with that label, as it is set when the alert is judged
    host-a/nebula           one subject or condition of a host: host-a/disk, host-a/container/web
    disk, change/op-…       one condition or subject, of all hosts and of the bot itself
    all                     everything but conditions whose rule is `named_only`

Several parts are separated by commas.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase
from commands.alerts.conditions import CONDITION_RULES, Condition
from commands.values.arguments import EVERY_HOST, MAX_TARGET_PARTS, BadArgument, find_nearest, shorten_argument

LABEL_PREFIX = "label:"

SUBJECT_WORDS = frozenset({"ca", "change", "host", "peers"}) | {condition.value for condition in Condition}
"""First parts of the subjects of alerts."""

_PART = re.compile(r"(?:label:[a-z0-9][a-z0-9_.-]*|[a-z0-9*?][a-z0-9_.*?-]*)(?:/[^\s/\x00-\x1f][^\x00-\x1f]{0,199})?")
"""Pattern of one part: hosts, a label or a condition, then a subject. Subjects may hold a drive or a path."""

_EXAMPLE = "host-a, host-a/nebula, label:tokyo, disk"


@dataclass(frozen=True)
class AlertKey:
    """Identity of an alert, as a scope judges it. `host` is "" for the bot itself and for a CA."""

    host: str
    subject: str
    condition: Condition


class SilenceScope(BaseModel):
    """Scope of a silence. A part names hosts, a label, a condition or subject, or both with a slash."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(self.parts)

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> "SilenceScope":
        """Parses `host-a,label:tokyo`, also with the Japanese comma. Raises `BadArgument`."""
        typed = " ".join(words).strip()
        parts = re.split(r"\s*[,、]\s*", typed)
        if len(parts) > MAX_TARGET_PARTS:
            phrase = Phrase("a silence can have up to {n} parts. Use a label, a pattern or all instead", n=MAX_TARGET_PARTS)
            raise BadArgument(phrase, part=parts[MAX_TARGET_PARTS])
        return cls(parts=tuple(_parse_part(part) for part in parts))

    def resolve(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns the hosts whose alerts it may hide; all for a condition. Raises `BadArgument` if a part means nothing."""
        meant = {host.name for part in self.parts for host in _resolve_part(part, inventory)}
        return tuple(host for host in inventory.hosts if host.name in meant)

    def find_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns the hosts whose alerts it may hide now. Parts that mean nothing any more are left out."""
        known = SilenceScope(parts=tuple(part for part in self.parts if _is_known(part, inventory)))
        return known.resolve(inventory)

    def make_matcher(self, inventory: Inventory) -> "KeyMatcher":
        """Makes the function that returns whether it means an alert. `bot.alerts.rules.mutes` knows what is never muted."""
        matchers = [_make_part_matcher(part, inventory) for part in self.parts]
        return lambda key: any(matches(key) for matches in matchers)


KeyMatcher = Callable[[AlertKey], bool]


def list_scope_words(inventory: Inventory) -> tuple[str, ...]:
    """Lists the words that a scope may begin with, for completion and suggestions."""
    labels = (LABEL_PREFIX + label for label in inventory.labels)
    conditions = (condition.value for condition, rule in CONDITION_RULES.items() if rule.silenceable)
    return (EVERY_HOST, *inventory.names, *labels, *conditions)


def list_scope_words_in(part: str) -> tuple[str, ...]:
    """Lists the words that may continue a part that names hosts: `host-a/nebula`."""
    where, slash, _ = part.partition("/")
    return tuple(f"{where}{slash}{condition.value}" for condition, rule in CONDITION_RULES.items() if rule.silenceable)


def _parse_part(part: str) -> str:
    where, slash, subject = part.partition("/")
    cleaned = where.lower() + slash + subject
    if not _PART.fullmatch(cleaned):
        phrase = Phrase(
            "{part} does not name alerts. Use for example {example}", part=shorten_argument(part), example=_EXAMPLE
        )
        raise BadArgument(phrase, part=part)
    return cleaned


def _make_part_matcher(part: str, inventory: Inventory) -> KeyMatcher:
    if part == EVERY_HOST:
        return lambda key: not CONDITION_RULES[key.condition].named_only
    where, _, subject = part.partition("/")
    is_among, problem, whole = _make_host_matcher(where, inventory), subject.casefold(), part.casefold()
    if _names_hosts(where, inventory):
        return lambda key: is_among(key.host) and (not problem or _names_problem(problem, key))
    # a host that has left the inventory, or a problem of all hosts
    return lambda key: (is_among(key.host) and (not problem or _names_problem(problem, key))) or _names_problem(whole, key)


def _names_hosts(where: str, inventory: Inventory) -> bool:
    """Returns whether the first part of a scope means hosts. A host's name comes before a condition of the same name."""
    return (
        where == EVERY_HOST
        or where.startswith(LABEL_PREFIX)
        or any(sign in where for sign in "*?")
        or inventory.find_host(where) is not None
    )


def _make_host_matcher(where: str, inventory: Inventory) -> Callable[[str], bool]:
    """Makes the function that returns whether a host belongs to the first part of a scope. The bot itself is no host."""
    if where.startswith(LABEL_PREFIX):
        names = frozenset(host.name for host in inventory.find_by_label(where.removeprefix(LABEL_PREFIX)))
        return lambda name: name in names
    if where == EVERY_HOST:
        return bool
    pattern = re.compile(fnmatch.translate(where))
    return lambda name: name != "" and pattern.match(name) is not None


def _names_problem(problem: str, key: AlertKey) -> bool:
    """Returns whether a word, folded, names the condition or the subject of an alert, or the beginning of that subject."""
    subject = key.subject.casefold()
    return problem in (key.condition.value, subject) or subject.startswith(f"{problem}/")


def _resolve_part(part: str, inventory: Inventory) -> tuple[Host, ...]:
    where, slash, subject = part.partition("/")
    if not _names_hosts(where, inventory):
        _require_problem(part, "", list_scope_words(inventory))
        return inventory.hosts
    if slash:
        _require_problem(subject, f"{where}/", sorted(SUBJECT_WORDS))
    is_among = _make_host_matcher(where, inventory)
    found = tuple(host for host in inventory.hosts if is_among(host.name))
    if not found and where != EVERY_HOST:
        raise _make_unknown(part, where, find_nearest(where, list_scope_words(inventory)))
    return found


def _require_problem(problem: str, before: str, choices: Sequence[str]) -> None:
    """Raises `BadArgument` unless a word may name a condition or a subject that can be silenced. `before` is what precedes
    it.
    """
    first, slash, rest = problem.partition("/")
    word = first.casefold()
    if word in set(Condition) and not CONDITION_RULES[Condition(word)].silenceable:
        raise BadArgument(Phrase("{part} alerts are never muted", part=word), part=before + problem)
    if word in SUBJECT_WORDS:
        return
    label = (LABEL_PREFIX + word,) if LABEL_PREFIX + word in choices else ()
    near = dict.fromkeys((*label, *find_nearest(word, choices)))
    raise _make_unknown(before + problem, first, tuple(f"{before}{each}{slash}{rest}" for each in near))


def _make_unknown(part: str, word: str, near: tuple[str, ...]) -> BadArgument:
    """Makes the error for a part that means nothing, because of one word in it."""
    if not near:
        phrase = Phrase(
            "no host, label or condition named {part}. Use for example {example}",
            part=shorten_argument(word),
            example=_EXAMPLE,
        )
        return BadArgument(phrase, part=part)
    phrase = Phrase(
        "no host, label or condition named {part}. Did you mean {nearest}?",
        plural="no host, label or condition named {part}. Closest matches: {nearest}",
        part=shorten_argument(word),
        nearest=Listing(near),
        n=len(near),
    )
    return BadArgument(phrase, part=part, nearest=near)


def _is_known(part: str, inventory: Inventory) -> bool:
    try:
        return bool(_resolve_part(part, inventory))
    except BadArgument:
        return False
