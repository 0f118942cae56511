"""response_url: the addresses to answer a person at.

Each is good for thirty minutes and five answers, also where the bot is not a member."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.content import content_of
from tests.lab.workspace.limits import check_pictures, check_response, list_pictures
from tests.lab.workspace.message import Content, Message
from tests.lab.workspace.seed import BOT_USER
from tests.lab.workspace.state import State
from tests.lab.workspace.uploads import Uploads

USES = 5


@dataclass(frozen=True)
class Response:
    """What the app sent to an address, `at` so many monotonic seconds."""

    at: float
    content: Content


@dataclass
class _Address:
    channel: str
    user: str
    origin: Message | None
    issued_at: float
    uses: int = 0
    taken: list[Response] = field(default_factory=list)


class Responses:
    """The response addresses that have been handed out."""

    def __init__(self, state: State, uploads: Uploads, lifetime: float) -> None:
        self._state = state
        self._uploads = uploads
        self._lifetime = lifetime
        self._addresses: dict[str, _Address] = {}

    def issue(self, channel: str, user: str, origin: Message | None = None) -> str:
        """A new address for answers to this person; `origin` is the message that was clicked, if any."""
        name = secrets.token_urlsafe(16)
        self._addresses[name] = _Address(channel, user, origin, self._state.clock.monotonic())
        return name

    def use(self, name: str, body: Mapping[str, Any]) -> None:
        """Carry out one answer. `SlackError`: `expired_url`, `used_url`, or what is wrong with the message."""
        address = self._addresses.get(name)
        if address is None or self._state.clock.monotonic() - address.issued_at > self._lifetime:
            raise SlackError("expired_url")
        if address.uses >= USES:
            raise SlackError("used_url")
        if body.get("delete_original") is True:
            self._delete(address)
        else:
            content = self._checked(body)
            self._show(address, body, content)
            address.taken.append(Response(self._state.clock.monotonic(), content))
        address.uses += 1

    def list_taken(self, name: str) -> tuple[Response, ...]:
        """What was sent to an address and shown, oldest first."""
        return tuple(self._addresses[name].taken)

    def answer(self, channel: str, user: str, payload: Mapping[str, Any]) -> None:
        """A message that came in the ack itself; shown by the same rules."""
        self._show(_Address(channel, user, None, 0.0), payload, self._checked(payload))

    def _checked(self, sent: Mapping[str, Any]) -> Content:
        return check_pictures(check_response(content_of(sent)), self._uploads)

    def _show(self, address: _Address, body: Mapping[str, Any], content: Content) -> None:
        if body.get("replace_original") is True and address.origin is not None:
            address.origin = self._replace(self._present(address), content)
            return
        private_to = None if body.get("response_type") == "in_channel" else address.user
        if private_to is None:
            self._uploads.share(list_pictures(content))
        thread_ts = body.get("thread_ts")
        self._state.post(
            address.channel,
            BOT_USER,
            content,
            private_to=private_to,
            thread_ts=thread_ts if isinstance(thread_ts, str) else None,
            unseen=list_pictures(content) if private_to else (),
        )

    def _replace(self, message: Message, content: Content) -> Message:
        pictures = list_pictures(content)
        return self._state.edit(message, content, pictures if message.private_to else self._uploads.list_unshared(pictures))

    def _delete(self, address: _Address) -> None:
        """Without a message that was clicked there is nothing to delete, and Slack does nothing."""
        if address.origin is not None:
            self._state.delete(self._present(address))

    def _present(self, address: _Address) -> Message:
        """The origin as it is now; others may have changed it since."""
        assert address.origin is not None
        message = self._state.find(address.channel, address.origin.ts)
        if message is None:
            raise SlackError("message_not_found")
        return message
