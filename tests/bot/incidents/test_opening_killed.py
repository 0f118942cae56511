"""A bot that is killed while it opens an incident: the next attempt of the same request makes up for the rest, once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.access.policy import Policy
from bot.audit_log.log import EventKind
from bot.incidents.rules.channels import CreatedChannel, NewChannel
from bot.model.announcement import Announcement
from bot.model.incident import EntryKind
from bot.requests.dispatcher import Dispatcher
from bot.store.database import Database
from commands.model.report import Report
from tests.bot.clockwork import SignedLog
from tests.bot.incidents.handlers.test_private_incidents import PEOPLE, PRIVATE
from tests.bot.incidents.handlers.test_show import BEGAN, HOSTS, Office, make_registry
from tests.bot.keeping import Made
from tests.bot.requests.test_dispatcher import config
from tests.commands.canned import view

OPENS = 'incident open "502" host-a --new --public --agree'


class Killed(BaseException):
    """The end of the process: nothing catches it."""


class Step:
    """The step before or behind which the process ends, once."""

    def __init__(self, name: str, when: str) -> None:
        self._left = (name, when)

    def pass_by(self, name: str, when: str) -> None:
        if (name, when) == self._left:
            self._left = ("", "")
            raise Killed


class DyingLog(SignedLog):
    """A signed audit log of a process that ends at a step."""

    step = Step("", "")

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        name = str(data.get("incident", ""))
        self.step.pass_by(name, "before")
        await super().record(kind, actor, operation, data)
        self.step.pass_by(name, "behind")


class DyingSlack(Made):
    """Channels of a process that ends at a step."""

    step = Step("", "")

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        self.step.pass_by("channel", "before")
        made = await super().make_channel(new)
        self.step.pass_by("channel", "behind")
        return made

    async def announce(self, bulletin: Announcement) -> None:
        self.step.pass_by("message", "before")
        await super().announce(bulletin)
        self.step.pass_by("message", "behind")


class Process(Office):
    """A process with an audit log and a Slack that others had before it."""

    def __init__(self, database: Database, log: DyingLog, slack: DyingSlack) -> None:
        super().__init__(database, Policy(PEOPLE))
        self.log = log
        self.book = self.kept.incidents = make_registry(database, log, self.time.now)
        self.channels = self.kept.channels = slack
        basis = replace(config(None), policy=Policy(PEOPLE), fleet=view(*HOSTS).fleet)
        self.desk = Dispatcher(basis, self.kept.services(log, self.time.now), reference=lambda: "7f3a")


STEPS = ("making a channel", "channel", "opened", "snapshot", "related", "message")


@pytest.mark.parametrize("when", ["before", "behind"])
@pytest.mark.parametrize("name", STEPS)
async def test_an_opening_that_is_killed_at_any_step_ends_as_one_that_was_not(
    database: Database, name: str, when: str
) -> None:
    """One channel, one incident, one snapshot, one message, and one entry for the readers of a hidden incident."""
    log, slack = DyingLog(lambda: BEGAN), DyingSlack()
    slack.private.add(PRIVATE)
    office = Process(database, log, slack)
    await office.ask('incident open "stolen key" host-a --results everyone', channel=PRIVATE)
    await office.ask("version", "U1BEN", "C0OPS")
    request = replace(office.last, key="opening", text=OPENS)
    log.step = slack.step = Step(name, when)
    with pytest.raises(Killed):
        await office.work(request)
    office = Process(database, log, slack)
    assert isinstance((await office.work(request)).body, Report)
    await _check(office, slack)


async def _check(office: Office, slack: DyingSlack) -> None:
    incidents = await office.book.list_incidents()
    assert [(1, "stolen key"), (2, "502")] == [(each.number, each.title) for each in incidents]
    assert 1 == len(slack.there)
    assert 1 == len({each.name for each in slack.told})
    assert [EntryKind.OPENED, EntryKind.SNAPSHOT] == [each.kind for each in await office.book.read_timeline(2)]
    told = [str(each.text) for each in await office.book.read_timeline(1) if each.kind is EntryKind.SCOPE]
    assert ["incident 2, 502, was opened by ben about the same hosts or alert"] == told
