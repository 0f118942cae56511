"""Mentions and direct messages: what is said to the bot, where it is answered, and what it does not hear."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest

from adapters.phrase import Phrase
from bot.model.request import Answer, Failure, FailureKind, Request
from tests.bot.slack.conftest import House, well
from tests.lab.workspace.faults import Duplicated, Failing
from tests.lab.workspace.seed import Kind

BOT = "<@U0FLATNET>"


@pytest.fixture(autouse=True)
async def bot(house: House) -> AsyncIterator[None]:
    async with house.bot():
        yield


async def direct(house: House, user: str, text: str) -> None:
    """Somebody opens the app and writes to it."""
    await house.workspace.open_home(user, "messages")
    await house.workspace.say(user, f"D{user[1:]}", text)


async def test_a_mention_is_answered_in_a_thread_below_it(house: House) -> None:
    said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health &lt;all&gt;")
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", said.ts)) == 2)
    assert ["3 hosts are healthy"] == [message.text for message in house.workspace.thread("C0OPS", said.ts)[1:]]
    [request] = house.desk.requests
    assert ("health &lt;all&gt;", "C0OPS") == (request.text, request.channel)


async def test_a_mention_in_a_thread_is_answered_there(house: House) -> None:
    first = await house.workspace.say("U0VIEWER", "C0OPS", "is something wrong?")
    await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health", first.ts)
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", first.ts)) == 3)
    assert "3 hosts are healthy" == house.workspace.thread("C0OPS", first.ts)[-1].text


async def test_a_direct_message_is_answered_there_once_with_or_without_the_name(house: House) -> None:
    for text in ("health", f"{BOT} health"):
        await direct(house, "U0ADMIN", text)
    await house.workspace.seen(lambda: len(house.workspace.direct("U0ADMIN")) == 4)
    await house.settled()
    assert ["health", "health"] == [request.text for request in house.desk.requests]
    assert ["3 hosts are healthy"] * 2 == [m.text for m in house.workspace.direct("U0ADMIN") if m.user == "U0FLATNET"]


async def test_the_same_event_many_times_is_one_request(house: House) -> None:
    house.workspace.faults.switch_on("delivery", Duplicated(4), times=2)
    await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
    await house.settled()
    assert 1 == len(house.desk.requests)


async def test_a_mention_beside_a_file_is_answered_once(house: House) -> None:
    """Slack sends no mention for it, only the message."""
    said = await house.workspace.share("U0ADMIN", "C0OPS", ("log.txt", b"x"), text=f"{BOT} health")
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", said.ts)) == 2)
    await house.settled()
    assert ["health"] == [request.text for request in house.desk.requests]


async def test_a_mention_that_slack_sends_as_mention_and_as_message_is_answered_once(house: House) -> None:
    first = await house.workspace.say("U0ADMIN", "C0OPS", "hello")
    await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
    await house.workspace.broadcast("U0ADMIN", "C0OPS", f"{BOT} disk", first.ts)
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", first.ts)) == 3)
    await house.settled()
    assert ["health", "disk"] == [request.text for request in house.desk.requests]


async def test_a_file_in_the_direct_message_is_answered_by_its_words_or_with_the_menu(house: House) -> None:
    await house.workspace.open_home("U0ADMIN", "messages")
    await house.workspace.share("U0ADMIN", "D0ADMIN", ("log.txt", b"x"), text="health")
    await house.workspace.seen(lambda: len(house.workspace.direct("U0ADMIN")) == 2)
    await house.workspace.share("U0ADMIN", "D0ADMIN", ("log.txt", b"x"))
    await house.workspace.seen(lambda: len(house.workspace.direct("U0ADMIN")) == 4)
    assert ["health"] == [request.text for request in house.desk.requests]
    assert "/flatnet health" in house.workspace.direct("U0ADMIN")[-1].text


async def test_what_people_say_in_a_channel_without_the_name_leaves_no_trace(house: House) -> None:
    """Also where the app may read it."""
    await house.workspace.say("U0ADMIN", "C0OPS", "the password is none of your business")
    await house.workspace.share("U0ADMIN", "C0OPS", ("log.txt", b"x"), text="secret")
    with closing(sqlite3.connect(house.database.path)) as database:
        assert [] == database.execute("select * from inbox").fetchall()


async def test_in_a_group_direct_message_a_mention_is_answered_for_the_group(house: House) -> None:
    group = house.workspace.talk_privately("U0ADMIN", "U0OPERATOR", "U0FLATNET")
    said = await house.workspace.say("U0ADMIN", group, f"{BOT} health")
    await house.workspace.seen(lambda: len(house.workspace.thread(group, said.ts)) == 2)


async def test_a_group_direct_message_with_other_organizations_gets_no_answer(house: House) -> None:
    group = house.workspace.talk_privately("U0ADMIN", "U0STRANGER", "U0FLATNET")
    house.workspace.connect(group)
    said = await house.workspace.say("U0ADMIN", group, f"{BOT} health")
    [text] = await house.private("U0ADMIN")
    assert "shared with another organization" in text
    assert (said,) == house.workspace.messages(group)


async def test_a_message_without_the_name_in_a_channel_is_none_of_the_bot_s(house: House) -> None:
    await house.workspace.say("U0ADMIN", "C0OPS", "health")
    await house.settled()
    assert [] == house.desk.requests


async def test_in_a_channel_without_the_bot_slack_says_how_to_invite_it(house: House) -> None:
    """Slack does not tell the bot of it."""
    await house.workspace.say("U0ADMIN", "C0DEV", f"{BOT} health")
    [text] = await house.private("U0ADMIN")
    assert "not in this channel" in text
    assert [] == house.desk.requests


@pytest.mark.parametrize(("user", "channel"), [("U0GUEST", "C0OPS"), ("U0STRANGER", "C0PARTNERS")])
async def test_guests_and_strangers_are_refused_where_only_they_see_it(house: House, user: str, channel: str) -> None:
    """With a sentence, and nothing is posted into the channel."""
    said = await house.workspace.say(user, channel, f"{BOT} health")
    [text] = await house.private(user)
    assert "Only members may ask" in text
    assert (said,) == house.workspace.messages(channel)


async def test_a_refusal_in_a_thread_stays_in_it(house: House) -> None:
    first = await house.workspace.say("U0ADMIN", "C0OPS", "hello")
    await house.workspace.say("U0GUEST", "C0OPS", f"{BOT} health", first.ts)
    await house.private("U0GUEST")
    [refusal] = house.workspace.private("U0GUEST")
    assert first.ts == refusal.thread_ts


async def test_where_the_refusal_cannot_be_shown_aside_it_is_a_direct_message(house: House) -> None:
    house.workspace.faults.switch_on("chat.postEphemeral", Failing("user_not_in_channel"))
    await house.workspace.say("U0GUEST", "C0OPS", f"{BOT} health")
    [text] = await house.direct("U0GUEST")
    assert "Only members may ask" in text


async def test_nothing_is_posted_into_a_channel_shared_with_others(house: House) -> None:
    said = await house.workspace.say("U0ADMIN", "C0PARTNERS", f"{BOT} health")
    [text] = await house.private("U0ADMIN")
    assert text.startswith("3 hosts are healthy")
    assert "shared with another organization" in text
    assert (said,) == house.workspace.messages("C0PARTNERS")


async def test_a_mistyped_word_is_explained_in_the_thread(house: House) -> None:
    """It is no secret, and who reads along may know better."""

    def mistyped(request: Request) -> Answer:
        failure = Failure(kind=FailureKind.USAGE, phrase=Phrase("no such command"))
        return Answer(operation="op-1", understood=request.text, body=failure)

    house.desk.answer = mistyped
    said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} helth")
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", said.ts)) == 2)
    assert "No such command" in house.workspace.thread("C0OPS", said.ts)[-1].text


async def test_the_bot_removed_in_the_middle_answers_the_person(house: House) -> None:
    async def slowly(request: Request) -> Answer:
        house.workspace.remove_bot("C0OPS")
        await asyncio.sleep(0)
        return well(request)

    house.desk.answer = slowly
    await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
    [text] = await house.direct("U0ADMIN")
    assert "/invite @flatnet" in text


async def test_a_channel_archived_in_the_middle_answers_the_person(house: House) -> None:
    def archiving(request: Request) -> Answer:
        house.workspace.archive("C0OPS")
        return well(request)

    house.desk.answer = archiving
    await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
    [text] = await house.direct("U0ADMIN")
    assert "is_archived" in text


async def test_a_channel_reads_its_own_language_and_a_person_theirs(house: House) -> None:
    """`[channels.C0DEV]` is Japanese; the asker's Slack is English."""
    house.desk.answer = lambda request: Answer(
        operation=f"op-{request.key}",
        understood=request.text,
        body=Failure(kind=FailureKind.USAGE, phrase=Phrase("no such command")),
    )
    house.workspace.invite_bot("C0DEV")
    said = await house.workspace.say("U0ADMIN", "C0DEV", f"{BOT} helth")
    await house.workspace.seen(lambda: len(house.workspace.thread("C0DEV", said.ts)) == 2)
    assert house.workspace.thread("C0DEV", said.ts)[-1].text.startswith("解釈できません")
    await direct(house, "U0ADMIN", "helth")
    await house.workspace.seen(lambda: len(house.workspace.direct("U0ADMIN")) == 2)
    assert house.workspace.direct("U0ADMIN")[-1].text.startswith("Not recognized")


