"""Stored answers in other views: other details, another page, a file. No host is asked.

click ─▶ reader ─▶ the stored answer ─ expired, or forbidden ─▶ an explanation for them alone
                      └▶ the clicked message shows it in the other view

The menu for a request without words, and the last stored check of the fleet, from which it begins. No host is asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME, Refusal
from bot.answers.slack import render
from bot.digests.services import READS
from bot.model.request import Answer, Request, Surface
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import MAX_BUTTONS, AnswerView
from bot.rendering.slack.menu import render_menu
from bot.requests.authorization import Rights
from bot.slack.answer_cache import AnswerExpired
from bot.slack.answers.responder import Responder, describe_requester, localize
from bot.slack.click_payload import Click, build_address
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, OutboundMessage, add_notes, render_notes
from bot.slack.tasks import retry_write
from bot.store.answers import StoredAnswer
from bot.store.inbox import Delivery
from commands.health.operation import Health
from commands.health.verdict import STORED_AREAS
from commands.language.grammar import render_operation
from commands.language.help import choose_starts
from commands.model.report import Report
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


CHECK_OPERATION = Health()
"""The check of all hosts."""

CHECK_WORDS = render_operation(CHECK_OPERATION)

_FRESH_CHECK = timedelta(hours=26)
"""Maximum age of a check whose next commands are offered: a daily check, and two hours."""


async def offer_menu(
    responder: Responder, reader: Reader, rights: Rights, aside: Address, delivery: Delivery
) -> OutboundMessage:
    """Return a private menu: where this person starts, and the topics of what they may use."""
    lately = await retry_write(
        lambda: responder.answers.list_recent_words(reader.identity.user, MAX_BUTTONS), responder.clock.sleep
    )
    urgent = await responder.dispatcher.list_urgent(reader.identity)
    next_step = suggest_next_step(await find_last_check(responder, reader), responder.clock.now())
    starts = choose_starts(rights.permitted, rights.actor.roles, (*urgent, *next_step, *lately))
    return OutboundMessage(delivery.key, aside, render_menu(starts, rights.permitted, aside.texts))


async def find_last_check(responder: Responder, reader: Reader) -> Answer | Refusal | None:
    """Find the stored check of all hosts, or the reason why this person may not see it."""
    verdict = responder.dispatcher.judge_home_view(reader.identity, CHECK_OPERATION)
    if isinstance(verdict, Refusal):
        return verdict
    kept = await responder.answers.find_latest(CHECK_WORDS, responder.clock.now())
    answer = None if kept is None else Answer.from_json(kept.document)
    return answer and (_find_refusal(answer, responder, reader) or answer)


def _find_refusal(answer: Answer, responder: Responder, reader: Reader) -> Refusal | None:
    """Find the refusal if an answer holds findings of other reads, which its requester might see and this person may not."""
    report = answer.body
    if not isinstance(report, Report) or all(finding.checked_at is None for finding in report.findings):
        return None
    verdicts = (responder.dispatcher.judge_home_view(reader.identity, READS[area]()) for area in STORED_AREAS)
    return next((verdict for verdict in verdicts if isinstance(verdict, Refusal)), None)


def suggest_next_step(check: Answer | Refusal | None, now: datetime) -> Sequence[str]:
    """Suggest the first step after a fresh check; nothing after an old one."""
    report = check.body if isinstance(check, Answer) else None
    if not isinstance(report, Report) or report.taken_at is None or now - report.taken_at > _FRESH_CHECK:
        return ()
    return report.next[:1]
