"""How what a person does reaches the app: with a trigger id, a response_url and a deadline for the ack."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.workspace.manifest import Manifest
from tests.lab.workspace.message import Message
from tests.lab.workspace.payloads import Deed, Payload
from tests.lab.workspace.responses import Responses
from tests.lab.workspace.seed import Channel, Person
from tests.lab.workspace.socket_mode import Delivery, EnvelopeType, SocketMode
from tests.lab.workspace.state import State
from tests.lab.workspace.triggers import Triggers


@dataclass(frozen=True)
class Outgoing:
    """What every deed needs. `address` makes the URL of a response address."""

    state: State
    manifest: Manifest
    sockets: SocketMode
    triggers: Triggers
    responses: Responses
    address: Callable[[str], str]

    def person(self, user: str) -> Person:
        """Somebody who acts; a mistake in a test where there is nobody."""
        person = self.state.person(user)
        if person is None:
            raise KeyError(f"the workspace has nobody with the id {user}")
        return person

    def channel(self, name: str) -> Channel:
        """A conversation that is there; direct messages with the bot are opened where there are none yet."""
        owner = next((user for user in (f"U{name[1:]}", f"W{name[1:]}") if self.state.person(user) is not None), None)
        if name.startswith("D") and owner is not None and self.state.channel(name) is None:
            return self.state.direct(owner)
        channel = self.state.channel(name)
        if channel is None:
            raise KeyError(f"the workspace has no channel {name}")
        return channel

    def where(self, user: str, name: str) -> Channel:
        """Where a person types; a mistake in a test where they cannot."""
        person, channel = self.person(user), self.channel(name)
        if person.id not in channel.members or channel.archived:
            raise ValueError(f"{user} cannot write in {name}")
        return channel

    def deed(self, user: str) -> Deed:
        """A person does something now."""
        return Deed(self.state.seed, self.person(user), self.triggers.issue(user))

    def response_url(self, channel: str, user: str, origin: Message | None = None) -> str:
        return self.address(self.responses.issue(channel, user, origin))

    async def interact(self, payload: Payload) -> Delivery:
        """Send a click, a form or a shortcut, where the manifest has interactivity on."""
        delivery = Delivery(EnvelopeType.INTERACTIVE, payload)
        return await self.sockets.deliver(delivery) if self.manifest.interactive else delivery

    def failure(self, delivery: Delivery) -> str:
        """Slack's word for what reached nobody or was not acknowledged in time; empty where all is well."""
        if delivery.attempts == 0:
            return "dispatch_failed"
        return "" if delivery.in_time else "operation_timeout"
