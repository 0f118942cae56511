"""Operations on the bot's own knowledge, as data only; `bot.handlers.registry` knows who answers which.

Those on its state have rooms of their own: `commands.bot_state.changes`, `commands.bot_state.locks`,
`commands.bot_state.audit`.
"""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.model.operation import OwnOperation, Role
from commands.values.arguments import Positional, reason

Words = Annotated[
    tuple[str, ...],
    Positional(
        "words",
        Phrase("the command to explain, or the beginning of several"),
        lambda words: tuple(word.lower() for word in words),
        lambda words: words,
        many=True,
    ),
]


class Help(OwnOperation):
    """What can be asked for; with words, how that is asked for."""

    words: ClassVar = ("help",)
    summary: ClassVar = Phrase("what you can ask for, and how")
    example: ClassVar = "help health"

    about: Words = ()


class WhoAmI(OwnOperation):
    """Who the person is to the bot, and what they may ask for."""

    words: ClassVar = ("whoami",)
    aliases: ClassVar = (("who", "am", "i"),)
    summary: ClassVar = Phrase("who you are to the bot, and what you may ask for")
    example: ClassVar = "whoami"


class Version(OwnOperation):
    """Which release of the bot answers."""

    words: ClassVar = ("version",)
    summary: ClassVar = Phrase("which release of the bot answers")
    example: ClassVar = "version"


class Doctor(OwnOperation):
    """Whether everything that the bot needs is in place."""

    words: ClassVar = ("doctor",)
    roles: ClassVar = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})
    summary: ClassVar = Phrase(
        "what the bot lacks: in its configuration, its database, Slack, and on every side of every host"
    )
    example: ClassVar = "doctor"


DECIDERS = frozenset({Role.OPERATOR, Role.DEVELOPER, Role.ADMINISTRATOR, Role.SECURITY})
"""Who may look at requests and decide, as far as the rule of each request lets them."""


class Can(OwnOperation):
    """Whether somebody may ask for something, and by which rule."""

    words: ClassVar = ("can",)
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("whether a person may ask for something, by which rule, and who would have to approve")
    example: ClassVar = "can alice cert renew host-a"

    person: Annotated[str, Positional("person", Phrase("the person's name"), lambda words: words[0], lambda name: (name,))]
    request: Annotated[
        tuple[str, ...],
        Positional("words", Phrase("what that person would type"), lambda words: words, lambda words: words, many=True),
    ]


def in_own_words(placeholder: str, meaning: Phrase) -> Positional:
    """What somebody says in their own words, to the end of the line."""
    return Positional(placeholder, meaning, lambda words: reason(" ".join(words)), lambda told: (told,), many=True)
