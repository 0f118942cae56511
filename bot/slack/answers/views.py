"""Stored answers in other views: other details, another page, a file. No host is asked.

click ─▶ reader ─▶ the stored answer ─ expired, or forbidden ─▶ an explanation for them alone
                      └▶ the clicked message shows it in the other view
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from adapters.phrase import Phrase
from bot.access.policy import BOT
from bot.model.request import Answer, Request, Surface
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import Message
from bot.rendering.slack.buttons import View
from bot.slack.answer_cache import NotKept
from bot.slack.answers.responder import Answering, asked_by, in_words_of
from bot.slack.click_payload import Click, address_of
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, Letter, noted, small
from bot.store.answers import Kept
from bot.store.inbox import Delivery
from commands.values.arguments import BadArgument

Made = TypeVar("Made")


@dataclass(frozen=True)
class Seen:
    """A stored answer that the reader may see."""

    kept: Kept
    answer: Answer


class Looking:
    """Shows stored answers."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._turn = asyncio.Lock()

    async def show(self, click: Click, delivery: Delivery) -> Letter:
        """Replace the clicked message by the view that its button names."""
        reader = await self._answering.people.look(click.team, click.user)
        view = View.read(click.value)
        seen = await self.find(click, delivery, reader, view)
        if isinstance(seen, Message):
            return self.explain(seen, click, delivery, reader)
        goal = self._goal(click, delivery, reader)
        if view is not None and goal.for_all:
            view = view.chosen_by(click.user)
        try:
            shown = await self.apart(lambda: render(seen.answer, goal.texts, view))
        except BadArgument as error:
            said = in_words_of(reader, goal).say(error.phrase)
            return self.explain(Message(said, ()), click, delivery, reader)
        return Letter(seen.kept.operation, goal, noted(shown, *_below(seen, goal)))

    async def apart(self, make: Callable[[], Made]) -> Made:
        """Run a function beside the loop, one at a time: a filter searches megabytes, and every reader may press it."""
        async with self._turn:
            return await asyncio.to_thread(make)

    async def find(self, click: Click, delivery: Delivery, reader: Reader, view: View | None) -> "Seen | Message":
        """Find the answer, or the reason why this person cannot see it now. Rights are checked at this moment."""
        texts = in_words_of(reader, address_of(click, delivery)).texts
        kept = None if view is None else await self._answering.answers.find(view.operation, self._answering.clock.now())
        gone = NotKept().phrase
        if kept is None:
            return Message(gone.render_sentence(texts), ())
        place = click.channel or ""
        request = Request(delivery.key, reader.identity, kept.words, Surface.SLACK, delivery.received_at, place)
        refused = await self._answering.desk.refusal(request)
        if refused is not None:
            return render(Answer(operation=kept.operation, understood=kept.words, body=refused), texts)
        if click.private and kept.actor != click.user:
            return Message(Phrase("This answer was for somebody else. Ask for it yourself.").render(texts), ())
        answer = await asyncio.to_thread(Answer.read, kept.document)  # many log lines take a tenth of a second
        if answer is None:
            return Message(gone.render_sentence(texts), ())
        return Seen(kept, answer)

    def explain(self, message: Message, click: Click, delivery: Delivery, reader: Reader) -> Letter:
        """Build a message for this person alone, beside the clicked one."""
        return Letter(delivery.key, in_words_of(reader, address_of(click, delivery)), message)

    def _goal(self, click: Click, delivery: Delivery, reader: Reader) -> Address:
        """Return the address of the clicked message: a private one by its response_url, another one by its timestamp."""
        goal = in_words_of(reader, address_of(click, delivery)).model_copy(update={"clicked": True})
        if click.private:
            return goal
        goal = goal.model_copy(update={"channel": click.channel or "", "thread": click.thread or "", "ts": click.ts or ""})
        if not goal.for_all:
            return goal
        language, zone = self._answering.people.read_in(goal.channel)
        return goal.model_copy(update={"language": language, "zone": zone.key})


def _below(seen: Seen, goal: Address) -> list[str]:
    """Build the footer: the notes; if all see the answer, also the requester, unless it was the bot itself."""
    if seen.answer.notes or seen.kept.actor == BOT:
        return small(seen.answer.notes, goal)
    return [asked_by(seen.kept.actor, goal)] if goal.for_all and not goal.thread else []
