"""The workspace: starts and stops, what its people do, and what they see."""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from tests.lab.workspace.clicks import Aim, Clicks
from tests.lab.workspace.clock import Clock, Timing
from tests.lab.workspace.entrances import Entrances, Tab
from tests.lab.workspace.events import Events
from tests.lab.workspace.faults import CHARTS, PICTURES, SHARING, Faults, NotShared
from tests.lab.workspace.form import Choice
from tests.lab.workspace.forms import Forms, Submitted
from tests.lab.workspace.journal import Called, Change, Notified
from tests.lab.workspace.manifest import Manifest
from tests.lab.workspace.message import Message
from tests.lab.workspace.methods.method import Rooms
from tests.lab.workspace.outgoing import Outgoing
from tests.lab.workspace.rates import Rates
from tests.lab.workspace.reading import Reading
from tests.lab.workspace.responses import Response, Responses
from tests.lab.workspace.seed import BOT_USER, Channel, Person, Seed, Sharing, UserGroup
from tests.lab.workspace.socket_mode import Choose, Delivery, Reason, SocketMode
from tests.lab.workspace.state import State
from tests.lab.workspace.talk import Talk
from tests.lab.workspace.tokens import Holder, Tokens
from tests.lab.workspace.triggers import Triggers
from tests.lab.workspace.uploads import Upload, Uploads
from tests.lab.workspace.view import View
from tests.lab.workspace.views import Views
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
        withheld: frozenset[str] = frozenset(),
        clock: Clock | None = None,
        timing: Timing | None = None,
        choose: Choose = random.choice,
    ) -> None:
        clock, timing = clock or Clock(), timing or Timing()
        self.seed = seed or Seed()
        self.manifest = Manifest.read(manifest, withheld)
        self.faults = Faults()
        self.base_url = ""
        self._runner: web.AppRunner | None = None
        self._state = State(self.seed, clock)
        self._tokens = Tokens(self.seed)
        self._sockets = SocketMode(self._state, self.faults, timing, choose)
        self._views = Views(self._state)
        self._uploads = Uploads(
            lambda name: f"{self.base_url}/upload/{name}",
            looked=lambda: self.faults.take(PICTURES) is None,
            draws=lambda: self.faults.take(CHARTS) is None,
        )
        self._reading = Reading(self._state)
        self._events = Events(self._state, self.manifest, self._sockets)
        self._responses = responses = Responses(self._state, self._uploads, timing.response_url)
        triggers = Triggers(clock, timing.trigger)
        rates = Rates(clock.monotonic)
        rooms = Rooms(
            self._state, self.manifest, rates, self._uploads, triggers, self._views, self._socket_url, self._sharing_delay
        )
        self._web = WebApi(rooms, self._tokens, responses, self.faults)
        self._out = Outgoing(self._state, self.manifest, self._sockets, triggers, responses, self._response_url)
        self._talk = Talk(self._out, self._events, self._uploads)
        self._clicks = Clicks(self._out, self._views)
        self._forms = Forms(self._out, self._views, self._clicks)
        self._entrances = Entrances(self._out, self._events, self._views)

    async def start(self, port: int = 0, routes: Iterable[web.AbstractRouteDef] = ()) -> None:
        """Listen on loopback; 0 takes a free port. `base_url` and `api_url` hold afterwards.

        `routes` are served beside Slack's own: a page that shows this workspace.
        """
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_routes(routes)
        app.router.add_route("*", "/api/{method}", self._web.call)
        app.router.add_post("/response/{name}", self._web.respond)
        app.router.add_post("/upload/{file}", self._web.upload)
        app.router.add_get("/socket", self._sockets.connect)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._events.start()

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._events.stop()
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

    # What people type

    async def slash(
        self, user: str, channel: str, text: str, *, command: str = "/flatnet", thread_ts: str | None = None
    ) -> Delivery:
        """A person types a slash command; returns when it is acknowledged or Slack has given up.

        Where it fails the person reads Slack's words (`private`), as in Slack; in a thread it always does.
        """
        return await self._talk.slash(user, channel, (command, text), thread_ts)

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """A person writes a message; the app hears of it where it is a member and has subscribed.

        `text` as Slack keeps it: `&amp; &lt; &gt;`, and somebody who is mentioned as `<@U…>`.
        """
        return await self._talk.say(user, channel, text, thread_ts)

    async def type(self, user: str, channel: str, typed: str, thread_ts: str | None = None) -> Message:
        """A person types a message; Slack rewrites it (`tests.lab.workspace.typed`)."""
        return await self._talk.type(user, channel, typed, thread_ts)

    async def type_command(self, user: str, channel: str, typed: str) -> Delivery:
        """A person types a slash command with its words; Slack rewrites them as the manifest wants."""
        return await self._talk.type_command(user, channel, typed)

    async def share(
        self, user: str, channel: str, file: tuple[str, bytes], thread_ts: str | None = None, text: str = ""
    ) -> Message:
        """A person posts a file, with a text. A mention there raises no `app_mention` (bolt-python #925)."""
        return await self._talk.share(user, channel, file, thread_ts, text)

    async def broadcast(self, user: str, channel: str, text: str, thread_ts: str) -> Message:
        """A person answers in a thread and sends the answer to the channel, too (`thread_broadcast`)."""
        return await self._talk.say(user, channel, text, thread_ts, broadcast=True)

    async def rewrite(self, user: str, message: Message, text: str) -> Message:
        """A person edits a message of their own; the app hears of it as of a new one."""
        return await self._talk.rewrite(user, message, text)

    async def react(self, user: str, message: Message, name: str) -> Delivery | None:
        """A person adds an emoji to a message that they see, or takes it back. None where the app does not hear of it."""
        return await self._talk.react(user, message, name)

    def mark_read(self, user: str, channel: str) -> None:
        """A person has read everything in a conversation."""
        self._reading.mark(user, channel)

    # What people press and fill in

    async def click(
        self, user: str, message: Message, action_id: str, *, value: Choice = None, block_id: str | None = None
    ) -> Delivery:
        """A person presses a button of a message that they see, or chooses `value` from a menu in it.

        Among several buttons with one action_id, `value` or `block_id` names the one that is meant.
        """
        return await self._clicks.click(user, message, Aim(action_id, value, block_id))

    async def act(
        self, user: str, view: View, action_id: str, *, value: Choice = None, block_id: str | None = None
    ) -> Delivery:
        """As `click`, in a modal or a home tab. Where the app fails, the view says so (`View.trouble`)."""
        return await self._clicks.act(user, view, Aim(action_id, value, block_id))

    async def suggest(self, user: str, view: View, action_id: str, typed: str) -> tuple[Mapping[str, Any], ...]:
        """A person types in a menu whose options come from the app (`external_select`); the options."""
        return await self._clicks.suggest(user, view, action_id, typed)

    def fill(self, user: str, values: Mapping[str, Choice]) -> View:
        """A person fills in fields of the modal on top, by block_id, and sends nothing yet."""
        return self._forms.fill(user, values)

    async def submit(self, user: str, values: Mapping[str, Choice]) -> Submitted:
        """A person fills in fields of the modal on top, by block_id, and sends it."""
        return await self._forms.submit(user, values)

    async def close_view(self, user: str) -> tuple[Delivery, ...]:
        """A person closes the modal on top; what the app was told of it, if it asked to be told."""
        return await self._forms.close(user)

    async def open_home(self, user: str, tab: Tab = "home") -> Delivery | None:
        """A person opens the app's home; None where the app does not subscribe to `app_home_opened`."""
        return await self._entrances.open_home(user, tab)

    async def shortcut(self, user: str, callback_id: str, message: Message | None = None) -> Delivery:
        """A person uses a shortcut of the manifest: a global one, or one in the menu of a message."""
        return await self._entrances.shortcut(user, callback_id, message)

    def trigger(self, user: str) -> str:
        """A fresh trigger id, as if this person had just done something."""
        return self._out.triggers.issue(user)

    # What changes in the workspace

    async def emit(self, subscription: str, event: Mapping[str, Any]) -> Delivery | None:
        """An event happens; it is sent only if the manifest subscribes to it (None otherwise)."""
        return await self._events.emit(subscription, event)

    def join(self, user: str, channel: str) -> None:
        place = self._out.channel(channel)
        self._state.change(replace(place, members=place.members | {user}))

    def leave(self, user: str, channel: str) -> None:
        place = self._out.channel(channel)
        self._state.change(replace(place, members=place.members - {user}))

    def invite_bot(self, channel: str) -> None:
        self.join(BOT_USER, channel)

    def remove_bot(self, channel: str) -> None:
        self.leave(BOT_USER, channel)

    def archive(self, channel: str) -> None:
        self._state.change(replace(self._out.channel(channel), archived=True))

    def unarchive(self, channel: str) -> None:
        self._state.change(replace(self._out.channel(channel), archived=False))

    def connect(self, channel: str, sharing: Sharing = Sharing.SHARED) -> None:
        """A channel becomes shared with another organization, or that is offered, or Slack stops saying so."""
        self._state.change(replace(self._out.channel(channel), sharing=sharing))

    def talk_privately(self, *users: str, name: str = "G0GROUP") -> str:
        """People begin a direct message among themselves; returns its id. With the app among them it hears of mentions.

        Two people make a direct message (an id with D), more a group.
        """
        members = frozenset(users)
        group = not name.startswith("D")
        shown = "mpdm-" + "--".join(users) if group else "directmessage"
        self._state.change(Channel(name, shown, members, private=True, group=group))
        return name

    def delete(self, message: Message) -> None:
        """A person deletes a message: their own, or as an administrator also one of the app's. The app is not told."""
        self._state.delete(message)

    def pin(self, user: str, message: Message) -> None:
        """A person pins a message to its channel."""
        self._state.pin(message, user)

    def unpin(self, message: Message) -> None:
        """A person removes a pin, whoever set it."""
        self._state.pin(message, "")

    def convert(self, channel: str, *, private: bool) -> None:
        """An administrator makes a public channel private, or a private one public: its messages come with it."""
        self._state.change(replace(self._out.channel(channel), private=private))

    def restrict(self, channel: str) -> None:
        """The managers of a channel let only some people post there; the app is none of them."""
        self._state.change(replace(self._out.channel(channel), restricted=True))

    def refuse_files(self, error: str = "file_uploads_disabled") -> None:
        """From now on the workspace's policy refuses uploads with this error; "" allows them."""
        self._uploads.refusal = error

    def share_late(self) -> None:
        """Slack shares the files that it kept back (`tests.lab.workspace.faults.NotShared`)."""
        self._uploads.share_late()

    def reload(self, user: str) -> None:
        """A person reloads Slack: the private messages that they saw are gone, because Slack keeps none."""
        for message in self.private(user):
            self._state.delete(message)

    def change_person(self, person: Person) -> None:
        """Somebody became a guest, was deactivated, took another language."""
        self._state.update(person)

    def change_group(self, group: UserGroup) -> None:
        """A user group is new, has other people, or was disabled (which Slack shows as deleted)."""
        self._state.regroup(group)

    # What Slack does to the app

    def revoke_bot_token(self, error: str = "token_revoked") -> None:
        """From now on the bot's token is refused with this error (`account_inactive` is another)."""
        self._tokens.spoil(Holder.BOT, error)
        self._events.tell("tokens_revoked", {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})

    def revoke_app_token(self, error: str = "token_revoked") -> None:
        self._tokens.spoil(Holder.APP, error)

    def uninstall(self) -> None:
        """Somebody removed the app from the workspace."""
        self.revoke_bot_token("account_inactive")
        self._events.tell("app_uninstalled", {"type": "app_uninstalled"})

    async def disconnect(self, reason: Reason) -> None:
        """Slack announces the end of the open WebSockets and closes them."""
        await self._sockets.disconnect(reason)

    def abort_connections(self) -> None:
        """The network under the open WebSockets is gone."""
        self._sockets.abort()

    def count_dead_sockets(self, count: int) -> None:
        """So many sockets died without a word: Slack still counts them in each hello, and sends nothing there."""
        self._sockets.dead = count

    # What can be seen

    @property
    def connections(self) -> int:
        """Open WebSockets."""
        return self._sockets.open

    def messages(self, channel: str) -> tuple[Message, ...]:
        """What everybody in the channel reads, oldest first."""
        return tuple(m for m in self._state.messages() if m.channel == channel and m.private_to is None)

    def pins(self, channel: str) -> tuple[Message, ...]:
        """What is pinned to a channel, oldest message first."""
        return self._state.list_pins(channel)

    def private(self, user: str) -> tuple[Message, ...]:
        """What only this person sees: ephemeral messages in any channel, Slackbot's among them."""
        return tuple(m for m in self._state.messages() if m.private_to == user)

    def responses(self, delivery: Delivery) -> tuple[Response, ...]:
        """What was answered to a command or a click through its response_url, oldest first."""
        return self._responses.list_taken(str(delivery.payload["response_url"]).rpartition("/")[2])

    def direct(self, user: str) -> tuple[Message, ...]:
        """The direct messages between the bot and this person."""
        return tuple(m for m in self._state.messages() if m.channel == f"D{user[1:]}" and m.private_to is None)

    def thread(self, channel: str, ts: str) -> tuple[Message, ...]:
        """A message and what everybody reads below it, oldest first; empty where there is none."""
        parent = self._state.find(channel, ts)
        return (parent, *self._state.replies(channel, ts)) if parent else self._state.replies(channel, ts)

    def view(self, user: str) -> View | None:
        """The modal that this person has in front of them."""
        stack = self.views(user)
        return stack[-1] if stack else None

    def views(self, user: str) -> tuple[View, ...]:
        """This person's open modals, the one on top last."""
        return self._views.stack(user)

    def home(self, user: str) -> View | None:
        """The home tab that the app published for this person."""
        return self._views.home(user)

    def conversations(self, user: str) -> tuple[Channel, ...]:
        """Where this person is a member: channels, archived ones too, and opened direct messages with the app."""
        return self._reading.conversations(user)

    def joinable(self, user: str) -> tuple[Channel, ...]:
        """Public channels that this person is not in and may join; guests see none."""
        return self._reading.joinable(user)

    def reads(self, user: str, channel: str) -> tuple[Message, ...]:
        """All that this person sees in a conversation: everybody's messages, replies, and their ephemeral ones."""
        return self._reading.messages(user, channel)

    def unread(self, user: str) -> Mapping[str, int]:
        """How many new messages a person has, by conversation; conversations without any are left out."""
        return self._reading.unread(user)

    def notified(self, user: str) -> tuple[Message, ...]:
        """The messages that Slack notified this person of, as they were posted, oldest first; an edit notifies nobody."""
        return tuple(c.message for c in self.changes if isinstance(c, Notified) and c.user == user)

    def visible_to(self, change: Change, user: str) -> bool:
        """Whether this person would notice the change; nobody notices what happens between Slack and the app."""
        return self._reading.visible(change, user)

    def person(self, user: str) -> Person:
        """Somebody as they are now."""
        return self._out.person(user)

    def people(self) -> tuple[Person, ...]:
        """Everybody as they are now, the bot too."""
        return self._state.people()

    def calls(self, method: str) -> tuple[Called, ...]:
        """How often and how the app called a method (or `response_url`), faults and refusals included."""
        return tuple(c for c in self.changes if isinstance(c, Called) and c.method == method)

    def file(self, name: str) -> bytes | None:
        """The bytes of an uploaded file; None where there is none, or none any more."""
        upload = self._uploads.file(name)
        return upload.content if upload else None

    def upload(self, name: str) -> Upload | None:
        """A file with its name, title and alt text; `deleted` where it is gone."""
        return self._uploads.file(name)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that happened, oldest first."""
        return self._state.journal.changes

    def subscribe(self, after: int = 0) -> AsyncIterator[tuple[int, Change]]:
        """Everything that happens, as it happens, numbered from 1; `after` skips what is known."""
        return self._state.journal.subscribe(after)

    async def seen(self, look: Callable[[], Answer], timeout: float = 30.0) -> Answer:
        """Wait until `look` finds something: asked now and after each change; `TimeoutError` after so many seconds."""
        return await self._state.journal.wait(look, timeout)

    # Inside

    def _sharing_delay(self) -> int | None:
        fault = self.faults.take(SHARING)
        return fault.asked if isinstance(fault, NotShared) else 0

    def _socket_url(self) -> str:
        address = self.base_url.replace("http://", "ws://", 1)
        return f"{address}/socket?ticket={self._sockets.ticket()}&app_id={self.seed.app}"

    def _response_url(self, name: str) -> str:
        return f"{self.base_url}/response/{name}"
