"""Previews of updates: the line that will be announced, where, or why not; none for a request that will be refused."""

from dataclasses import replace

import pytest

from bot.access.policy import Policy
from bot.config.incidents import IncidentSettings
from bot.incidents.rules.requests import describe_update
from bot.model.incident import UpdatePreview
from bot.model.request import Membership, SlackIdentity
from bot.store.database import Database
from tests.bot.incidents.handlers.test_act import PEOPLE, PRIVATE, PUBLIC
from tests.bot.incidents.handlers.test_show import Office

ANNOUNCE = "C0STATUS"


@pytest.fixture
async def office(database: Database) -> Office:
    """Ana opened incident 1 in a public channel, and incident 2 in a private one."""
    office = Office(database, Policy(PEOPLE))
    office.desk.config = replace(office.desk.config, incidents=IncidentSettings(announce=ANNOUNCE))
    office.channels.private = {PRIVATE}
    await office.ask('incident open "502" host-a --results everyone', channel=PUBLIC)
    await office.ask('incident open "leak" host-b --results everyone', channel=PRIVATE)
    return office


async def preview(office: Office, words: str, user: str = "U1ANA", channel: str = PUBLIC) -> UpdatePreview | None:
    return await office.desk.preview_update(SlackIdentity("T1", user, Membership.MEMBER), channel, words)


async def test_the_line_is_the_one_that_is_announced_and_the_words_name_the_incident(office: Office) -> None:
    incident = await office.book.find(1, "")
    said = await preview(office, 'incident update "on it" --next 30m')
    assert (
        UpdatePreview('incident update "on it" --next 30m --incident 1', describe_update(incident, "on it"), ANNOUNCE)
        == said
    )


@pytest.mark.parametrize(
    ("words", "channel", "announced"),
    [
        ('incident update "on it"', PRIVATE, ""),
        ('incident update "on it" --announce', PRIVATE, ANNOUNCE),
        ('incident update "on it" --incident 2', PUBLIC, ""),
    ],
)
async def test_an_update_of_a_private_incident_is_announced_on_request_only(
    office: Office, words: str, channel: str, announced: str
) -> None:
    said = await preview(office, words, channel=channel)
    assert said is not None
    assert (announced, not announced) == (said.channel, "because the incident is private" in str(said.obstacle))


async def test_without_a_channel_for_announcements_the_preview_says_so(office: Office) -> None:
    office.desk.config = replace(office.desk.config, incidents=IncidentSettings())
    said = await preview(office, 'incident update "on it"')
    assert said is not None
    assert "set announce in [incidents]" in str(said.obstacle)


@pytest.mark.parametrize(
    ("words", "user"),
    [
        ('incident note "on it"', "U1ANA"),
        ("incident update", "U1ANA"),
        ('incident update "on it"', "U1VERA"),
        ('incident update "on it" --incident 2', "U1BEN"),
        ('incident update "on it" --incident 9', "U1ANA"),
        ('incident update "[redacted]"', "U1ANA"),
        ("no words", "U1ANA"),
    ],
)
async def test_what_is_no_update_or_will_be_refused_has_no_preview(office: Office, words: str, user: str) -> None:
    assert None is await preview(office, words, user)


async def test_a_resolved_incident_has_no_preview(office: Office) -> None:
    await office.ask('incident resolve "fixed"', channel=PUBLIC)
    assert None is await preview(office, 'incident update "on it" --incident 1')
