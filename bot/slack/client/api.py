"""Client for Slack's Web API and for response_urls. Every failure is a `SlackFailure` (`bot.slack.client.errors`).

The client never retries a call. The library's own retry posts twice if the connection breaks after Slack
accepted a message, and it sleeps through a 429. The outbox retries, and marks the message as a retry.
"""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.rendering.slack.blocks import SlackMessage
from bot.slack.client.errors import SlackFailure, call_slack, classify_answer, parse_error_code

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
"""Seconds for one call. Slack answers in well under one; a connection that hangs must not block a conversation."""

TOKEN_REFUSED_CODES = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "team_access_not_granted",
    }
)
"""Slack's error codes for a token that is no longer valid."""

PAGE_SIZE = 200
"""Channels per page: the most that Slack recommends."""

MEMBERS_PAGE_SIZE = 1000
"""People per page of a channel's members: the most that Slack returns."""

_log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")

Redact = Callable[[Any], Any]
"""Removes secrets from JSON."""


@dataclass(frozen=True)
class PendingUpload:
    """A file that Slack is waiting for: its id, the URL for its bytes, and the bytes."""

    file: str
    url: str
    content: bytes


class SlackApi:
    """Slack as this bot uses it. Every method raises `SlackFailure` and nothing else.

    Everything that is shown passes through `clean`, which removes secrets from JSON (`bot.security.redaction`).
    `revoked` is the code with which Slack refused the bot's token, "" while the token is valid. `scopes` are those of the
    token, optional ones too, once `test_auth` has asked for them.
    """

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, clean: Redact) -> None:
        self._client = client
        self._session = session
        self._clean = clean
        self.revoked = ""
        self.scopes: frozenset[str] = frozenset()

    async def test_auth(self) -> tuple[Mapping[str, Any], frozenset[str]]:
        """`auth.test`: its answer, and the scopes of the token."""
        answer = await self._call(self._client.auth_test)
        scopes = str(answer.headers.get("x-oauth-scopes", ""))
        self.scopes = frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())
        return _as_object(answer.data), self.scopes

    async def check_app_token(self, token: str) -> None:
        """`apps.connections.open`. The address that it returns expires unused."""
        await call_slack(lambda: self._client.apps_connections_open(app_token=token))

    async def get_user(self, user: str) -> Mapping[str, Any]:
        """`users.info` with the locale."""
        answer = await self._call(lambda: self._client.users_info(user=user, include_locale=True))
        return _as_object(_as_object(answer.data).get("user"))

    async def get_conversation(self, channel: str) -> Mapping[str, Any]:
        """`conversations.info`."""
        answer = await self._call(lambda: self._client.conversations_info(channel=channel))
        return _as_object(_as_object(answer.data).get("channel"))

    async def get_message(self, channel: str, ts: str) -> Mapping[str, Any]:
        """`reactions.get`: one message, in a thread, too. conversations.history leaves messages in threads out."""
        answer = await self._call(lambda: self._client.reactions_get(channel=channel, timestamp=ts))
        return _as_object(_as_object(answer.data).get("message"))

    async def list_channel_members(self, channel: str, cursor: str) -> tuple[frozenset[str], str]:
        """`conversations.members`: one page of the people in a channel, and the next cursor, as `list_own_channels`."""
        answer = await self._call(
            lambda: self._client.conversations_members(channel=channel, limit=MEMBERS_PAGE_SIZE, cursor=cursor or None)
        )
        data = _as_object(answer.data)
        members = data.get("members")
        if not isinstance(members, list):
            raise SlackFailure("protocol")
        return frozenset(map(str, members)), _get_next_cursor(data)

    async def create_channel(self, name: str, *, private: bool = False) -> Mapping[str, Any]:
        """`conversations.create`: a public or a private channel.

        Fails with `name_taken` if a channel has that name, even an archived one.
        """
        answer = await self._call(lambda: self._client.conversations_create(name=name, is_private=private))
        return _as_object(_as_object(answer.data).get("channel"))

    async def list_own_channels(self, cursor: str, *, private: bool = False) -> tuple[tuple[Mapping[str, Any], ...], str]:
        """`users.conversations`: one page of the public or private channels that the bot is in, archived ones too.

        The first cursor is "". Returns the channels and the cursor of the next page, "" after the last page.
        """
        answer = await self._call(
            lambda: self._client.users_conversations(
                types="private_channel" if private else "public_channel", limit=PAGE_SIZE, cursor=cursor or None
            )
        )
        data = _as_object(answer.data)
        channels = data.get("channels")
        found = tuple(map(_as_object, channels)) if isinstance(channels, list) else ()
        return found, _get_next_cursor(data)

    async def invite(self, channel: str, user: str) -> None:
        """`conversations.invite`, for one person."""
        await self._call(lambda: self._client.conversations_invite(channel=channel, users=user))

    async def set_topic(self, channel: str, topic: str) -> None:
        """`conversations.setTopic`: the text above a channel, as plain text: a topic takes no formatting and no entities."""
        await self._call(lambda: self._client.conversations_setTopic(channel=channel, topic=str(self._clean(topic))))

    async def list_group_members(self, group: str) -> frozenset[str]:
        """`usergroups.users.list`: members of a user group. A disabled group fails with `no_such_subteam`."""
        answer = await self._call(lambda: self._client.usergroups_users_list(usergroup=group))
        users = _as_object(answer.data).get("users")
        return frozenset(user for user in users if isinstance(user, str)) if isinstance(users, list) else frozenset()

    async def post(self, channel: str, message: SlackMessage, thread: str = "") -> str:
        """`chat.postMessage`; returns the message's timestamp.

        A user id as channel means the direct messages with that person.
        """
        answer = await self._call(
            lambda: self._client.chat_postMessage(
                channel=channel,
                **self._redact_message(message),
                thread_ts=thread or None,
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return str(_as_object(answer.data).get("ts", ""))

    async def post_ephemeral(self, channel: str, user: str, message: SlackMessage, thread: str = "") -> None:
        """`chat.postEphemeral`: in a channel, visible to one person until they reload."""
        await self._call(
            lambda: self._client.chat_postEphemeral(
                channel=channel, user=user, **self._redact_message(message), thread_ts=thread or None
            )
        )

    async def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """`views.publish`: `view` becomes the home tab of one person."""
        await self._call(lambda: self._client.views_publish(user_id=user, view=self._clean(dict(view))))

    async def open_view(self, trigger: str, view: Mapping[str, Any]) -> None:
        """`views.open`: a modal for the person who caused the trigger. A trigger is valid once, for three seconds."""
        await self._call(lambda: self._client.views_open(trigger_id=trigger, view=self._redact_modal(view)))

    async def update_view(self, view: str, known: str, changed: Mapping[str, Any]) -> None:
        """`views.update`. Fails with `hash_conflict` if the view is no longer at hash `known`; "" updates it in any case."""
        await self._call(
            lambda: self._client.views_update(view_id=view, hash=known or None, view=self._redact_modal(changed))
        )

    async def request_upload(self, name: str, content: str | bytes) -> PendingUpload:
        """`files.getUploadURLExternal`: the URL for the bytes of a file.

        Secrets are removed from text. A picture is not text: what is written in it was redacted before it was drawn.
        """
        if isinstance(content, str):
            content = (await asyncio.to_thread(self.redact, content)).encode()  # a file may have megabytes
        answer = await self._call(lambda: self._client.files_getUploadURLExternal(filename=name, length=len(content)))
        data = _as_object(answer.data)
        return PendingUpload(str(data.get("file_id", "")), str(data.get("upload_url", "")), content)

    async def upload(self, upload: PendingUpload) -> None:
        """Send the bytes of a file that Slack is waiting for."""
        if not self._is_slack_url(upload.url):
            raise SlackFailure("foreign_upload_url")

        async def send() -> int:
            async with self._session.post(upload.url, data=io.BytesIO(upload.content)) as answer:  # in chunks
                return answer.status

        status = await call_slack(send)
        if status != 200:
            raise SlackFailure(f"http_{status}", passing=status >= 500)

    async def complete_upload(self, file: str, title: str, channel: str = "", thread: str = "") -> None:
        """`files.completeUploadExternal`: share the file in a channel or thread; without a channel only the bot sees it."""
        await self._call(
            lambda: self._client.files_completeUploadExternal(
                files=[{"id": file, "title": self._clean(title)}],
                channel_id=channel or None,
                thread_ts=thread or None,
            )
        )

    async def get_file(self, file: str) -> Mapping[str, Any]:
        """`files.info`, for a file of the bot."""
        answer = await self._call(lambda: self._client.files_info(file=file))
        return _as_object(_as_object(answer.data).get("file"))

    async def delete_file(self, file: str) -> None:
        """`files.delete`, for a file of the bot."""
        await self._call(lambda: self._client.files_delete(file=file))

    async def post_direct(self, user: str, message: SlackMessage) -> tuple[str, str]:
        """`chat.postMessage` to a person; returns the channel of the direct messages with them, and the timestamp."""
        answer = await self._call(
            lambda: self._client.chat_postMessage(
                channel=user, **self._redact_message(message), unfurl_links=False, unfurl_media=False
            )
        )
        data = _as_object(answer.data)
        return str(data.get("channel", "")), str(data.get("ts", ""))

    async def edit(self, channel: str, ts: str, message: SlackMessage) -> None:
        """`chat.update`: replace the whole message. Blocks are removed if `message` has none."""
        text, blocks = self._clean(message.text), self._clean(list(message.blocks))
        await self._call(lambda: self._client.chat_update(channel=channel, ts=ts, text=text, blocks=blocks))

    async def pin(self, channel: str, ts: str) -> None:
        """`pins.add`, for a message of any author. Fails with `already_pinned` if it is pinned."""
        await self._call(lambda: self._client.pins_add(channel=channel, timestamp=ts))

    async def delete(self, channel: str, ts: str) -> None:
        """`chat.delete`, for a message of the bot."""
        await self._call(lambda: self._client.chat_delete(channel=channel, ts=ts))

    async def validate(self, form: str, payload: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """`blocks.validate`: the errors that Slack finds in a payload of the form `message` or `view`; () if it accepts it.

        The payload goes into the body. The SDK's own method sends it in the address, which is too short for a full message.
        """

        async def ask() -> Any:
            try:
                return await self._client.api_call("blocks.validate", data={form: json.dumps(self._clean(dict(payload)))})
            except SlackApiError as error:
                if _as_object(getattr(error.response, "data", None)).get("error") != f"invalid_{form}":
                    raise
                return error.response

        errors = _as_object((await self._call(ask)).data)
        found = errors.get("errors")
        if errors.get("ok") is True:
            return ()
        return tuple(map(_as_object, found)) if isinstance(found, list) and found else ({"code": str(errors.get("error"))},)

    async def respond(self, url: str, message: SlackMessage, *, clicked: bool = False) -> None:
        """Post privately through a response_url; with `clicked`, replace the message that was clicked."""
        if not self._is_slack_url(url):
            raise SlackFailure("foreign_response_url")
        webhook = AsyncWebhookClient(url, session=self._session, retry_handlers=[])
        answer = await call_slack(
            lambda: webhook.send(**self._redact_message(message), response_type="ephemeral", replace_original=clicked)
        )
        code = parse_error_code(answer.body)
        if answer.status_code != 200 or code:
            raise classify_answer(answer.status_code, code, answer.headers)

    def redact(self, text: str) -> str:
        """The text without secrets, for files that are packed: a secret inside an archive could not be found later."""
        return str(self._clean(text))

    def record_failure(self, failure: SlackFailure) -> None:
        """Remember, and log once, that the token was refused."""
        if failure.code in TOKEN_REFUSED_CODES and not self.revoked:
            self.revoked = failure.code
            _log.error(
                "slack refused the bot's token; create a new one, replace the old one and restart the bot",
                code=failure.code,
            )

    def _redact_message(self, message: SlackMessage) -> dict[str, Any]:
        """Text and blocks without secrets; None if there are no blocks."""
        return {"text": self._clean(message.text), "blocks": self._clean(list(message.blocks)) or None}

    def _redact_modal(self, modal: Mapping[str, Any]) -> dict[str, Any]:
        """A modal without secrets. Its private metadata stays JSON and keeps the response_url that Slack gave us."""
        cleaned = dict(self._clean(dict(modal)))
        try:
            note = _as_object(json.loads(str(modal.get("private_metadata"))))
        except ValueError:
            return cleaned
        kept = {name: each for name, each in note.items() if name == "response_url" and self._is_slack_url(str(each))}
        told = json.dumps({**self._clean(note), **kept}, ensure_ascii=False, separators=(",", ":"))
        return {**cleaned, "private_metadata": told} if note else cleaned

    async def _call(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer:
        try:
            return await call_slack(call)
        except SlackFailure as failure:
            self.record_failure(failure)
            raise

    def _is_slack_url(self, url: str) -> bool:
        """Returns whether a URL is on the Web API's own host or below its domain. Answers are sent to no other host."""
        try:
            ours, theirs = urlsplit(self._client.base_url), urlsplit(url)
            home, host = ours.hostname or "", theirs.hostname or ""
        except ValueError:
            return False
        return theirs.scheme == ours.scheme and (host == home or host.endswith("." + home))


def _get_next_cursor(data: Mapping[str, Any]) -> str:
    return str(_as_object(data.get("response_metadata")).get("next_cursor") or "")


def _as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def make_client(url: str, session: aiohttp.ClientSession, token: str | None) -> AsyncWebClient:
    """Make a client that shares our connections and never retries."""
    return AsyncWebClient(token=token, base_url=url, session=session, retry_handlers=[])
