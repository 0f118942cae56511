"""Operations on the bot's own state or knowledge, as data only; `bot.desk` knows who handles which."""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.arguments import Positional
from commands.operation import OwnOperation, Role

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