async def test_roles_of_user_groups_come_with_the_request(house: House) -> None:
    """And go when the group says so."""
    house.desk.groups = ("S0ADMINS",)
    await direct(house, "U0ADMIN", "health")
    await house.settled()
    group = next(group for group in house.workspace.seed.groups if group.id == "S0ADMINS")
    house.workspace.change_group(replace(group, users=frozenset()))
    await asyncio.sleep(0.05)
    await direct(house, "U0ADMIN", "health")
    await house.settled()
    assert [{"S0ADMINS"}, frozenset()] == [getattr(request.identity, "groups", None) for request in house.desk.requests]


async def test_a_guest_has_no_groups(house: House) -> None:
    house.desk.groups = ("S0ADMINS",)
    [alice] = [person for person in house.workspace.seed.people if person.id == "U0ADMIN"]
    house.workspace.change_person(replace(alice, kind=Kind.GUEST))
    await direct(house, "U0ADMIN", "health")
    await house.settled()
    assert () == house.workspace.calls("usergroups.users.list")


async def test_the_name_alone_gets_a_menu_that_only_the_person_sees(house: House) -> None:
    said = await house.workspace.say("U0ADMIN", "C0OPS", BOT)
    [text] = await house.private("U0ADMIN")
    assert "/flatnet health" in text
    assert (said,) == house.workspace.messages("C0OPS")
    await direct(house, "U0ADMIN", BOT)
    await house.workspace.seen(lambda: len(house.workspace.direct("U0ADMIN")) == 2)
    assert "/flatnet health" in house.workspace.direct("U0ADMIN")[-1].text
    assert [] == house.desk.requests


async def test_a_person_without_a_name_is_answered(house: House) -> None:
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), name="", real_name="", locale="xx-YY"))
    await direct(house, "U0ADMIN", "health")
    await house.workspace.seen(lambda: len(house.workspace.direct("U0ADMIN")) == 2)
