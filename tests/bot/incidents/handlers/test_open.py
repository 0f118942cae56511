"""Opening an incident: it says at once what is wrong, since when and why probably, and one cause has one incident."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.config.incidents import IncidentSettings
from bot.model.incident import EntryKind, Incident
from bot.model.request import Failure, FailureKind, Request, Surface, SystemIdentity
from bot.store.database import Database
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.alert_examples import change
from tests.bot.incidents.handlers.test_show import BEGAN, Office

PEOPLE = (
    Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),
    Person(name="ben", slack=("U1BEN",), roles=frozenset({Role.OPERATOR})),
    Person(name="adam", slack=("U1ADAM",), roles=frozenset({Role.ADMINISTRATOR})),
    Person(name="ops", system=("ops",), roles=frozenset({Role.OPERATOR})),
)
PRIVATE, PUBLIC, ELSEWHERE, DIRECT = "C0SECRET", "C0INC", "C0OPS", "D0ANA"
OPENS = 'incident open "502" host-a'
ROOT = change(number=7, host="host-b", severity=Severity.CRITICAL, began_at=BEGAN - timedelta(minutes=6), checked_at=BEGAN)
SYMPTOM = change(
    ROOT, number=8, host="host-a", subject="api", severity=Severity.HIGH, cause=ROOT.key, short=Phrase("API broken")
)


@pytest.fixture
def office(database: Database) -> Office:
    office = Office(database, Policy(PEOPLE))
    office.channels.private.add(PRIVATE)
    return office


def lines(body: object) -> list[str]:
    """The lines of an answer."""
    assert isinstance(body, Report), body
    return [str(line) for section in body.sections for line in section.lines]


async def newest(office: Office) -> Incident:
    return (await office.book.list_incidents())[-1]


async def entries(office: Office, number: int) -> list[str]:
    """The texts of a timeline."""
    return [str(entry.text) for entry in await office.book.read_timeline(number)]


def typed(office: Office, words: str) -> Request:
    """A line of a person in a terminal who is not known in Slack."""
    return Request(f"t.{words}", SystemIdentity(1000, "ops"), words, Surface.DO, office.time.now())


async def test_the_answer_says_what_is_wrong_since_when_and_why_probably(office: Office) -> None:
    """The root is an alert of a host that is not of the incident."""
    office.kept.alerts.there |= {7: ROOT, 8: SYMPTOM}
    body = (await office.ask(f"{OPENS} --results everyone")).body
    assert [
        "Likely: host-b: Nebula stopped (alert 7) explains 1 other alert",
        "began at 2026-01-31 02:54:00 UTC, with the first alert",
        "1 host: 1 with alerts, 0 unknown, 0 without alerts (checked since 2026-01-31 02:30:00 UTC)",
        "high: host-a: API broken (alert 8), since 2026-01-31 02:54:00 UTC (checked 0 s ago)",
        "severity high, lead ana",
    ] == lines(body)[:5]
    [_, snapshot] = await office.book.read_timeline(1)
    assert (EntryKind.SNAPSHOT, "", ("host-a", "host-b")) == (snapshot.kind, snapshot.author, snapshot.hosts)
    assert str(snapshot.text).startswith("Likely: host-b: Nebula stopped (alert 7) explains 1 other alert. Began at")
    assert "" == (await newest(office)).was, "what is likely never becomes the cause"


async def test_a_cause_on_a_host_that_the_opener_may_not_see_is_not_named(database: Database) -> None:
    operators = frozenset({Role.OPERATOR})
    grants = (Grant(operations=("alert show",), roles=operators, labels=("tokyo",)),)
    office = Office(database, Policy(PEOPLE, grants=grants))
    office.kept.alerts.there |= {7: ROOT, 8: SYMPTOM}
    assert "host-b" not in str((await office.ask(f"{OPENS} --results everyone")).body)


@pytest.mark.parametrize(
    ("options", "alerts", "severity"),
    [
        ("", (), Severity.MEDIUM),
        ("", (SYMPTOM,), Severity.HIGH),
        ("", (ROOT,), Severity.MEDIUM),
        (" --severity low", (SYMPTOM,), Severity.LOW),
        (" --severity critical", (), Severity.CRITICAL),
    ],
    ids=["no alert", "the worst alert of its hosts", "an alert of another host", "as typed", "worse, as typed"],
)
async def test_the_severity_is_that_of_the_worst_alert_unless_one_is_typed(
    office: Office, options: str, alerts: tuple[object, ...], severity: Severity
) -> None:
    office.kept.alerts.there |= {each.number: each for each in (ROOT, SYMPTOM) if each in alerts}
    await office.ask(f"{OPENS} --results everyone{options}")
    assert (severity, "ana") == ((await newest(office)).severity, (await newest(office)).lead)


@pytest.mark.parametrize(
    ("since", "began"),
    [
        ("2h", BEGAN - timedelta(hours=2)),
        ("11:40", BEGAN - timedelta(minutes=20)),
        ("2026-01-30T03:00Z", BEGAN - timedelta(days=1)),
    ],
)
async def test_a_person_says_when_it_began(office: Office, since: str, began: object) -> None:
    """A clock time is that of the requester's zone, here Tokyo's. Logs start half an hour earlier."""
    body = (await office.ask(f"{OPENS} --since {since} --results everyone")).body
    assert began == (await newest(office)).began_at
    assert "as reported" in lines(body)[1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (" --since 2026-01-31T04:00Z", "is in the future"),
        (" --since 30d", "7d"),
        (" --severity bad", "critical, high, medium, low"),
        (" --alert 9", "no alert 9"),
    ],
)
async def test_what_cannot_be_opens_nothing(office: Office, options: str, why: str) -> None:
    assert why in await office.told(f"{OPENS}{options} --results everyone")
    assert () == await office.book.list_incidents()


async def test_the_button_of_an_alert_opens_one_incident_however_often_it_is_pressed(office: Office) -> None:
    """Its host is the target where none is named. The second click asks, also of another person in another channel."""
    office.kept.alerts.there |= {7: ROOT}
    await office.ask('incident open "Nebula stopped" --alert 7 --results everyone', channel=PUBLIC)
    first = await newest(office)
    assert ("host-b", (7,)) == (first.target, first.alerts)
    for words in ('incident open "Nebula stopped" --alert 7', 'incident open "Nebula stopped" host-a --alert 7'):
        body = (await office.ask(words, "U1BEN", ELSEWHERE)).body
        assert isinstance(body, Failure)
        assert "already in incident 1, Nebula stopped" in str(body.phrase)
    assert 1 == len(await office.book.list_incidents())


async def test_opening_about_the_same_host_asks_to_join_or_to_open_another_one(office: Office) -> None:
    await office.ask(f"{OPENS} --results everyone", channel=PUBLIC)
    body = (await office.ask('incident open "down" all', "U1BEN", ELSEWHERE)).body
    assert isinstance(body, Failure)
    assert (FailureKind.REFUSED, ("incident add all --incident 1", "incident open down --another")) == (
        body.kind,
        body.suggestions,
    )
    assert "incident 2" in await office.told(f"{body.suggestions[1]} --results everyone", "U1BEN", ELSEWHERE)


async def test_readers_of_a_hidden_incident_are_told_of_a_public_one_and_the_other_way_of_none(office: Office) -> None:
    await office.ask('incident open "stolen key" host-a --results everyone', "U1ADAM", PRIVATE)
    await office.ask('incident open "slow" host-a --results everyone', "U1BEN", PUBLIC)
    await office.work(office.last)
    assert ["incident 2, slow, was opened by ben about the same hosts or alert"] == [
        text for text in await entries(office, 1) if "incident 2" in text
    ]
    assert [] == [text for text in await entries(office, 2) if "stolen" in text or "incident 1" in text]
    await office.ask('incident open "third" host-a --new', "U1BEN", PUBLIC)
    await office.ask('incident open "third" host-a --new --another', "U1BEN", PUBLIC)
    assert "third" == (await newest(office)).title
    assert [] == [text for number in (1, 2) for text in await entries(office, number) if "third" in text]


async def test_a_terminal_user_without_a_slack_id_opens_one_without_a_channel(office: Office) -> None:
    """Its status is shown where `[incidents]` says (`bot.incidents.services.status`)."""
    office.desk.config = replace(office.desk.config, incidents=IncidentSettings(channel="C0BRIDGE"))
    request = typed(office, OPENS)
    answers = [await office.work(request) for _ in range(2)]
    incident = await newest(office)
    assert ("", False, "ops", 1) == (incident.channel, incident.private, incident.lead, incident.number)
    assert answers[0] == answers[1]
    assert "severity medium, lead ops" == lines(answers[0].body)[-1]


async def test_where_no_channel_is_configured_the_opener_is_told(office: Office) -> None:
    said = lines((await office.work(typed(office, OPENS))).body)[-1]
    assert "posted nowhere, because [incidents] has no channel. Tell the others" == said


async def test_one_of_a_direct_message_is_private_and_announced_nowhere(office: Office) -> None:
    office.desk.config = replace(office.desk.config, incidents=IncidentSettings(channel="C0BRIDGE"))
    await office.ask(OPENS, channel=DIRECT)
    incident = await newest(office)
    assert ("", True, []) == (incident.channel, incident.private, office.channels.told)
    assert "502" not in str((await office.ask("incident", "U1BEN", ELSEWHERE)).body)
    assert "502" in str((await office.ask("incident", "U1ANA", DIRECT)).body)


async def test_what_an_attempt_left_undone_the_next_one_does(office: Office) -> None:
    """The bot died behind the event of the opening: the same delivery adds the snapshot, once."""
    await office.ask("version")
    request = replace(office.last, key="again", text=f"{OPENS} --results everyone")
    await office.work(request)
    kinds = [entry.kind for entry in await office.book.read_timeline(1)]
    await office.work(request)
    assert [EntryKind.OPENED, EntryKind.SNAPSHOT] == kinds
    assert kinds == [entry.kind for entry in await office.book.read_timeline(1)]
    assert 1 == len(await office.book.list_incidents())
