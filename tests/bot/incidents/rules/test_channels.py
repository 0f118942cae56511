"""A channel of its own for an incident: like no other, made once however often it is asked, and never half an incident."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.audit_log.log import EventKind
from bot.incidents.rules.channels import ChannelNotCreated, CreatedChannel, IncidentNotStored, NewChannel, plan_channel
from bot.incidents.rules.requests import AlreadyOpen, IncidentRequest
from bot.model.announcement import Announcement
from bot.model.request import Answer, Failure, FailureKind, Membership, Request, SlackIdentity, Surface, SystemIdentity
from bot.slack.surface import SlackNotConnected
from bot.store.database import Database
from bot.store.errors import DatabaseError
from commands.model.operation import Role
from commands.model.report import ChannelLink, Report
from commands.values.arguments import ALL_HOSTS
from tests.bot.clockwork import SignedLog
from tests.bot.incidents.handlers.test_show import BEGAN, PEOPLE, Office, make_registry
from tests.bot.keeping import Made
from tests.lab.workspace.methods.conversations import check_name

DAY = date(2026, 1, 31)
OPERATION = "op-3f9a1c0b7e55"
OPENS = 'incident open "The gateway answers 502." host-a --new'


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def delivery(key: str = "d.1", text: str = OPENS, user: str = "U1ANA", channel: str = "C0OPS") -> Request:
    return Request(key, SlackIdentity("T1", user, Membership.MEMBER), text, Surface.SLACK, BEGAN, channel)


def report(answer: Answer) -> Report:
    assert isinstance(answer.body, Report)
    return answer.body


def refusal(answer: Answer) -> str:
    assert isinstance(answer.body, Failure)
    assert FailureKind.REFUSED is answer.body.kind
    return str(answer.body.phrase)


def recorded(office: Office) -> list[Any]:
    return [data["incident"] for kind, _, data in office.log.events if kind == EventKind.INCIDENT]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("502", "2026-01-31-502-3f9a1c"),
        ("The gateway answers 502.", "2026-01-31-the-gateway-answers-502-3f9a1c"),
        ("host_a / NEBULA  --  down!", "2026-01-31-host-a-nebula-down-3f9a1c"),
        ("ゲートウェイが 502 を返す", "2026-01-31-ゲートウェイが-502-を返す-3f9a1c"),
        ("ＮＥＢＵＬＡ　停止・再起動", "2026-01-31-nebula-停止-再起動-3f9a1c"),
        ("がぎ", "2026-01-31-がぎ-3f9a1c"),
        ("<!channel> & #ops", "2026-01-31-channel-ops-3f9a1c"),
        ("🔥🔥", "2026-01-31-3f9a1c"),
        ("...", "2026-01-31-3f9a1c"),
        ("x" * 120, f"2026-01-31-{'x' * 62}-3f9a1c"),
        ("a" * 61 + " b", f"2026-01-31-{'a' * 61}-3f9a1c"),
    ],
)
def test_a_channel_is_called_by_day_and_title(title: str, name: str) -> None:
    assert name == plan_channel(OPERATION, title, "all", DAY, "U1ANA").name


@given(st.text(min_size=1, max_size=120))
def test_slack_takes_the_name_whatever_the_title(title: str) -> None:
    new = plan_channel(OPERATION, title, "all", DAY, "U1ANA")
    check_name(new.name)
    check_name(new.plain)
    assert new.plain.isascii()


def test_the_same_operation_has_the_same_name_and_another_one_another() -> None:
    first = plan_channel(OPERATION, "502", "all", DAY, "U1ANA")
    assert first == plan_channel(OPERATION, "502", "all", DAY, "U1ANA")
    assert first.name != plan_channel("op-3f9a1d0b7e55", "502", "all", DAY, "U1ANA").name


async def test_whoever_asks_is_led_to_the_new_channel_and_it_is_told_what_it_is_about(office: Office) -> None:
    """For whoever asked alone; the channel's own line is for all there."""
    answer = await office.work(delivery())
    [new], [told] = office.channels.asked, office.channels.told
    own = answer.operation.removeprefix("op-")[:6]
    name = f"2026-01-31-{own}"
    assert NewChannel(name, name, "The gateway answers 502. · host-a", "U1ANA", private=True) == new
    shown = report(answer)
    assert (ChannelLink(id="C0NEW1", name=name), False) == (shown.channel, answer.here)
    assert ["When it was opened"] == [str(part.heading) for part in shown.sections]
    assert "incident 1, The gateway answers 502. (host-a): open since 2026-01-31 03:00:00 UTC (now)" == str(shown.summary)
    assert ("incident show 1",) == shown.next, "a look here would be an answer for others, and another incident's"
    assert isinstance(told.body, Answer)
    assert ("health host-a", "incident show 1") == report(told.body).next
    assert ("C0NEW1", None, ("opened by ana",)) == (
        told.channel,
        report(told.body).channel,
        tuple(str(note) for note in told.notes),
    )
    assert shown.summary == report(told.body).summary
    headings = [str(part.heading) for part in report(told.body).sections]
    assert ["When it was opened", "From now on in this channel"] == headings
    elsewhere = await office.ask("health", "U1BEN", "C0NEW1")
    assert ("health host-a --here", True) == (elsewhere.understood, elsewhere.here)


