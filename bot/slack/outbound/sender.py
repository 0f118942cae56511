"""Sends the rows of the outbox, in order within a conversation, each message by the first route that is open.

    public          the channel ─▶ aside, response_url (private) ─▶ direct message ─▶ undeliverable
    announcement    the channel ─▶ the second channel ─▶ direct messages to the administrators ─▶ undeliverable
    private                        aside, in its thread ─▶ response_url ─▶ direct message ─▶ undeliverable

Transient failures (429, 5xx, a lost answer) are retried on the same route. A refused message takes
the next route, with a note that explains why. No message is dropped silently.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from adapters.phrase import Phrase
from bot.rendering.slack.blocks import SlackMessage
from bot.runtime.clock import Clock, finishes_within
from bot.slack.client.api import TOKEN_REFUSED_CODES, SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import USER_ID_PREFIXES
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.outbound.message import (
    Address,
    OutboundMessage,
    add_notes,
    build_post,
    explain_short_form,
    make_plain,
    parse_address,
    parse_stored_message,
    send_simplified,
)
from bot.slack.outbound.rate_limit import RateLimiter
from bot.slack.outbound.routes import RouteExhausted, Routes, explain_reroute
from bot.slack.tasks import BackgroundTasks, retry_write
from bot.store.errors import DatabaseError, TooLarge
from bot.store.outbox import Outbox
from bot.store.outbox_values import MessagePlace, Post, PostState, Route

MESSAGE_LIFETIME = timedelta(hours=24)
"""Age after which a message is no longer tried: its answer is not expected any more."""

MESSAGE_BURST, MESSAGE_INTERVAL = 3, 1.0
"""Slack's rate for messages: one a second in a channel, short bursts allowed."""

EDIT_INTERVAL = 3.0
"""Seconds between two edits of one message (chat.update: 50 a minute for the whole workspace)."""

WAITING_NOTICE_TIMEOUT = 2.0
"""Seconds that a waiting notice may take; the answer comes after it."""

BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds before each retry if Slack gives no Retry-After; the last one repeats."""

MAX_CONCURRENT_CALLS = 20
"""Maximum concurrent calls; more would wait for one another and seem lost."""

IDLE_INTERVAL = 60.0
"""Seconds between two reads of the rows if no event calls for one."""

UNDELIVERED_MEMORY = timedelta(hours=1)
"""Time for which an undeliverable message makes the outbox unhealthy."""

REFUSAL_MEMORY = timedelta(hours=25)
"""Time for which a channel that refused an announcement makes the outbox unhealthy, or until it accepts one again.

