"""Operations that exist only here: what a new operation needs, and nothing else."""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.about import Help, Version
from commands.model.operation import FleetRead, Operation, Role
from commands.values.arguments import ALL_HOSTS, Flag, Positional, TargetArgument

Word = Annotated[str, Positional("source", Phrase("which log"), lambda words: words[0], lambda source: (source,))]


class LogRead(FleetRead):
    """A required word, an optional target, a flag with two words in its name."""

    words: ClassVar = ("log",)
    summary: ClassVar = Phrase("the last lines of a log")
    example: ClassVar = "log nebula host-a"
    label: ClassVar = Phrase("show the {source} log of {target}", source="…", target="…")

    source: Word
    target: TargetArgument = ALL_HOSTS
    newest_first: Annotated[bool, Flag(Phrase("the newest line first"))] = False


class LogCollect(FleetRead):
    """Two words that begin like another operation's one, for operators only."""

    words: ClassVar = ("log", "collect")
    aliases: ClassVar = (("log", "gather"),)
    roles: ClassVar = frozenset({Role.OPERATOR})
    summary: ClassVar = Phrase("logs of many hosts at once")
    example: ClassVar = "log collect"
    label: ClassVar = Phrase("collect the logs")


MADE_UP: tuple[type[Operation], ...] = (LogRead, LogCollect, Help, Version)
