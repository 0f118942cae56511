"""Stored answers in other views: other details, another page, a file. No host is asked.

click ─▶ reader ─▶ the stored answer ─ expired, or forbidden ─▶ an explanation for them alone
                      └▶ the clicked message shows it in the other view
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.model.request import Answer, Request, Surface
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import AnswerView
from bot.slack.answer_cache import AnswerExpired
from bot.slack.answers.responder import Responder, describe_requester, localize
from bot.slack.click_payload import Click, build_address
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, OutboundMessage, add_notes, render_notes
from bot.store.answers import StoredAnswer
from bot.store.inbox import Delivery
from commands.values.arguments import BadArgument

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class VisibleAnswer:
    """A stored answer that the reader may see."""

    stored: StoredAnswer
    answer: Answer


class AnswerViews:
    """Shows stored answers."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._turn = asyncio.Lock()

    async def show(self, click: Click, delivery: Delivery) -> OutboundMessage:
        """Replace the clicked message by the view that its button names."""
        reader = await self._responder.people.find_reader(click.team, click.user)
        view = AnswerView.from_value(click.value)
        seen = await self.find(click, delivery, reader, view)
        if isinstance(seen, SlackMessage):
            return self.explain(seen, click, delivery, reader)
        goal = self._choose_address(click, delivery, reader)
        if view is not None and goal.public:
            view = view.with_chooser(click.user)
        try:
            shown = await self.run_apart(lambda: render(seen.answer, goal.texts, view))
        except BadArgument as error:
            said = localize(reader, goal).render(error.phrase)
            return self.explain(SlackMessage(said, ()), click, delivery, reader)
        return OutboundMessage(seen.stored.operation, goal, add_notes(shown, *_build_footer(seen, goal)))

    async def run_apart(self, make: Callable[[], _Result]) -> _Result:
        """Run a function beside the loop, one at a time: a filter searches megabytes, and every reader may press it."""
        async with self._turn:
            return await asyncio.to_thread(make)

    async def find(
        self, click: Click, delivery: Delivery, reader: Reader, view: AnswerView | None
    ) -> "VisibleAnswer | SlackMessage":
        """Find the answer, or the reason why this person cannot see it now. Rights are checked at this moment."""
        texts = localize(reader, build_address(click, delivery)).texts
        kept = None if view is None else await self._responder.answers.find(view.operation, self._responder.clock.now())
        gone = AnswerExpired().phrase
        if kept is None:
            return SlackMessage(gone.render_sentence(texts), ())
        place = click.channel or ""
        request = Request(delivery.key, reader.identity, kept.words, Surface.SLACK, delivery.received_at, place)
        refused = await self._responder.dispatcher.check_refusal(request)
        if refused is not None:
            return render(Answer(operation=kept.operation, understood=kept.words, body=refused), texts)
        if click.private and kept.actor != click.user:
            return SlackMessage(
                Phrase("This result belongs to someone else. Run the command yourself to see it.").render(texts), ()
            )
        answer = await asyncio.to_thread(Answer.from_json, kept.document)  # many log lines take a tenth of a second
        if answer is None:
            return SlackMessage(gone.render_sentence(texts), ())
        return VisibleAnswer(kept, answer)

    def explain(self, message: SlackMessage, click: Click, delivery: Delivery, reader: Reader) -> OutboundMessage:
        """Build a message for this person alone, beside the clicked one."""
        return OutboundMessage(delivery.key, localize(reader, build_address(click, delivery)), message)

    def _choose_address(self, click: Click, delivery: Delivery, reader: Reader) -> Address:
        """Return the address of the clicked message: a private one by its response_url, another one by its timestamp."""
        goal = localize(reader, build_address(click, delivery)).model_copy(update={"clicked": True})
        if click.private:
            return goal
        goal = goal.model_copy(update={"channel": click.channel or "", "thread": click.thread or "", "ts": click.ts or ""})
        if not goal.public:
            return goal
        language, zone = self._responder.people.get_channel_language(goal.channel)
        return goal.model_copy(update={"language": language, "zone": zone.key})


def _build_footer(seen: VisibleAnswer, goal: Address) -> list[str]:
    """Build the footer: the notes; if all see the answer, also the requester, unless it was the bot itself."""
    if seen.answer.notes or seen.stored.actor == BOT_ACTOR_NAME:
        return render_notes(seen.answer.notes, goal)
    return [describe_requester(seen.stored.actor, goal)] if goal.public and not goal.thread else []
