"""Reminders of quiet incidents: who gets which message, after entries, restarts, and for people who have left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Phrase
from bot.access.people import Person, UserGroup
from bot.access.policy import Policy
from bot.config.incidents import IncidentSettings
from bot.incidents.rules.quiet import find_callable
from bot.incidents.services.reminders import QuietReminder, ReminderBasis, ReminderServices
from bot.incidents.tables.deliveries import IncidentDeliveryTable
from bot.incidents.tables.timeline import TimelineTable
from bot.model.alert_notice import AlertWord
from bot.model.announcement import Announcement
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.model.request import Answer, Identity, Membership, SlackIdentity, SystemIdentity
from bot.store.database import Database
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.clockwork import Announced

NOW = datetime(2026, 1, 30, 17, 0, tzinfo=UTC)
INCIDENT = Incident(
    operation="op-1",
    channel="C0ROOM",
    title="host-a answers 502",
    target="host-a",
    opened_by="ben",
    opened_at=NOW,
    number=3,
    severity=Severity.CRITICAL,
    lead="ana",
    private=False,
)
ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
POLICY = Policy(
    (
        Person(name="ana", slack=("U1ANA",)),
        Person(name="ben", slack=("U1BEN",)),
        Person(name="cleo", slack=("U1CLEO",)),
        Person(name="root", slack=("U1ROOT",), roles=ADMINISTRATOR),
        Person(name="desk", system=("desk",)),
    ),
    (UserGroup(slack="S1SECURITY", roles=frozenset({Role.SECURITY})),),
)
SETTINGS = IncidentSettings(channel="C0INCIDENTS", escalate=("cleo", "root", "S1ONCALL", "S1SECURITY"))


class Night:
    """One night: an incident, the people in it, and what the bot says. `again` is the next life of the bot."""

    def __init__(self, database: Database, incident: Incident = INCIDENT) -> None:
        self.now, self.incident, self.settings = NOW, incident, SETTINGS
        self.timeline, self.deliveries = TimelineTable(database), IncidentDeliveryTable(database)
        self.announced, self.entries = Announced(), 0
        self.people: dict[str, Identity] = {
            "ana": SlackIdentity("T1", "U1ANA", Membership.MEMBER),
            "ben": SlackIdentity("T1", "U1BEN", Membership.MEMBER),
            "desk": SystemIdentity(0, "desk"),
        }
        self.again()

    def again(self) -> None:
        self.reminder = QuietReminder(
            ReminderServices(
                self.list_working,
                self.timeline,
                self.deliveries,
                self.announced,
                self.find_person,
                self.call,
                lambda: ReminderBasis(POLICY, self.settings, "C0NOTICES", ZoneInfo("Asia/Tokyo")),
            )
        )

    async def list_working(self) -> tuple[Incident, ...]:
        return (self.incident,) if self.incident.open else ()

    async def find_person(self, name: str) -> Identity | None:
        return self.people.get(name)

    async def call(self, incident: Incident) -> None:
        await self.write(EntryKind.CALL, "")

    async def write(self, kind: EntryKind = EntryKind.NOTE, author: str = "ana") -> None:
        self.entries += 1
        source = f"audit:{self.entries}"
        await self.timeline.add([TimelineEntry(3, source, kind, self.now, self.now, author, Phrase("seen"))])

    async def sit(self, minutes: int) -> list[str]:
        """Lets the bot run for so long. Returns who got a message, in order."""
        begun = len(self.announced.said)
        for _ in range(minutes):
            await self.reminder.remind(self.now)
            self.now += timedelta(minutes=1)
        return [each.channel for each in list(self.announced.said.values())[begun:]]

    def read(self, place: int = -1) -> tuple[Announcement, str, tuple[str, ...]]:
        """Returns a message, its text, and its buttons."""
        said = list(self.announced.said.values())[place]
        if isinstance(said.body, AlertWord):
            return said, str(said.body.phrase), said.body.mentions
        assert isinstance(said.body, Answer)
        assert isinstance(said.body.body, Report)
        return said, str(said.body.body.summary), said.body.body.next


@pytest.fixture
def night(database: Database) -> Night:
    return Night(database)


async def test_the_lead_is_asked_directly_with_what_to_do(night: Night) -> None:
    assert ["U1ANA"] == await night.sit(16)
    _, text, buttons = night.read()
    assert "incident 3 (critical) has been quiet for 900 s: host-a answers 502" == text
    assert (
        "incident update --incident 3",
        "incident later --incident 3",
        "incident lead --incident 3",
        "incident show 3",
    ) == buttons


async def test_who_answers_nothing_is_asked_twice_then_the_channel_is_and_others_are_called_once(night: Night) -> None:
    assert ["U1ANA", "C0ROOM", "U1ANA", "C0ROOM", "C0ROOM"] == await night.sit(300)
    offer, question, channel, call = night.read(1), night.read(2), night.read(3), night.read(4)
    assert "incident 3 has been critical for 1800 s: host-a answers 502. Call others if you need help" == offer[1]
    assert "incident call --incident 3" == offer[2][0] == question[2][0] == channel[2][0]
    assert "has been quiet for 2700 s" in channel[1]
    assert "Its lead, ana, has not responded" in channel[1]
    assert "incident 3 (critical) gets no response: host-a answers 502. Please help. Run incident show 3" == call[1]
    assert ("U1CLEO", "U1ROOT", "S1ONCALL", "S1SECURITY") == call[2]


async def test_an_entry_of_a_person_begins_a_new_silence_and_one_of_the_bot_does_not(night: Night) -> None:
    await night.sit(14)
    await night.write(EntryKind.ALERT, "")
    await night.write(EntryKind.LOOK)
    await night.write(EntryKind.NOTE, "")
    assert ["U1ANA"] == await night.sit(2)
    await night.write()
    assert ["C0ROOM"] == await night.sit(15)
    assert ["U1ANA"] == await night.sit(2)


async def test_a_person_who_calls_others_is_named_and_the_bot_calls_no_more(night: Night) -> None:
    await night.sit(31)
    await night.write(EntryKind.CALL, "ana")
    assert ["C0ROOM", "C0ROOM"] == await night.sit(120)
    assert "ana asks for your help: incident 3 (critical), host-a answers 502. Run incident show 3" == night.read(3)[1]


async def test_without_others_to_call_nothing_is_offered(night: Night) -> None:
    night.settings = IncidentSettings()
    assert ["U1ANA", "U1ANA", "C0ROOM"] == await night.sit(300)
    assert not any("call" in words for words in night.read(1)[2])


@pytest.mark.parametrize("away", [timedelta(hours=9), timedelta(hours=-9), timedelta(minutes=20)])
async def test_no_reminder_is_made_up_for_time_that_the_bot_was_down_or_the_clock_was_wrong(
    night: Night, away: timedelta
) -> None:
    await night.sit(14)
    night.now += away
    assert [] == await night.sit(15)
    assert ["U1ANA"] == await night.sit(1)


async def test_after_a_restart_the_silence_begins_anew_and_what_was_asked_stays_asked(night: Night) -> None:
    await night.sit(20)
    night.again()
    assert [] == await night.sit(15)
    assert ["U1ANA"] == await night.sit(1)
    night.again()
    assert ["C0ROOM"] == await night.sit(20)


@pytest.mark.parametrize("restarts_first", [True, False])
async def test_an_entry_before_a_restart_ends_the_silence(night: Night, restarts_first: bool) -> None:
    night.settings = IncidentSettings()
    assert ["U1ANA", "U1ANA", "C0ROOM"] == await night.sit(60)
    await night.write()
    await night.sit(0 if restarts_first else 1)
    night.again()
    assert ["U1ANA"] == await night.sit(16)


async def test_a_lead_who_left_is_told_in_the_channel_and_the_opener_is_asked(night: Night) -> None:
    night.people["ana"] = SlackIdentity("T1", "U1ANA", Membership.STRANGER)
    night.settings = IncidentSettings()
    assert ["C0ROOM", "U1BEN"] == await night.sit(31)
    _, text, buttons = night.read()
    assert "ana, the lead of incident 3 (host-a answers 502), can no longer be reached. Take the lead" == text
    assert ("incident lead --incident 3", "incident show 3") == buttons


async def test_a_lead_who_left_the_configuration_counts_as_left(night: Night) -> None:
    del night.people["ana"], night.people["ben"]
    assert ["C0ROOM"] == await night.sit(16)


@pytest.mark.parametrize(
    ("channel", "private", "place"),
    [("C0ROOM", True, "C0ROOM"), ("", False, "C0INCIDENTS"), ("D1ANA", False, "C0INCIDENTS"), ("D1ANA", True, "")],
)
async def test_a_lead_without_slack_is_asked_where_the_incident_is(
    database: Database, channel: str, private: bool, place: str
) -> None:
    night = Night(database, replace(INCIDENT, lead="desk", channel=channel, private=private))
    assert [place] == await night.sit(16)
    assert private is night.read()[0].private


async def test_others_are_called_one_by_one_where_there_is_no_channel(database: Database) -> None:
    night = Night(database, replace(INCIDENT, channel=""))
    await night.write(EntryKind.CALL, "ana")
    assert ["U1CLEO", "U1ROOT", "S1ONCALL", "S1SECURITY"] == await night.sit(5)


@pytest.mark.parametrize(
    ("private", "called"),
    [
        (False, ("U1CLEO", "U1ROOT", "S1ONCALL", "S1SECURITY")),
        (True, ("U1ROOT", "S1SECURITY")),
        (None, ("U1ROOT", "S1SECURITY")),
    ],
)
def test_only_people_who_may_read_a_private_incident_are_called_to_it(private: bool | None, called: tuple[str, ...]) -> None:
    assert called == find_callable(SETTINGS.escalate, replace(INCIDENT, private=private), POLICY)


async def test_a_resolved_incident_is_left_alone(night: Night) -> None:
    await night.sit(10)
    night.incident = replace(INCIDENT, state=IncidentState.RESOLVED, resolved_at=NOW)
    assert [] == await night.sit(60)


async def test_a_call_that_cannot_be_recorded_keeps_no_one_from_being_asked(night: Night) -> None:
    """While the audit log is in doubt, no act is taken."""

    async def refuse(incident: Incident) -> None:
        raise Refused(Phrase("the audit log is inconsistent"))

    night.call = refuse  # type: ignore[method-assign]
    night.again()
    assert ["U1ANA", "C0ROOM", "U1ANA", "C0ROOM"] == await night.sit(120)
    await night.write()
    assert ["U1ANA"] == await night.sit(17)


async def test_a_message_that_could_not_be_kept_is_tried_in_the_next_round(night: Night) -> None:
    await night.sit(15)
    night.announced.failing = 1
    with pytest.raises(FlatnetError):
        await night.sit(1)
    assert ["U1ANA"] == await night.sit(1)
