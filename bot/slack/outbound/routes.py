"""Routes of a message, each by itself; `bot.slack.outbound.sender` takes the first that is open.

A message that edits another, or belongs in its thread, goes to the place of that message, whatever route it took. If
nothing more can be posted there, it goes to its own channel as a new message.

Slack shows pictures in new messages only. Private messages, and edits that would bring one in, have words instead.

Explains why a message takes another route than intended, in the reader's language. Pure.
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import structlog

from adapters.phrase import Phrase, Span
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.pictures import replace_pictures
from bot.runtime.clock import Clock
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure, retry_quickly
from bot.slack.client.payloads import USER_ID_PREFIXES, is_direct_message
from bot.slack.client.preflight import GROUP_MESSAGE_SCOPE, PIN_SCOPE
from bot.slack.directory.channels import ABSENT_CODES, SHARED_CODE, SHARING_UNKNOWN_CODE, UNSCOPED_CODE, ChannelDirectory
from bot.slack.outbound.message import SIMPLIFIABLE_CODES, Address, escape_foreign
from bot.slack.tasks import retry_write
from bot.store.outbox import Outbox
from bot.store.outbox_values import NO_MESSAGE_PLACE, MessagePlace, Post

UNEDITABLE_CODES = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Slack's codes for a message that can no longer be edited: it is posted anew."""

ARCHIVED_CODE = "is_archived"
"""Slack's code for an archived channel, which accepts neither messages nor invitations."""


RESTRICTED_CODES = frozenset(
    {
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
    }
)
"""Slack's codes for a channel where only some people may post."""


MAX_OUTAGE = timedelta(hours=1)
"""Time for which a channel is tried before an announcement goes elsewhere: Slack's outages are rarely longer."""


class RouteExhausted(SlackFailure):
    """A route was tried for as long as it is worth; `code` is the last transient failure."""


def is_lost_elsewhere(failure: SlackFailure, place: MessagePlace, address: Address) -> bool:
    """Return whether nothing more can be posted where a message went once, though its own channel may take it."""
    return place.channel != address.channel and not failure.passing and failure.code not in SIMPLIFIABLE_CODES


def explain_reroute(failure: SlackFailure, address: Address, name: str) -> str:
    """Explain why the first route refused; `name` is the bot's own name in Slack."""
    invite = f"/invite @{escape_foreign(name)}"
    return address.render(
        _explain_unsolicited(failure, address, invite) if address.unsolicited else _explain_answer(failure, address, invite)
    )


def _explain_unsolicited(failure: SlackFailure, address: Address, invite: str) -> Phrase:
    """Explain an announcement's route to readers who can fix the cause."""
    if failure.code == ARCHIVED_CODE:
        return Phrase(
            "Intended for {channel}, which is archived. Unarchive it in Slack, or set another channel under [notices] in "
            "the configuration.",
            channel=address.channel,
        )
    if failure.code in RESTRICTED_CODES:
        return Phrase(
            "Intended for {channel}, where only some people may post ({code}). A channel manager can allow the app to post "
            "there, or set another channel under [notices] in the configuration.",
            channel=address.channel,
            code=failure.code,
        )
    if isinstance(failure, RouteExhausted):
        return Phrase(
            "Intended for {channel}. Slack did not accept posts there for more than {time} ({code}). This is temporary: "
            "later messages will go there again.",
            channel=address.channel,
            time=Span(MAX_OUTAGE.total_seconds()),
            code=failure.code,
        )
    return Phrase(
        "Intended for {channel}, which did not accept it ({code}). Type {command} there, or set another channel under "
        "[notices] in the configuration.",
        channel=address.channel,
        code=failure.code,
        command=invite,
    )


