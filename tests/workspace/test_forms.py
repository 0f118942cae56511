"""People fill in, send and close modals; a real Bolt app answers."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from tests.lab.workspace import Timing, Workspace
from tests.lab.workspace.faults import DELIVERY, Duplicated
from tests.lab.workspace.forms import Submitted
from tests.lab.workspace.view import TROUBLE
from tests.workspace.conftest import connected, everything, installed
from tests.workspace.parts import Part, actions, button, choice, field, modal, option, section

USER = "U0OPERATOR"


async def opened(workspace: Workspace, app: AsyncApp, *views: Part) -> None:
    """The person has these modals in front of them, the last on top."""
    for number, view in enumerate(views):
        trigger_id = workspace.trigger(USER)
        if number == 0:
            await app.client.views_open(trigger_id=trigger_id, view=view)
        else:
            await app.client.views_push(trigger_id=trigger_id, view=view)


def answering(app: AsyncApp, **answer: Any) -> list[dict[str, Any]]:
    """The app acks every form like this; the payloads that it got."""
    got: list[dict[str, Any]] = []

    @app.view("form")
    async def form(ack: AsyncAck, body: dict[str, Any]) -> None:
        got.append(body)
        await ack(**answer)

    return got


FIELDS = [
    field("host"),
    field("kind", choice("static_select", "pick", "nebula", "openresty")),
    field("checks", choice("checkboxes", "boxes", "a", "b", "c"), optional=True),
    field("hosts", choice("multi_static_select", "many", "host-a", "host-b"), optional=True),
    field("when", choice("radio_buttons", "radio", "now", "later", initial_option=option("now"))),
    field("note", {"type": "plain_text_input", "action_id": "typed", "max_length": 5}, optional=True),
]  # fmt: skip


async def test_a_form_sends_what_was_filled_in(full: Workspace, bolt: AsyncApp) -> None:
    got = answering(bolt)
    await opened(full, bolt, modal(*FIELDS, callback_id="form", private_metadata="p"))
    sent = await full.submit(USER, {"host": "host-a", "kind": "nebula", "hosts": ["host-b", "host-a"]})
    assert (sent.errors, sent.in_time, full.views(USER)) == ({}, True, ())
    [body] = got
    assert body["view"]["state"]["values"] == {
        "host": {"typed": {"type": "plain_text_input", "value": "host-a"}},
        "kind": {"pick": {"type": "static_select", "selected_option": option("nebula")}},
        "checks": {"boxes": {"type": "checkboxes", "selected_options": []}},
        "hosts": {"many": {"type": "multi_static_select", "selected_options": [option("host-b"), option("host-a")]}},
        "when": {"radio": {"type": "radio_buttons", "selected_option": option("now")}},
        "note": {"typed": {"type": "plain_text_input", "value": None}},
    }
    assert (body["type"], body["user"]["id"], body["view"]["private_metadata"]) == ("view_submission", USER, "p")
    assert "channel" not in body
    assert "response_url" not in body


async def test_slack_itself_asks_for_what_is_missing(full: Workspace, bolt: AsyncApp) -> None:
    got = answering(bolt)
    await opened(full, bolt, modal(*FIELDS, callback_id="form"))
    sent = await full.submit(USER, {"host": "", "note": "too long"})
    assert sent.errors == {
        "host": "Please complete this required field.",
        "kind": "Please complete this required field.",
        "note": "Please enter at most 5 characters.",
    }
    assert (got, sent.delivery) == ([], None)
    view = full.view(USER)
    assert view is not None
    assert view.errors == sent.errors


NUMBER = {"type": "number_input", "action_id": "n", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}


@pytest.mark.parametrize(
    ("element", "typed", "complaint"),
    [
        (NUMBER, "5", None),
        (NUMBER, "5.5", "Please enter a valid value."),
        (NUMBER, "10", "Please enter a number in the allowed range."),
        (NUMBER | {"is_decimal_allowed": True}, "5.5", None),
        ({"type": "email_text_input", "action_id": "n"}, "nobody", "Please enter a valid value."),
        ({"type": "url_text_input", "action_id": "n"}, "https://example.org", None),
        ({"type": "plain_text_input", "action_id": "n", "min_length": 3}, "ab", "Please enter at least 3 characters."),
        ({"type": "plain_text_input", "action_id": "n", "multiline": True}, "a\nb", None),
    ],
)
async def test_slack_itself_looks_at_what_was_typed(
    full: Workspace, bolt: AsyncApp, element: Part, typed: str, complaint: str | None
) -> None:
    answering(bolt)
    await opened(full, bolt, modal(field("x", element), callback_id="form"))
    assert (await full.submit(USER, {"x": typed})).errors == ({} if complaint is None else {"x": complaint})


@pytest.mark.parametrize(
    ("values", "error"), [({"nothing": "x"}, KeyError), ({"kind": "mysql"}, ValueError), ({"host": ["a"]}, ValueError)]
)
async def test_nobody_fills_in_what_the_form_does_not_have(
    full: Workspace, bolt: AsyncApp, values: dict[str, Any], error: type[Exception]
) -> None:
    await opened(full, bolt, modal(*FIELDS))
    with pytest.raises(error):
        full.fill(USER, values)


async def test_errors_in_the_ack_stand_at_their_fields_until_the_form_is_sent_again(full: Workspace, bolt: AsyncApp) -> None:
    answers: list[dict[str, Any]] = [{"response_action": "errors", "errors": {"host": "no such host"}}, {}]

    @bolt.view("form")
    async def form(ack: AsyncAck) -> None:
        await ack(**answers.pop(0))

    await opened(full, bolt, modal(field("host"), callback_id="form"))
    assert (await full.submit(USER, {"host": "host-x"})).errors == {"host": "no such host"}
    view = full.view(USER)
    assert view is not None
    assert (view.errors, view.trouble) == ({"host": "no such host"}, "")
    assert (await full.submit(USER, {"host": "host-a"})).errors == {}
    assert full.view(USER) is None


UNUSABLE = {
    "errors at a field that is not there": {"response_action": "errors", "errors": {"other": "x"}},
    "errors at a block that is no field": {"response_action": "errors", "errors": {"words": "x"}},
    "an error without words": {"response_action": "errors", "errors": {"host": ""}},
    "a view that Slack refuses": {"response_action": "update", "view": modal(section(""))},
    "a view that is no modal": {"response_action": "update", "view": {"type": "home", "blocks": []}},
    "an action that is none": {"response_action": "close"},
    "a message": {"text": "thanks"},
}


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_an_ack_that_cannot_be_obeyed_is_trouble_for_the_person(
    full: Workspace, bolt: AsyncApp, answer: dict[str, Any]
) -> None:
    answering(bolt, **answer)
    await opened(full, bolt, modal(section(block_id="words"), field("host"), callback_id="form"))
    sent = await full.submit(USER, {"host": "host-a"})
    assert (sent.trouble, sent.in_time) == (TROUBLE, True)
    view = full.view(USER)
    assert view is not None
    assert view.trouble == TROUBLE


async def test_an_ack_can_update_the_view_in_its_place(full: Workspace, bolt: AsyncApp) -> None:
    answering(bolt, response_action="update", view=modal(section("done"), submit=None))
    await opened(full, bolt, modal(field("host"), callback_id="form"))
    before = full.view(USER)
    await full.submit(USER, {"host": "host-a"})
    after = full.view(USER)
    assert before is not None
    assert after is not None
    assert (after.id, after.submit, after.blocks[0]["text"]["text"]) == (before.id, "", "done")
    assert after.hash != before.hash


async def test_an_ack_can_push_and_clear(full: Workspace, bolt: AsyncApp) -> None:
    answering(bolt, response_action="push", view=modal(callback_id="second"))

    @bolt.view("second")
    async def second(ack: AsyncAck) -> None:
        await ack(response_action="clear")

    await opened(full, bolt, modal(callback_id="form"))
    await full.submit(USER, {})
    assert [view.callback_id for view in full.views(USER)] == ["form", "second"]
    await full.submit(USER, {})
    assert full.views(USER) == ()


async def test_an_ack_that_pushes_a_fourth_view_is_trouble(full: Workspace, bolt: AsyncApp) -> None:
    answering(bolt, response_action="push", view=modal())
    await opened(full, bolt, modal(), modal(), modal(callback_id="form"))
    assert (await full.submit(USER, {})).trouble == TROUBLE
    assert len(full.views(USER)) == 3


async def test_a_plain_ack_closes_only_the_modal_that_was_sent(full: Workspace, bolt: AsyncApp) -> None:
    answering(bolt)
    await opened(full, bolt, modal(callback_id="below"), modal(callback_id="form"))
    await full.submit(USER, {})
    assert [view.callback_id for view in full.views(USER)] == ["below"]


async def test_without_an_ack_in_time_the_form_stays_and_can_be_sent_again(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with installed(tmp_path, everything(), Timing(ack=0.03)) as workspace, connected(workspace, session) as app:
        await opened(workspace, app, modal(field("host"), callback_id="nobody listens"))
        sent = [await workspace.submit(USER, {"host": "host-a"}) for _ in range(2)]
        assert [(one.in_time, one.trouble) for one in sent] == [(False, TROUBLE)] * 2
        first, second = (one.delivery for one in sent)
        assert first is not None
        assert second is not None
        assert first.payload["view"]["id"] == second.payload["view"]["id"]
        assert first.trigger_id != second.trigger_id


async def test_a_form_without_any_connection_is_trouble_at_once(full: Workspace, bolt: AsyncApp) -> None:
    await opened(full, bolt, modal())
    full.abort_connections()
    await full.seen(lambda: full.connections == 0)
    assert (await full.submit(USER, {})).trouble == TROUBLE


async def test_one_submission_can_come_twice(full: Workspace, bolt: AsyncApp) -> None:
    got = answering(bolt)
    await opened(full, bolt, modal(callback_id="form"))
    full.faults.switch_on(DELIVERY, Duplicated(2), times=1)
    assert await full.submit(USER, {}) != Submitted()
    await full.seen(lambda: len(got) == 2)
    assert got[0]["trigger_id"] == got[1]["trigger_id"]


async def test_the_app_hears_of_a_closed_modal_only_where_it_asked(full: Workspace, bolt: AsyncApp) -> None:
    got: list[dict[str, Any]] = []

    @bolt.view_closed("form")
    async def closed(ack: AsyncAck, body: dict[str, Any]) -> None:
        got.append(body)
        await ack()

    await opened(full, bolt, modal(callback_id="form"))
    assert await full.close_view(USER) == ()
    await opened(full, bolt, modal(), modal(callback_id="form", notify_on_close=True))
    [delivery] = await full.close_view(USER)
    assert delivery.in_time
    assert [(body["type"], body["is_cleared"], "trigger_id" in body) for body in got] == [("view_closed", False, False)]
    assert len(full.views(USER)) == 1


async def test_a_close_button_can_clear_the_whole_stack(full: Workspace, bolt: AsyncApp) -> None:
    await opened(full, bolt, modal(), modal(clear_on_close=True))
    await full.close_view(USER)
    assert full.views(USER) == ()
    with pytest.raises(ValueError, match="no modal open"):
        await full.close_view(USER)


async def test_a_button_in_a_modal_sends_what_is_filled_in_so_far(full: Workspace, bolt: AsyncApp) -> None:
    got: list[dict[str, Any]] = []

    @bolt.action("more")
    async def more(ack: AsyncAck, body: dict[str, Any]) -> None:
        got.append(body)
        await ack()
        view = modal(field("host"), field("second"), actions(button("more")))
        await bolt.client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

    await opened(full, bolt, modal(field("host"), actions(button("more"))))
    full.fill(USER, {"host": "host-a"})
    view = full.view(USER)
    assert view is not None
    assert (await full.act(USER, view, "more")).in_time
    [body] = got
    assert body["view"]["state"]["values"]["host"]["typed"]["value"] == "host-a"
    assert body["container"] == {"type": "view", "view_id": view.id}
    assert {"channel", "message", "response_url"} & body.keys() == set()
    after = await full.seen(lambda: (now := full.view(USER)) and len(now.blocks) == 3 and now)
    assert after is not None
    assert after.values["host"]["typed"]["value"] == "host-a"  # type: ignore[union-attr]


async def test_a_field_sends_while_it_is_filled_in_only_with_dispatch_action(full: Workspace, bolt: AsyncApp) -> None:
    silent = field("a", choice("static_select", "quiet", "x"))
    loud = field("b", choice("static_select", "loud", "x", "y"), dispatch_action=True)
    got: list[dict[str, Any]] = []

    @bolt.action("loud")
    async def chosen(ack: AsyncAck, action: dict[str, Any]) -> None:
        got.append(action)
        await ack()

    await opened(full, bolt, modal(silent, loud))
    view = full.view(USER)
    assert view is not None
    with pytest.raises(ValueError, match="fill it in"):
        await full.act(USER, view, "quiet", value="x")
    await full.act(USER, view, "loud", value="y")
    [action] = got
    assert (action["type"], action["selected_option"]["value"], action["block_id"]) == ("static_select", "y", "b")


async def test_options_can_come_from_the_app(full: Workspace, bolt: AsyncApp) -> None:
    @bolt.options("host")
    async def hosts(ack: AsyncAck, payload: dict[str, Any]) -> None:
        await ack(options=[option(f"{payload['value']}-{letter}") for letter in "ab"])

    got = answering(bolt)
    menu = {"type": "external_select", "action_id": "host", "min_query_length": 0}
    await opened(full, bolt, modal(field("target", menu), callback_id="form"))
    view = full.view(USER)
    assert view is not None
    with pytest.raises(ValueError, match="does not offer"):
        full.fill(USER, {"target": "web-b"})
    offered = await full.suggest(USER, view, "host", "web")
    assert [option["value"] for option in offered] == ["web-a", "web-b"]
    await full.submit(USER, {"target": "web-b"})
    assert got[0]["view"]["state"]["values"]["target"]["host"]["selected_option"] == option("web-b")


async def test_a_failed_click_in_a_modal_is_trouble_until_the_next(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with installed(tmp_path, everything(), Timing(ack=0.03)) as workspace, connected(workspace, session) as app:
        await opened(workspace, app, modal(actions(button("go"))))
        view = workspace.view(USER)
        assert view is not None
        assert not (await workspace.act(USER, view, "go")).in_time
        after = workspace.view(USER)
        assert after is not None
        assert after.trouble == TROUBLE


async def test_nobody_clicks_in_somebody_elses_modal_or_a_closed_one(full: Workspace, bolt: AsyncApp) -> None:
    await opened(full, bolt, modal(actions(button("go"))))
    view = full.view(USER)
    assert view is not None
    with pytest.raises(ValueError, match="does not see"):
        await full.act("U0ADMIN", view, "go")
    await full.close_view(USER)
    with pytest.raises(ValueError, match="does not see"):
        await full.act(USER, view, "go")
