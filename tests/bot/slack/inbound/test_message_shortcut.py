"""The shortcut in the menu of a message: the message becomes a note, at its time and by its author."""

from dataclasses import replace

import pytest

from adapters.phrase import Phrase
from bot.incidents.slack.note_form import CALLBACK_ID, INCIDENT_FIELD
from bot.model.incident import QuotedMessage
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.rendering.slack.blocks import SlackMessage
from bot.slack.inbound.form import TRIGGER_LIFETIME
from tests.bot.slack.conftest import INCIDENT, House
from tests.lab.workspace.message import Message
from tests.lab.workspace.view import View

USER, AUTHOR = "U0ADMIN", "U0MEMBER"
OTHERS = (replace(INCIDENT, number=4, title="slow", channel="C0DEV"), replace(INCIDENT, number=5, channel="", private=True))


async def use(house: House, message: Message, user: str = USER) -> None:
    await house.workspace.shortcut(user, CALLBACK_ID, message)


async def form(house: House, message: Message) -> View:
    await use(house, message)
    view = await house.workspace.seen(lambda: house.workspace.view(USER))
    assert view is not None
    return view


def menu(view: View) -> dict[str, object]:
    element: dict[str, object] = next(block for block in view.blocks if block["type"] == "input")["element"]
    return element


async def test_in_an_incidents_channel_one_tap_adds_the_note_and_confirms_it_privately(house: House) -> None:
    house.desk.incidents = (INCIDENT, *OTHERS)
    async with house.bot():
        said = await house.workspace.say(AUTHOR, "C0OPS", "the provider confirms an outage")
        await use(house, said)
        await house.private(USER)
    [request] = house.desk.requests
    assert 'incident note "the provider confirms an outage" --incident 3' == request.text
    link = f"https://flatnet-lab.slack.com/archives/C0OPS/p{said.ts.replace('.', '')}"
    assert QuotedMessage("C0OPS", said.ts, "max (U0MEMBER)", link) == request.quoted
    assert (None, "C0OPS", False) == (house.workspace.view(USER), request.channel, request.answered_in_public)
    assert [said.ts] == [message.ts for message in house.workspace.messages("C0OPS")]


async def test_the_only_open_incident_takes_a_message_of_another_channel(house: House) -> None:
    """The bot need not be a member there: Slack sends the message along."""
    house.desk.incidents = (INCIDENT,)
    async with house.bot():
        await use(house, await house.workspace.say(AUTHOR, "C0DEV", "seen here, too"))
        await house.private(USER)
    assert ['incident note "seen here, too" --incident 3'] == [request.text for request in house.desk.requests]


async def test_several_open_incidents_ask_for_one_and_the_note_goes_there(house: House) -> None:
    house.desk.incidents = (replace(INCIDENT, channel="C0WAR"), *OTHERS)
    async with house.bot():
        said = await house.workspace.say(AUTHOR, "C0OPS", 'he said "no" <!channel> *now*')
        view = await form(house, said)
        assert [] == house.desk.requests
        shown = [option["text"]["text"] for option in menu(view)["options"]]  # type: ignore[attr-defined]
        assert ["5 · the gateway answers 502", "4 · slow", "3 · the gateway answers 502"] == shown
        assert '*max (U0MEMBER)*\n>he said "no" &lt;!channel&gt; *now*' == view.blocks[0]["text"]["text"]
        sent = await house.workspace.submit(USER, {INCIDENT_FIELD: "4"})
        assert (True, {}) == (sent.in_time, sent.errors)
        await house.private(USER)
    [request] = house.desk.requests
    assert request.quoted is not None
    assert (said.ts, "max (U0MEMBER)") == (request.quoted.ts, request.quoted.author)
    assert request.text.endswith("--incident 4")


async def test_a_private_message_is_never_added_to_an_incident_without_a_question(house: House) -> None:
    """Others read the incident, and a note cannot be deleted."""
    house.desk.incidents = (INCIDENT,)
    async with house.bot():
        view = await form(house, await house.workspace.say(USER, "C0BOARD", "the contract ends"))
        assert "3" == menu(view)["initial_option"]["value"]  # type: ignore[index]
        assert "All readers of the incident will see this message" in str(view.blocks)
        assert [] == house.desk.requests


