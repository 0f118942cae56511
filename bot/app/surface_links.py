"""Links to what only a running bot has: Slack and the engine."""

from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from adapters.phrase import Phrase
from bot.changes.services.coordinator import RunEngine
from bot.incidents.rules.channels import CreatedChannel, NewChannel
from bot.model.announcement import Announcement, DeliveryStage
from bot.model.change import Change
from bot.model.request import Identity, Membership, SlackIdentity
from bot.ports.context import NoBotRunning

T = TypeVar("T")


class SurfaceMethods(Protocol):
    """Methods of the surface in its own loop."""

    async def refresh_identity(self, who: SlackIdentity) -> SlackIdentity: ...

    async def announce(self, announcement: Announcement) -> None: ...

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None: ...

    async def find_delivery(self, name: str) -> DeliveryStage: ...

    async def withdraw(self, prefix: str) -> int: ...

    async def make_channel(self, new: NewChannel) -> CreatedChannel: ...

    async def invite(self, channel: str, person: str) -> Phrase | None: ...

    async def is_private(self, channel: str) -> bool | None: ...

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]: ...


class Surface(Protocol):
    """Slack, from the loop of the services. `reached`: it has answered since the start. `call` runs work in its loop."""

    @property
    def reached(self) -> bool: ...

    def show_change(self, change: Change) -> None: ...

    async def call(self, work: Callable[[SurfaceMethods], Coroutine[Any, Any, T]]) -> T: ...


class SurfaceLinks:
    """Links to what only a running bot has: `surface` and `engine`, None in other processes."""

    def __init__(self) -> None:
        self.surface: Surface | None = None
        self.engine: RunEngine | None = None

    @property
    def slack_reached(self) -> bool:
        """As `bot.changes.services.coordinator.IdentityCheck`."""
        return self.surface is not None and self.surface.reached

    def show(self, change: Change) -> None:
        """Shows a change. Without a surface, it is shown after the next start."""
        if self.surface is not None:
            self.surface.show_change(change)

    def require_engine(self) -> RunEngine:
        """Returns the engine. Raises `NoBotRunning` without one."""
        if self.engine is None:
            raise NoBotRunning.for_this_process()
        return self.engine

    async def announce(self, announcement: Announcement) -> None:
        """As `bot.model.announcement.Announcer`. Raises `NoBotRunning` without a surface."""
        await self._require_surface().call(lambda surface: surface.announce(announcement))

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Raises `NoBotRunning` without a surface."""
        await self._require_surface().call(lambda surface: surface.revise(announcement, word))

    async def find_delivery(self, name: str) -> DeliveryStage:
        """As `bot.model.announcement.AlertAnnouncer`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().call(lambda surface: surface.find_delivery(name))

    async def withdraw(self, prefix: str) -> int:
        """As `bot.model.announcement.AlertAnnouncer`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().call(lambda surface: surface.withdraw(prefix))

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        """As `bot.incidents.rules.channels.IncidentChannels`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().call(lambda surface: surface.make_channel(new))

    async def invite(self, channel: str, person: str) -> Phrase | None:
        """As `bot.incidents.rules.channels.IncidentChannels`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().call(lambda surface: surface.invite(channel, person))

    async def is_private(self, channel: str) -> bool | None:
        """As `bot.incidents.rules.channels.IncidentChannels`. Unknown without a surface."""
        return None if self.surface is None else await self.surface.call(lambda surface: surface.is_private(channel))

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """As `bot.ports.context.ChannelNames`. None is known without a surface."""
        return {} if self.surface is None else await self.surface.call(lambda surface: surface.find_names(channels))

    async def refresh_identity(self, who: Identity) -> Identity:
        """Looks an identity up again. Membership is unknown without Slack."""
        if not isinstance(who, SlackIdentity):
            return who
        if self.surface is None:
            return replace(who, standing=Membership.UNKNOWN, groups=frozenset())
        return await self.surface.call(lambda surface: surface.refresh_identity(who))

    def _require_surface(self) -> Surface:
        if self.surface is None:
            raise NoBotRunning.for_this_process()
        return self.surface
