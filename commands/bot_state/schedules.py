"""Operations on schedules, as data only: words that run by the clock, on somebody's behalf."""

import re
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.bot_state.about import DECIDERS
from commands.model.operation import OwnOperation, Risk, Role
from commands.values.arguments import BadArgument, Option, Positional, choice, shown
from commands.values.cron import parse_cron, parse_zone

KEEPERS = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
"""Who may pause, resume, remove and run a schedule, also one of somebody else."""

NAME_LIMIT = 40
NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{NAME_LIMIT - 1}}}")
CHANNEL = re.compile(r"[CG][A-Z0-9]{2,20}")

LONGEST = 500
"""Characters of words that run by the clock."""

Missed = Literal["run", "skip", "tell"]
"""What becomes of times at which no bot ran: the newest is run late, none is, or it is only told."""

_MISSED = choice("run", "skip", "tell")


def schedule_name(typed: str) -> str:
    """The name of a schedule."""
    said = typed.strip().lower()
    if NAME.fullmatch(said):
        return said
    phrase = Phrase(
        "{part} is no name of a schedule; it has letters, digits and hyphens, at most {n}", part=shown(typed), n=NAME_LIMIT
    )
    raise BadArgument(phrase, part=typed)


def channel_id(typed: str) -> str:
    """A channel by its id, as Slack writes `#ops` where it is chosen from the list, or as it is copied."""
    said = typed.strip().lstrip("#")
    if CHANNEL.fullmatch(said.upper()):
        return said.upper()
    phrase = Phrase(
        "{part} is no channel that I know; choose it from Slack's list while typing, or give its id, such as {example}",
        part=shown(typed),
        example="C0123ABCD",
    )
    raise BadArgument(phrase, part=typed)


def _words(typed: tuple[str, ...]) -> str:
    said = " ".join(" ".join(typed).split()).removeprefix("/flatnet ").strip()
    if not said:
        raise BadArgument(
            Phrase("say in quotes what is to run, such as {example}", example='"health"'), part=" ".join(typed)
        )
    if len(said) > LONGEST:
        raise BadArgument(Phrase("what runs by the clock has at most {n} characters", n=LONGEST), part=said)
    return said


Name = Annotated[
    str,
    Positional(
        "name", Phrase("which schedule; schedule lists them"), lambda words: schedule_name(words[0]), lambda name: (name,)
    ),
]


class Schedules(OwnOperation):
    """What runs by the clock."""

    words: ClassVar = ("schedule",)
    summary: ClassVar = Phrase("what runs by the clock: when, for whom, where its answers go, and how the last run went")
    example: ClassVar = "schedule"


class ScheduleAdd(OwnOperation):
    """Have words run by the clock."""

    words: ClassVar = ("schedule", "add")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("have something asked by the clock, on your behalf; changes still wait for approval")
    example: ClassVar = 'schedule add "0 9 * * 1-5" "health tokyo"'

    cron: Annotated[
        str,
        Positional(
            "cron",
            Phrase("when, in quotes: minute, hour, day, month, weekday"),
            lambda words: parse_cron(words[0]),
            lambda line: (line,),
        ),
    ]
    asks: Annotated[
        str,
        Positional("words", Phrase("what to ask, in quotes"), _words, lambda said: (said,), many=True),
    ]
    name: Annotated[str, Option("name", Phrase("how to call it; made from the words if left out"), schedule_name, str)] = ""
    zone: Annotated[
        str, Option("zone", Phrase("the time zone, such as Asia/Tokyo; the bot's own if left out"), parse_zone, str)
    ] = ""
    channel: Annotated[
        str, Option("channel", Phrase("where the answers go; this channel if left out"), channel_id, lambda name: f"#{name}")
    ] = ""
    missed: Annotated[
        Missed,
        Option(
            "rule",
            Phrase("when the bot did not run at the time: run (late), skip, or tell (say that it was missed)"),
            lambda word: _MISSED((word,)),
            str,
        ),
    ] = "run"


class SchedulePause(OwnOperation):
    """Let no time count for a while."""

    words: ClassVar = ("schedule", "pause")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = KEEPERS
    summary: ClassVar = Phrase("stop a schedule until it is resumed")
    example: ClassVar = "schedule pause digest"

    name: Name


class ScheduleResume(OwnOperation):
    """Let times count again."""

    words: ClassVar = ("schedule", "resume")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = KEEPERS
    summary: ClassVar = Phrase("let a paused schedule run again, from its next time on")
    example: ClassVar = "schedule resume digest"

    name: Name


class ScheduleRemove(OwnOperation):
    """Forget a schedule."""

    words: ClassVar = ("schedule", "remove")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = KEEPERS
    summary: ClassVar = Phrase("forget a schedule that somebody added")
    example: ClassVar = "schedule remove health-tokyo"

    name: Name


class ScheduleRun(OwnOperation):
    """Run it now."""

    words: ClassVar = ("schedule", "run")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = KEEPERS
    summary: ClassVar = Phrase("run a schedule now, as if its time had come")
    example: ClassVar = "schedule run digest"

    name: Name
