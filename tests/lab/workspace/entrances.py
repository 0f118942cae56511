"""The ways into the app besides words: its home, its messages tab, its shortcuts."""

from typing import Literal

from tests.lab.workspace.events import Events
from tests.lab.workspace.message import Message
from tests.lab.workspace.outgoing import Outgoing
from tests.lab.workspace.socket_mode import Delivery
from tests.lab.workspace.views import Views

Tab = Literal["home", "messages"]


class Entrances:
    """People open the app."""

    def __init__(self, outgoing: Outgoing, events: Events, views: Views) -> None:
        self._out = outgoing
        self._events = events
        self._views = views

    async def open_home(self, user: str, tab: Tab) -> Delivery | None:
        """A person opens the app's home; None where the manifest does not subscribe to `app_home_opened`."""
        manifest, person = self._out.manifest, self._out.person(user)
        if not (manifest.home_tab if tab == "home" else manifest.messages_tab):
            raise ValueError(f"the app has no {tab} tab")
        view = self._views.home(user) if tab == "home" else None
        shown = {} if view is None else {"view": view.as_json(self._out.state.seed)}
        channel = self._out.state.direct(person.id)
        happened = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab, **shown}
        return await self._events.emit("app_home_opened", happened)

    async def shortcut(self, user: str, callback_id: str, message: Message | None) -> Delivery:
        """A shortcut of the manifest: global ones without a message, message shortcuts with one."""
        shortcut = self._out.manifest.shortcuts.get(callback_id)
        if shortcut is None or (shortcut.kind == "message") != (message is not None):
            raise ValueError(f"the app has no shortcut {callback_id} here")
        deed = self._out.deed(user)
        if message is None:
            place = self._out.state.direct(user)
            payload = deed.shortcut(callback_id, self._out.state.clock.stamp())
        else:
            place = self._out.where(user, message.channel)
            url = self._out.response_url(place.id, user)
            payload = deed.message_shortcut(callback_id, message, place, url)
        delivery = await self._out.interact(payload)
        if error := self._out.failure(delivery):
            self._out.state.notice(place.id, user, f'{shortcut.name} failed with the error "{error}"')
        return delivery
