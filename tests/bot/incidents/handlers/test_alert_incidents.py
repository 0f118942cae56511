"""Incidents in the answer about an alert: those that it was added to or joined, for readers who may know of them."""

import pytest

from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.incidents.tables.timeline import TimelineTable
from bot.model.incident import EntryKind, TimelineEntry
from bot.store.database import Database
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.alert_examples import FIRING
from tests.bot.incidents.handlers.test_show import BEGAN, Office
from tests.commands.cells import cell, read_facts

PEOPLE = (
    Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),
    Person(name="ben", slack=("U1BEN",), roles=frozenset({Role.OPERATOR})),
    Person(name="adam", slack=("U1ADAM",), roles=frozenset({Role.ADMINISTRATOR})),
)
PRIVATE, PUBLIC, ELSEWHERE = "C0SECRET", "C0INC", "C0OPS"


@pytest.fixture
async def office(database: Database) -> Office:
    """Ana opened incident 1 in a public channel, to which she added alert 7, and 2 in a private one, which it joined."""
    office = Office(database, Policy(PEOPLE))
    office.kept.alerts.there[7] = FIRING
    office.channels.private.add(PRIVATE)
    await office.ask('incident open "502" host-a --results everyone', channel=PUBLIC)
    await office.ask("incident add 7", channel=PUBLIC)
    await office.ask('incident open "stolen key" host-a --results everyone --another', channel=PRIVATE)
    moved = Phrase("{host} fired", host="host-a")
    entry = TimelineEntry(2, "alert:7/2", EntryKind.ALERT, BEGAN, BEGAN, "", moved, hosts=("host-a",), about=7)
    await TimelineTable(database).add([entry])
    return office


@pytest.mark.parametrize(
    ("user", "channel", "named"),
    [
        ("U1ANA", "D0ANA", "#1 502, #2 stolen key"),
        ("U1ADAM", "D0ADAM", "#1 502, #2 stolen key"),
        ("U1BEN", "D0BEN", "#1 502"),
        ("U1BEN", PRIVATE, "#1 502, #2 stolen key"),
        ("U1BEN", ELSEWHERE, "#1 502"),
    ],
)
async def test_an_alert_names_its_incidents_to_those_who_may_know(
    office: Office, user: str, channel: str, named: str
) -> None:
    body = (await office.ask("alert show 7", user, channel)).body
    assert isinstance(body, Report)
    facts = read_facts(body)
    assert named == facts["Incident"]
    assert ("stolen key" in named) is ("incident show 2" in body.next)


async def test_an_alert_of_no_incident_names_none(office: Office) -> None:
    office.kept.alerts.there[9] = FIRING
    body = (await office.ask("alert show 9", "U1ANA", "D0ANA")).body
    assert isinstance(body, Report)
    assert "Incident" not in {str(cell(body, row, "fact").text) for row in body.rows}
