"""Milestones of a change: one short message each, for its thread or for one person. Pure.

    asked (if no channel shows the card)      every approval   stopping   done, undone, failed, unknown   the review
    break-glass (at once, to all approvers)   denied, expired, withdrawn, superseded, refused

The person who acted is named, not mentioned, because people need no notification of their own clicks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.phrase import Phrase, Texts
from bot.changes.slack.card import STATE_SYMBOLS, STOPPED_SYMBOL, choose_symbol, render
from bot.changes.text import facts as change_facts
from bot.changes.text import progress as change_progress
from bot.model.change import Approval, ApprovalState, Change, ChangeState
from bot.rendering.slack.blocks import MAX_TEXT, SlackMessage, escape, format_mentions, make_section
from bot.rendering.slack.paragraphs import render_command
from bot.rendering.text import COMMAND
from bot.security.untrusted_text import shorten

APPROVAL_REQUEST_KEY, BREAK_GLASS_KEY = "asked", "glass"
"""Keys of the request for approval, which the card itself shows in a channel, and of an emergency change."""

DECISION_KEYS = (APPROVAL_REQUEST_KEY, BREAK_GLASS_KEY)
"""Keys of milestones that ask people for a decision: outside of the channel of the card they get a card themselves."""


_MAX_PROOFS = 3
"""Maximum number of hosts whose evidence is in the message about the end. The card has more."""


@dataclass(frozen=True)
class Milestone:
    """One milestone. `key` is unique within its change; `recipients` are the Slack ids to notify."""

    key: str
    sign: str
    phrase: Phrase
    recipients: tuple[str, ...] = ()


def list_milestones(change: Change) -> tuple[Milestone, ...]:
    """Lists the milestones of a change until now, in order."""
    if change.dry_run:
        return ()
    requester = (change.mention,) if change.mention else ()
    return (
        *_list_break_glass(change),
        *_list_decisions(change, requester),
        *_list_progress(change, requester),
        *_list_break_glass_review(change, requester),
    )


def concerns_people(milestone: Milestone) -> bool:
    """Returns whether a milestone names recipients, or asks all possible deciders."""
    return bool(milestone.recipients) or milestone.key in DECISION_KEYS


def render_for_thread(milestone: Milestone, change: Change, texts: Texts) -> SlackMessage:
    """Renders the message for a thread, with mentions of the recipients."""
    called = "".join(f"{each} " for each in format_mentions(milestone.recipients))
    return SlackMessage(f"{called}{_render_sentence(milestone, change, texts)}", ())


def render_for_person(milestone: Milestone, change: Change, texts: Texts) -> SlackMessage:
    """Renders the message for one person, without a mention."""
    return SlackMessage(_render_sentence(milestone, change, texts), ())


def render_decision_request(milestone: Milestone, change: Change, texts: Texts) -> SlackMessage:
    """Renders the card for one person who may decide, below the sentence that says why they get it.

    The card has the command.
    """
    card, said = render(change, texts), _render_reason(milestone, texts)
    return SlackMessage(shorten(f"{said}\n{card.text}", MAX_TEXT), (make_section(said), *card.blocks))


def render_hidden_request(texts: Texts) -> SlackMessage:
    """Renders the request for a decision without its content, for a person of whom it is unknown what they may see."""
    phrase = Phrase(
        "A change is waiting for a decision. Type {command} to see whether you can decide it.", command=f"{COMMAND} approval"
    )
    return SlackMessage(f"{STATE_SYMBOLS[ChangeState.WAITING]} {escape(phrase.render_sentence(texts), 300)}", ())


def render_pointer(change: Change, texts: Texts) -> SlackMessage:
    """Renders one line for the person who requested or decided, if the card is in the same channel. It is never updated."""
    if change.state in (ChangeState.READY, ChangeState.RUNNING):
        said = Phrase("Received. See the message in this channel for progress:")
    else:
        said = Phrase("{state}. See the message in this channel:", state=change_progress.describe_state(change))
    return SlackMessage(
        f"{choose_symbol(change)} {escape(said.render_sentence(texts), 300)} {render_command(change.words)}", ()
    )


def _render_sentence(milestone: Milestone, change: Change, texts: Texts) -> str:
    return f"{_render_reason(milestone, texts)} {render_command(change.words)}"


def _render_reason(milestone: Milestone, texts: Texts) -> str:
    return f"{milestone.sign} {escape(milestone.phrase.render_sentence(texts), 900)}"


def _list_break_glass(change: Change) -> Iterator[Milestone]:
    if change.break_glass is not None:
        phrase = Phrase(
            "Emergency change: {name} runs this without approval ({reason}). After checking, type {words}:",
            name=change.requester,
            reason=change.reason,
            words=f'op review {change.operation} "…"',
        )
        yield Milestone(BREAK_GLASS_KEY, ":rotating_light:", phrase, change.break_glass.ping)


def _list_decisions(change: Change, requester: tuple[str, ...]) -> Iterator[Milestone]:
    approval = change.approval
    if approval is not None and approval.waived:
        phrase = Phrase("{name} runs this without approval, as {rule} allows:", name=change.requester, rule=approval.rule)
        yield Milestone("waived", ":zap:", phrase, approval.ping)
    if approval is not None and change.state is ChangeState.WAITING:
        phrase = Phrase("{name} requests approval:", name=change.requester)
        yield Milestone(APPROVAL_REQUEST_KEY, STATE_SYMBOLS[ChangeState.WAITING], phrase, approval.ping)
    if approval is not None and change.state is ChangeState.WAITING and approval.lacking is not None:
        phrase = Phrase("can no longer be approved: {why}. This is about:", why=approval.lacking)
        yield Milestone("lacking", ":warning:", phrase, requester)
    if approval is not None:
        yield from _list_reviews(approval, requester)
    if change.state is ChangeState.CLOSED:
        yield from _list_closing(change, requester)


def _list_closing(change: Change, requester: tuple[str, ...]) -> Iterator[Milestone]:
    """Lists the milestone of a change that ended without a start. A denial is listed with its review."""
    sign, why = (
        STATE_SYMBOLS[ChangeState.CLOSED],
        change.why if change.why is not None else change_progress.describe_state(change),
    )
    match change.approval.state if change.approval is not None else None:
        case ApprovalState.DENIED:
            return
        case ApprovalState.EXPIRED:
            yield Milestone("expired", ":hourglass:", Phrase("{why}:", why=why), requester)
        case ApprovalState.WITHDRAWN:
            yield Milestone("withdrawn", sign, Phrase("{why}:", why=why))
        case ApprovalState.SUPERSEDED if change.after:
            phrase = Phrase("{why}. Replaced by a new request: {operation}.", why=why, operation=change.after)
            yield Milestone("superseded", sign, phrase, requester)
        case _:
            yield Milestone("closed", sign, Phrase("{why}. Nothing was done:", why=why), requester)


def _list_reviews(approval: Approval, requester: tuple[str, ...]) -> Iterator[Milestone]:
    have = 0
    for number, review in enumerate(approval.reviews, 1):
        if not review.approves:
            phrase = Phrase("{name} denied this ({reason}):", name=review.person, reason=review.reason)
            yield Milestone(f"denied.{number}", ":x:", phrase, requester)
            continue
        have += 1
        phrase = Phrase("{name} approved this ({have} of {needed}):", name=review.person, have=have, needed=approval.needed)
        yield Milestone(f"approved.{number}", ":white_check_mark:", phrase)


def _list_progress(change: Change, requester: tuple[str, ...]) -> Iterator[Milestone]:
    if change.stopping:
        phrase = Phrase("{name} requested a stop before the next step:", name=change.stopping)
        yield Milestone("stopping", STOPPED_SYMBOL, phrase)
    if change.state not in (ChangeState.DONE, ChangeState.UNDONE, ChangeState.FAILED, ChangeState.UNKNOWN):
        return
    said = change_progress.describe_state(change)
    if change.why is not None:
        said = Phrase("{state}: {why}", state=said, why=change.why)
    took = change_progress.describe_duration(change, None)
    if took is not None:
        said = Phrase("{said} ({took}).", said=said, took=took)
    for proof in change_facts.list_evidence(change)[:_MAX_PROOFS]:
        said = Phrase("{said} {proof}.", said=said, proof=proof)
    if change.owed_hosts:
        said = Phrase(
            "{said} Requested again when the host responds.",
            plural="{said} Requested again when the hosts respond.",
            n=len(change.owed_hosts),
            said=said,
        )
    yield Milestone(change.state.value, choose_symbol(change), said, requester)


def _list_break_glass_review(change: Change, requester: tuple[str, ...]) -> Iterator[Milestone]:
    glass = change.break_glass
    if glass is not None and glass.reviewed_by:
        phrase = Phrase("{name} reviewed this emergency change ({text}):", name=glass.reviewed_by, text=glass.review)
        yield Milestone("reviewed", ":white_check_mark:", phrase, requester)
