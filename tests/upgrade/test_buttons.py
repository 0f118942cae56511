"""Buttons and forms of messages that the version before posted: they do what they did."""

import json
from functools import partial
from typing import Any

from tests.lab.workspace import form
from tests.lab.workspace.message import Message
from tests.scenarios.changing import ADMIN, OPERATOR
from tests.scenarios.conftest import PATIENCE
from tests.upgrade.conftest import Build
from tests.upgrade.past import Past, fixture, operation

VIEWS = {
    "details": "show.less",
    "less": "show.details",
    "everything": "show.bad",
    "only what needs attention": "show.all",
    "public details": "show.less",
    "picture details": "show.bad",
    "next page": "show.details",
    "older lines": "show.raw",
    "grave lines": "show.lines",
}
"""Clicks that show an answer in another way, and a button that the message has only then."""

MODALS = {
    "menu form": (OPERATOR, "flatnet_form", "health.target"),
    "filter": (ADMIN, "flatnet_filter", "pattern"),
    "deny": (ADMIN, "flatnet_form", "deny.why"),
    "review": (OPERATOR, "flatnet_form", "op-review.found"),
    "form at home": (ADMIN, "flatnet_form", "health.target"),
    "deny at home": (ADMIN, "flatnet_form", "deny.why"),
    "words at home": (ADMIN, "flatnet_form", "lock-add.flags"),
    "renew by notice": (OPERATOR, "flatnet_form", "cert-renew.reason"),
}
"""Clicks that open a modal: before whom, its callback id, and a field in it. Words that change something ask first."""

WORDS = {
    "next words": "log container:web host-b",
    "menu words": "health",
    "check at home": "health",
    "story at home": f"op show {operation('nebula')}",
    "form sent": "health host-b --details",
}
"""Clicks and forms that ask for words, and how these begin as the bot understands them there."""


def actions(message: Message) -> set[str]:
    """Return the action ids of a message's buttons."""
    return {element["action_id"] for _, element in form.elements(message.blocks)}


def clicked(p: Past, name: str) -> Message:
    """Return the message on which a click of the fixtures was made, as it is now."""
    place = fixture("clicks.json")[name]["payload"]["container"]
    message = p.workspace._state.find(place["channel_id"], place["message_ts"])
    assert message is not None
    return message


def asked_of_hosts(p: Past) -> int:
    """Count what any host was asked for."""
    return p.town.connections + sum(sum(host.windows.requests.values()) for host in p.town.fleet.hosts)


def shows(p: Past, name: str, button: str) -> bool:
    """Check whether the message of a click has a button now."""
    return button in actions(clicked(p, name))


def files(p: Past) -> list[str]:
    """Name the files that the administrator got directly."""
    return [file for message in p.workspace.direct(ADMIN) for file in message.files]


def requests(p: Past) -> list[dict[str, Any]]:
    """Return what was asked of the bot, as the audit log tells it."""
    return [event for event in p.town.events() if event["kind"] == "request"]


async def next_request(p: Past, name: str) -> dict[str, Any]:
    """Deliver a click or a form; return what was asked by it."""
    before = len(requests(p))
    await p.deliver(name)
    await p.until(lambda: before < len(requests(p)), lambda: f"{name} asks for nothing")
    return requests(p)[before]


async def test_answers_of_before_are_shown_in_other_ways_and_as_files_without_asking_a_host(past: Build) -> None:
    async with past() as p, p.bot():
        assert "unknown" == await p.ends("half")
        await p.town.at_rest()
        asked, events = asked_of_hosts(p), len(requests(p))
        for name, button in VIEWS.items():
            assert not shows(p, name, button), name
            await p.deliver(name)
            await p.until(partial(shows, p, name, button), partial(clicked, p, name))
        assert any(block["type"] == "image" for block in clicked(p, "picture details").blocks)
        await come_as_files(p)
        assert (asked, events) == (asked_of_hosts(p), len(requests(p)))


async def come_as_files(p: Past) -> None:
    """Press the buttons for files of a table and of lines, and check what comes."""
    await p.deliver("file of a table")
    await p.until(lambda: 1 == len(files(p)), lambda: files(p))
    await p.deliver("file of lines")
    await p.until(lambda: 2 == len(files(p)), lambda: files(p))
    table, lines = (p.workspace.file(name) for name in files(p))
    assert table is not None
    assert lines is not None
    assert operation("glass") in table.decode()
    assert "handshake failed" in lines.decode()


async def test_modals_open_and_one_that_was_open_takes_another_command(past: Build) -> None:
    async with past() as p, p.bot():
        for name, (user, callback, field) in MODALS.items():
            await p.deliver(name)
            view = await p.workspace.seen(partial(p.workspace.view, user), timeout=PATIENCE)
            assert view is not None
            assert callback == view.callback_id
            assert field in [block["block_id"] for block in view.blocks], name
            await p.workspace.close_view(user)


async def test_words_of_buttons_and_forms_are_asked_for(past: Build) -> None:
    async with past() as p, p.bot():
        assert "unknown" == await p.ends("half")
        await p.town.at_rest()
        for name, words in WORDS.items():
            asked = await next_request(p, name)
            assert asked["data"]["understood"].startswith(words), name
        await p.town.at_rest()

        await p.deliver("another command")
        await p.until(lambda: "disk.target" in str(p.workspace.view(OPERATOR)), lambda: p.workspace.view(OPERATOR))


async def test_forms_that_were_open_are_sent(past: Build) -> None:
    async with past() as p, p.bot():
        for name in ("filter sent", "denial sent", "review sent"):
            assert not (await p.deliver(name)).ack_payload, name
        await p.until(lambda: "line 4[0-9]" in json.dumps(clicked(p, "filter").blocks), lambda: clicked(p, "filter"))
        assert "closed" == await p.ends("stop")
        [[why]] = p.rows("select why from operations where operation = ?", operation("stop"))
        assert {"who": "alice", "reason": "not today"} == json.loads(why)["values"]
        reviewed = "select json_extract(break_glass, '$.reviewed_by') from operations where operation = ?"
        read = partial(p.rows, reviewed, operation("glass"))
        await p.until(lambda: [("kenji",)] == read(), read)


async def test_changes_are_withdrawn_and_approved_at_home(past: Build) -> None:
    """The approved one is asked for again, because this version runs it differently."""
    async with past() as p, p.bot() as house:
        await p.resolve_half(house)
        for name in ("withdraw", "withdraw ready", "approve at home"):
            await p.deliver(name)
        assert ("closed", "closed") == (await p.ends("stop"), await p.ends("ready"))
        await p.find_successor("nebula")


async def test_the_button_that_stops_a_half_run_change_says_that_it_has_ended(past: Build) -> None:
    """Its outcome is unknown, and stays so until a person reports it."""
    async with past() as p, p.bot():
        assert "unknown" == await p.ends("half")
        await p.town.at_rest()
        before = len(p.town.answers(ADMIN))
        await p.deliver("stop")
        await p.until(lambda: before < len(p.town.answers(ADMIN)), lambda: p.town.answers(ADMIN))
        assert "See op show for the result" in p.town.answers(ADMIN)[-1].text
        assert "unknown" == p.state("half")