async def test_from_elsewhere_an_incident_leads_to_its_channel_and_from_there_nowhere(office: Office) -> None:
    await office.work(delivery())
    for words in ("incident show 1", 'incident resolve "dns" --incident 1'):
        name = office.channels.asked[0].name  # a terminal can show nothing else of it
        assert ChannelLink(id="C0NEW1", name=name) == report(await office.ask(words, channel="D0ANA")).channel
    assert report(await office.ask("incident show 1", channel="C0NEW1")).channel is None


async def test_that_a_channel_is_made_is_recorded_before_it_is_made(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[list[Any]] = []

    async def make(new: NewChannel) -> CreatedChannel:
        before.append(recorded(office))
        return CreatedChannel("C0NEW", new.name)

    monkeypatch.setattr(office.channels, "make_channel", make)
    await office.work(delivery())
    assert [["making a channel"]] == before
    assert ["making a channel", "opened", "snapshot"] == recorded(office)


async def test_the_same_delivery_again_makes_no_second_channel(office: Office) -> None:
    """And tells its channel under the same name, which the outbox sends once; days later, too."""
    first = await office.work(delivery())
    office.time.move(BEGAN + timedelta(days=3))
    again = await office.work(delivery())
    since = "incident 1, The gateway answers 502. (host-a): open since 2026-01-31 03:00:00 UTC"
    assert [f"{since} (now)", f"{since} (259200 s ago)"] == [str(report(answer).summary) for answer in (first, again)]
    assert 1 == len(office.channels.asked) == len(await office.book.list_incidents())
    assert 1 == len({bulletin.name for bulletin in office.channels.told})


async def test_a_channel_that_was_made_before_a_crash_is_used(office: Office) -> None:
    """The bot died before the incident was kept: the same delivery finds the channel by its name."""
    new = plan_channel((await office.work(delivery(text="whoami"))).operation, "502", "all", DAY, "U1ANA").hide()
    office.channels.there[new.name] = "C0BEFORE"
    office.time.move(BEGAN + timedelta(days=1))
    answer = await office.work(delivery(text='incident open "502" --new'))
    assert ChannelLink(id="C0BEFORE", name=new.name) == report(answer).channel


async def test_of_two_people_at_once_the_second_is_asked_to_join_before_a_channel_is_made(office: Office) -> None:
    words = f"{OPENS} --public --agree"
    answers = await asyncio.gather(
        office.work(delivery("d.1", words)), office.work(delivery("d.2", words, "U1BEN", "D0BEN"))
    )
    opened, refused = sorted(answers, key=lambda answer: isinstance(answer.body, Failure))
    assert ChannelLink(id="C0NEW1", name=office.channels.asked[0].name) == report(opened).channel
    [incident] = await office.book.list_incidents()
    assert (
        f"host-a: already in incident 1, {incident.title} (opened by {incident.opened_by} at 2026-01-31 03:00:00 UTC). "
        "Join it, or open another one with --another"
    ) == refusal(refused)
    assert isinstance(refused.body, Failure)
    assert ("incident show 1", f"{OPENS} --public --agree --another") == refused.body.suggestions
    assert 1 == len(office.channels.asked)


@pytest.mark.parametrize("channel", ["D0ANA", "C0OPS", ""])
async def test_two_clicks_of_one_person_make_one_channel(office: Office, channel: str) -> None:
    """Also where others would read the answer, and the private incident itself is not named to them."""
    first, second = (delivery(f"d.{click}", channel=channel) for click in (1, 2))
    await office.work(first)
    assert "Join it" in refusal(await office.work(replace(second, answered_in_public=bool(channel))))
    assert (1, 1) == (len(office.channels.asked), len(await office.book.list_incidents()))


async def test_two_people_at_once_with_two_hosts_have_two_channels(office: Office) -> None:
    answers = await asyncio.gather(
        office.work(delivery("d.1", 'incident open "502" host-a --new')),
        office.work(delivery("d.2", 'incident open "502" host-b --new', "U1BEN")),
    )
    assert {"C0NEW1", "C0NEW2"} == {channel.id for each in answers if (channel := report(each).channel)}


async def test_a_title_may_come_back_once_its_incident_is_over(office: Office) -> None:
    await office.work(delivery("d.1"))
    await office.ask('incident resolve "nginx" --incident 1')
    assert "incident 2" in str(report(await office.work(delivery("d.2"))).summary)


async def test_where_no_channel_can_be_made_there_is_no_incident_and_the_log_says_why(office: Office) -> None:
    office.channels.refusing = ChannelNotCreated(Phrase("the app may make no channels"))
    said = refusal(await office.work(delivery()))
    assert "the app may make no channels. Without --new, the incident is opened where you type it" == said
    assert ((), []) == (await office.book.list_incidents(), office.channels.told)
    assert ["making a channel", "no channel"] == recorded(office)


class Full(SignedLog):
    """An audit log that takes no opening."""

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        if data.get("incident") == "opened":
            raise DatabaseError(Phrase("the disk is full"))
        await super().record(kind, actor, operation, data)


async def test_a_channel_whose_incident_could_not_be_kept_is_named_for_the_next_attempt(database: Database) -> None:
    office, channels = Office(database), Made()
    full = make_registry(database, Full(office.time.now), office.time.now)
    new = plan_channel(OPERATION, "502", "all", DAY, "U1ANA")
    with pytest.raises(IncidentNotStored) as empty:
        await full.open_in_new_channel(IncidentRequest(OPERATION, "502", ALL_HOSTS, "ana"), new, channels)
    assert (
        f"channel #{new.name} was created, but the incident could not be saved: the disk is full. Run the same command "
        "there without --new"
    ) == str(empty.value.phrase)
    assert "incident 1" in await office.told('incident open "502" --results everyone', channel=channels.there[new.name])


async def test_whoever_was_faster_in_the_new_channel_stays(database: Database) -> None:
    office, channels = Office(database), Made()
    new = plan_channel(OPERATION, "502", "all", DAY, "U1ANA")
    channels.there[new.name] = "C0NEW"
    await office.ask('incident open "faster" --results everyone', "U1BEN", "C0NEW")
    with pytest.raises(AlreadyOpen):
        await office.book.open_in_new_channel(IncidentRequest(OPERATION, "502", ALL_HOSTS, "ana"), new, channels)


async def test_what_slack_did_not_do_is_left_to_whoever_asked(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def make(new: NewChannel) -> CreatedChannel:
        return CreatedChannel("C0NEW", new.name, (Phrase("join it"),))

    async def announce(bulletin: Announcement) -> None:
        raise SlackNotConnected(Phrase("Slack is not connected"))

    monkeypatch.setattr(office.channels, "make_channel", make)
    monkeypatch.setattr(office.channels, "announce", announce)
    [_, left] = report(await office.work(delivery())).sections
    assert (
        "Remaining steps",
        ["join it", "could not post in the channel (Slack is not connected). Type incident there"],
    ) == (str(left.heading), [str(line) for line in left.lines])


async def test_from_a_terminal_the_person_of_the_configuration_is_invited(database: Database) -> None:
    ana = Person(name="ana", slack=("U1ANA", "U2ANA"), system=("ana",), roles=frozenset({Role.OPERATOR}))
    office = Office(database, Policy((ana, *PEOPLE[1:])))
    asked = replace(delivery(channel=""), identity=SystemIdentity(1000, "ana"), surface=Surface.DO)
    answer = await office.work(asked)
    assert ChannelLink(id="C0NEW1", name=office.channels.asked[0].name) == report(answer).channel
    assert ["U1ANA"] == [new.person for new in office.channels.asked]


async def test_from_a_terminal_who_is_not_known_in_slack_is_told_so(database: Database) -> None:
    office = Office(database, Policy((Person(name="ops", system=("ops",), roles=frozenset({Role.OPERATOR})),)))
    asked = replace(delivery(channel=""), identity=SystemIdentity(1000, "ops"), surface=Surface.DO)
    assert ("could not invite anyone: ops has no Slack ID under [[people]]. Add one, or leave --new out") == refusal(
        await office.work(asked)
    )
    assert [] == office.channels.asked


async def test_a_host_that_nobody_has_makes_no_channel(office: Office) -> None:
    body = (await office.work(delivery(text='incident open "502" host-x --new'))).body
    assert isinstance(body, Failure)
    assert "no host or label named host-x." in str(body.phrase)
    assert [] == office.channels.asked


async def test_who_only_looks_makes_no_channel(office: Office) -> None:
    assert "requires one of these roles" in refusal(await office.work(delivery(user="U1VERA")))
    assert [] == office.channels.asked
