"""Who learns what of incidents: each surface, as each reader, over a whole bot with incidents of every audience.

The word of an incident is in all that people typed into it. So where it is shown, its reader learns that it exists.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.incidents.tables.incidents import IncidentTable
from bot.model.announcement import Announcement
from bot.model.request import Failure, Identity, Membership, SlackIdentity, Surface, SystemIdentity
from bot.runtime.clock import read_utc_time
from commands.model.finding import Severity
from commands.model.report import Report
from tests.bot.incidents.leaks import (
    ANNOUNCEMENTS,
    EVERY,
    NOTICES,
    OWN_CHANNELS,
    PUBLIC,
    Bot,
    fill,
    find_leaks,
    member,
    open_bot,
)

NONE: frozenset[int] = frozenset()
SLACK, ELSEWHERE = Surface.SLACK, "C0OPS"

READERS: dict[str, tuple[Identity, str, Surface, bool, frozenset[int]]] = {
    "the opener": (member("ana"), ELSEWHERE, SLACK, False, EVERY),
    "the opener, and others read the answer": (member("ana"), ELSEWHERE, SLACK, True, PUBLIC),
    "the lead, in a direct message": (member("leo"), "D0LEO", SLACK, False, EVERY),
    "a person who was invited": (member("ina"), ELSEWHERE, SLACK, False, EVERY),
    "an administrator": (member("adam"), ELSEWHERE, SLACK, False, EVERY),
    "an administrator in a terminal": (SystemIdentity(1001, "adam"), "", Surface.DO, False, EVERY),
    "security": (member("sara"), ELSEWHERE, SLACK, False, EVERY),
    "security, and others read the answer": (member("sara"), ELSEWHERE, SLACK, True, PUBLIC),
    "an operator of Tokyo": (member("ben"), ELSEWHERE, SLACK, False, PUBLIC),
    "a viewer in the channel of another incident": (member("vera"), "C0PUBLIC", SLACK, False, PUBLIC),
    "a viewer in the private channel": (member("vera"), "C0SECRET", SLACK, True, PUBLIC | {2}),
    "a viewer in a terminal": (SystemIdentity(1002, "vera"), "", Surface.SHELL, False, PUBLIC),
    "a member who is not configured": (member("eve"), ELSEWHERE, SLACK, False, PUBLIC),
    "a schedule": (member("adam"), ELSEWHERE, Surface.SCHEDULE, True, PUBLIC),
    "a schedule in the private channel, whose answers may go elsewhere": (
        member("adam"),
        "C0SECRET",
        Surface.SCHEDULE,
        True,
        PUBLIC,
    ),
    "a guest": (SlackIdentity("T1", "U0ANA", Membership.GUEST), "C0PUBLIC", SLACK, False, NONE),
    "a stranger": (SlackIdentity("T2", "U0ANA", Membership.STRANGER), "C0SECRET", SLACK, False, NONE),
    "a person of whom Slack says nothing": (SlackIdentity("T1", "U0ANA", Membership.UNKNOWN), "", SLACK, False, NONE),
    "a system user who is not configured": (SystemIdentity(1003, "eve"), "", Surface.SHELL, False, NONE),
}
"""Who asks, where, on which surface, whether others read the answer, and the incidents that they may know of."""

LISTS = ("incident", "incident show", "alert show 1", "log collect host-a --since 5m")
"""Commands that name no incident, and may show some."""

ASKS = 'incident open "z" host-a,host-b --new'
"""Command that asks whether to join, because others are open about the same hosts."""

ABOUT_ONE = ("incident show {n}", "incident report {n} --json")
"""Commands that name one. `tests.bot.incidents.handlers.test_incident_leaks` tries every one as each role."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    """One bot for all tests here, which only read."""
    async with open_bot(Path(tmp_path_factory.mktemp("leaks"))) as opened:
        await fill(opened)
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("reader", READERS)
async def test_a_reader_learns_of_the_incidents_that_they_may_know_of_alone(bot: Bot, reader: str) -> None:
    who, channel, surface, in_public, known = READERS[reader]
    asked = (*LISTS, ASKS) if surface is not Surface.SCHEDULE else LISTS
    for words in asked:
        answer = await bot.ask(who, words, channel, surface, in_public=in_public)
        assert (words, NONE) == (words, find_leaks(answer.model_dump_json()) - known)
    for number in sorted(EVERY):
        for words in ABOUT_ONE[:1] if number in known else ABOUT_ONE:
            answer = await bot.ask(who, words.format(n=number), channel, surface, in_public=in_public)
            assert (words, number, NONE) == (words, number, find_leaks(answer.model_dump_json()) - known)
            assert (words, number, number in known) == (words, number, not isinstance(answer.body, Failure))


@pytest.mark.parametrize("reader", [reader for reader, (who, *_) in READERS.items() if isinstance(who, SlackIdentity)])
async def test_a_home_tab_and_the_choice_for_a_note_show_no_others(bot: Bot, reader: str) -> None:
    who, channel, _, in_public, known = READERS[reader]
    assert isinstance(who, SlackIdentity)
    alone = EVERY if in_public and known and who.user in ("U0ANA", "U0ADAM", "U0SARA") else known  # both are for one person
    home = find_leaks(repr(await bot.application.dispatcher.read_home(who)))
    assert (alone - {5}) - ({2} if channel == "C0SECRET" and alone != EVERY else NONE) == home
    places = {each.number for each in await bot.application.dispatcher.find_note_places(who, channel, "m.1")}
    own = {number for number, its in OWN_CHANNELS.items() if its == channel and number in alone}
    assert (own or alone - {5}) == places


async def test_an_entry_about_a_host_is_for_those_with_rights_on_it(bot: Bot) -> None:
    """What happened in Osaka is counted for an operator of Tokyo, and in a channel for everyone."""
    seen = {}
    for who, in_public in (("adam", False), ("ben", False), ("adam", True)):
        answer = await bot.ask(member(who), "incident report 1 --json", ELSEWHERE, in_public=in_public)
        shown = answer.model_dump_json()
        seen[who, in_public] = {
            word for word in ("osaka-alert", "disk host-b", "tokyo-alert", "disk host-a") if word in shown
        }
    tokyo = {"tokyo-alert", "disk host-a"}
    assert {("adam", False): {*tokyo, "osaka-alert", "disk host-b"}, ("ben", False): tokyo, ("adam", True): tokyo} == seen


async def test_the_report_of_each_is_proven(bot: Bot) -> None:
    for number in sorted(EVERY - {5}):
        body = (await bot.ask(member("adam"), f"incident report {number} --json", ELSEWHERE)).body
        assert isinstance(body, Report)
        assert body.document is not None
        proof = body.document["proof"]
        assert isinstance(proof, dict)
        assert (number, True, []) == (number, proof["verified"], proof["differing"])


@pytest.mark.parametrize(
    "words", ['incident open "x" host-b --new', "incident open x --new", "incident add host-b --incident 6"]
)
async def test_no_incident_brings_a_person_alerts_of_hosts_on_which_they_may_see_none(bot: Bot, words: str) -> None:
    """All in its channel read what the bot posts there of its hosts."""
    answer = await bot.ask(member("ben"), words, "C0BEN")
    assert isinstance(answer.body, Failure)
    assert "includes alert show: alert show is only allowed on hosts labeled tokyo" in str(answer.body.phrase)


@pytest.mark.parametrize("words", ["audit search canary", "audit search canary --details"])
async def test_the_audit_log_tells_of_no_incident_where_others_read_the_answer(bot: Bot, words: str) -> None:
    alone = await bot.ask(member("adam"), words, ELSEWHERE)
    assert NONE != find_leaks(alone.body.model_dump_json())
    for asked, in_public in ((words, True), (f"{words} --here", False)):
        answer = await bot.ask(member("adam"), asked, ELSEWHERE, in_public=in_public)
        assert NONE == find_leaks(answer.body.model_dump_json())


async def test_metrics_count_no_private_incident(bot: Bot) -> None:
    assert {Severity.CRITICAL: 2} == dict(await IncidentTable(bot.application.database).count_public())


async def test_the_name_of_a_private_channel_does_not_tell_the_title(bot: Bot) -> None:
    assert [NONE] == [find_leaks(f"{made.name} {made.plain}") for made in bot.slack.made]


async def test_what_the_bot_posts_by_itself_is_for_the_readers_of_its_place(bot: Bot) -> None:
    """Openings, status messages, their replies, updates, reminders, calls and proposals."""
    await bot.post_by_itself(read_utc_time() + timedelta(minutes=1))
    wrong = [
        (posted.name, posted.channel, number)
        for posted in bot.slack.posted
        for number in find_leaks(repr(posted))
        if not _may_be_posted(posted, number)
    ]
    assert [] == wrong
    assert {"C0PUBLIC", "C0SECRET", "C0NEW1", NOTICES, ANNOUNCEMENTS, "U0LEO", "U0ADAM", "U0BEN"} <= {
        posted.channel for posted in bot.slack.posted
    }


def _may_be_posted(posted: Announcement, number: int) -> bool:
    """Returns whether a message about an incident may go there, and nowhere else if the place refuses it."""
    if number in PUBLIC:
        return posted.channel in (OWN_CHANNELS[number], NOTICES, ANNOUNCEMENTS) or posted.channel.startswith("U0")
    readers = {OWN_CHANNELS[number], "U0ANA", "U0LEO", "U0INA", "U0ADAM", "U0SARA", ""}
    return posted.private and posted.channel in readers
