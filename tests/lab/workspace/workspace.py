"""The workspace: starts and stops, what its people do, and what they see."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from tests.lab.workspace import payloads
from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.clock import Clock, Timing
from tests.lab.workspace.faults import Faults
from tests.lab.workspace.journal import Called, Change
from tests.lab.workspace.manifest import Manifest
from tests.lab.workspace.message import Content, Message
from tests.lab.workspace.methods.method import Rooms
from tests.lab.workspace.rates import Rates
from tests.lab.workspace.responses import Responses
from tests.lab.workspace.seed import BOT_USER, Channel, Person, Seed
from tests.lab.workspace.socket_mode import Choose, Delivery, EnvelopeType, Reason, SocketMode
from tests.lab.workspace.state import State
from tests.lab.workspace.tokens import Holder, Tokens
from tests.lab.workspace.uploads import Uploads
from tests.lab.workspace.web_api import WebApi

Answer = TypeVar("Answer")

LARGEST_REQUEST = 64 * 2**20
"""Bytes; above the largest file that the bot uploads."""


class Workspace:
    """One Slack workspace with one app installed from its manifest, on loopback.

    >>> workspace = Workspace(Path("manifest.yml"))
    >>> await workspace.start()
    >>> AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url)
    >>> delivery = await workspace.slash("U0OPERATOR", "C0OPS", "health")
    """

    def __init__(
        self,
        manifest: Path,
        seed: Seed | None = None,
        *,
        clock: Clock | None = None,
        timing: Timing | None = None,
        choose: Choose = random.choice,
    ) -> None:
        clock, timing = clock or Clock(), timing or Timing()
        self.seed = seed or Seed()
        self.manifest = Manifest.read(manifest)
        self.faults = Faults()
        self.base_url = ""
        self._state = State(self.seed, clock)
        self._tokens = Tokens(self.seed)
        self._sockets = SocketMode(self._state, self.faults, timing, choose)
        self._responses = Responses(self._state, timing.response_url)
        self._uploads = Uploads(lambda name: f"{self.base_url}/upload/{name}")
        self._runner: web.AppRunner | None = None
        rooms = Rooms(self._state, self.manifest, Rates(clock.monotonic), self._uploads, self._socket_url)
        self._web = WebApi(rooms, self._tokens, self._responses, self.faults)

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; 0 takes a free port. `base_url` and `api_url` hold afterwards."""
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/api/{method}", self._web.call)
        app.router.add_post("/response/{name}", self._web.respond)
        app.router.add_post("/upload/{file}", self._web.upload)
        app.router.add_get("/socket", self._sockets.connect)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        """For the SDK: `AsyncWebClient(base_url=…)`."""
        return f"{self.base_url}/api/"

    @property
    def bot_token(self) -> str:
        return self.seed.bot_token

    @property
    def app_token(self) -> str:
        return self.seed.app_token

    # What people do

    async def slash(self, user: str, channel: str, text: str, *, command: str = "/flatnet") -> Delivery:
        """A person types a slash command; returns when it is acknowledged or Slack has given up.

        Where it fails the person reads Slack's words (`private`), as in Slack.
        """
        place = self._where(user, channel)
        answers = self._response_url(self._responses.issue(channel, user))
        payload = payloads.command(self.seed, self._person(user), place, (command, text), answers)
        delivery = Delivery(EnvelopeType.COMMAND, payload)
        if command not in self.manifest.commands:
            self._state.notice(channel, user, f"`{command}` is not a valid command.")
            return delivery
        await self._sockets.deliver(delivery)
        if error := self._failure(delivery) or self._answer_in_ack(user, channel, delivery):
            self._state.notice(channel, user, f'{command} failed with the error "{error}"')
        return delivery

    async def click(self, user: str, message: Message, action_id: str) -> Delivery:
        """A person presses a button of a message that they see."""
        answers = self._response_url(self._responses.issue(message.channel, user, message))
        payload = payloads.click(self.seed, self._person(user), message, action_id, answers)
        delivery = Delivery(EnvelopeType.INTERACTIVE, payload)
        if not self.manifest.interactive:
            self._state.notice(message.channel, user, "This app is not configured to handle interactive responses.")
            return delivery
        await self._sockets.deliver(delivery)
        if error := self._failure(delivery):
            self._state.notice(message.channel, user, f'the button failed with the error "{error}"')
        return delivery

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """A person writes a message; the app hears of it where it is a member and has subscribed."""
        place = self._where(user, channel)
        message = self._state.post(channel, user, Content(text), thread_ts=thread_ts)
        if BOT_USER not in place.members:
            return message
        event = {**message.as_json(), "channel": channel, "event_ts": message.ts}
        if f"<@{BOT_USER}>" in text:
            await self.emit("app_mention", {**event, "type": "app_mention"})
        kind = "im" if place.direct else "group" if place.private else "channel"
        await self.emit(_SUBSCRIPTIONS[kind], {**event, "channel_type": kind})
        return message

    async def emit(self, subscription: str, event: dict[str, Any]) -> Delivery | None:
        """An event happens; it is sent only if the manifest subscribes to it (None otherwise)."""
        if subscription not in self.manifest.events:
            return None
        payload = payloads.event(self.seed, event, self._state.clock.now().timestamp())
        return await self._sockets.deliver(Delivery(EnvelopeType.EVENT, payload))

    def invite_bot(self, channel: str) -> None:
        place = self._channel(channel)
        self._state.change(replace(place, members=place.members | {BOT_USER}))

    def remove_bot(self, channel: str) -> None:
        place = self._channel(channel)
        self._state.change(replace(place, members=place.members - {BOT_USER}))

    def archive(self, channel: str) -> None:
        self._state.change(replace(self._channel(channel), archived=True))

    def change_person(self, person: Person) -> None:
        """Somebody became a guest, was deactivated, took another language."""
        self._state.update(person)

    # What Slack does to the app

    def revoke_bot_token(self, error: str = "token_revoked") -> None:
        """From now on the bot's token is refused with this error (`account_inactive` is another)."""
        self._tokens.spoil(Holder.BOT, error)

    def revoke_app_token(self, error: str = "token_revoked") -> None:
        self._tokens.spoil(Holder.APP, error)

    async def disconnect(self, reason: Reason) -> None:
        """Slack announces the end of the open WebSockets and closes them."""
        await self._sockets.disconnect(reason)

    def abort_connections(self) -> None:
        """The network under the open WebSockets is gone."""
        self._sockets.abort()

    # What can be seen

    @property
    def connections(self) -> int:
        """Open WebSockets."""
        return self._sockets.open

    def messages(self, channel: str) -> tuple[Message, ...]:
        """What everybody in the channel reads, oldest first."""
        return tuple(m for m in self._state.messages() if m.channel == channel and m.private_to is None)

    def private(self, user: str) -> tuple[Message, ...]:
        """What only this person sees: ephemeral messages in any channel, Slackbot's among them."""
        return tuple(m for m in self._state.messages() if m.private_to == user)

    def direct(self, user: str) -> tuple[Message, ...]:
        """The direct messages between the bot and this person."""
        return tuple(m for m in self._state.messages() if m.channel == f"D{user[1:]}" and m.private_to is None)

    def calls(self, method: str) -> tuple[Called, ...]:
        """How often and how the app called a method (or `response_url`), faults and refusals included."""
        return tuple(c for c in self.changes if isinstance(c, Called) and c.method == method)

    def file(self, name: str) -> bytes | None:
        """The bytes of an uploaded file."""
        upload = self._uploads.file(name)
        return upload.content if upload else None

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that happened, oldest first."""
        return self._state.journal.changes

    def subscribe(self, after: int = 0) -> AsyncIterator[tuple[int, Change]]:
        """Everything that happens, as it happens, numbered from 1; `after` skips what is known."""
        return self._state.journal.subscribe(after)

    async def seen(self, look: Callable[[], Answer], timeout: float = 5.0) -> Answer:
        """Wait until `look` finds something: asked now and after each change; `TimeoutError` after so many seconds."""
        return await self._state.journal.wait(look, timeout)

    # Inside

    def _socket_url(self) -> str:
        address = self.base_url.replace("http://", "ws://", 1)
        return f"{address}/socket?ticket={self._sockets.ticket()}&app_id={self.seed.app}"

    def _channel(self, name: str) -> Channel:
        channel = self._state.channel(name)
        if channel is None:
            raise KeyError(f"the workspace has no channel {name}")
        return channel

    def _person(self, user: str) -> Person:
        person = self._state.person(user)
        if person is None:
            raise KeyError(f"the workspace has nobody with the id {user}")
        return person

    def _where(self, user: str, name: str) -> Channel:
        """Where a person types; a mistake in a test where they cannot."""
        self._person(user)
        channel = self._state.direct(user) if name == f"D{user[1:]}" else self._channel(name)
        if user not in channel.members or channel.archived:
            raise ValueError(f"{user} cannot write in {name}")
        return channel

    def _response_url(self, name: str) -> str:
        return f"{self.base_url}/response/{name}"

    @staticmethod
    def _failure(delivery: Delivery) -> str:
        """Slack's word for a delivery that reached nobody or was not acknowledged in time."""
        if delivery.attempts == 0:
            return "dispatch_failed"
        return "" if delivery.in_time else "operation_timeout"

    def _answer_in_ack(self, user: str, channel: str, delivery: Delivery) -> str:
        """Show the answer that came in the ack, if any; what is wrong with it."""
        try:
            if delivery.ack_payload:
                self._responses.answer(channel, user, delivery.ack_payload)
        except SlackError as error:
            return error.error
        return ""


_SUBSCRIPTIONS = {"im": "message.im", "group": "message.groups", "channel": "message.channels"}
