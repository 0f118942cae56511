"""A command is typed, and its answer comes."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Moment, Phrase, Span
from bot.model.request import Answer, Failure, FailureKind, Membership, Request, SlackIdentity
from commands.model.report import FileFormat, Report, ReportFile
from tests.bot.rendering.examples import MIXED
from tests.bot.slack.conftest import House, well
from tests.bot.slack.inbound.test_click import answering
from tests.lab.workspace.faults import DELIVERY, Duplicated, Failing


async def test_a_command_is_answered_privately_to_the_person_who_typed_it(house: House) -> None:
    async with house.bot():
        delivery = await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        [text] = await house.private("U0ADMIN")
    assert "3 hosts are healthy" in text
    assert delivery.in_time
    assert delivery.ack_payload is None
    assert () == house.workspace.messages("C0OPS")


async def test_the_request_says_who_asks_what_and_where(house: House) -> None:
    async with house.bot():
        delivery = await house.workspace.slash("U0ADMIN", "C0OPS", "health all")
        await house.private("U0ADMIN")
    [request] = house.desk.requests
    assert delivery.trigger_id == request.key
    assert SlackIdentity("T0FLATNET", "U0ADMIN", Membership.MEMBER) == request.identity
    assert ("health all", "C0OPS", house.time.now()) == (request.text, request.channel, request.at)


async def test_an_answer_for_all_is_posted_in_the_channel_and_says_who_asked(house: House) -> None:
    house.desk.answer = lambda request: well(request, here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        [text] = await house.public("C0OPS")
    assert "3 hosts are healthy" in text
    assert "<@U0ADMIN>" in text
    assert () == house.workspace.private("U0ADMIN")


async def test_what_somebody_mistyped_alone_is_explained_to_them_alone_though_its_answer_would_be_for_all(
    house: House,
) -> None:
    """A whole channel is in an incident; it need not read of an open bracket."""

    def mistyped(request: Request) -> Answer:
        failure = Failure(
            kind=FailureKind.USAGE, phrase=Phrase("unclosed bracket. Put a backslash before a literal bracket")
        )
        return Answer(operation="op-1", understood=request.text, body=failure, here=True)

    house.desk.answer = mistyped
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", 'log error --grep "["')
        [text] = await house.private("U0ADMIN")
    assert "Unclosed bracket." in text
    assert () == house.workspace.messages("C0OPS")


async def test_files_that_were_asked_for_come_to_that_person_alone_with_an_answer_that_says_where(house: House) -> None:
    """In the person's own language, wherever the answer goes."""
    copies = (ReportFile(name="health.md", form=FileFormat.MARKDOWN), ReportFile(name="health.csv", form=FileFormat.CSV))
    house.desk.answer = answering(MIXED.model_copy(update={"files": copies}), here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "report monthly --here")
        [text] = await house.public("C0OPS")
        files = [file for message in house.workspace.direct("U0ADMIN") for file in message.files]
        contents = [str((house.workspace.file(file) or b"").decode("utf-8-sig")) for file in files]
        [message] = house.workspace.messages("C0OPS")
    assert ["# Health", "host,nebula,gateway,api,containers,bridge,forwarding"] == [
        content.splitlines()[0] for content in contents
    ]
    assert "2 of 3 hosts need attention" in text
    assert "The files were sent to you as direct messages." in str(message.blocks)


async def test_a_command_works_where_the_bot_is_no_member(house: House) -> None:
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0BOARD", "health")
        [text] = await house.private("U0ADMIN")
    assert "3 hosts are healthy" in text


async def test_the_same_envelope_five_times_is_answered_once(house: House) -> None:
    house.workspace.faults.switch_on(DELIVERY, Duplicated(5), times=1)
    async with house.bot():
        delivery = await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.workspace.seen(lambda: len(delivery.acks) == 5)
        await house.private("U0ADMIN")
        await house.settled()
        await house.workspace.slash("U0ADMIN", "C0OPS", "version")
        assert 2 == len(await house.private("U0ADMIN", 2))
    assert ["health", "version"] == [request.text for request in house.desk.requests]
    assert [None] * 5 == [ack.payload for ack in delivery.acks]


async def test_the_same_command_typed_twice_is_answered_twice(house: House) -> None:
    async with house.bot():
        for _ in range(2):
            await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        assert 2 == len(await house.private("U0ADMIN", 2))


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ("U0GUEST", Membership.GUEST),
        ("U0VISITOR", Membership.GUEST),
        ("U0STRANGER", Membership.STRANGER),
        ("U0MEMBER", Membership.MEMBER),
    ],
)
async def test_the_desk_hears_what_standing_a_person_has(house: House, user: str, standing: Membership) -> None:
    """Refusing guests and strangers is the desk's work; it must be told who they are."""
    async with house.bot():
        await house.workspace.slash(user, "C0PARTNERS" if user == "U0STRANGER" else "C0OPS", "health")
        [text] = await house.private(user)
    assert [standing] == [_standing(request) for request in house.desk.requests]
    assert (standing is Membership.MEMBER) == ("3 hosts are healthy" in text)


async def test_who_cannot_be_looked_up_has_no_standing(house: House) -> None:
    house.workspace.faults.switch_on("users.info", Failing("internal_error"))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.private("U0ADMIN")
    assert [Membership.UNKNOWN] == [_standing(request) for request in house.desk.requests]


async def test_a_slow_answer_is_announced_by_one_line_and_comes_after_it(house: House) -> None:
    done = asyncio.Event()

    async def slow(request: Request) -> Answer:
        await done.wait()
        return well(request)

    house.desk.answer = slow
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.workspace.seen(lambda: house.desk.requests or house.workspace.calls("users.info"))
        while not house.workspace.private("U0ADMIN"):
            house.time.move(1.0)
            await asyncio.sleep(0.005)
        done.set()
        texts = await house.private("U0ADMIN", 2)
    assert ":hourglass_flowing_sand: `/flatnet health`: The result follows as a new message." == texts[0]
    assert "3 hosts are healthy" in texts[1]
    assert 2 == len(house.workspace.calls("response_url"))


async def test_private_words_and_times_are_in_the_persons_language_and_zone(house: House) -> None:
    """Kenji reads Japanese, Alice lives in Berlin."""
    house.desk.answer = lambda request: _told_the_time(request, house.time.now())
    async with house.bot():
        await house.workspace.slash("U0OPERATOR", "C0OPS", "health")
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        [kenji], [alice] = await house.private("U0OPERATOR"), await house.private("U0ADMIN")
    assert "18:00 JST, 3 分" in kenji
    assert "10:00 CET, 3 min" in alice
    assert [ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")] == [request.zone for request in house.desk.requests]


async def test_words_and_times_for_all_are_in_the_configured_language_and_zone(house: House) -> None:
    house.desk.answer = lambda request: _told_the_time(request, house.time.now(), here=True)
    async with house.bot():
        await house.workspace.slash("U0OPERATOR", "C0OPS", "health --here")
        [text] = await house.public("C0OPS")
    assert "18:00 JST, 3 min" in text


def _told_the_time(request: Request, now: datetime, *, here: bool = False) -> Answer:
    summary = Phrase("{at}, {span}", at=Moment(now), span=Span(180))
    report = Report(title=Phrase("Time"), summary=summary, brief=True)
    return Answer(operation="op", understood=request.text, body=report, here=here)


def _standing(request: Request) -> Membership:
    assert isinstance(request.identity, SlackIdentity)
    return request.identity.standing
