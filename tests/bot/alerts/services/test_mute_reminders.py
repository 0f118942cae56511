"""Ends of silences and maintenance: one reminder while something is hidden, also over a crash, and owners who have left."""

from datetime import timedelta

import pytest

from adapters.errors import FlatnetError
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.alerts.services.mute_reminders import (
    MuteBasis,
    MuteNotifiers,
    MuteReminder,
    find_loss,
    is_reminder_due,
    render_again,
)
from bot.audit_log.log import EventKind
from bot.model.alert import Alert, Mute
from bot.model.announcement import Announcement
from bot.model.request import Answer, Identity, Membership, SlackIdentity, SystemIdentity
from bot.store.database import Database
from commands.alerts.mutes import SilenceAdd
from commands.catalogue import CATALOGUE
from commands.language.form_filling import must_ask_first
from commands.language.grammar import parse_operation
from commands.model.operation import Role
from commands.model.report import Report
from commands.values.normalize import normalize_text
from tests.bot.alerts.muting import INVENTORY, NOW, Registered, alert, maintenance, mute
from tests.bot.clockwork import Announced

ANA = SlackIdentity("T1", "U1ANA", Membership.MEMBER)
ROOT = SystemIdentity(1000, "ana")
PEOPLE = Policy((Person(name="ana", slack=("U1ANA",), system=("ana",), roles=frozenset({Role.OPERATOR})),))


class Reminding:
    """A reminder whose world the test sets. `again` is the next life of the bot."""

    def __init__(self, database: Database, *alerts: Alert) -> None:
        self.book, self.announced = Registered(database), Announced()
        self.alerts, self.policy = alerts, PEOPLE
        self.owner: Identity = ANA
        self.searches = 0
        self.reminder = self.again()

    def again(self) -> MuteReminder:
        basis = lambda: MuteBasis(self.policy, INVENTORY, "C0NOTICES")  # noqa: E731
        self.reminder = MuteReminder(self.book.registry, MuteNotifiers(self, self.announced, self.find_owner, basis))
        return self.reminder

    async def list_open(self) -> tuple[Alert, ...]:
        return self.alerts

    async def find_owner(self, mute: Mute) -> Identity:
        self.searches += 1
        return self.owner

    async def remind_after(self, **span: float) -> list[str]:
        """Passes time, reminds, and returns the names of all announcements so far."""
        await self.reminder.remind(self.book.time.pass_by(**span))
        return list(self.announced.said)

    @property
    def only(self) -> tuple[Announcement, Report]:
        (said,) = self.announced.said.values()
        assert isinstance(said.body, Answer)
        assert isinstance(said.body.body, Report)
        return said, said.body.body


@pytest.fixture
def world(database: Database) -> Reminding:
    return Reminding(database, alert(7, "host-a", "nebula"), alert(8, "host-c", "gateway"))


@pytest.mark.parametrize(
    ("lasts", "after", "due"),
    [
        (120, 104, False),
        (120, 105, True),
        (120, 119, True),
        (30, 14, False),
        (30, 15, True),
        (10, 4, False),
        (10, 5, True),
        (1, 0, False),
    ],
)
def test_a_reminder_comes_15_minutes_before_the_end_or_halfway(lasts: float, after: float, due: bool) -> None:
    assert due is is_reminder_due(mute("host-a", lasts), NOW + timedelta(minutes=after))


async def test_the_owner_gets_one_direct_message_with_what_to_do(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60))
    assert [] == await world.remind_after(minutes=44)
    assert ["mute-1-end"] == await world.remind_after(minutes=1)
    assert ["mute-1-end"] == await world.remind_after(minutes=5)

    said, report = world.only
    assert "U1ANA" == said.channel
    assert (
        "the silence of host-a (ana) ends at 2026-01-31 10:00:00 UTC and still mutes 1 alert: host-a: nebula broken"
    ) == str(report.summary)
    assert ('silence add host-a 2h "cable swap"', "alert show 7") == report.next


async def test_an_owner_without_slack_is_reminded_where_it_was_added(world: Reminding) -> None:
    world.owner = ROOT
    await world.book.add(mute("host-a", 60))
    await world.remind_after(minutes=50)
    assert "C0OPS" == world.only[0].channel


async def test_an_owner_who_left_gets_no_names_of_alerts(world: Reminding) -> None:
    world.owner = SlackIdentity("T1", "U1ANA", Membership.GUEST)
    await world.book.add(mute("host-a", 60))
    await world.remind_after(minutes=50)
    assert "C0OPS" == world.only[0].channel


@pytest.mark.parametrize("channel", ["", "D0ANA"])
async def test_what_was_added_in_a_terminal_or_directly_is_told_in_the_channel_of_notices(
    world: Reminding, channel: str
) -> None:
    world.owner = ROOT
    await world.book.add(mute("host-a", 60, channel=channel))
    await world.remind_after(minutes=50)
    assert "C0NOTICES" == world.only[0].channel


async def test_what_hides_nothing_ends_in_silence_and_a_late_alert_still_counts(world: Reminding) -> None:
    await world.book.add(mute("host-b", 60))
    assert [] == await world.remind_after(minutes=50)
    world.alerts = (alert(9, "host-b", "nebula"),)
    assert ["mute-1-end"] == await world.remind_after(minutes=5)


