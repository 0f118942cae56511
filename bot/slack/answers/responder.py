"""Answers requests from any place in Slack.

words ─▶ requester ─▶ dispatcher ─▶ message, for the outbox
                          └ takes its time ─▶ its progress (`bot.slack.answers.progress`)

An answer replaces the message with its progress. An answer with a picture is a new message, because Slack shows pictures
nowhere else, and the message with the progress is deleted. An edit notifies nobody, so a slow answer is followed by a short
message that mentions the requester.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from adapters.phrase import Phrase, Texts
from bot.answers.data import remove_files, write_files, write_public_files
from bot.answers.slack import render
from bot.answers.slack_progress import render_ready
from bot.changes.slack.updates import DECISION_KEYS, render_pointer
from bot.changes.text.facts import is_wanted_in_full
from bot.model.change import Change
from bot.model.incident import QuotedMessage
from bot.model.request import Answer, Failure, FailureKind, Request, Surface, derive_operation_id
from bot.rendering.slack.blocks import SlackMessage, escape
from bot.rendering.slack.buttons import AnswerView
from bot.rendering.slack.pictures import has_pictures
from bot.runtime.clock import Clock, finishes_within
from bot.slack.answer_cache import AnswerCache
from bot.slack.answers.files import ChartUploader, ThreadFiles
from bot.slack.answers.progress import (
    GrowingMessage,
    ProgressReporter,
    WaitingNotice,
    list_pauses,
    understand,
)
from bot.slack.client.payloads import is_direct_message
from bot.slack.delivery_kind import SlackDispatcher
from bot.slack.directory.people import PeopleDirectory, Reader
from bot.slack.outbound.message import Address, OutboundMessage, add_notes, format_mention, name_card_copy
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.uploads import Uploads
from bot.slack.tasks import retry_write
from bot.store.answers import AnswerTable, StoredAnswer
from bot.store.inbox import Delivery
from commands.language.grammar import render_operation
from commands.model.report import Report
from commands.values.normalize import normalize_text

_FILES_FOLLOW = Phrase("The full result follows as a file in the thread. If no file appears, run the command again.")

SLOW_ANSWER = timedelta(seconds=10)
"""Time from the request to its answer after which the requester is notified."""


@dataclass(frozen=True)
class IncomingRequest:
    """A command that a person typed or chose, and the address of the answer. If that has a channel, all there see it."""

    team: str
    user: str
    channel: str
    """Channel in which the words were typed; `--here` answers there."""
    text: str
    address: Address
    has_card: bool = False
    """True if the person has the card of the change in their direct messages, where they decided; it is kept current."""
    quoted: QuotedMessage | None = None
    """The message that the command makes a note of."""


@dataclass(frozen=True)
class AnswerFiles:
    """Stored answers, and the files and pictures that belong to them."""

    answers: AnswerTable
    uploads: Uploads
    pictures: ChartUploader


class Responder:
    """Answers requests from Slack."""

    def __init__(
        self, dispatcher: SlackDispatcher, people: PeopleDirectory, sender: Sender, files: AnswerFiles, clock: Clock
    ) -> None:
        self.dispatcher = dispatcher
        self.people = people
        self.sender = sender
        self.uploads = files.uploads
        self.pictures = files.pictures
        self.answers = files.answers
        self.clock = clock
        self.cache = AnswerCache(files.answers, clock)
        self.threads = ThreadFiles(people, sender, files.uploads, files.answers, clock)

    async def answer(self, asked: IncomingRequest, delivery: Delivery) -> OutboundMessage:
        """Have a request handled; returns its answer."""
        reader = await self.people.find_reader(asked.team, asked.user)
        address = self._localize(asked.address, reader)
        watcher = await self._make_reporter(asked, address, delivery)
        handled = await self.handle(asked, delivery, watcher)
        answer = remove_files(handled)
        if isinstance(answer.body, Change) and is_direct_message(asked.channel):
            asked = replace(asked, has_card=await self._has_card(answer.body, asked.user))
        goal = self._choose_address(answer, asked, reader, watcher.locate_answer(address))
        said = await self._queue_thread_files(handled, goal)
        if said is None:
            said = await self._send_files_privately(handled, asked, reader)
        view = await self.pictures.build_first_view(answer, goal.model_copy(update={"replaces": 0}))
        message = add_notes(_render(answer, asked, goal.texts, view), *([said] if said else []))
        late = self.clock.now() - delivery.received_at > SLOW_ANSWER
        goal, sequels = _arrange_delivery(answer, asked, goal, pictured=has_pictures(message), late=late)
        if goal.public and (not goal.thread or (late and not goal.replaces)):
            message = add_notes(message, describe_requester(asked.user, goal))
        return OutboundMessage(answer.operation, goal, message, sequels)

    async def handle(self, asked: IncomingRequest, delivery: Delivery, watcher: ProgressReporter) -> Answer:
        """Have a request handled, and store its answer without its files; `watcher` shows progress."""
        reader = await self.people.find_reader(asked.team, asked.user)
        request = Request(
            key=delivery.key,
            identity=reader.identity,
            text=asked.text,
            surface=Surface.SLACK,
            at=delivery.received_at,
            channel=asked.channel,
            zone=reader.zone,
            attempt=delivery.attempts,
            answered_in_public=asked.address.public,
            quoted=asked.quoted,
        )
        handled = await self._dispatch(request, watcher)
        answer = remove_files(handled)
        await self.cache.store(
            answer,
            lambda document: StoredAnswer(answer.operation, asked.user, answer.understood, delivery.received_at, document),
        )
        return handled

    async def render_failure(self, answer: Answer, asked: IncomingRequest) -> OutboundMessage:
        """Return the message of an answer that was to be shown elsewhere, and is a failure."""
        address = self._localize(asked.address, await self.people.find_reader(asked.team, asked.user))
        return OutboundMessage(answer.operation, address, render(answer, address.texts))

    def make_private(self, address: Address, reader: Reader) -> Address:
        """Return the same place for this person alone, in their language; a direct message is private already."""
        elsewhere = {"channel": "", "thread": ""} if address.public else {}
        return localize(reader, address.model_copy(update=elsewhere))

    async def _send_files_privately(self, answer: Answer, asked: IncomingRequest, reader: Reader) -> str:
        """Send requested files to the person alone, wherever the answer goes; returns the note below the answer."""
        aside = localize(reader, Address(user=asked.user))
        files = await asyncio.to_thread(write_files, answer, aside.texts)
        if not files:
            return ""
        return escape(aside.render(await self.uploads.send_directly(answer.operation, files, answer.understood, aside)), 200)

    async def _has_card(self, change: Change, user: str) -> bool:
        names = [name_card_copy(change.operation, key, user) for key in DECISION_KEYS]
        return any([await retry_write(partial(self.sender.find_row, name), self.clock.sleep) for name in names])

    async def _queue_thread_files(self, answer: Answer, goal: Address) -> str | None:
        """Queue an answer's files for its thread if all who see it may see them, as with log lines.

        Returns the note below the answer, because a bot that stops may leave the files out. None if they go another way.
        """
        report = answer.body
        if not goal.public or not isinstance(report, Report) or report.excerpt is None:
            return None
        files = await asyncio.to_thread(write_public_files, answer, goal.texts)  # an archive has tens of thousands of lines
        if not files:
            return ""
        self.threads.show_later(answer.operation, goal.channel, files, goal.thread)
        return escape(goal.render(_FILES_FOLLOW), 200)

    def _choose_address(self, answer: Answer, asked: IncomingRequest, reader: Reader, address: Address) -> Address:
        """Choose the address: with `--here` the channel; for a refusal, or a pointer to a card, the person alone.

        Usage errors are answered where the words were typed.
        """
        kind = answer.body.kind if isinstance(answer.body, Failure) else None
        if kind in (FailureKind.REFUSED, FailureKind.NOTHING) or _has_card_here(answer, asked):
            return address if address.replaces or not address.public else self.make_private(address, reader)
        if kind is FailureKind.USAGE:
            return address
        return self._use_channel(address, asked.channel) if answer.here else address

    def _use_channel(self, address: Address, channel: str) -> Address:
        """Return the address of an answer for all in the channel where the words were typed; one with a channel stays."""
        if not channel or address.channel:
            return address
        return self._use_channel_language(address.model_copy(update={"channel": channel}))

    def _use_channel_language(self, address: Address) -> Address:
        language, zone = self.people.get_channel_language(address.channel)
        return address.model_copy(update={"language": language, "zone": zone.key})

    def _localize(self, address: Address, reader: Reader) -> Address:
        """Use the person's language, or the channel's if all in it read the answer."""
        if address.public:
            return self._use_channel_language(address)
        return localize(reader, address)

    async def _make_reporter(self, asked: IncomingRequest, address: Address, delivery: Delivery) -> ProgressReporter:
        """Make the progress reporter of the place of the answer. An earlier run may have posted its message already."""
        again = delivery.attempts > 1
        operation = understand(asked.text, self.dispatcher.known_operations)
        words = normalize_text(asked.text).text if operation is None else render_operation(operation)
        notice = WaitingNotice(self.sender, words, address, quiet=again)
        if operation is not None and operation.here:
            address = self._use_channel(address, asked.channel)
        if not address.channel:
            return notice
        name = derive_operation_id(delivery.key)
        row = await retry_write(lambda: self.sender.find_row(name), self.clock.sleep) if again else 0
        return GrowingMessage(self.sender, name, notice, address, row)

    async def _dispatch(self, request: Request, watcher: ProgressReporter) -> Answer:
        """Return the dispatcher's answer; `watcher` shows progress while it takes long."""
        handling = asyncio.ensure_future(self.dispatcher.handle(request, watcher.record))
        try:
            for pause in list_pauses((self.clock.now() - request.at).total_seconds()):
                if await finishes_within(handling, pause, self.clock.sleep):
                    break
                await watcher.show()
            return await handling
        finally:
            handling.cancel()


