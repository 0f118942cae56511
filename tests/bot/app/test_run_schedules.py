"""On whose behalf a schedule runs: whoever it is at that moment, asked of Slack wherever Slack knows them."""

from dataclasses import dataclass, field, replace

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.app.run_schedules import ScheduleOwners
from bot.model.request import BotIdentity, Identity, Membership, SlackIdentity, SystemIdentity
from bot.model.schedule import Schedule, ScheduleOrigin
from bot.store.encoding import encode_identity
from tests.bot.clockwork import daily
from tests.bot.requests.test_dispatcher import config

PEOPLE = (Person(name="ana", slack=("U1ANA",), system=("ana",)), Person(name="root", system=("root",)))
SHELL = encode_identity(SystemIdentity(1000, "ana"))
GONE = SlackIdentity("T1", "U1ANA", Membership.STRANGER)


@dataclass
class Links:
    """Slack knows that ana has left."""

    asked: list[Identity] = field(default_factory=list)

    async def refresh_identity(self, who: Identity) -> Identity:
        self.asked.append(who)
        return replace(who, standing=Membership.STRANGER) if isinstance(who, SlackIdentity) else who


@pytest.mark.parametrize(
    ("schedule", "owner"),
    [
        (daily(), GONE),
        (daily(identity=SHELL), GONE),
        (daily(origin=ScheduleOrigin.CONFIGURED, identity=""), GONE),
        (daily(identity=encode_identity(SystemIdentity(0, "root"))), SystemIdentity(0, "root")),
        (daily(origin=ScheduleOrigin.CONFIGURED, identity="", owner="root"), SystemIdentity(0, "root")),
        (daily("digest", origin=ScheduleOrigin.BUILT_IN, identity=""), BotIdentity("digest")),
    ],
    ids=["added in Slack", "added at the shell", "configured", "shell alone", "configured, shell alone", "built in"],
)
async def test_who_has_left_the_workspace_has_left_however_the_schedule_was_added(
    schedule: Schedule, owner: Identity
) -> None:
    rules = replace(config(), policy=Policy(PEOPLE))
    assert owner == await ScheduleOwners(Links(), lambda: rules, "T1").find_identity(schedule)


@pytest.mark.parametrize(
    ("stored", "owner"),
    [
        (SHELL, GONE),
        (encode_identity(SlackIdentity("T1", "U1ANA", Membership.MEMBER)), GONE),
        (encode_identity(SystemIdentity(0, "root")), SystemIdentity(0, "root")),
    ],
    ids=["added at the shell", "added in Slack", "shell alone"],
)
async def test_the_owner_of_a_silence_is_looked_up_in_the_same_way(stored: str, owner: Identity) -> None:
    rules = replace(config(), policy=Policy(PEOPLE))
    assert owner == await ScheduleOwners(Links(), lambda: rules, "T1").refresh_stored(stored)
