"""From a person's words to their answer, from any place in Slack.

words ─▶ requester ─▶ dispatcher ─▶ message, for the outbox
                          └ takes its time ─▶ the hosts still awaited (`bot.slack.answers.progress`)
"""

import asyncio
from dataclasses import dataclass

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.model.request import Answer, Failure, FailureKind, Request, Surface, operation_id
from bot.rendering.files import bare, for_all, written
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import Message, escape
from bot.rendering.slack.buttons import RUNS, View
from bot.rendering.slack.change_updates import pointer
from bot.rendering.slack.menu import menu
from bot.requests.authorization import Rights
from bot.runtime.clock import Clock
from bot.slack.answer_cache import Keeping
from bot.slack.answers.charts import Pictures
from bot.slack.answers.progress import Awaited, WaitingLine, Watcher
from bot.slack.answers.thread_files import Threads
from bot.slack.delivery_kind import Desk
from bot.slack.directory.people import People, Reader
from bot.slack.outbound.message import Address, Letter, mention, noted
from bot.slack.outbound.sender import EDIT_INTERVAL, Sender
from bot.slack.outbound.uploads import Uploads
from bot.slack.tasks import done_within, insist
from bot.store.answers import Answers, Kept
from bot.store.inbox import Delivery
from commands.model.report import Report

SHOWING = ("op show ", "approval show ")
"""Commands that show one change in full, wherever its card stands."""

_FOLLOWS = Phrase("All of it follows as a file in the thread; where none comes, ask again.")

WAITING_AFTER = 1.0
"""Seconds of work after which the person is shown progress."""


@dataclass(frozen=True)
class Asked:
    """Words that a person typed or chose, and the address of the answer: with a channel in `address` it is for all there."""

    team: str
    user: str
    channel: str
    """Channel in which the words were typed; `--here` answers there."""
    text: str
    address: Address


@dataclass(frozen=True)
class AnswerFiles:
    """Stored answers, and the files and pictures that belong to them."""

    answers: Answers
    uploads: Uploads
    pictures: Pictures