def _explain_answer(failure: SlackFailure, address: Address, invite: str) -> Phrase:
    """Explain an answer's route to the requester, who gets it alone."""
    if not address.channel:
        return Phrase("Sent as a direct message because replies are no longer possible there.")
    if failure.code in ABSENT_CODES and is_direct_message(address.channel):
        return Phrase("Only visible to you: the bot is not part of that direct message.")
    if failure.code == UNSCOPED_CODE:
        return Phrase(
            "Only visible to you: to post in group direct messages, the app needs the scope {scope}. An administrator can "
            "add it in the app settings and reinstall the app.",
            scope=GROUP_MESSAGE_SCOPE,
        )
    if failure.code in ABSENT_CODES:
        return Phrase(
            "Only visible to you: the bot is not in that channel. To share results with everyone, type {command} there.",
            command=invite,
        )
    if failure.code in RESTRICTED_CODES:
        return Phrase(
            "Only visible to you: only some people may post in that channel ({code}). A channel manager can allow the app "
            "to post there.",
            code=failure.code,
        )
    if failure.code in UNEDITABLE_CODES:
        return Phrase("Only visible to you: the message you clicked no longer exists.")
    if failure.code == SHARED_CODE:
        return Phrase("Only visible to you: that channel is shared with another organization.")
    if failure.code == SHARING_UNKNOWN_CODE:
        return Phrase("Only visible to you: could not check whether that channel is shared with another organization.")
    return Phrase("Only visible to you: Slack rejected the message in that channel ({code}).", code=failure.code)


MAX_RESPONSE_TRIES = 3
"""Attempts at a response_url: it has five uses, of which waiting notices may have taken two; a lost answer may count."""

MAX_CHANNEL_TRIES = 8
"""Attempts at a channel before the message goes to the person: about three minutes of failures."""

_log = structlog.get_logger(__name__)

SendFunction = Callable[[Post, Address, SlackMessage], Awaitable[MessagePlace]]
"""Sends a message; returns its place if others may see it there."""


def _may_be_posted_anew(failure: SlackFailure, old: MessagePlace, address: Address) -> bool:
    """Return whether a message that could not be edited is posted again. Progress that a person deleted is not."""
    if address.clicked or address.courtesy:
        return False
    return failure.code in UNEDITABLE_CODES or is_lost_elsewhere(failure, old, address)


