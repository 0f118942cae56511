"""Messages that become notes: by their author, at their time, once, and with the requester in the audit log."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.model.incident import EntryKind, QuotedMessage
from bot.model.request import Answer, Failure, Membership, Request, SlackIdentity, Surface
from bot.store.database import Database
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.incidents.handlers.test_act import PEOPLE, PUBLIC
from tests.bot.incidents.handlers.test_show import BEGAN, Office

AT = BEGAN - timedelta(minutes=3)
LINK = "https://x.slack.com/archives/C0INC/p1"
SAID = QuotedMessage(PUBLIC, f"{AT.timestamp():.6f}", "Max Huber (U0MEMBER)", LINK)


@pytest.fixture
async def office(database: Database) -> Office:
    """Ana opened incident 1 in a public channel: entry 1 is its opening, entry 2 its snapshot."""
    office = Office(database, Policy(PEOPLE))
    await office.ask('incident open "502" host-a --results everyone', channel=PUBLIC)
    return office


def use(office: Office, key: str, user: str = "U1VERA", quoted: QuotedMessage = SAID, text: str = "it is slow") -> Request:
    """A shortcut or a reaction of somebody."""
    who = SlackIdentity("T1", user, Membership.MEMBER)
    at, words = office.time.now(), f'incident note "{text}" --incident 1'
    return Request(key, who, words, Surface.SLACK, at, PUBLIC, quoted=quoted)


def told(answer: Answer) -> str:
    body = answer.body
    assert isinstance(body, Report | Failure)
    return str(body.summary if isinstance(body, Report) else body.phrase)


async def notes(office: Office) -> list[tuple[str, str, object, str]]:
    entries = await office.book.read_timeline(1)
    return [(e.author, str(e.text), e.happened_at, e.link) for e in entries if e.kind is EntryKind.NOTE]


async def test_the_note_has_the_author_the_time_and_the_link_and_the_log_has_who_noted_it(office: Office) -> None:
    first = await office.work(use(office, "t.use"))
    assert "noted" in told(first)
    assert [("Max Huber (U0MEMBER)", "it is slow", AT, LINK)] == await notes(office)
    assert "noted by vera" == office.recorded[-1]
    assert first == await office.work(use(office, "t.use")), "the same delivery again changes nothing"
    assert 1 == len(await notes(office))


async def test_a_message_is_noted_once_whoever_does_it(office: Office) -> None:
    both = await asyncio.gather(
        office.work(use(office, "t.1")), office.work(use(office, "t.2", "U1ANA", text="edited since"))
    )
    assert 1 == sum("the message is entry 3 of incident 1 already" in told(each) for each in both)
    assert "is entry 3 of incident 1 already" in told(await office.work(use(office, "t.3")))
    assert 1 == len(await notes(office))
    other = replace(SAID, ts=f"{AT.timestamp() + 1:.6f}", link=f"{LINK}2")
    await office.work(use(office, "t.4", quoted=other))
    assert 2 == len(await notes(office))


async def test_a_typed_note_names_no_other_author(office: Office) -> None:
    await office.ask('incident note "it is slow"', "U1VERA", PUBLIC)
    assert [("vera", "it is slow", office.time.now(), "")] == await notes(office)


@pytest.mark.parametrize(
    ("quoted", "text", "why"),
    [
        (replace(SAID, ts="4102444800.000000"), "it is slow", "is in the future"),
        (SAID, "password=hunter2secret", "your input contains a password, token or key"),
        (SAID, "", "enter a text"),
    ],
)
async def test_what_cannot_be_noted_leaves_no_entry(office: Office, quoted: QuotedMessage, text: str, why: str) -> None:
    assert why in told(await office.work(use(office, "t.use", quoted=quoted, text=text)))
    assert [] == await notes(office)


async def test_the_right_is_that_of_the_person_who_notes_and_not_of_the_author(database: Database) -> None:
    only = Grant(operations=("incident note",), roles=frozenset({Role.ADMINISTRATOR}))
    office = Office(database, Policy(PEOPLE, grants=(only,)))
    await office.ask('incident open "502" host-a --results everyone', channel=PUBLIC)
    refused = await office.work(use(office, "t.1", quoted=replace(SAID, author="adam")))
    assert isinstance(refused.body, Failure)
    assert [] == await notes(office)
    await office.work(use(office, "t.2", "U1ADAM"))
    assert 1 == len(await notes(office))


async def test_mentions_and_markup_of_a_message_are_text(office: Office) -> None:
    await office.work(use(office, "t.use", text="<!channel> <@U1ANA|ana> &lt;script&gt; <https://x.test|here>"))
    assert ["@channel @U1ANA <script> here"] == [text for _, text, _, _ in await notes(office)]
