"""The smallest checks on what the app sends, in Slack's words: a sentence and the JSON pointer of each fault."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Complaints = Iterator[str]


def fault(what: str, at: str) -> str:
    """One complaint as Slack words it."""
    return f"{what} [json-pointer:{at}]"


def known(holder: Mapping[str, Any], names: frozenset[str], at: str) -> Complaints:
    """Slack refuses what it does not know: `invalid additional property` (nicklambourne/slackblocks #36)."""
    for name in holder:
        if name not in names:
            yield fault(f"invalid additional property: {name}", at)


def text(value: Any, most: int, at: str, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Complaints:
    """A text object of 1 to `most` characters."""
    if not isinstance(value, dict):
        yield fault("missing required field: text", at)
        return
    kind = value.get("type")
    if kind not in kinds:
        yield fault("must be a valid enum value", f"{at}/type")
    else:
        yield from known(value, _TEXT[kind], at)
    words = value.get("text")
    if not isinstance(words, str) or not words:
        yield fault("must be more than 0 characters", f"{at}/text")
    elif len(words) > most:
        yield fault(f"must be less than {most + 1} characters", f"{at}/text")


_TEXT = {"plain_text": frozenset({"type", "text", "emoji"}), "mrkdwn": frozenset({"type", "text", "verbatim"})}


def plain(value: Any, most: int, at: str) -> Complaints:
    """A plain_text object of 1 to `most` characters."""
    yield from text(value, most, at, kinds=("plain_text",))


def string(holder: Mapping[str, Any], name: str, most: int, at: str, *, required: bool = False) -> Complaints:
    """A string of 1 to `most` characters, where it is there."""
    value = holder.get(name)
    if value is None:
        if required:
            yield fault(f"missing required field: {name}", at)
    elif not isinstance(value, str) or not value:
        yield fault("must be more than 0 characters", f"{at}/{name}")
    elif len(value) > most:
        yield fault(f"must be less than {most + 1} characters", f"{at}/{name}")


def flag(holder: Mapping[str, Any], name: str, at: str) -> Complaints:
    """True or false, where it is there."""
    if not isinstance(holder.get(name, False), bool):
        yield fault("must be a boolean", f"{at}/{name}")


def items(value: Any, most: int, at: str, *, least: int = 1) -> Complaints:
    """A list of `least` to `most` items."""
    if not isinstance(value, list) or len(value) < least:
        yield fault(f"must have at least {least} items", at)
    elif len(value) > most:
        yield fault(f"no more than {most} items allowed", at)


def each(value: Any, at: str) -> Iterator[tuple[Any, str]]:
    """The items of a list, each with its pointer; none where it is no list."""
    for number, item in enumerate(value if isinstance(value, list) else ()):
        yield item, f"{at}/{number}"


def repeated(holders: Sequence[Any], name: str, at: str) -> Complaints:
    """What must be unique among its neighbours and is not."""
    seen: set[str] = set()
    for number, holder in enumerate(holders):
        value = holder.get(name) if isinstance(holder, dict) else None
        if not isinstance(value, str):
            continue
        if value in seen:
            yield fault(f'`{name}` "{value}" already exists', f"{at}/{number}/{name}")
        seen.add(value)