class Answering:
    """Answers requests from Slack."""

    def __init__(self, desk: Desk, people: People, sender: Sender, files: AnswerFiles, clock: Clock) -> None:
        self.desk = desk
        self.people = people
        self.sender = sender
        self.uploads = files.uploads
        self.pictures = files.pictures
        self.answers = files.answers
        self.clock = clock
        self.keeping = Keeping(files.answers, clock)
        self.threads = Threads(people, sender, files.uploads, files.answers, clock)

    async def answer(self, asked: Asked, delivery: Delivery) -> Letter:
        """Have a request handled; returns its answer."""
        reader = await self.people.look(asked.team, asked.user)
        address = self._spoken(asked.address, reader)
        request = Request(
            key=delivery.key,
            identity=reader.identity,
            text=asked.text,
            surface=Surface.SLACK,
            at=delivery.received_at,
            channel=asked.channel,
            zone=reader.zone,
        )
        watcher = await self._watcher(address, delivery)
        handled = await self._handled(request, watcher)
        answer = bare(handled)
        await self.keeping.keep(
            answer,
            lambda document: Kept(answer.operation, asked.user, answer.understood, delivery.received_at, document),
        )
        goal = self._goal(answer, asked, reader, address.model_copy(update={"replaces": watcher.row}))
        said = await self._in_thread(handled, goal)
        if said is None:
            said = await self._hand_over(handled, asked, reader)
        view = await self.pictures.first(answer, goal)
        message = noted(_shown(answer, asked, goal.texts, view), *([said] if said else []))
        if goal.for_all and not goal.thread:
            message = noted(message, asked_by(asked.user, goal))
        return Letter(answer.operation, goal, message)

    async def offer(self, user: str, rights: Rights, aside: Address, delivery: Delivery) -> Letter:
        """Return a private menu of the operations that this person may use."""
        lately = await insist(lambda: self.answers.recent(user, RUNS), self.clock.sleep)
        return Letter(delivery.key, aside, menu(lately, rights.permitted, aside.texts))

    def aside(self, address: Address, reader: Reader) -> Address:
        """Return the same place for this person alone, in their language; a direct message is private already."""
        elsewhere = {"channel": "", "thread": ""} if address.for_all else {}
        return in_words_of(reader, address.model_copy(update=elsewhere))

    async def _hand_over(self, answer: Answer, asked: Asked, reader: Reader) -> str:
        """Send requested files to the person alone, wherever the answer goes; returns the note below the answer."""
        aside = in_words_of(reader, Address(user=asked.user))
        files = await asyncio.to_thread(written, answer, aside.texts)
        if not files:
            return ""
        return escape(aside.say(await self.uploads.hand_over(answer.operation, files, answer.understood, aside)), 200)

    async def _in_thread(self, answer: Answer, goal: Address) -> str | None:
        """Queue an answer's files for its thread if all who see it may see them, as with log lines.

        Returns the note below the answer, because a bot that stops may leave the files out. None if they go another way.
        """
        report = answer.body
        if not goal.for_all or not isinstance(report, Report) or report.excerpt is None:
            return None
        files = await asyncio.to_thread(for_all, answer, goal.texts)  # an archive has tens of thousands of lines
        if not files:
            return ""
        self.threads.later(answer.operation, goal.channel, files, goal.thread)
        return escape(goal.say(_FOLLOWS), 200)

    def _goal(self, answer: Answer, asked: Asked, reader: Reader, address: Address) -> Address:
        """Choose the address: with `--here` the channel; for a refusal, or a pointer to a card, the person alone.

        Usage errors are answered where the words were typed.
        """
        kind = answer.body.kind if isinstance(answer.body, Failure) else None
        if kind in (FailureKind.REFUSED, FailureKind.NOTHING) or _stands_here(answer, asked):
            return address if address.replaces or not address.for_all else self.aside(address, reader)
        if kind is FailureKind.USAGE:
            return address
        if answer.here and asked.channel and not address.channel:
            return self._read_by_all(address.model_copy(update={"channel": asked.channel}))
        return address

    def _read_by_all(self, address: Address) -> Address:
        language, zone = self.people.read_in(address.channel)
        return address.model_copy(update={"language": language, "zone": zone.key})

    def _spoken(self, address: Address, reader: Reader) -> Address:
        """Use the person's language, or the channel's if all in it read the answer."""
        if address.for_all:
            return self._read_by_all(address)
        return in_words_of(reader, address)

    async def _watcher(self, address: Address, delivery: Delivery) -> Watcher:
        """Make the progress reporter. An earlier run may have posted its message already."""
        again = delivery.attempts > 1
        if not address.channel:
            return WaitingLine(self.sender, address, quiet=again)
        operation = operation_id(delivery.key)
        row = await insist(lambda: self.sender.posted(operation), self.clock.sleep) if again else 0
        return Awaited(self.sender, operation, address, row)

    async def _handled(self, request: Request, watcher: Watcher) -> Answer:
        """Return the dispatcher's answer; `watcher` shows progress while it takes long."""
        handling = asyncio.ensure_future(self.desk.handle(request, watcher.tell))
        try:
            pause = WAITING_AFTER
            while not await done_within(handling, pause, self.clock.sleep):
                await watcher.show()
                pause = EDIT_INTERVAL
            return await handling
        finally:
            handling.cancel()


def _stands_here(answer: Answer, asked: Asked) -> bool:
    """Return whether the answer is about a change whose card stands in the same channel, and a pointer to it is enough."""
    body = answer.body
    if not isinstance(body, Change) or body.dry_run or not body.channel or answer.understood.startswith(SHOWING):
        return False
    return body.channel == asked.channel


def _shown(answer: Answer, asked: Asked, language: Texts, view: View | None) -> Message:
    if isinstance(answer.body, Change) and _stands_here(answer, asked):
        return pointer(answer.body, language)
    return render(answer, language, view)


def in_words_of(reader: Reader, address: Address) -> Address:
    """Return the same address in a person's language and zone."""
    return address.model_copy(update={"language": reader.language, "zone": reader.zone.key})


def asked_by(user: str, address: Address) -> str:
    """Return the note below an answer that all in a channel see."""
    return address.say(Phrase("{person} asked for this.", person=mention(user)))
