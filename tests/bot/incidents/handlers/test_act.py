"""Acts on an incident: each is one entry of its timeline, by who may, on an incident that the requester may see."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.config.incidents import IncidentSettings
from bot.model.alert import Alert
from bot.model.change import ChangeState
from bot.model.incident import IncidentState, QuotedMessage
from bot.model.request import Failure, FailureKind
from bot.store.database import Database
from commands.alerts.conditions import Condition
from commands.model.check import Area, StoredCheck
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.alert_examples import FIRING, change
from tests.bot.changes.handlers.test_owed import owed
from tests.bot.incidents.handlers.test_show import BEGAN, Office
from tests.bot.records import running
from tests.commands.cells import cell

PEOPLE = (
    Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),
    Person(name="ben", slack=("U1BEN",), roles=frozenset({Role.OPERATOR})),
    Person(name="vera", slack=("U1VERA",), roles=frozenset({Role.VIEWER})),
    Person(name="adam", slack=("U1ADAM",), roles=frozenset({Role.ADMINISTRATOR})),
)
PRIVATE, PUBLIC, ELSEWHERE = "C0SECRET", "C0INC", "C0OPS"


@pytest.fixture
async def office(database: Database) -> Office:
    """Ana opened incident 1 in a public channel."""
    office = Office(database, Policy(PEOPLE))
    await office.ask('incident open "502" host-a --results everyone', channel=PUBLIC)
    return office


async def shown(office: Office, user: str = "U1ANA", words: str = "incident show 1") -> list[tuple[int, str, str]]:
    """What somebody is shown of the timeline behind its opening and the snapshot: number, author, text."""
    body = (await office.ask(words, user, ELSEWHERE)).body
    assert isinstance(body, Report)
    cells = [{column.key: cell for column, cell in zip(body.columns, row.cells, strict=True)} for row in body.rows]
    return [
        (int(str(each["number"].value)), str(each["actor"].text), str(each["entry"].text))
        for each in cells
        if each["kind"].value not in ("opened", "snapshot")
    ]


ENTRIES = {
    'incident note "the provider confirms"': "the provider confirms",
    'incident update "we are on it" --next 30m': "update: we are on it",
    "incident later 1h": "next update later, at 2026-01-31 04:00:00 UTC",
    "incident severity high": "severity: high",
    "incident lead ben": "lead: ben",
    "incident lead @U1BEN": "lead: ben",
    "incident lead @U9NEW": "lead: slack:T1/U9NEW",
    "incident invite vera": "vera may read this incident",
    "incident add host-b": "added: host-b",
    "incident add 7": "added: 7",
    "incident mitigated": "mitigated",
    'incident followup "add a check" --who ben --by 2026-02-06': "follow-up: add a check",
}


@pytest.mark.parametrize(("words", "entry"), ENTRIES.items())
async def test_an_act_is_one_entry_by_who_acted(office: Office, words: str, entry: str) -> None:
    office.kept.alerts.there[7] = FIRING
    answer = await office.ask(words)
    again = await office.work(office.last)
    assert isinstance(answer.body, Report), str(answer.body)
    assert again == answer, "the same delivery again changes nothing"
    assert [(3, "ana", entry)] == await shown(office)


@pytest.mark.parametrize("words", [each for each in ENTRIES if "note" not in each])
async def test_viewers_only_add_notes(office: Office, words: str) -> None:
    office.kept.alerts.there[7] = FIRING
    assert "requires one of these roles" in await office.told(words, "U1VERA")
    assert "noted" in await office.told('incident note "I see it, too"', "U1VERA")
    assert [(3, "vera", "I see it, too")] == await shown(office)


REFUSED = {
    "incident lead anna": "no person named anna in the configuration. Did you mean ana?",
    "incident lead ana": "nothing to do: incident 1 already has this",
    "incident invite @channel": "no person named channel in the configuration.",
    'incident note "x" --at 2026-01-31T03:01Z': "is in the future",
    'incident note "x" --at 12:30': "is in the future",
    'incident note "x" --at 2026-01-20T03:00Z': "is too far in the past",
    'incident correct 9 "x"': "incident 1 has no entry 9.",
    "incident followup done 1": "incident 1 has no follow-up 1.",
    "incident add 8": "no alert 8",
    "incident add host-x": "no host or label named host-x.",
    "incident mitigated --incident 7": "no incident 7. Run incident for the list",
    "incident merge 1 --into 1": "an incident cannot be merged into itself",
    "incident merge 1 --into 7": "no incident 7.",
    'incident reopen "again"': "incident 1 is already open",
    "incident call": "nothing to call: add people or groups under escalate",
    'incident note "password=hunter2secret"': "your input contains a password, token or key",
}


@pytest.mark.parametrize(("words", "why"), REFUSED.items())
async def test_what_cannot_be_is_refused_and_leaves_no_entry(office: Office, words: str, why: str) -> None:
    assert why in await office.told(words)
    assert [] == await shown(office)


async def test_a_note_is_at_the_time_at_which_it_happened(office: Office) -> None:
    """A clock time is that of the requester's zone, here Tokyo's."""
    await office.ask('incident note "second" --at 11:59')
    await office.ask('incident note "first" --at 2026-01-30T23:50')
    await office.ask('incident note "third"')
    body = (await office.ask("incident show 1")).body
    assert isinstance(body, Report)
    said = [str(cell(body, row, "entry").text) for row in body.rows]
    assert ["first", "second", "opened: 502 (host-a)", "third"] == [each for each in said if "Likely" not in each]
    assert (BEGAN - timedelta(minutes=1)).isoformat() == cell(body, body.rows[1], "at").value


async def test_a_message_is_noted_once_at_its_time_by_its_author(office: Office) -> None:
    """Whoever notes it, however often, and whatever name its author has taken since."""
    quoted = QuotedMessage(PUBLIC, "1769828280.000200", "Max Huber (U0MAX)", "https://example.test/p1")
    renamed = replace(quoted, author="Maxi (U0MAX)")
    answers = []
    for key, user, message in (("m.1", "U1ANA", quoted), ("m.2", "U1BEN", quoted), ("m.3", "U1BEN", renamed)):
        await office.ask("version", user, PUBLIC)
        request = replace(office.last, key=key, text='incident note "I see it"', quoted=message)
        answers.append((await office.work(request)).body)
    body = (await office.ask("incident show 1")).body
    assert isinstance(body, Report)
    assert [quoted.at.isoformat(), "3", "Max Huber (U0MAX)", "I see it (https://example.test/p1)"] == [
        str(cell.value) for cell in body.rows[0].cells[:4]
    ]
    for again in answers[1:]:
        assert isinstance(again, Failure)
        assert "nothing to do: the message is entry 3 of incident 1 already" == str(again.phrase)


async def test_mentions_of_all_are_text(office: Office) -> None:
    await office.ask('incident note "ask <!channel> & <@U1BEN> now"')
    [(_, _, text)] = await shown(office)
    assert "ask @channel & @U1BEN now" == text


async def test_a_correction_is_shown_behind_its_original(office: Office) -> None:
    await office.ask('incident note "host-a is down"')
    await office.ask('incident note "the provider knows"')
    await office.ask('incident correct 3 "host-b is down"', "U1BEN")
    assert [
        (3, "ana", "host-a is down"),
        (5, "ben", "correction of 3: host-b is down"),
        (4, "ana", "the provider knows"),
    ] == await shown(office)


async def test_two_acts_in_one_instant_both_count(office: Office) -> None:
    await asyncio.gather(office.told('incident note "one"'), office.told('incident note "two"', "U1BEN"))
    assert [(3, "ana", "one"), (4, "ben", "two")] == await shown(office)


async def test_a_lead_who_left_is_replaced(office: Office, database: Database) -> None:
    await office.ask("incident lead ben")
    left = Office(database, Policy(tuple(person for person in PEOPLE if person.name != "ben")))
    assert "lead: adam" in await left.told("incident lead", "U1ADAM", "D0ADAM")
    assert ["adam"] == [each.lead for each in await left.book.list_incidents()]


async def test_an_invited_person_is_invited_to_the_channel_that_the_bot_created(database: Database) -> None:
    office = Office(database, Policy(PEOPLE))
    await office.ask('incident open "502" --new', channel=ELSEWHERE)
    await office.ask("incident invite vera", channel="C0NEW1")
    assert [("C0NEW1", "U1VERA")] == office.channels.invited


async def test_follow_ups_are_counted_and_completed(office: Office) -> None:
    await office.ask('incident followup "add a check" --who ben --by 2026-02-06')
    await office.ask('incident followup "write it down"')
    await office.ask("incident followup done 2")
    body = (await office.ask("incident show 1")).body
    assert isinstance(body, Report)
    lines = {str(section.heading): [str(line) for line in section.lines] for section in body.sections}
    assert ["1. add a check (ben, by 2026-02-06)", "2. write it down: done by ana"] == lines["Follow-ups"]


@pytest.fixture
async def private(office: Office) -> Office:
    """Ana also opened incident 2 in a private channel, of which ben and vera are to learn nothing elsewhere."""
    office.channels.private.add(PRIVATE)
    await office.ask('incident open "stolen key" host-b --results everyone', channel=PRIVATE)
    return office


@pytest.mark.parametrize(
    "words",
    [
        'incident note "x" --incident 2',
        "incident severity low --incident 2",
        "incident merge 2 --into 1",
        "incident merge 1 --into 2",
        'incident resolve "dns" --incident 2',
        'incident reopen "again" --incident 2',
    ],
)
async def test_the_number_of_a_hidden_incident_is_as_if_it_did_not_exist(private: Office, words: str) -> None:
    hidden = await private.told(words, "U1BEN", ELSEWHERE)
    assert "no incident 2. Run incident for the list" == hidden


async def test_the_only_incident_that_a_requester_sees_is_meant(private: Office) -> None:
    assert "incident 1, 502: noted" == await private.told('incident note "x"', "U1BEN", ELSEWHERE)
    body = (await private.ask('incident note "x"', "U1ANA", ELSEWHERE)).body
    assert isinstance(body, Failure)
    assert (FailureKind.REFUSED, ("incident note x --incident 1", "incident note x --incident 2")) == (
        body.kind,
        body.suggestions,
    )


async def test_both_numbers_of_a_merged_incident_work_and_neither_gets_readers(private: Office) -> None:
    answer = await private.told("incident merge 2 --into 1", channel="D0ANA")
    assert "incident 2, stolen key: merged into incident 1, 502" == answer
    assert "incident 1, 502: noted" == await private.told('incident note "x" --incident 2', channel="D0ANA")
    assert "no incident 2." in await private.told('incident note "x" --incident 2', "U1BEN", ELSEWHERE)
    assert "stolen key" not in str((await private.ask("incident show 1", "U1BEN", ELSEWHERE)).body)
    assert "stolen key" not in str((await private.ask("incident", "U1BEN", ELSEWHERE)).body)


async def test_readers_of_a_duplicate_do_not_learn_of_a_hidden_other_side(private: Office) -> None:
    await private.ask("incident merge 1 --into 2", channel="D0ANA")
    for words in ("incident show 1", "incident"):
        assert "stolen key" not in str((await private.ask(words, "U1BEN", ELSEWHERE)).body)
    assert "no longer" not in await private.told('incident note "x" --incident 1', "U1BEN", ELSEWHERE)


async def test_only_people_who_may_read_a_private_incident_can_be_called_to_it(private: Office) -> None:
    private.desk.config = replace(private.desk.config, incidents=IncidentSettings(escalate=("ben",)))
    assert "incident 1, 502: others were called" == await private.told("incident call --incident 1", channel="D0ANA")
    assert "no one under escalate in [incidents] may read incident 2" in await private.told("incident call", channel=PRIVATE)
    await private.ask("incident invite ben", channel=PRIVATE)
    assert "incident 2, stolen key: others were called" == await private.told("incident call", channel=PRIVATE)


async def test_an_incident_is_opened_again_in_its_channel(office: Office) -> None:
    await office.ask('incident resolve "dns"')
    assert "incident 1, 502: reopened: 502 again" == await office.told('incident reopen "502 again"', "U1BEN")
    [incident] = await office.book.list_incidents()
    assert (IncidentState.OPEN, "", None) == (incident.state, incident.was, incident.resolved_at)


async def test_from_elsewhere_it_is_asked_which_one_is_opened_again(office: Office) -> None:
    await office.ask('incident resolve "dns"')
    office.time.move(BEGAN + timedelta(minutes=1))
    await office.ask('incident open "disk" --results everyone --another', channel="C0DISK")
    await office.ask('incident resolve "full"', channel="C0DISK")
    body = (await office.ask('incident reopen "again"', channel="D0ANA")).body
    assert isinstance(body, Failure)
    assert ("incident reopen again --incident 2", "incident reopen again --incident 1") == body.suggestions


async def test_looks_of_one_person_between_two_entries_are_one_row(office: Office) -> None:
    for words in ("health host-a", "host", "health host-b", "health"):
        office.time.move(office.time.at + timedelta(seconds=1))
        await office.ask(words)
    await office.collect(apart=False)
    [(number, author, said)] = await shown(office)
    assert (3, "ana") == (number, author)
    assert said.startswith("health host-a --here: ")
    assert said.endswith(" and 1 more")


async def test_a_mitigated_incident_is_opened_again(office: Office) -> None:
    await office.ask("incident mitigated")
    await office.ask('incident reopen "502 again"')
    assert [IncidentState.OPEN] == [each.state for each in await office.book.list_incidents()]


async def test_a_channel_has_one_incident_also_when_another_is_opened_again(office: Office) -> None:
    await office.ask('incident resolve "dns"')
    await office.ask('incident open "disk" --results everyone')
    refused = await office.told('incident reopen "502 again" --incident 1')
    assert "another incident is open in the channel of incident 1. Resolve it first" == refused


SILENT = change(number=8, condition=Condition.SILENT, subject="host", short=Phrase("no response"))


async def _put(office: Office, what: str) -> None:
    """Leave one thing open on host-a."""
    match what:
        case "firing":
            office.kept.alerts.there[7] = FIRING
        case "silent":
            office.kept.alerts.there[8] = SILENT
        case "unread":
            check = StoredCheck(host="host-a", area=Area.SERVICES, at=BEGAN, complete=False)
            office.kept.checks.newest["host-a", Area.SERVICES] = check
        case "running" | "unknown":
            state = ChangeState.RUNNING if what == "running" else ChangeState.UNKNOWN
            ran = running("host-a").to_change().model_copy(update={"state": state})
            office.kept.changes[ran.operation] = ran
        case "owed":
            office.kept.owed.owed[3] = owed(3, "host-a")


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("firing", "firing: #7 host-a: Nebula stopped"),
        ("silent", "unknown: #8 host-a: no response"),
        ("unread", "unknown: host-a could not be read at"),
        ("running", "running: cert renew"),
        ("unknown", "unknown: the outcome of cert renew"),
        ("owed", "owed to host-a: "),
    ],
)
async def test_what_is_still_open_needs_a_reason(office: Office, what: str, named: str) -> None:
    await _put(office, what)
    refused = await office.told('incident resolve "dns"')
    assert "incident 1 is not resolved yet (" in refused
    assert named in refused
    assert [IncidentState.OPEN] == [each.state for each in await office.book.list_incidents()]
    assert "resolved at" in await office.told('incident resolve "dns" --although "it is being replaced"')
    assert [(3, "ana", "resolved: dns (although 1 thing was still open: it is being replaced)")] == await shown(office)


async def test_a_refused_resolution_offers_its_form_with_the_reason(office: Office) -> None:
    await _put(office, "firing")
    body = (await office.ask('incident resolve "dns"')).body
    assert isinstance(body, Failure)
    assert ("incident resolve dns --incident 1", "incident show 1") == body.suggestions


async def test_what_still_fires_is_no_matter_once_it_is_resolved(office: Office) -> None:
    await _put(office, "firing")
    await office.ask('incident resolve "dns" --although "known"')
    body = (await office.ask('incident resolve "again" --incident 1')).body
    assert isinstance(body, Failure)
    assert "incident 1 was resolved by ana: dns" == str(body.phrase)
    assert ("incident show 1", "incident reopen --incident 1") == body.suggestions


async def test_what_is_open_elsewhere_does_not_matter(office: Office) -> None:
    office.kept.alerts.there[9] = change(number=9, host="host-b")
    assert "resolved at" in await office.told('incident resolve "dns"')


async def test_an_alert_that_fires_while_it_is_resolved_is_named_in_the_answer(office: Office) -> None:
    """It fires after the last look at the alerts and before the answer."""
    rest = office.kept.alerts.list_open

    async def list_open() -> tuple[Alert, ...]:
        before = await rest()
        office.kept.alerts.there[7] = FIRING
        return before

    office.kept.alerts.list_open = list_open  # type: ignore[method-assign]
    answer = await office.ask('incident resolve "dns"')
    assert isinstance(answer.body, Report)
    said = [str(line) for section in answer.body.sections for line in section.lines]
    assert [
        "firing: #7 host-a: Nebula stopped",
        'came up meanwhile. If it belongs to this incident, run incident reopen "…" --incident 1',
    ] == said[-2:]


async def test_what_was_open_before_is_not_named_as_new_when_the_request_is_answered_again(office: Office) -> None:
    await _put(office, "firing")
    first = await office.ask('incident resolve "dns" --although "it is being replaced"')
    again = await office.work(office.last)
    assert [False, False] == ["came up meanwhile" in each.model_dump_json() for each in (first, again)]


async def test_obstacles_that_the_requester_may_not_see_are_counted(database: Database) -> None:
    grant = Grant(operations=("alert show",), roles=frozenset({Role.ADMINISTRATOR}))
    office = Office(database, Policy(PEOPLE))
    await office.ask('incident open "502" host-a --results everyone')
    office.desk.config = replace(office.desk.config, policy=Policy(PEOPLE, grants=(grant,)))
    await _put(office, "firing")
    refused = await office.told('incident resolve "dns"')
    assert "not resolved yet (1 thing that you may not see)." in refused
