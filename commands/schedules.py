"""Operations on schedules, as data only. A schedule runs a command by a cron line, on its owner's behalf."""

import re
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.about import DECIDER_ROLES
from commands.model.operation import OwnOperation, Risk, Role
from commands.values.arguments import BadArgument, Option, Positional, make_choice_parser, shorten_argument
from commands.values.cron import parse_cron, parse_zone

SCHEDULE_ROLES = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
"""Roles that may pause, resume, remove and run any schedule."""

MAX_NAME_LENGTH = 40
NAME_PATTERN = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{MAX_NAME_LENGTH - 1}}}")
CHANNEL_PATTERN = re.compile(r"[CG][A-Z0-9]{2,20}")

MAX_WORDS_LENGTH = 500
"""Maximum characters of a scheduled command."""

MissedRule = Literal["run", "skip", "tell"]
"""Handling of due times that were missed: run the newest one late, skip them, or report them only."""

_parse_missed_rule = make_choice_parser("run", "skip", "tell")


def parse_schedule_name(typed: str) -> str:
    """Parses the name of a schedule. Raises `BadArgument`."""
    said = typed.strip().lower()
    if NAME_PATTERN.fullmatch(said):
        return said
    phrase = Phrase(
        "{part} is not a valid schedule name. Use up to {n} lowercase letters, digits and hyphens",
        part=shorten_argument(typed),
        n=MAX_NAME_LENGTH,
    )
    raise BadArgument(phrase, part=typed)


def parse_channel_id(typed: str) -> str:
    """Parses a channel's id, as copied or as Slack writes `#ops` when it is chosen from its list. Raises `BadArgument`."""
    said = typed.strip().lstrip("#")
    if CHANNEL_PATTERN.fullmatch(said.upper()):
        return said.upper()
    phrase = Phrase(
        "unknown channel {part}. Choose it from Slack's suggestions while typing, or give its ID, such as {example}",
        part=shorten_argument(typed),
        example="C0123ABCD",
    )
    raise BadArgument(phrase, part=typed)


def _parse_words(typed: tuple[str, ...]) -> str:
    said = " ".join(" ".join(typed).split()).removeprefix("/flatnet ").strip()
    if not said:
        raise BadArgument(
            Phrase("enter the command to run in quotes, such as {example}", example='"health"'), part=" ".join(typed)
        )
    if len(said) > MAX_WORDS_LENGTH:
        raise BadArgument(Phrase("a scheduled command can have up to {n} characters", n=MAX_WORDS_LENGTH), part=said)
    return said


NameArgument = Annotated[
    str,
    Positional(
        "name",
        Phrase("schedule name (run schedule for the list)"),
        lambda words: parse_schedule_name(words[0]),
        lambda name: (name,),
    ),
]


class ScheduleList(OwnOperation):
    """List the schedules."""

    words: ClassVar = ("schedule",)
    summary: ClassVar = Phrase("scheduled commands: time, owner, channel and last result")
    example: ClassVar = "schedule"
    label: ClassVar = Phrase("show schedules")


class ScheduleAdd(OwnOperation):
    """Add a schedule."""

    words: ClassVar = ("schedule", "add")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("run a command on a schedule, on your behalf (changes still need approval)")
    example: ClassVar = 'schedule add "0 9 * * 1-5" "health tokyo"'
    label: ClassVar = Phrase("schedule {asks}", asks="…")

    cron: Annotated[
        str,
        Positional(
            "cron",
            Phrase("cron expression in quotes: minute, hour, day, month, weekday"),
            lambda words: parse_cron(words[0]),
            lambda line: (line,),
        ),
    ]
    asks: Annotated[
        str,
        Positional("words", Phrase("command to run, in quotes"), _parse_words, lambda said: (said,), many=True),
    ]
    name: Annotated[str, Option("name", Phrase("name (default: derived from the command)"), parse_schedule_name, str)] = ""
    zone: Annotated[str, Option("zone", Phrase("time zone, such as Asia/Tokyo (default: the bot's)"), parse_zone, str)] = ""
    channel: Annotated[
        str,
        Option(
            "channel", Phrase("channel for the results (default: this channel)"), parse_channel_id, lambda name: f"#{name}"
        ),
    ] = ""
    missed: Annotated[
        MissedRule,
        Option(
            "rule",
            Phrase("if the bot was not running at that time: run (late), skip, or tell (only notify)"),
            lambda word: _parse_missed_rule((word,)),
            str,
        ),
    ] = "run"


class SchedulePause(OwnOperation):
    """Pause a schedule until it is resumed."""

    words: ClassVar = ("schedule", "pause")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = SCHEDULE_ROLES
    summary: ClassVar = Phrase("pause a schedule until it is resumed")
    example: ClassVar = "schedule pause digest"
    label: ClassVar = Phrase("pause schedule {name}", name="…")

    name: NameArgument


class ScheduleResume(OwnOperation):
    """Resume a paused schedule."""

    words: ClassVar = ("schedule", "resume")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = SCHEDULE_ROLES
    summary: ClassVar = Phrase("resume a paused schedule from its next time")
    example: ClassVar = "schedule resume digest"
    label: ClassVar = Phrase("resume schedule {name}", name="…")

    name: NameArgument


class ScheduleRemove(OwnOperation):
    """Remove a schedule."""

    words: ClassVar = ("schedule", "remove")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = SCHEDULE_ROLES
    summary: ClassVar = Phrase("delete a schedule (not a built-in one)")
    example: ClassVar = "schedule remove health-tokyo"
    label: ClassVar = Phrase("delete schedule {name}", name="…")

    name: NameArgument


class ScheduleRun(OwnOperation):
    """Run a schedule now."""

    words: ClassVar = ("schedule", "run")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = SCHEDULE_ROLES
    summary: ClassVar = Phrase("run a schedule now")
    example: ClassVar = "schedule run digest"
    label: ClassVar = Phrase("run schedule {name}", name="…")

    name: NameArgument
