"""Built-in and configured schedules.

built in (times and switches configurable) ─┐
[[schedules]] of flatnet.toml ──────────────┴─▶ Schedule* ─▶ rows (`bot.schedules.services.scheduler`)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator

from adapters.errors import Refused
from adapters.inventory import InvalidSetting
from adapters.phrase import Listing, Phrase
from bot.access.policy import BOT_ACTOR_NAME, BREAK_GLASS_OPTION
from bot.access.rules import ChannelId, PersonName
from bot.model.schedule import Schedule, ScheduleOrigin
from commands.audit import AuditFilter, AuditShow
from commands.model.operation import FleetChange, Operation, Risk
from commands.schedules import MAX_WORDS_LENGTH, MissedRule, parse_schedule_name
from commands.values.arguments import BadArgument
from commands.values.cron import parse_cron, parse_zone

DIGEST, WEEKLY, MONTHLY, CERTIFICATES, DISKS, UPDATES = "digest", "weekly", "monthly", "certificates", "disks", "updates"
BACKUP = "backup"


@dataclass(frozen=True)
class BuiltIn:
    """A schedule that every bot has. It runs if it is `enabled`, or where the configuration enables it."""

    cron: str
    words: str
    missed: MissedRule
    enabled: bool = True


BUILT_IN: Mapping[str, BuiltIn] = {
    DIGEST: BuiltIn("0 9 * * *", "digest", "run"),
    WEEKLY: BuiltIn("5 9 * * 1", "report weekly", "run"),
    MONTHLY: BuiltIn("10 9 1 * *", "report monthly", "run"),
    CERTIFICATES: BuiltIn("10 9 * * *", "cert", "run"),
    DISKS: BuiltIn("35 */2 * * *", "disk", "skip"),
    UPDATES: BuiltIn("50 4 * * *", "update", "skip"),
    BACKUP: BuiltIn("20 2 * * *", "backup create all --bot", "run", enabled=False),
}
"""The built-in schedules. What `certificates`, `disks` and `updates` find is stored and moves alerts; they post nothing.

Their minutes are apart, because each reads all hosts. `backup` changes hosts, so it is off until an operator enables it.
"""

STORED = frozenset({CERTIFICATES, DISKS, UPDATES})
"""Built-in schedules that post nothing."""


class ScheduleSettings(BaseModel):
    """One `[[schedules]]` table: a new schedule, or changes to the built-in one of that name."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    enabled: bool = True
    """Without it: as it is built in, and true for a schedule of one's own."""
    cron: str | None = None
    words: Annotated[str, StringConstraints(min_length=1, max_length=MAX_WORDS_LENGTH)] | None = None
    owner: PersonName | None = None
    zone: str | None = None
    channel: ChannelId | None = None
    missed: MissedRule | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_enabled(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "enabled" in given:
            return given
        usual = BUILT_IN.get(str(given.get("name")))
        return {**given, "enabled": usual is None or usual.enabled}

    @field_validator("name")
    @classmethod
    def _check_name(cls, text: str) -> str:
        return _parse_setting(parse_schedule_name, text)

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, text: str | None) -> str | None:
        return None if text is None else _parse_setting(parse_cron, text)

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, text: str | None) -> str | None:
        return None if text is None else _parse_setting(parse_zone, text)

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        if self.name in BUILT_IN:
            if self.words is not None or self.owner is not None:
                raise InvalidSetting(
                    Phrase(
                        "{name} is built in. Only its times, channel and enabled can be set. Give a schedule of your own "
                        "another name",
                        name=self.name,
                    )
                )
            return self
        if self.cron is None or self.words is None or self.owner is None:
            raise InvalidSetting(
                Phrase("cron, words and owner are required. Built-in schedules: {names}", names=Listing(tuple(BUILT_IN)))
            )
        return self


class NoticeSettings(BaseModel):
    """The `[notices]` table: the channel of digests and warnings, and the one for messages that cannot be posted there."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    channel: ChannelId | None = None
    second_channel: ChannelId | None = None

    @model_validator(mode="after")
    def _check_channels_differ(self) -> Self:
        if self.second_channel is not None and self.second_channel == self.channel:
            raise InvalidSetting(Phrase("second_channel is the fallback for channel, so it must be different"))
        return self


@dataclass(frozen=True)
class ScheduleConfig:
    """All configured and built-in schedules, and their channels; times count from the moment when this was read."""

    zone: str
    channel: str
    second_channel: str
    schedules: tuple[Schedule, ...]


def build_schedule_config(
    listed: Sequence[ScheduleSettings], notices: NoticeSettings, zone: str, now: datetime
) -> ScheduleConfig:
    """Build the schedules from the configuration."""
    channel = notices.channel or ""
    configured = {each.name: each for each in listed}
    usual = (
        _make_schedule(configured.get(name, ScheduleSettings.model_validate({"name": name})), built_in, channel, zone, now)
        for name, built_in in BUILT_IN.items()
    )
    own = (_make_schedule(each, None, channel, zone, now) for each in listed if each.name not in BUILT_IN)
    return ScheduleConfig(
        zone=zone,
        channel=channel,
        second_channel=notices.second_channel or "",
        schedules=tuple(schedule for schedule in (*usual, *own) if schedule is not None),
    )


def is_stored(schedule: Schedule) -> bool:
    """Returns whether the answers of a schedule are only stored, not posted."""
    return schedule.origin is ScheduleOrigin.BUILT_IN and schedule.name in STORED


def _make_schedule(
    given: ScheduleSettings, built_in: BuiltIn | None, channel: str, zone: str, now: datetime
) -> Schedule | None:
    """Make one schedule; None where it is disabled."""
    usual = built_in or BuiltIn("", "", "run")
    if not given.enabled:
        return None
    return Schedule(
        name=given.name,
        origin=ScheduleOrigin.CONFIGURED if built_in is None else ScheduleOrigin.BUILT_IN,
        cron=given.cron or usual.cron,
        zone=given.zone or zone,
        words=given.words or usual.words,
        channel=given.channel or channel,
        missed=given.missed or usual.missed,
        owner=given.owner or BOT_ACTOR_NAME,
        identity="",
        since=now,
    )


def _parse_setting(parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text)
    except BadArgument as error:
        raise InvalidSetting(error.phrase) from error


class NeedsPerson(Refused):
    """The operation needs a person, so it may not run on a schedule."""


def require_unattended(operation: Operation) -> None:
    """Raise `NeedsPerson` where an operation must not run without a person."""
    match operation:
        case FleetChange(break_glass=True):
            raise NeedsPerson(Phrase("scheduled changes always need approval. Remove {option}", option=BREAK_GLASS_OPTION))
        case FleetChange():
            return
        case _ if operation.risk is not Risk.READ:
            raise NeedsPerson(Phrase("this needs a person. Only read commands and host changes can be scheduled"))
        case AuditFilter() | AuditShow():
            raise NeedsPerson(Phrase("audit results are shown to a person only and cannot be posted on a schedule"))
        case _ if operation.words[0] == "schedule":
            raise NeedsPerson(Phrase("schedule commands cannot be scheduled"))