class Routes:
    """Sends one message by one route. Raises `SlackFailure` if that is not open."""

    def __init__(self, rows: Outbox, api: SlackApi, channels: ChannelDirectory, clock: Clock) -> None:
        self._rows = rows
        self._api = api
        self._channels = channels
        self._clock = clock

    def list_routes(self, address: Address) -> Iterator[SendFunction]:
        """Yield the routes of an address, the first choice first."""
        if address.retracts:
            yield self._retract
            return
        if address.channel:
            yield self._send_to_channel
        if address.courtesy:
            return
        if address.second:
            yield self._send_to_second_channel
        if address.people:
            yield self._send_to_people
        if address.aside and address.user and not address.clicked:
            yield self._send_ephemeral
        if address.response_url:
            yield self._send_by_response_url
        if address.user:
            yield self._send_to_person

    async def _send_to_channel(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        """Send to the channel. Raises `RouteExhausted` if a retry is worth less than the next route."""
        try:
            return await self._send_in_place(address, message)
        except SlackFailure as failure:
            if failure.passing and self._is_exhausted(post, address):
                raise RouteExhausted(failure.code) from failure
            raise

    async def _send_in_place(self, address: Address, message: SlackMessage) -> MessagePlace:
        """Send to the place of the message that it edits or belongs to, perhaps in another channel; else post it anew."""
        old = MessagePlace(address.channel, address.ts) if address.ts else await self._find_place(address.replaces)
        if old.ts:
            try:
                return await self._edit(old, message if address.clicked else replace_pictures(message))
            except SlackFailure as failure:
                if not _may_be_posted_anew(failure, old, address):
                    raise
        above = await self._find_place(address.below)
        if above.ts:
            try:
                return await self._post(above, address, message)
            except SlackFailure as failure:
                if not is_lost_elsewhere(failure, above, address):
                    raise
        new = await self._post(MessagePlace(address.channel, address.thread), address, message)
        if address.pinned:
            await self._pin(new)
        return new

    async def _retract(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        """Delete the message `replaces`, whose place is then that of the message `after`.

        Where Slack does not delete it, it becomes this message. One that is gone is no failure.
        """
        old, new = await self._find_place(address.replaces), await self._find_place(address.after)
        if old.ts:
            try:
                await self._api.delete(old.channel, old.ts)
            except SlackFailure as failure:
                if failure.passing:
                    raise
                if failure.code != "message_not_found":
                    await self._edit(old, message)
            await retry_write(lambda: self._rows.move_to(address.replaces, new), self._clock.sleep)
        return NO_MESSAGE_PLACE

    def _is_exhausted(self, post: Post, address: Address) -> bool:
        """Return whether the channel was tried long enough; never if it is the only route."""
        if post.attempts < MAX_CHANNEL_TRIES or len(list(self.list_routes(address))) == 1:
            return False
        return not address.unsolicited or self._clock.now() - post.made_at > MAX_OUTAGE

    async def _find_place(self, row: int) -> MessagePlace:
        return (await self._rows.find_place(row) if row else None) or NO_MESSAGE_PLACE

    async def _edit(self, place: MessagePlace, message: SlackMessage) -> MessagePlace:
        """Edit a message. Its pictures must be those that it shows already."""
        await self._channels.check_postable(place.channel)
        await self._api.edit(place.channel, place.ts, message)
        return place

    async def _post(self, above: MessagePlace, address: Address, message: SlackMessage) -> MessagePlace:
        """Post a new message, in the thread of `above` if that has a `ts`. If it replaces another, it takes over its row."""
        await self._channels.check_postable(above.channel)
        if above.channel.startswith(USER_ID_PREFIXES):
            new = MessagePlace(*await self._api.post_direct(above.channel, message))
        else:
            new = MessagePlace(above.channel, await self._api.post(above.channel, message, above.ts))
        if address.replaces:
            await retry_write(lambda: self._rows.move_to(address.replaces, new), self._clock.sleep)
        return new

    async def _pin(self, place: MessagePlace) -> None:
        """Pin a new message, if the app may. A message without its pin is worth more than no message."""
        if PIN_SCOPE not in self._api.scopes:
            return
        try:
            await retry_quickly(lambda: self._api.pin(place.channel, place.ts), self._clock.sleep)
        except SlackFailure as failure:
            _log.info("a message was not pinned", channel=place.channel, code=failure.code)

    async def _send_by_response_url(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        open_until = address.answerable or post.made_at
        if self._clock.now() >= open_until or post.attempts > MAX_RESPONSE_TRIES:
            raise SlackFailure("expired_url")
        clicked = address.clicked and not address.channel
        await self._api.respond(address.response_url, replace_pictures(message), clicked=clicked)
        return NO_MESSAGE_PLACE

    async def _send_ephemeral(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        """Send privately in a channel or thread. Raises `RouteExhausted` if a retry is worth less than the next route."""
        tries = MAX_RESPONSE_TRIES if address.response_url else MAX_CHANNEL_TRIES
        shown = replace_pictures(message)
        try:
            await self._api.post_ephemeral(address.aside, address.user, shown, address.aside_thread)
        except SlackFailure as failure:
            if failure.passing and post.attempts >= tries:
                raise RouteExhausted(failure.code) from failure
            raise
        return NO_MESSAGE_PLACE

    async def _send_to_person(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        await self._api.post(address.user, message)
        return NO_MESSAGE_PLACE

    async def _send_to_second_channel(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        return await self._post(MessagePlace(address.second), address, message)

    async def _send_to_people(self, post: Post, address: Address, message: SlackMessage) -> MessagePlace:
        """Send to every person. Raises only if all of them failed."""
        refusals: list[SlackFailure] = []
        for person in address.people:
            try:
                await self._api.post(person, message)
            except SlackFailure as failure:
                refusals.append(failure)
        if len(refusals) == len(address.people):
            raise refusals[-1]
        return NO_MESSAGE_PLACE
