"""Checks of a bot's health: each asks one part of the bot, and says what is wrong and how to fix it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from adapters.phrase import Listing, Phrase, Span
from bot.store.condition import DatabaseCondition
from bot.telemetry.endpoints import Probe
from bot.telemetry.metrics import Metrics

MAX_OUTBOX_AGE = timedelta(minutes=10)
"""Age from which a waiting message means that the outbox stands still. Slack's limits delay a message for a minute."""


class SlackHealth(Protocol):
    """Health of the Slack surface (`bot.slack.health`)."""

    @property
    def connected(self) -> bool: ...
    @property
    def failure(self) -> str: ...
    @property
    def revoked(self) -> str: ...
    @property
    def sending(self) -> bool: ...
    @property
    def announcements_accepted(self) -> bool: ...
    @property
    def unreachable_people(self) -> tuple[str, ...]: ...


class WatchHealth(Protocol):
    """Health of the watch (`bot.alerts.services.watch`): `round_age` are the seconds since it checked every host."""

    @property
    def healthy(self) -> bool: ...
    @property
    def round_age(self) -> float: ...
    @property
    def overruns(self) -> int: ...


def make_database_check(prove: Callable[[], Awaitable[DatabaseCondition]], measures: Metrics) -> Probe:
    """Make the check that the database accepts writes; it also counts the rows."""

    async def probe() -> Phrase | None:
        measures.record_condition(await prove())
        return None

    return probe


def make_outbox_check(find_oldest: Callable[[], Awaitable[datetime | None]], now: Callable[[], datetime]) -> Probe:
    """Make the check that messages leave the outbox. `find_oldest`: time of the oldest message that is not confirmed."""

    async def probe() -> Phrase | None:
        oldest = await find_oldest()
        age = timedelta(0) if oldest is None else now() - oldest
        if age <= MAX_OUTBOX_AGE:
            return None
        waiting = Span(age.total_seconds())
        return Phrase("a message has waited for Slack for {time}. Check the log and the connection to Slack", time=waiting)

    return probe


def make_watch_check(watch: WatchHealth, measures: Metrics) -> Probe:
    """Make the check that the watch of the hosts goes on; it also records its measures."""

    async def probe() -> Phrase | None:
        measures.record_watch(watch.round_age, watch.overruns)
        if watch.healthy:
            return None
        return Phrase("the watch of the hosts has stopped. Check the log, then restart the bot")

    return probe


def make_audit_check(intact: Callable[[], bool]) -> Probe:
    """Make the check that the audit log is intact."""

    async def probe() -> Phrase | None:
        return None if intact() else Phrase("the audit log does not match its last state. Run flatnet-bot audit verify")

    return probe


def make_slack_checks(health: Callable[[], Awaitable[SlackHealth]]) -> dict[str, Probe]:
    """Make the checks that Slack is connected, accepts our token, and received every message."""

    async def check_connection() -> Phrase | None:
        seen = await health()
        if seen.connected:
            return None
        if seen.failure:
            return Phrase("could not connect to Slack ({code}), retrying. Check the connection to Slack", code=seen.failure)
        return Phrase("not connected to Slack. Check the log and the connection to Slack")

    async def check_token() -> Phrase | None:
        code = (await health()).revoked
        return Phrase("Slack rejected the token ({code}). Get a new one from the app settings", code=code) if code else None

    async def check_messages() -> Phrase | None:
        well = (await health()).sending
        return None if well else Phrase("a message in the last hour could not be delivered. Check the log")

    async def check_announcements() -> Phrase | None:
        if (await health()).announcements_accepted:
            return None
        return Phrase(
            "a channel does not accept the bot's posts. Invite the bot there, or fix [notices] in the configuration"
        )

    async def check_people() -> Phrase | None:
        people = (await health()).unreachable_people
        if not people:
            return None
        return Phrase(
            "could not send direct messages to {people}. Check these accounts in Slack, or fix [[people]] in the "
            "configuration",
            people=Listing(people),
        )

    return {
        "slack": check_connection,
        "token": check_token,
        "messages": check_messages,
        "notices": check_announcements,
        "people": check_people,
    }
