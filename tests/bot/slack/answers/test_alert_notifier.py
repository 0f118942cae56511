"""The notifier of alerts in a workspace: how many calls a storm takes, and what the channel has after an outage of Slack."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.alerts.services.notifier import Notifier
from bot.alerts.slack.buttons import ACKNOWLEDGE_ACTION
from bot.model.alert import Alert
from bot.rendering.slack.buttons import encode_words
from bot.requests.dispatcher import Dispatcher
from bot.slack.outbound.sender import EDIT_INTERVAL
from bot.slack.surface import SlackSurface
from commands.model.finding import Severity
from commands.model.operation import Role
from tests.bot.alert_registry import Alerts
from tests.bot.alerts import living
from tests.bot.alerts.notifying import CALLED, Night
from tests.bot.keeping import Kept
from tests.bot.requests.test_dispatcher import Log, config
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import ServerError

OPS = "C0OPS"


@pytest.fixture
def night(house: House) -> Night:
    """Alerts in the database of the bot in the workspace."""
    return Night(living.House(house.database), CALLED)


def connect(night: Night, surface: SlackSurface) -> Notifier:
    """The notifier runs in the workspace from now on."""
    night.notifier = Notifier(night.house.registry, night.mutes, surface, night.find_router, lambda: night.house.now)
    return night.notifier


def lines(house: House) -> Iterator[str]:
    """The first line of each message of the channel, replies after an arrow."""
    for message in house.workspace.messages(OPS):
        yield f"{'> ' if message.thread_ts not in (None, message.ts) else ''}{message.text.splitlines()[0]}"


async def test_a_storm_of_254_hosts_is_two_calls_and_its_end_two_more(house: House, night: Night) -> None:
    hosts = [f"host-{number:03}" for number in range(254)]
    async with house.bot() as surface:
        connect(night, surface)
        await night.fail_at_once(hosts)
        await night.notify()
        await house.moving(lambda: len(house.workspace.calls("chat.postMessage")) == 2)
        for _ in range(2):
            night.house.now += timedelta(minutes=1)
            for host in hosts:
                await night.house.registry.apply(night.make_check(host))
        await night.notify()
        await house.moving(lambda: house.workspace.calls("chat.update"), EDIT_INTERVAL)
        await house.moving(lambda: len(house.workspace.calls("chat.postMessage")) == 3)
        await house.settled()
    assert 1 == len(house.workspace.calls("chat.update"))
    assert ["Nebula stopped: 254 hosts — resolved after 2 min"] == [
        line for line in lines(house) if not line.startswith("> ")
    ]


async def test_after_an_hour_without_slack_the_channel_has_the_truth_once(house: House, night: Night) -> None:
    async with house.bot() as surface:
        connect(night, surface)
        await night.fire(host="host-a")
        await house.public(OPS, 2)
        await house.settled()
        for method in ("chat.postMessage", "chat.update"):
            house.workspace.faults.switch_on(method, ServerError(503))
        for host, severity in (("host-b", Severity.CRITICAL), ("host-c", Severity.MEDIUM), ("host-d", Severity.HIGH)):
            night.house.hosts = {*night.house.hosts, host}
            await night.fire(host=host, severity=severity)
        for _ in range(6):
            await night.wait(10)
            house.time.move(600)
        for host in ("host-a", "host-b", "host-c"):
            await night.resolve(host)
        for method in ("chat.postMessage", "chat.update"):
            house.workspace.faults.switch_off(method)
        await house.moving(lambda: len(list(lines(house))) >= 6, 60.0)
        await house.settled()
    assert sorted(
        [
            "host-a: Nebula stopped — resolved after 1 hr, 8 min",
            "> <@U0ANA> :red_circle: host-a: Nebula stopped (critical), since 2026-01-31 18:01 JST",
            "> :large_green_circle: Resolved after 1 hr, 8 min: host-a: Nebula stopped",
            "host-b: Nebula stopped — resolved after 1 hr, 8 min",
            "host-d: Nebula stopped",
            "> <@U0ANA> :large_orange_circle: Not acknowledged for 1 hr: host-d: Nebula stopped (high)",
        ]
    ) == sorted(lines(house))


async def test_a_message_that_was_posted_shows_an_acknowledgement(house: House, night: Night) -> None:
    async with house.bot() as surface:
        connect(night, surface)
        await night.fire()
        await house.public(OPS, 2)
        await night.house.registry.acknowledge(1, "ben", None, "op-1")
        await night.notify()
        await house.moving(lambda: house.workspace.calls("chat.update"), EDIT_INTERVAL)
        await house.settled()
    assert "Acknowledged by ben until it changes" in house.workspace.messages(OPS)[0].text
    assert "/flatnet service start nebula host-a" in house.workspace.messages(OPS)[0].text


def is_shown(house: House, words: str) -> bool:
    """Whether the first message of the channel has these words."""
    return words in house.workspace.messages(OPS)[0].text


class Registry(Alerts):
    """The alerts of the night, for a dispatcher; the notifier runs after an acknowledgement."""

    def __init__(self, night: Night) -> None:
        super().__init__()
        self.night = night

    async def find(self, number: int) -> Alert:
        return await self.night.house.registry.find(number)

    async def acknowledge(self, number: int, by: str, until: datetime | None, operation: str) -> Alert:
        return await self.night.house.registry.acknowledge(number, by, until, operation)

    async def list_of_message(self, message: str) -> tuple[Alert, ...]:
        return await self.night.house.registry.list_of_message(message)

    async def notify(self) -> None:
        await self.night.notify()


async def test_choices_below_the_message_change_it_and_an_alert_that_is_over_says_when_it_was_resolved(
    house: House, night: Night
) -> None:
    """Two people choose; a third comes too late, and a fourth may not."""
    kept = Kept()
    kept.alerts = Registry(night)
    people = tuple(
        Person(name=name, slack=(user,), roles=frozenset({role}))
        for name, user, role in (
            ("alice", "U0ADMIN", Role.ADMINISTRATOR),
            ("kenji", "U0OPERATOR", Role.OPERATOR),
            ("dev", "U0DEVELOPER", Role.DEVELOPER),
        )
    )
    desk = Dispatcher(
        replace(config(), policy=Policy(people)),
        kept.services(Log(), lambda: night.house.now),
        reference=lambda: "7f3a",
    )
    house.desk.answer = desk.handle
    value = encode_words("alert acknowledge 1 --until change")
    async with house.bot() as surface:
        connect(night, surface)
        await night.fire()
        await house.public(OPS, 2)
        message = house.workspace.messages(OPS)[0]
        for user, name in (("U0ADMIN", "alice"), ("U0OPERATOR", "kenji")):
            await house.workspace.click(user, message, ACKNOWLEDGE_ACTION, value=value)
            await house.private(user)
            await house.moving(partial(is_shown, house, f"by {name} until it changes"), EDIT_INTERVAL)
        await house.workspace.click("U0DEVELOPER", message, ACKNOWLEDGE_ACTION, value=value)
        assert "requires one of these roles" in (await house.private("U0DEVELOPER"))[0]
        await night.resolve("host-a")
        await house.workspace.click("U0ADMIN", message, ACKNOWLEDGE_ACTION, value=value)
        assert "Alert 1 was resolved at" in (await house.private("U0ADMIN", 2))[-1]
