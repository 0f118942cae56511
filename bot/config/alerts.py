"""Settings of alerts: the `[alerts]` table and its routes."""

from datetime import time, timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapters.inventory import InvalidSetting, Label, SecretName
from adapters.phrase import Phrase
from bot.access.people import Mention
from bot.access.rules import ChannelId
from commands.model.finding import Severity
from commands.values.arguments import BadArgument
from commands.values.units import make_duration_parser

_parse_repeat = make_duration_parser(timedelta(minutes=1), timedelta(days=1))


def _parse_duration_setting(given: Any) -> Any:
    if isinstance(given, timedelta):
        return given
    if not isinstance(given, str):
        raise InvalidSetting(Phrase("must be a duration in quotes, such as {example}", example="1h"))
    try:
        return _parse_repeat(given)
    except BadArgument as error:
        raise InvalidSetting(error.phrase) from error


def _parse_time_setting(given: Any) -> Any:
    """Parses `22:00`; TOML's own local times are accepted, too."""
    try:
        parsed = time.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        parsed = None
    if not isinstance(parsed, time) or parsed.tzinfo is not None:
        raise InvalidSetting(Phrase("must be a time of day such as {example}", example="22:00"))
    return parsed


Interval = Annotated[timedelta, BeforeValidator(_parse_duration_setting)]
TimeOfDay = Annotated[time, BeforeValidator(_parse_time_setting)]


class _AlertsModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class QuietHours(_AlertsModel):
    """Hours of the day in which low alerts wait, in the configured time zone; `to` may be on the next day."""

    begin: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _check_differ(self) -> Self:
        if self.begin == self.end:
            raise InvalidSetting(Phrase("begin and end must be different"))
        return self


class AlertRoute(_AlertsModel):
    """One `[[alerts.routes]]` table: where alerts of some severities, on hosts with some labels, go.

    The first route that fits an alert counts. Empty `severities` and `labels` fit all. `mention` and `escalate_to` name
    people and user groups. `repeat`: after how long an alert that is not acknowledged is mentioned again; `escalate`:
    after how long the second step gets a direct message.
    """

    severities: frozenset[Severity] = frozenset()
    labels: tuple[Label, ...] = ()
    channel: ChannelId | None = None
    mention: tuple[Mention, ...] = ()
    repeat: Interval | None = None
    escalate: Interval | None = None
    escalate_to: tuple[Mention, ...] = ()

    @model_validator(mode="after")
    def _check_escalation(self) -> Self:
        if (self.escalate is None) != (not self.escalate_to):
            raise InvalidSetting(Phrase("escalate and escalate_to belong together. Set both, or neither"))
        return self


class AlertSettings(_AlertsModel):
    """The `[alerts]` table. Without any route, alerts go to the channel of `[notices]`.

    Without `enabled` only certificates have alerts. Hosts are then checked every half hour, for digests and charts.
    """

    enabled: bool = True
    routes: tuple[AlertRoute, ...] = ()
    quiet_hours: QuietHours | None = None
    heartbeat_url_secret: SecretName | None = None
    interval_seconds: int = Field(default=60, ge=30, le=600)


DEFAULT_REPEATS = {Severity.CRITICAL: timedelta(minutes=15), Severity.HIGH: timedelta(hours=1)}
"""Intervals at which an alert that is not acknowledged is mentioned again, where its route names none."""

NO_ALERT_SETTINGS = AlertSettings()
"""Settings of alerts where none are configured."""


def covers(earlier: AlertRoute, later: AlertRoute) -> bool:
    """Returns whether all alerts that fit a route fit an earlier one, so that the later one is never reached."""
    every = frozenset(Severity)
    severities = (later.severities or every) <= (earlier.severities or every)
    return severities and (not earlier.labels or (bool(later.labels) and set(later.labels) <= set(earlier.labels)))