async def test_without_an_open_incident_the_dispatcher_says_what_to_do(house: House) -> None:
    none = Failure(kind=FailureKind.REFUSED, phrase=Phrase("no incident is open"))
    house.desk.answer = lambda request: Answer(operation="op-1", understood=request.text, body=none)
    async with house.bot():
        await use(house, await house.workspace.say(AUTHOR, "C0OPS", "slow"))
        assert "No incident is open" in (await house.private(USER))[0]
    assert ["incident note slow"] == [request.text for request in house.desk.requests]


async def test_a_person_without_the_right_is_refused_and_no_form_opens(house: House) -> None:
    house.desk.incidents = (INCIDENT, *OTHERS)
    async with house.bot():
        await use(house, await house.workspace.say(AUTHOR, "C0OPS", "slow"), "U0GUEST")
        assert "members" in (await house.private("U0GUEST"))[0]
        assert None is house.workspace.view("U0GUEST")


async def test_a_trigger_that_is_too_old_opens_no_form_and_nothing_is_noted(house: House) -> None:
    house.desk.incidents = OTHERS
    async with house.bot():
        said = await house.workspace.say(AUTHOR, "C0OPS", "slow")
        house.desk.on_places = lambda: house.time.move(TRIGGER_LIFETIME.total_seconds())
        await use(house, said)
        assert ["Could not open the form in time, so nothing was noted. Use the shortcut again."] == await house.private(
            USER
        )
    assert [] == house.desk.requests


@pytest.mark.parametrize(
    ("text", "trouble"),
    [("", "this message has no text"), ("  \n ", "this message has no text")],
    ids=["empty", "white space"],
)
async def test_a_message_without_text_becomes_no_note(house: House, text: str, trouble: str) -> None:
    house.desk.incidents = (INCIDENT,)
    async with house.bot():
        await use(house, await house.workspace.say(AUTHOR, "C0OPS", text))
        assert trouble in (await house.private(USER))[0]
    assert [] == house.desk.requests


async def test_a_message_of_the_bot_and_of_a_configured_person_are_named(house: House) -> None:
    house.desk.incidents, house.desk.names = (INCIDENT,), {AUTHOR: "max"}
    async with house.bot(), house.api() as api:
        await use(house, await house.workspace.say(AUTHOR, "C0OPS", "slow"))
        await api.post("C0OPS", SlackMessage("3 hosts are healthy", ()))
        await use(house, house.workspace.messages("C0OPS")[-1])
        await house.private(USER, 2)
    assert ["max", "B0FLATNET"] == [_author(request) for request in house.desk.requests]


async def test_a_reply_is_confirmed_in_its_thread_and_linked_within_it(house: House) -> None:
    house.desk.incidents = (INCIDENT,)
    async with house.bot():
        first = await house.workspace.say(AUTHOR, "C0OPS", "slow")
        reply = await house.workspace.say(AUTHOR, "C0OPS", "since 14:05", first.ts)
        await use(house, reply)
        await house.private(USER)
    [request] = house.desk.requests
    assert request.quoted is not None
    assert request.quoted.link.endswith(f"?thread_ts={first.ts}&cid=C0OPS")
    assert [first.ts] == [message.thread_ts for message in house.workspace.private(USER)]


async def test_a_very_long_message_is_shortened_and_its_form_carries_it(house: House) -> None:
    house.desk.incidents = OTHERS
    async with house.bot():
        said = await house.workspace.say(AUTHOR, "C0OPS", '"障害"\n' * 3_000)
        await form(house, said)
        await house.workspace.submit(USER, {INCIDENT_FIELD: "4"})
        await house.private(USER)
        house.desk.incidents = (INCIDENT,)
        await use(house, said)
        await house.private(USER, 2)
    assert [True, True] == [len(request.text) <= 4_000 and "…" in request.text for request in house.desk.requests]


async def test_a_form_that_another_person_sends_back_is_not_believed(house: House) -> None:
    house.desk.incidents = OTHERS
    async with house.bot():
        view = await form(house, await house.workspace.say(AUTHOR, "C0OPS", "slow"))
        forged = {**view.sent, "private_metadata": view.private_metadata.replace(USER, "U0OPERATOR")}
        house.workspace._views.keep(replace(view, sent=forged))
        await house.workspace.submit(USER, {INCIDENT_FIELD: "4"})
        shown = house.workspace.view(USER)
        assert shown is not None
        assert "This form has expired" in str(shown.blocks)
    assert [] == house.desk.requests


def _author(request: Request) -> str:
    return "" if request.quoted is None else request.quoted.author