async def test_what_another_mute_hides_for_longer_needs_no_reminder(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60, 1), maintenance("tokyo", 120, 2), mute("nebula", 60, 3))
    assert [] == await world.remind_after(minutes=50)
    assert ["mute-2-end"] == await world.remind_after(minutes=60)
    assert 'maintenance add tokyo 2h "cable swap"' == world.only[1].next[0]


async def test_a_crash_between_message_and_row_repeats_neither(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60))
    marked = world.book.table.mark_reminded

    async def crash(number: int, at: object) -> None:
        raise KeyboardInterrupt

    world.book.table.mark_reminded = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await world.remind_after(minutes=50)
    world.book.table.mark_reminded = marked  # type: ignore[method-assign]
    world.again()
    assert ["mute-1-end"] == await world.remind_after(minutes=1)
    (kept,) = await world.book.registry.list_active()
    assert NOW + timedelta(minutes=51) == kept.reminded_at


async def test_a_message_that_could_not_be_stored_is_tried_again(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60))
    world.announced.failing = 1
    with pytest.raises(FlatnetError):
        await world.remind_after(minutes=50)
    assert ["mute-1-end"] == await world.remind_after(minutes=1)


async def test_a_clock_that_jumps_over_the_end_reminds_of_nothing_and_one_set_back_not_twice(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60, 1), mute("host-c", 120, 2))
    assert [] == await world.remind_after(minutes=61)
    assert ["mute-1-end"] == await world.remind_after(minutes=-10)
    assert ["mute-1-end"] == await world.remind_after(minutes=-30)
    assert ["mute-1-end"] == await world.remind_after(minutes=33)


def test_the_offered_request_opens_the_form_and_hides_the_same_again() -> None:
    strange = mute('label:tokyo,host-a/disk/"x y"', reason='say "no"')
    words = render_again(strange)
    assert must_ask_first(words, CATALOGUE)
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, SilenceAdd)
    assert (strange.what, timedelta(hours=2), strange.reason) == (str(operation.what), operation.lasts, operation.why)


GONE = "ana is no longer a full member of the workspace"
NO_RIGHT = "ana may no longer mute alerts"
VIEWER = Policy((Person(name="ana", slack=("U1ANA",), system=("ana",)),))
NARROWED = Policy(PEOPLE.people, grants=(Grant(operations=("silence *",), roles=frozenset({Role.SECURITY})),))


@pytest.mark.parametrize(
    ("owner", "policy", "loss"),
    [
        (ANA, PEOPLE, None),
        (ROOT, PEOPLE, None),
        (SlackIdentity("T1", "U1ANA", Membership.UNKNOWN), PEOPLE, None),
        (SlackIdentity("T1", "U1ANA", Membership.STRANGER), PEOPLE, GONE),
        (SlackIdentity("T1", "U1ANA", Membership.GUEST), PEOPLE, GONE),
        (ANA, Policy(), NO_RIGHT),
        (ROOT, Policy(), NO_RIGHT),
        (ANA, VIEWER, NO_RIGHT),
        (ANA, NARROWED, NO_RIGHT),
    ],
)
def test_an_owner_loses_a_mute_with_their_right_to_it(owner: Identity, policy: Policy, loss: str | None) -> None:
    assert loss == (None if (why := find_loss(mute("host-a"), owner, policy)) is None else str(why))


async def test_a_mute_whose_owner_left_ends_with_a_line_in_the_channel(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60))
    await world.reminder.end_orphaned()
    assert {} == world.announced.said

    world.owner = SlackIdentity("T1", "U1ANA", Membership.STRANGER)
    world.book.time.pass_by(minutes=5)
    await world.reminder.end_orphaned()
    await world.reminder.end_orphaned()

    assert () == await world.book.registry.list_active()
    said, report = world.only
    assert ("mute-1-lost", "C0OPS") == (said.name, said.channel)
    assert f"the silence of host-a was ended: {GONE}. Its reason was: cable swap" == str(report.summary)
    assert ('silence add host-a 2h "cable swap"',) == report.next
    assert [(EventKind.MUTE, "flatnet-bot", "ended")] == [
        (kind, actor, data["mute"]) for kind, actor, data in world.book.log.events if data["mute"] != "added"
    ]


async def test_an_owner_of_many_mutes_is_looked_up_once(world: Reminding) -> None:
    """After a start, Slack would refuse so many calls, and with them all people who type within the next minute."""
    await world.book.add(mute("host-a", number=1), mute("host-b", number=2), mute("host-c", number=3))
    await world.reminder.end_orphaned()
    assert (1, 3) == (world.searches, len(await world.book.registry.list_active()))


async def test_a_loss_that_could_not_be_announced_ends_nothing_yet(world: Reminding) -> None:
    await world.book.add(mute("host-a", 60))
    world.policy, world.announced.failing = Policy(), 1
    with pytest.raises(FlatnetError):
        await world.reminder.end_orphaned()
    assert 1 == len(await world.book.registry.list_active())
    await world.reminder.end_orphaned()
    assert () == await world.book.registry.list_active()
