"""Operations about the bot itself, as data only. `bot.requests.handler_registry` maps each to its handler."""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.model.operation import OwnOperation, Role
from commands.values.arguments import Flag, Positional

WordsArgument = Annotated[
    tuple[str, ...],
    Positional(
        "words",
        Phrase("the command to explain, or its first words"),
        lambda words: tuple(word.lower() for word in words),
        lambda words: words,
        many=True,
    ),
]


class Help(OwnOperation):
    """List the commands; with words, the usage of the commands that begin with them."""

    words: ClassVar = ("help",)
    summary: ClassVar = Phrase("available commands and how to use them")
    example: ClassVar = "help health"
    label: ClassVar = Phrase("show help")

    about: WordsArgument = ()


class WhoAmI(OwnOperation):
    """Show the requester's identity, roles and permitted commands."""

    words: ClassVar = ("whoami",)
    aliases: ClassVar = (("who", "am", "i"),)
    summary: ClassVar = Phrase("your name, roles and available commands")
    example: ClassVar = "whoami"
    label: ClassVar = Phrase("show your account")


class Version(OwnOperation):
    """Show the bot's release."""

    words: ClassVar = ("version",)
    summary: ClassVar = Phrase("version of the bot")
    example: ClassVar = "version"
    label: ClassVar = Phrase("show the version")


class Doctor(OwnOperation):
    """Check the bot's configuration, database, Slack connection and hosts; or have Slack check the bot's messages."""

    words: ClassVar = ("doctor",)
    roles: ClassVar = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})
    summary: ClassVar = Phrase("diagnose the bot: configuration, database, Slack and connections to hosts")
    example: ClassVar = "doctor"
    label: ClassVar = Phrase("diagnose the bot")

    slack: Annotated[
        bool, Flag(Phrase("only have Slack check every kind of message that the bot sends, posting none (takes minutes)"))
    ] = False


DECIDER_ROLES = frozenset({Role.OPERATOR, Role.DEVELOPER, Role.ADMINISTRATOR, Role.SECURITY})
"""Roles that may see requests and decide on them, as far as the rule of each request allows."""


class PermissionCheck(OwnOperation):
    """Check whether a person may run a request, and by which rule."""

    words: ClassVar = ("can",)
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("check whether a person may run a command, by which rule, and who must approve")
    example: ClassVar = "can alice cert renew host-a"
    label: ClassVar = Phrase("check what {person} may run", person="…")

    person: Annotated[str, Positional("person", Phrase("name of the person"), lambda words: words[0], lambda name: (name,))]
    request: Annotated[
        tuple[str, ...],
        Positional("words", Phrase("the command to check"), lambda words: words, lambda words: words, many=True),
    ]
