"""People press buttons and choose from menus, in messages, modals and home tabs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.lab.workspace import form, payloads
from tests.lab.workspace.elements import offers
from tests.lab.workspace.form import Choice, Element, Values
from tests.lab.workspace.message import Message
from tests.lab.workspace.outgoing import Outgoing
from tests.lab.workspace.socket_mode import Delivery
from tests.lab.workspace.view import TROUBLE, View
from tests.lab.workspace.views import Views


@dataclass(frozen=True)
class Aim:
    """What a person clicks: the action_id, what they choose there, and the block where the action_id is not enough."""

    action_id: str
    value: Choice = None
    block_id: str | None = None


class Clicks:
    """Clicks and choices. What a person chose in a message is kept for them until the message changes."""

    def __init__(self, outgoing: Outgoing, views: Views) -> None:
        self._out = outgoing
        self._views = views
        self._in_messages: dict[tuple[str, str, str], Values] = {}
        self._suggested: dict[tuple[str, str], list[Mapping[str, Any]]] = {}

    async def click(self, user: str, message: Message, aim: Aim) -> Delivery:
        """In a message that this person sees; a `KeyError` where it has no such button."""
        place, name = self._out.channel(message.channel), (user, message.channel, message.ts)
        if user != (message.private_to or user) or user not in place.members:
            raise ValueError(f"{user} does not see this message")
        block, element = form.find(message.blocks, aim.action_id, aim.value, aim.block_id)
        state = form.taken(element, aim.value, offers(element))
        former = form.begin(message.blocks, self._in_messages.get(name, {}))
        values = self._in_messages[name] = form.with_choice(former, block, element, state)
        action = form.action(block, element, state, self._out.state.clock.stamp())
        response_url = self._out.response_url(message.channel, user, message)
        payload = self._out.deed(user).click(message, place, action, values, response_url)
        delivery = await self._out.interact(payload)
        if not self._out.manifest.interactive:
            text = "This app is not configured to handle interactive responses."
            self._out.state.notice(message.channel, user, text, message.thread_ts)
        elif error := self._out.failure(delivery):
            text = f'the button failed with the error "{error}"'
            self._out.state.notice(message.channel, user, text, message.thread_ts)
        return delivery

    async def act(self, user: str, view: View, aim: Aim) -> Delivery:
        """In a modal or a home tab. A field of a form sends only where it has `dispatch_action`."""
        view = self._present(user, view)
        block, element = form.find(view.blocks, aim.action_id, aim.value, aim.block_id)
        if block["type"] == "input" and not block.get("dispatch_action"):
            raise ValueError(f"{aim.action_id} sends nothing before the form is sent: fill it in")
        state = form.taken(element, aim.value, self.offered(view, element))
        view = self._views.keep(replace(view, values=form.with_choice(view.values, block, element, state), trouble=""))
        action = form.action(block, element, state, self._out.state.clock.stamp())
        delivery = await self._out.interact(self._out.deed(user).act(view, action))
        now = self._views.find(id=view.id)
        if self._out.failure(delivery) and now is not None:
            self._views.keep(replace(now, trouble=TROUBLE))
        return delivery

    async def suggest(self, user: str, view: View, action_id: str, typed: str) -> tuple[Mapping[str, Any], ...]:
        """A person types in an external_select; the options that the app offers, none where it fails."""
        view = self._present(user, view)
        block, element = form.find(view.blocks, action_id, None, None)
        if "external" not in element["type"]:
            raise ValueError(f"{action_id} has its options already")
        names = {"block_id": block["block_id"], "action_id": action_id}
        payload = payloads.suggestion(self._out.state.seed, self._out.person(user), view, names, typed)
        delivery = await self._out.interact(payload)
        options = offers(delivery.ack_payload or {}) if delivery.in_time else []
        # At most 100 each time; the person can still choose what was offered before.
        self._suggested.setdefault((view.id, action_id), []).extend(options[:100])
        return tuple(options[:100])

    def offered(self, view: View, element: Element) -> list[Mapping[str, Any]]:
        """What can be chosen here: the options sent along, or suggested so far, or chosen by the app."""
        suggested = self._suggested.get((view.id, element["action_id"]), [])
        initial = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
        return [*offers(element), *suggested, *initial]

    def _present(self, user: str, view: View) -> View:
        """The view as it is now; a mistake in a test where this person does not have it in front of them."""
        now = self._views.find(id=view.id)
        if now is None or now.user != user:
            raise ValueError(f"{user} does not see {view.id}")
        return now
