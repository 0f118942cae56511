"""People as they are typed: a configured name, or a mention in Slack. The configuration says who is meant."""

import re
from typing import Annotated

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, Option, Positional, shorten_argument

_MENTION = re.compile(r"@[UW][A-Z0-9]{2,20}", re.ASCII)
"""A mention as normalized text has it. Names are in lower case, ids are not."""
_NAME = re.compile(r"@?([a-z0-9][a-z0-9_.-]{0,62})", re.ASCII | re.IGNORECASE)


def parse_person(typed: str) -> str:
    """Parses `alice`, `@alice` or `@U0123` into a name in lower case or `@U0123`. Raises `BadArgument`."""
    text = typed.strip()
    if _MENTION.fullmatch(text):
        return text
    if named := _NAME.fullmatch(text):
        return named[1].lower()
    phrase = Phrase("{part} is not a person. Use a configured name or a mention", part=shorten_argument(typed))
    raise BadArgument(phrase, part=typed)


PersonArgument = Annotated[
    str,
    Positional(
        "person", Phrase("name of the person, or a mention"), lambda words: parse_person(words[0]), lambda name: (name,)
    ),
]

PersonOption = Annotated[str, Option("person", Phrase("name of the person, or a mention"), parse_person, str)]
