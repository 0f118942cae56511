"""From a delivered command to its answer in the outbox.

    take (≤ 1 s, before the ack) ─▶ row ─▶ work: who ─▶ the desk ─▶ message ─▶ outbox row, and the inbox row is finished
                                     ▲                                             │
                                     └──────────────── resume (a start) ◀──────────┘  the bot died in between

Reads are repeatable, so that a row which was worked half-way is simply worked again.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.locale.texts import texts
from bot.messages.slack import Message, render
from bot.request import Answer, Request, Surface
from bot.slack.command import SlashCommand, command_in, delivery_of
from bot.slack.letter import ANSWERABLE, Address, mention, noted
from bot.slack.outbox import Sender
from bot.slack.people import People
from bot.slack.running import Clock, Running, done_within, insist
from bot.store.errors import TooLarge
from bot.store.inbox import Delivery, Inbox

ADD_LIMIT = 1.0
"""Seconds that the row may take. Slack waits 3 s for the ack; a sentence in the ack must still arrive in time."""

WAITING_AFTER = 1.0
"""Seconds of work after which the person gets a line that says so."""

TRIES = 3
"""How often a row is worked; then it is finished with a reference, for something about it breaks the bot."""

_log = structlog.get_logger(__name__)


class Desk(Protocol):
    """Where requests arrive (`bot.desk`)."""

    async def handle(self, request: Request) -> Answer: ...


class Receiver:
    """Takes commands, and sees to it that each is answered once."""

    def __init__(self, rows: Inbox, desk: Desk, people: People, sender: Sender, clock: Clock) -> None:
        self._rows = rows
        self._desk = desk
        self._people = people
        self._sender = sender
        self._clock = clock
        self._running = Running()

    async def take(self, body: Mapping[str, Any]) -> str:
        """Keep a command and begin to work on it; the words that the ack must carry, "" where all is well. Never raises."""
        delivery = delivery_of(body, self._clock.now())
        if delivery is None:
            return self._sentence(
                body, Phrase("Nothing was done: Slack's message could not be read. Type the command again.")
            )
        try:
            new = await self._keep(delivery)
        except TooLarge:
            return self._sentence(body, Phrase("Nothing was done: that is too long. Type a shorter command."))
        except Exception as error:  # whatever it is, an exception here would cost the ack
            foreseen = isinstance(error, FlatnetError | TimeoutError)
            _log.error("a command could not be kept", key=delivery.key, why=repr(error), exc_info=not foreseen)
            return self._sentence(
                body,
                Phrase("Nothing was done: the bot cannot write to its database. Try again soon, or tell an administrator."),
            )
        if new:
            self._start(delivery)
        return ""

    async def resume(self) -> int:
        """After a start: work on what was delivered and not finished; how many. May raise a `DatabaseError`."""
        unfinished = await self._rows.resume()
        for delivery in unfinished:
            self._start(delivery)
        return len(unfinished)

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait for what is under way; the rest stays in the inbox and is worked after the next start."""
        return await self._running.drain(deadline)

    async def _keep(self, delivery: Delivery) -> bool:
        """Write the row within `ADD_LIMIT`. One that comes later is withdrawn: the person was told that nothing was done."""
        adding = asyncio.ensure_future(self._rows.add(delivery))
        if await done_within(adding, ADD_LIMIT, self._clock.sleep):
            return adding.result()
        self._running.start(f"withdraw {delivery.key}", self._withdraw(adding, delivery.key))
        raise TimeoutError

    async def _withdraw(self, adding: asyncio.Future[bool], key: str) -> None:
        try:
            added = await adding
        except FlatnetError:
            return
        if added:
            await insist(lambda: self._rows.finish(key, self._clock.now()), self._clock.sleep)

    def _start(self, delivery: Delivery) -> None:
        self._running.start(f"command {delivery.key}", self._work(delivery))

    async def _work(self, delivery: Delivery) -> None:
        """Answer one command, whatever happens; its row is finished together with the answer's row."""
        command = command_in(delivery)
        if command is None:
            _log.error("a delivery of another version of the bot cannot be worked", key=delivery.key, kind=delivery.kind)
            await insist(lambda: self._rows.finish(delivery.key, self._clock.now()), self._clock.sleep)
        else:
            operation, address, message = await self._tried(delivery, command)
            await insist(lambda: self._sender.add(operation, address, message, delivery.key), self._clock.sleep)

    async def _tried(self, delivery: Delivery, command: SlashCommand) -> tuple[str, Address, Message]:
        """The answer, or after `TRIES` attempts, those of earlier runs counted, a reference to the log."""
        attempt = delivery.attempts
        while attempt <= TRIES:
            try:
                return await self._worked(delivery, command, quiet=attempt > 1)
            except Exception:
                _log.exception("a command broke the bot", reference=_reference(delivery), attempt=attempt)
            attempt = await insist(lambda: self._rows.attempt(delivery.key), self._clock.sleep)
        return self._broken(delivery, command)

    async def _worked(self, delivery: Delivery, command: SlashCommand, *, quiet: bool) -> tuple[str, Address, Message]:
        reader = await self._people.look(command.team, command.user)
        private = _private(delivery, command, reader.language, reader.zone)
        request = Request(
            key=delivery.key,
            identity=reader.identity,
            text=command.text,
            surface=Surface.SLACK,
            at=delivery.received_at,
            channel=command.channel,
        )
        answer = await self._handled(request, None if quiet else private)
        if not answer.here:
            return answer.operation, private, render(answer, texts(reader.language, reader.zone))
        language, zone = self._people.usual
        asked = Phrase("{person} asked for this.", person=mention(command.user)).render(texts(language, zone))
        address = private.model_copy(update={"channel": command.channel, "language": language, "zone": zone.key})
        return answer.operation, address, noted(render(answer, texts(language, zone)), asked)

    async def _handled(self, request: Request, waiting: Address | None) -> Answer:
        """The desk's answer; where it takes its time, a waiting line goes to `waiting` first."""
        handling = asyncio.ensure_future(self._desk.handle(request))
        try:
            if not await done_within(handling, WAITING_AFTER, self._clock.sleep) and waiting is not None:
                line = waiting.say(Phrase("Working on it. The answer comes here."))
                await self._sender.whisper(waiting, Message(line, ()))
            return await handling
        finally:
            handling.cancel()

    def _broken(self, delivery: Delivery, command: SlashCommand) -> tuple[str, Address, Message]:
        """What is said of a command that breaks the bot each time; made of as little as possible."""
        language, zone = self._people.remembered(command.user)
        phrase = Phrase(
            "Unexpected error, reference {reference}. Tell an administrator; the log has it under this reference.",
            reference=_reference(delivery),
        )
        address = _private(delivery, command, language, zone)
        return delivery.key, address, Message(address.say(phrase), ())

    def _sentence(self, body: Mapping[str, Any], phrase: Phrase) -> str:
        """A sentence for the ack: what is known of the person from memory must do."""
        language, zone = self._people.remembered(str(body.get("user_id", "")))
        return phrase.render(texts(language, zone))


def _private(delivery: Delivery, command: SlashCommand, language: str, zone: ZoneInfo) -> Address:
    return Address(
        response_url=command.response_url,
        answerable=delivery.received_at + ANSWERABLE,
        user=command.user,
        language=language,
        zone=zone.key,
    )


def _reference(delivery: Delivery) -> str:
    return hashlib.sha256(delivery.key.encode()).hexdigest()[:8]
