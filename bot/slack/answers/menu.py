"""The menu for a request without words, and the last stored check of the fleet, from which it begins. No host is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.access.policy import Refusal
from bot.model.request import Answer
from bot.rendering.slack.buttons import MAX_BUTTONS
from bot.rendering.slack.menu import render_menu
from bot.reports.checks import READS
from bot.requests.authorization import Rights
from bot.slack.answers.responder import Responder
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, OutboundMessage
from bot.slack.tasks import retry_write
from bot.store.inbox import Delivery
from commands.health.operation import Health
from commands.health.verdict import STORED_AREAS
from commands.language.grammar import render_operation
from commands.language.help import choose_starts
from commands.model.report import Report

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
