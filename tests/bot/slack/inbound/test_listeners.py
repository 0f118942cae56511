"""What Bolt does with envelopes that are not a command of today."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.rendering.slack.blocks import SlackMessage
from bot.slack.answers.files import ChartUploader
from bot.slack.answers.responder import AnswerFiles, Responder
from bot.slack.answers.views import AnswerViews
from bot.slack.client.preflight import SCOPES
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.directory.people import LanguageDefaults, PeopleDirectory
from bot.slack.inbound import slash_command as command
from bot.slack.inbound.form import FormHandler
from bot.slack.inbound.intake import DeliveryIntake
from bot.slack.inbound.listeners import FallbackResponder, ModalHandlers, register_listeners
from bot.slack.inbound.log_filter import LogFilterHandler
from bot.slack.inbound.message_shortcut import NoteHandler
from bot.slack.inbound.plan import PlanHandler
from bot.slack.inbound.worker import InboxWorker
from bot.slack.outbound.uploads import FileWatcher, UploadRecords, Uploads
from bot.slack.tasks import BackgroundTasks
from tests.bot.slack.conftest import House, cleaned, manifest_with
from tests.lab.workspace import Workspace

BUTTON = {"type": "button", "action_id": "gone", "text": {"type": "plain_text", "text": "Approve"}}


async def in_no_group(user: str, within: float = 0.0) -> frozenset[str]:
    return frozenset()


@pytest.fixture
async def app(house: House) -> AsyncIterator[AsyncApp]:
    """The listeners alone."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0FLATNET", bot_user_id="U0FLATNET", bot_id="B0FLATNET")

    async with house.sender() as sender, house.api() as api:
        people = PeopleDirectory(
            api, "T0FLATNET", LanguageDefaults("en", ZoneInfo("UTC")), in_no_group, house.time.monotonic
        )
        running = BackgroundTasks()
        app = AsyncApp(client=api._client, authorize=authorize)
        clock = house.time.clock()
        watcher = FileWatcher(api, clock)
        records = UploadRecords(house.rows.answers, house.desk.record_delivery)
        uploads = Uploads(api, ChannelDirectory(api, clock.monotonic), records, watcher, clock)
        pictures = ChartUploader(uploads, cleaned)
        answering = Responder(house.desk, people, sender, AnswerFiles(house.rows.answers, uploads, pictures), clock)
        forms = FormHandler(answering, api)
        kinds = {command.KIND: command.make_kind(answering, forms)}
        intake = DeliveryIntake(house.rows.inbox, None, InboxWorker(house.rows.inbox, kinds, people, sender, clock), clock)
        filters = LogFilterHandler(answering, AnswerViews(answering), api)
        plans, notes = PlanHandler(answering, api, lambda team, user: None), NoteHandler(answering, api, "")
        modals = ModalHandlers(forms, filters, plans, notes)
        register_listeners(app, intake, modals, FallbackResponder(people, sender, running))
        yield app
        await running.drain(1.0)


async def _dispatched(app: AsyncApp, body: dict[str, Any]) -> BoltResponse:
    return await app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))


async def test_an_old_button_explains_itself_to_who_pressed_it(house: House) -> None:
    async with house.bot(), house.api() as api:
        await api.post("C0OPS", SlackMessage("Approve?", ({"type": "actions", "elements": [BUTTON]},)))
        delivery = await house.workspace.click("U0ADMIN", house.workspace.messages("C0OPS")[0], "gone")
        [text] = await house.private("U0ADMIN")
    assert delivery.in_time
    assert text.startswith("This message has expired and its buttons no longer work.")


async def test_a_button_that_opens_a_link_is_acknowledged_without_words(house: House, app: AsyncApp) -> None:
    body = {
        "type": "block_actions",
        "team": {"id": "T0FLATNET"},
        "user": {"id": "U0ADMIN"},
        "response_url": f"{house.workspace.base_url}/response/1",
        "actions": [{**BUTTON, "block_id": "b", "url": "https://example.com/"}],
    }
    assert 200 == (await _dispatched(app, body)).status
    assert () == house.workspace.calls("response_url")


@pytest.mark.parametrize("kind", ["view_submission", "view_closed"])
async def test_an_old_form_is_acknowledged(app: AsyncApp, kind: str) -> None:
    view = {"type": "modal", "callback_id": "gone\nlong ago", "state": {"values": {}}}
    body = {"type": kind, "team": {"id": "T0FLATNET"}, "user": {"id": "U0ADMIN"}, "view": view}
    response = await _dispatched(app, body)
    assert 200 == response.status
    assert (kind == "view_submission") == ("This form has expired, so nothing was done." in response.body)


@pytest.mark.parametrize(
    "change",
    [{"user_id": ""}, {"user_id": 7}, {"channel_id": None}, {"text": ["health"]}, {"team_id": "<!channel>"}],
    ids=str,
)
async def test_a_command_that_cannot_be_read_is_acknowledged_with_words(
    house: House, app: AsyncApp, change: dict[str, Any]
) -> None:
    usual = {"command": "/flatnet", "team_id": "T0FLATNET", "user_id": "U0ADMIN", "channel_id": "C0OPS", "text": "health"}
    response = await _dispatched(app, {**usual, **change})
    assert 200 == response.status
    assert "Nothing was done" in response.body
    assert [] == house.desk.requests


async def test_what_the_bot_itself_writes_is_acknowledged_and_ignored(house: House, tmp_path: Path) -> None:
    """`IgnoringSelfEvents` stays, and knows the bot from the preflight."""
    house.workspace = Workspace(manifest_with(tmp_path, SCOPES | {"im:history"}, ("message.im",)))
    await house.workspace.start()
    own = {
        "type": "message",
        "user": "U0FLATNET",
        "bot_id": "B0FLATNET",
        "channel": "D0ADMIN",
        "channel_type": "im",
        "text": "3 hosts are healthy",
    }
    async with house.bot():
        delivery = await house.workspace.emit("message.im", own)
    await house.workspace.stop()
    assert delivery is not None
    assert delivery.in_time
    assert [] == house.desk.requests


async def test_bolt_asks_slack_nothing_before_a_listener(house: House) -> None:
    """Its own authorisation would call `auth.test` within the first three seconds."""
    async with house.bot():
        before = len(house.workspace.calls("auth.test"))
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.private("U0ADMIN")
        assert before == len(house.workspace.calls("auth.test"))