A digest comes once a day. A restart forgets the refusal, because it may have brought the fix of [notices].
"""

_log = structlog.get_logger(__name__)


class Sender:
    """Sends the outbox. `name` is the bot's own name in Slack, for the note that says how to invite it."""

    def __init__(self, rows: Outbox, api: SlackApi, channels: ChannelDirectory, name: str, clock: Clock) -> None:
        self._rows = rows
        self._api = api
        self._routes = Routes(rows, api, channels, clock)
        self.name = name
        self._clock = clock
        self._messages = RateLimiter(MESSAGE_BURST, MESSAGE_INTERVAL, clock.monotonic)
        self._edits = RateLimiter(1, EDIT_INTERVAL, clock.monotonic)
        self._running = BackgroundTasks()
        self._beginning = 0
        self._woken = asyncio.Event()
        self._given_up_at: datetime | None = None
        self._astray: dict[str, datetime] = {}
        self._unreached: dict[str, datetime] = {}

    @property
    def healthy(self) -> bool:
        """True if every message of the last hour found a route."""
        return self._given_up_at is None or self._clock.now() - self._given_up_at > UNDELIVERED_MEMORY

    @property
    def announcements_accepted(self) -> bool:
        """True if no channel refused an announcement within the last day."""
        return not any(self._clock.now() - at < REFUSAL_MEMORY for at in self._astray.values())

    @property
    def unreachable_people(self) -> tuple[str, ...]:
        """People whose direct messages took no message within the last day, by Slack id."""
        return tuple(sorted(person for person, at in self._unreached.items() if self._clock.now() - at < REFUSAL_MEMORY))

    async def add(self, operation: str, address: Address, message: SlackMessage) -> int:
        """Store a message for sending; returns its row. An edit replaces one that waits. May raise a `DatabaseError`."""
        return await self.send(OutboundMessage(operation, address, message))

    async def send(self, letter: OutboundMessage, answers: str = "") -> int:
        """As `add`, with the message's sequels, each of which waits for it.

        `answers` is the key of the delivery that this message answers; the delivery is finished with it.
        """
        at, address = self._clock.now(), letter.address
        sequels = [build_post(each.operation, each.address, each.message, at) for each in letter.sequels]
        try:
            return await self._store(build_post(letter.operation, address, letter.message, at), answers, sequels)
        except TooLarge:
            short = make_plain(letter.message, explain_short_form(address))
            return await self._store(build_post(letter.operation, address, short, at), answers, sequels)

    async def find_row(self, operation: str) -> int:
        """Return the row of an operation's first public message, 0 if there is none."""
        return await self._rows.find_row(operation)

    async def is_queued(self, operation: str) -> bool:
        """Return whether a message of an operation was added recently, for any recipient."""
        return await self._rows.has_message(operation)

    async def is_posted_in(self, operation: str, channel: str) -> bool:
        """Return whether a message of an operation was recently added for all in a channel."""
        return await self._rows.is_posted_in(operation, channel)

    async def find_waiting(self, operation: str) -> int:
        """Return the row of an operation's message that waits to be sent, 0 if none waits."""
        return await self._rows.find_waiting(operation)

    async def rewrite(self, row: int, message: SlackMessage) -> bool:
        """Replace the content of a message that waits, and drop its edits. Return False if it does not wait."""
        return await self._rows.rewrite(row, {"text": message.text, "blocks": list(message.blocks)})

    async def withdraw(self, prefix: str) -> int:
        """Delete the messages that wait and whose operation begins like this. Return their number."""
        return await self._rows.withdraw(prefix)

    async def find_place(self, row: int) -> MessagePlace | None:
        """Return the public place of a row's message; None while that is open, `NO_MESSAGE_PLACE` if there is none."""
        return await self._rows.find_place(row)

    async def send_privately(self, address: Address, message: SlackMessage) -> None:
        """Send a courtesy, in its thread or through the response_url. It is worthless later, so it is tried once."""
        try:
            async with asyncio.timeout(WAITING_NOTICE_TIMEOUT):
                if not (address.aside and await self._try_aside(address, message)):
                    await self._api.respond(address.response_url, message)
        except (SlackFailure, TimeoutError) as error:
            _log.info("a waiting message was not sent", error=str(error))

    async def _try_aside(self, address: Address, message: SlackMessage) -> bool:
        try:
            await self._api.post_ephemeral(address.aside, address.user, message, address.aside_thread)
        except SlackFailure as failure:
            _log.info("a waiting message was not sent in its thread", code=failure.code)
            return False
        return True

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._woken.clear()
            try:
                pause = await self._send_due()
            except DatabaseError as error:
                _log.error("the outbox cannot be read", error=str(error))
                pause = MESSAGE_INTERVAL
            await self._wait_for_work(pause)

    async def drain(self, deadline: float) -> None:
        """Send what is due and wait for it `deadline` seconds; the rest stays as rows."""
        try:
            await self._send_due()
        except DatabaseError as error:
            _log.error("the outbox cannot be read", error=str(error))
        await self._running.drain(deadline)

    async def _store(self, post: Post, answers: str, sequels: Sequence[Post]) -> int:
        """Write the row; returns its id. A message through a response_url has no order and no budget, so it goes at once."""
        if post.conversation != post.address.get("response_url") or self._busy >= MAX_CONCURRENT_CALLS:
            number = await self._rows.add(post, answers, sequels)
            self._woken.set()
            return number
        begun = replace(post, state=PostState.SENDING, attempts=1)
        self._beginning += 1
        try:
            number = await self._rows.add(begun, answers, sequels)
        finally:
            self._beginning -= 1
        self._running.start(f"post {number}", self._send(replace(begun, id=number)))
        return number

    @property
    def _busy(self) -> int:
        return len(self._running) + self._beginning

    async def _send_due(self) -> float:
        """Start sending every message that may go now; returns the seconds until the next check."""
        outlook = await self._rows.find_due()
        pauses = [] if outlook.next_at is None else [(outlook.next_at - self._clock.now()).total_seconds()]
        going: list[int] = []
        for post in outlook.due:
            if self._busy + len(going) >= MAX_CONCURRENT_CALLS:
                break  # the end of each call wakes this task
            pace, key = self._choose_limiter(post)
            if wait := pace.get_wait(key):
                pauses.append(wait)
            else:
                pace.take(key)
                going.append(post.id)
        for begun in await self._rows.begin_sending(going) if going else ():
            self._running.start(f"post {begun.id}", self._send(begun))
        return max(0.0, min(pauses, default=IDLE_INTERVAL))

    def _choose_limiter(self, post: Post) -> tuple[RateLimiter, str]:
        channel = post.address.get("channel", "")
        if post.road is Route.UPDATE:
            return self._edits, f"{channel}:{post.address.get('ts') or post.address.get('replaces')}"
        return self._messages, channel or f"private {post.id}"

    async def _wait_for_work(self, pause: float) -> None:
        waking = asyncio.ensure_future(self._woken.wait())
        try:
            await finishes_within(waking, pause, self._clock.sleep)
        finally:
            waking.cancel()

    async def _send(self, post: Post) -> None:
        more = True
        try:
            place = await self._send_by_routes(post)
        except SlackFailure as failure:
            await self._handle_failure(post, failure)
        except Exception:
            _log.exception("a message cannot be sent", operation=post.operation)
            await self._give_up(post, "unexpected")
        else:
            self._unreached.pop(str(post.address.get("channel")), None)
            landed = place.channel if place.channel != post.address.get("channel") else ""
            more = await retry_write(lambda: self._rows.mark_sent(post.id, place.ts, landed), self._clock.sleep)
        if more:
            self._woken.set()

    async def _send_by_routes(self, post: Post) -> MessagePlace:
        """Send by the first route that Slack accepts; returns the message's place."""
        address, message = parse_address(post), parse_stored_message(post)
        twice = post.maybe_sent and post.road is not Route.UPDATE  # a repeated edit is the same edit
        notes = [address.render(Phrase("Sent again: Slack did not confirm the first attempt."))] if twice else []
        refusals: list[SlackFailure] = []
        for road in self._routes.list_routes(address):
            try:
                place = await send_simplified(partial(road, post, address), add_notes(message, *notes), post, address)
                self._record_refusals(address, place, refusals)
                return place
            except SlackFailure as failure:
                if failure.passing:
                    raise
                if len(refusals) == address.unexplained_refusals:
                    notes.append(explain_reroute(failure, address, self.name))
                refusals.append(failure)
        raise refusals[-1] if refusals else SlackFailure("no_address")

    def _record_refusals(self, address: Address, place: MessagePlace, refusals: Sequence[SlackFailure]) -> None:
        """Remember channels that refuse announcements, until they accept one again."""
        if not address.unsolicited or not address.channel:
            return
        if refusals and not isinstance(refusals[0], RouteExhausted):
            self._astray[address.channel] = self._clock.now()
            _log.error("a channel refused an announcement; it was rerouted", channel=address.channel)
        elif place.channel == address.channel:
            self._astray.pop(address.channel, None)

    async def _handle_failure(self, post: Post, failure: SlackFailure) -> None:
        """Retry later, or give up. A refused token is fixed by a restart, so its messages wait for that."""
        now = self._clock.now()
        if post.address.get("courtesy"):
            _log.info("an optional message was not sent", operation=post.operation, code=failure.code)
            await retry_write(lambda: self._rows.mark_failed(post.id, failure.code, None), self._clock.sleep)
            return
        if not (failure.passing or failure.code in TOKEN_REFUSED_CODES) or now - post.made_at > MESSAGE_LIFETIME:
            if post.address.get("dispensable"):
                _log.info("an optional message was dropped", operation=post.operation, code=failure.code)
                await retry_write(lambda: self._rows.mark_failed(post.id, failure.code, None), self._clock.sleep)
                return
            await self._give_up(post, failure.code)
            return
        pause = failure.retry_after or BACKOFF[min(post.attempts, len(BACKOFF)) - 1]
        _log.warning("a message was not sent and is retried", operation=post.operation, code=failure.code, pause=pause)
        await retry_write(
            lambda: self._rows.mark_failed(
                post.id, failure.code, now + timedelta(seconds=pause), maybe_sent=failure.maybe_done
            ),
            self._clock.sleep,
        )

    async def _give_up(self, post: Post, why: str) -> None:
        """Give up a message. A person whom it was for is named: their account or their id in the configuration is wrong."""
        recipient = str(post.address.get("channel", ""))
        if recipient.startswith(USER_ID_PREFIXES):
            self._unreached[recipient] = self._clock.now()
            _log.error("a person could not be sent a direct message", user=recipient, operation=post.operation, code=why)
        else:
            self._given_up_at = self._clock.now()
            _log.error("a message is undeliverable", operation=post.operation, code=why)
        await retry_write(lambda: self._rows.mark_failed(post.id, why, None), self._clock.sleep)
