"""Routes of a message, each by itself; `bot.slack.outbound.sender` takes the first that is open.

A message that edits another, or belongs in its thread, goes where that message stands, by any route that took it. If
nothing more can be posted there, it goes to its own channel as a new message.
"""

from collections.abc import Awaitable, Callable, Iterator

from bot.rendering.slack.blocks import Message
from bot.runtime.clock import Clock
from bot.slack.api import Api, SlackFailure
from bot.slack.directory.channels import Channels
from bot.slack.outbound.message import Address
from bot.slack.outbound.reroute_reason import OUTAGE, UNEDITABLE, Unanswered, lost_elsewhere
from bot.slack.tasks import insist
from bot.store.outbox import NOWHERE, Outbox, Place, Post

RESPONSE_TRIES = 3
"""Attempts at a response_url: it has five uses, a waiting notice may have taken one, a lost answer may count."""

CHANNEL_TRIES = 8
"""Attempts at a channel before the message goes to the person: about three minutes of failures."""

Way = Callable[[Post, Address, Message], Awaitable[Place]]
"""Sends a message; returns its place if others may see it there."""


class Roads:
    """Sends one message by one route. Raises `SlackFailure` if that is not open."""

    def __init__(self, rows: Outbox, api: Api, channels: Channels, clock: Clock) -> None:
        self._rows = rows
        self._api = api
        self._channels = channels
        self._clock = clock

    def open_to(self, address: Address) -> Iterator[Way]:
        """Yield the routes of an address, the first choice first."""
        if address.channel:
            yield self._to_channel
        if address.courtesy:
            return
        if address.second:
            yield self._to_second
        if address.people:
            yield self._to_people
        if address.response_url:
            yield self._privately
        if address.aside and address.user:
            yield self._aside
        if address.user:
            yield self._to_person

    async def _to_channel(self, post: Post, address: Address, message: Message) -> Place:
        """Send to the channel. Raises `RouteExhausted` if a retry is worth less than the next route."""
        try:
            return await self._where_it_belongs(address, message)
        except SlackFailure as failure:
            if failure.passing and self._had_its_time(post, address):
                raise Unanswered(failure.code) from failure
            raise

    async def _where_it_belongs(self, address: Address, message: Message) -> Place:
        """Send to the place of the message that it edits or belongs to, perhaps in another channel; else post it anew."""
        old = Place(address.channel, address.ts) if address.ts else await self._place_of(address.replaces)
        if old.ts:
            try:
                return await self._edited(old, message)
            except SlackFailure as failure:
                if address.clicked or not (failure.code in UNEDITABLE or lost_elsewhere(failure, old, address)):
                    raise
        above = await self._place_of(address.below)
        if above.ts:
            try:
                return await self._posted(above, address, message)
            except SlackFailure as failure:
                if not lost_elsewhere(failure, above, address):
                    raise
        return await self._posted(Place(address.channel, address.thread), address, message)

    def _had_its_time(self, post: Post, address: Address) -> bool:
        """Return whether the channel was tried long enough; never if it is the only route."""
        if post.attempts < CHANNEL_TRIES or len(list(self.open_to(address))) == 1:
            return False
        return not address.unasked or self._clock.now() - post.made_at > OUTAGE

    async def _place_of(self, row: int) -> Place:
        return (await self._rows.place_of(row) if row else None) or NOWHERE

    async def _edited(self, place: Place, message: Message) -> Place:
        await self._channels.check(place.channel)
        await self._api.edit(place.channel, place.ts, message)
        return place

    async def _posted(self, above: Place, address: Address, message: Message) -> Place:
        """Post a new message, in the thread of `above` if that has a `ts`. If it replaces another, it takes over its row."""
        await self._channels.check(above.channel)
        new = Place(above.channel, await self._api.post(above.channel, message, above.ts))
        if address.replaces:
            await insist(lambda: self._rows.moved(address.replaces, new), self._clock.sleep)
        return new

    async def _privately(self, post: Post, address: Address, message: Message) -> Place:
        open_until = address.answerable or post.made_at
        if self._clock.now() >= open_until or post.attempts > RESPONSE_TRIES:
            raise SlackFailure("expired_url")
        await self._api.respond(address.response_url, message, clicked=address.clicked and not address.channel)
        return NOWHERE

    async def _aside(self, post: Post, address: Address, message: Message) -> Place:
        await self._api.post_aside(address.aside, address.user, message, address.aside_thread)
        return NOWHERE

    async def _to_person(self, post: Post, address: Address, message: Message) -> Place:
        await self._api.post(address.user, message)
        return NOWHERE

    async def _to_second(self, post: Post, address: Address, message: Message) -> Place:
        return await self._posted(Place(address.second), address, message)

    async def _to_people(self, post: Post, address: Address, message: Message) -> Place:
        """Send to every person. Raises only if all of them failed."""
        refusals: list[SlackFailure] = []
        for person in address.people:
            try:
                await self._api.post(person, message)
            except SlackFailure as failure:
                refusals.append(failure)
        if len(refusals) == len(address.people):
            raise refusals[-1]
        return NOWHERE
