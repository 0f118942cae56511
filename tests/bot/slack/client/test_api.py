"""Whatever the libraries raise becomes a `SlackFailure`."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import slack_sdk.errors
from aiohttp import web
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.rendering.slack.blocks import SlackMessage
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import LIBRARY_ERRORS, SlackFailure, map_slack_error
from bot.slack.client.preflight import OPTIONAL_SCOPES, SCOPES
from tests.bot.slack.conftest import CANARY, House, cleaned
from tests.lab.workspace.faults import RESPONSE_URL, DropAfter, Failing, RateLimited, ServerError

HELLO = SlackMessage("hello", ())


def _family(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        yield from _family(child)


EVERYTHING = sorted(
    {*_family(aiohttp.ClientError), *_family(SlackClientError)} - {SlackApiError}, key=lambda error: error.__name__
)


@pytest.mark.parametrize("kind", EVERYTHING, ids=lambda kind: kind.__name__)
def test_every_exception_of_the_libraries_is_translated(kind: type[Exception]) -> None:
    """All of them as they are installed, so that a new one of a new version shows here."""
    assert issubclass(kind, LIBRARY_ERRORS)
    assert isinstance(map_slack_error(kind.__new__(kind)), SlackFailure)


def test_the_list_of_slack_sdk_is_complete() -> None:
    raised = {kind for kind in vars(slack_sdk.errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert raised == set(_family(SlackClientError)) & raised


@pytest.mark.parametrize(
    ("error", "maybe_done"),
    [
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ClientPayloadError(), True),
        (aiohttp.SocketTimeoutError(), True),
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (aiohttp.ConnectionTimeoutError(), False),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_was_never_sent_is_known_not_to_be_done(error: Exception, maybe_done: bool) -> None:
    failure = map_slack_error(error)
    assert failure.passing
    assert maybe_done == failure.maybe_done


async def test_nobody_listening_is_known_not_to_be_done() -> None:
    async with aiohttp.ClientSession() as session:
        api = SlackApi(
            AsyncWebClient("xoxb-1", "http://127.0.0.1:1/api/", session=session, retry_handlers=[]), session, cleaned
        )
        with pytest.raises(SlackFailure) as raised:
            await api.post("C1", HELLO)
    assert ("unreachable", True, False) == (raised.value.code, raised.value.passing, raised.value.maybe_done)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RateLimited(7), ("ratelimited", True, False, 7.0)),
        (ServerError(500), ("http_500", True, True, 0.0)),
        (ServerError(503), ("http_503", True, False, 0.0)),
        (ServerError(404), ("http_404", False, False, 0.0)),
        (Failing("not_in_channel"), ("not_in_channel", False, False, 0.0)),
        (Failing("internal_error"), ("internal_error", True, True, 0.0)),
        (Failing("ratelimited"), ("ratelimited", True, False, 0.0)),
        (Failing("message_limit_exceeded"), ("message_limit_exceeded", True, False, 0.0)),
        (Failing("team_added_to_org"), ("team_added_to_org", True, False, 0.0)),
        (Failing("org_login_required"), ("org_login_required", True, False, 0.0)),
        (DropAfter(), ("lost", True, True, 0.0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["chat.postMessage", RESPONSE_URL])
async def test_what_slack_answers_is_read_alike_in_both_places(
    house: House,
    place: str,
    fault: RateLimited | ServerError | Failing | DropAfter,
    expected: tuple[str, bool, bool, float],
) -> None:
    house.workspace.faults.switch_on(place, fault)
    async with house.api() as api:
        respond = api.respond(f"{house.workspace.base_url}/response/x", HELLO)
        post = api.post("C0OPS", HELLO)
        asked, unasked = (respond, post) if place == RESPONSE_URL else (post, respond)
        unasked.close()
        with pytest.raises(SlackFailure) as raised:
            await asked
    failure = raised.value
    assert expected == (failure.code, failure.passing, failure.maybe_done, failure.retry_after)


@pytest.fixture
async def strange() -> AsyncIterator[tuple[web.AppRunner, list[web.Response]]]:
    """A server that answers what it is told."""
    answers: list[web.Response] = []

    async def answer(_: web.Request) -> web.Response:
        return answers[0]

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner, answers
    await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        (b"ok", "text/plain"),
        (b"<html>hello</html>", "text/html"),
        (b'{"ok": tru', "application/json"),
        (b"[]", "application/json"),
        (b'"ok"', "application/json"),
        (b"", "application/json"),
        (b'{"ok": "\xff"}', "application/json"),
        (b"{}", "application/json"),
        (b'{"ok": false, "error": {"code": 1}}', "application/json"),
    ],
    ids=str,
)
async def test_an_answer_that_is_not_slacks_is_a_failure_that_may_have_been_done(
    strange: tuple[web.AppRunner, list[web.Response]], answer: tuple[bytes, str]
) -> None:
    runner, answers = strange
    answers.append(web.Response(body=answer[0], content_type=answer[1]))
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        api = SlackApi(AsyncWebClient("xoxb-1", url, session=session, retry_handlers=[]), session, cleaned)
        with pytest.raises(SlackFailure) as raised:
            await api.post("C1", HELLO)
    assert ("protocol", True, True) == (raised.value.code, raised.value.passing, raised.value.maybe_done)


@pytest.mark.parametrize("given", ["soon", "-1", "1e9", "٣", "", "999999"])
async def test_a_strange_retry_after_is_bounded(strange: tuple[web.AppRunner, list[web.Response]], given: str) -> None:
    runner, answers = strange
    answers.append(web.json_response({"ok": False}, status=429, headers={"Retry-After": given}))
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        api = SlackApi(AsyncWebClient("xoxb-1", url, session=session, retry_handlers=[]), session, cleaned)
        with pytest.raises(SlackFailure) as raised:
            await api.post("C1", HELLO)
    assert 0.0 <= raised.value.retry_after <= 300.0


@pytest.mark.parametrize(
    ("base", "url", "ours"),
    [
        ("https://slack.com/api/", "https://hooks.slack.com/commands/1", True),
        ("https://slack-gov.com/api/", "https://hooks.slack-gov.com/commands/1", True),
        ("https://slack.com/api/", "http://hooks.slack.com/commands/1", False),
        ("https://slack.com/api/", "https://notslack.com/", False),
        ("https://slack.com/api/", "https://slack.com.example/", False),
        ("https://slack.com/api/", "https://hooks.slack.com@example.com/", False),
        ("https://slack.com/api/", "https://[", False),
        ("https://slack.com/api/", "file:///etc/passwd", False),
    ],
)
async def test_answers_go_to_slacks_own_addresses_only(base: str, url: str, ours: bool) -> None:
    async with aiohttp.ClientSession() as session:
        api = SlackApi(AsyncWebClient("xoxb-1", base, session=session), session, cleaned)
        assert ours == api._is_slack_url(url)


async def test_the_scopes_of_the_token_are_read(house: House) -> None:
    async with house.api() as api:
        _, scopes = await api.test_auth()
    assert SCOPES | OPTIONAL_SCOPES.keys() == scopes


async def test_no_secret_leaves_by_any_method_that_shows_something(house: House) -> None:
    """Messages, private ones, edits, answers through a response_url, views, files with their names."""
    words = SlackMessage(f"a {CANARY}", ({"type": "section", "text": {"type": "mrkdwn", "text": f"b {CANARY}"}},))
    home = {"type": "home", "blocks": [{"type": "section", "text": {"type": "plain_text", "text": CANARY}}]}
    form = home | {"type": "modal", "title": {"type": "plain_text", "text": CANARY[:20]}, "private_metadata": CANARY}
    async with house.api() as api:
        ts = await api.post("C0OPS", words)
        await api.edit("C0OPS", ts, words)
        await api.post_ephemeral("C0OPS", "U0ADMIN", words)
        await api.post_direct("U0ADMIN", words)
        await api.publish_home("U0ADMIN", home)
        await api.open_view(house.workspace.trigger("U0ADMIN"), form)
        upload = await api.request_upload("a.csv", f"x,{CANARY}")
        await api.upload(upload)
        await api.complete_upload(upload.file, f"title {CANARY}", "C0OPS")
    messages = (house.workspace.messages("C0OPS"), house.workspace.private("U0ADMIN"), house.workspace.direct("U0ADMIN"))
    shown = (*messages, house.workspace.home("U0ADMIN"), house.workspace.view("U0ADMIN"), house.workspace.file(upload.file))
    assert str(shown).count("[redacted]") >= 7
    assert CANARY not in str(shown)
    assert b"x,[redacted]" == house.workspace.file(upload.file)


async def test_a_form_knows_where_slack_wants_the_answer_and_keeps_no_secret(house: House) -> None:
    """Slack's own addresses for answers look like its addresses that let anybody post."""
    ours, foreign = f"{house.workspace.api_url}{CANARY}", f"https://example.com/{CANARY}"
    form = {"type": "modal", "title": {"type": "plain_text", "text": "a"}, "blocks": []}
    notes = []
    async with house.api() as api:
        for url in (ours, foreign):
            note = json.dumps({"response_url": url, "begun": f'password="{CANARY}"'})
            await api.open_view(house.workspace.trigger("U0ADMIN"), form | {"private_metadata": note})
            view = house.workspace.view("U0ADMIN")
            assert view is not None
            notes.append(json.loads(view.private_metadata))
    begun = 'password="[redacted]"'
    assert [
        {"response_url": ours, "begun": begun},
        {"response_url": "https://example.com/[redacted]", "begun": begun},
    ] == notes


async def test_files_are_searched_for_secrets_beside_the_loop(house: House) -> None:
    """One may have megabytes."""
    threads = []

    def noting(text: Any) -> Any:
        threads.append(threading.get_ident())
        return cleaned(text)

    async with house.api() as api:
        upload = await SlackApi(api._client, api._session, noting).request_upload("a.txt", CANARY)
    assert b"[redacted]" == upload.content
    assert 1 == len(threads)
    assert threading.get_ident() not in threads