def _arrange_delivery(
    answer: Answer, asked: IncomingRequest, goal: Address, *, pictured: bool, late: bool
) -> tuple[Address, tuple[OutboundMessage, ...]]:
    """Return the address of the answer, and the messages that follow it: the end of the progress, a notification."""
    if not goal.replaces:
        return goal, ()
    if pictured:
        gone = goal.model_copy(update={"retracts": True, "dispensable": True})
        pointer = SlackMessage(escape(goal.render(Phrase("The result is in a new message."))), ())
        retraction = OutboundMessage(answer.operation, gone, pointer)
        return goal.model_copy(update={"replaces": 0}), (retraction,)
    if not late:
        return goal, ()
    there = Address(channel=goal.channel, thread=goal.thread, dispensable=True, language=goal.language, zone=goal.zone)
    ready = render_ready(answer.understood, format_mention(asked.user), goal.texts)
    return goal, (OutboundMessage(f"{answer.operation}:ready", there, ready),)


def _has_card_here(answer: Answer, asked: IncomingRequest) -> bool:
    """Return whether a pointer is enough, because the answer is about a change whose card is in the same channel."""
    body = answer.body
    if not isinstance(body, Change) or not body.channel or is_wanted_in_full(answer.understood, body):
        return False
    return asked.has_card or body.channel == asked.channel


def _render(answer: Answer, asked: IncomingRequest, language: Texts, view: AnswerView | None) -> SlackMessage:
    if isinstance(answer.body, Change) and _has_card_here(answer, asked):
        return render_pointer(answer.body, language)
    return render(answer, language, view)


def localize(reader: Reader, address: Address) -> Address:
    """Return the same address in a person's language and zone."""
    return address.model_copy(update={"language": reader.language, "zone": reader.zone.key})


def describe_requester(user: str, address: Address) -> str:
    """Return the note below an answer that all in a channel see."""
    return address.render(Phrase("Requested by {person}.", person=format_mention(user)))
