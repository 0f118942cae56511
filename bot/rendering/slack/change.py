"""Renders a change as its card in Slack, readable on a phone at three in the morning. Pure.

    :raised_hand: *Waiting for approval: 0 of 1* — interrupts what people use     the state, as a sign and in words
    `/flatnet cert renew host-a`
    *Asked by:* @alice  *Reason:* expires on Friday
    *Stops meanwhile:* the tunnels of host-a                                      facts for approvers
    *May approve:* @bob, carol     *Expires:* 25 Nov 18:10
    *host-a*                                                                      the steps of each host, in order
    ✓ make a key pair — 2 sec
    ▸ lighthouse: sign it — running for 12 sec
    ○ replace the certificate
    *Left out:* host-c — not reached
    *Put back if a step fails:* …     *Not put back:* …     *Rests on:* …
    [Approve] [Deny] [Withdraw]
    op-0123456789ab · plan 1a2b3c4d · 25 Nov 17:10

Facts that matter only to approvers disappear when the change has ended. Buttons name an operation and prove nothing: the
person who presses one is judged as if they had typed the command.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.phrase import Phrase, Texts
from bot.model.change import Approval, Change, Review, State
from bot.rendering import change_facts as facts
from bot.rendering import change_progress as course
from bot.rendering.change_facts import Fact
from bot.rendering.labels import COMMAND
from bot.rendering.slack.blocks import CHARACTERS, TEXT, Message, code, context, escape, section, when
from bot.rendering.slack.buttons import row
from bot.rendering.slack.change_buttons import choices, words
from bot.rendering.slack.paragraphs import command, fitting, packed

SYMBOLS = {
    State.PLANNED: ":clipboard:",
    State.WAITING: ":raised_hand:",
    State.READY: ":hourglass_flowing_sand:",
    State.RUNNING: ":arrows_counterclockwise:",
    State.DONE: ":white_check_mark:",
    State.UNDONE: ":leftwards_arrow_with_hook:",
    State.FAILED: ":x:",
    State.UNKNOWN: ":question:",
    State.CLOSED: ":no_entry_sign:",
}

STOPPED = ":octagonal_sign:"

_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")
_GROUP = re.compile(r"S[A-Z0-9]{2,20}")

# Maximum characters of each part
_LINE = 300
"""A step, a host, a sentence of the plan."""
_REASON = 500
_FEW = 600
"""A list of sentences."""
_PEOPLE = 700
_SECTION = 2_800
"""A section, below Slack's limit."""
_AROUND = 1_000
"""Characters reserved for buttons and for the confirmation of an approval."""


def render(change: Change, texts: Texts, at: datetime | None = None) -> Message:
    """Renders the card. `at` is the present; with it, running steps show their durations."""
    before, after = list(_before(change, texts, at)), list(_after(change, texts))
    origin = _origin(change, texts)
    room = CHARACTERS - _AROUND - sum(len(text) + 2 for text in [*before, *after, origin])
    return Message(
        text="\n".join(fitting(list(_spoken(change, texts, at)), TEXT - 200, texts)),
        blocks=(
            *map(section, filter(None, [*before, *_plan(change, room, texts, at), *after])),
            *row(choices(change, texts)),
            context(origin),
        ),
    )


def person(name: str, mention: str) -> str:
    """Formats a person in mrkdwn, as a mention if the Slack id is known."""
    return f"<@{mention}>" if _PERSON.fullmatch(mention) else escape(name, 80)


def mentioned(ids: Sequence[str]) -> list[str]:
    """Formats mentions of people and user groups in mrkdwn. Other ids are left out."""
    people = [f"<@{each}>" for each in ids if _PERSON.fullmatch(each)]
    return people + [f"<!subteam^{each}>" for each in ids if _GROUP.fullmatch(each)]


def headline(change: Change, texts: Texts, at: datetime | None = None) -> str:
    """Renders state, duration and risk."""
    took = course.took(change, at)
    said = [
        course.state(change),
        *([took] if took is not None else []),
        *([course.risk(change)] if facts.matters(change) else []),
    ]
    state, *more = (escape(phrase.render(texts), 200) for phrase in said)
    return " — ".join([f"{symbol(change)} *{state}*", *more])


def symbol(change: Change) -> str:
    """Chooses the symbol of the state."""
    return STOPPED if course.stopped(change) and change.state.ended else SYMBOLS[change.state]


def asked_by(change: Change, texts: Texts) -> str:
    """Renders the requester and the reason."""
    who = f"{_label(Phrase('Asked by:'), texts)} {person(change.requester, change.mention)}"
    if not change.reason:
        return who
    return f"{who}\n{_label(Phrase('Reason:'), texts)} {escape(change.reason, _REASON)}"


def _before(change: Change, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Renders the parts above the plan."""
    yield f"{headline(change, texts, at)}\n{command(change.words)}"
    if (why := course.why(change)) is not None:
        yield escape(why.render_sentence(texts), _FEW)
    yield asked_by(change, texts)
    if (glass := facts.reviewed(change)) is not None:
        yield f":rotating_light: {_label(Phrase('Break-glass:'), texts)} {escape(glass.render(texts), _FEW)}"
    yield from (_paragraph(fact, texts) for fact in (*facts.meanwhile(change, texts), *facts.dangers(change, texts)))
    if change.approval is not None and change.state is State.WAITING:
        yield _deciders(change.approval, texts)


def _plan(change: Change, room: int, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Renders the steps; with several hosts only those of hosts with notable steps, and a line for each other host.

    If these lines do not fit, notable hosts come first. A change that was closed before its start shows no plan.
    """
    if change.state is State.CLOSED and not change.results:
        return
    legs = course.legs(change, texts, at)
    opened = course.opened(legs)
    for leg in opened:
        lines = [escape(str(line), _LINE) for line in leg.lines]
        each = min(_SECTION, room // (len(opened) + (len(opened) < len(legs)))) - 100
        yield "\n".join([f"*{escape(leg.host, 64)}*", *fitting(lines, each, texts)])
    others = [course.fold(leg, texts) for leg in legs if leg not in opened]
    left = room // (len(opened) + 1)
    rows = [escape(str(line), _LINE) for line in others]
    if sum(len(row) + 2 for row in rows) > left:
        rows = [escape(str(line), _LINE) for line in course.by_interest(others)]
    yield from packed(fitting(rows, left, texts))


def _after(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the parts below the plan."""
    yield from (_paragraph(fact, texts) for fact in facts.grounds(change, texts))
    if change.approval is not None and change.approval.reviews:
        yield "\n".join(fitting([_review(each, texts) for each in change.approval.reviews], _PEOPLE, texts))
    if change.state is State.UNKNOWN:
        yield f"{_label(Phrase('Type when you have looked:'), texts)} {command(*words(change))}"
    if change.after:
        yield f"{_label(Phrase('Goes on as:'), texts)} {command(f'op show {change.after}')}"


def _deciders(approval: Approval, texts: Texts) -> str:
    """Renders the notified approvers, the other possible approvers, and the expiry."""
    groups = (escape(each.render(texts)) for each in facts.members(approval))
    names = [*mentioned(approval.ping), *(escape(name, 64) for name in approval.may), *groups]
    may = f"{_label(Phrase('May approve:'), texts)} {texts.series(fitting(names, _PEOPLE, texts))}"
    return f"{may}\n{_label(Phrase('Expires:'), texts)} {when(approval.expires_at, texts)}"


def _review(review: Review, texts: Texts) -> str:
    said = Phrase("approved") if review.approves else Phrase("denied")
    sign = course.SIGNS[course.Stage.DONE if review.approves else course.Stage.FAILED]
    reason = f": {escape(review.reason, 200)}" if review.reason else ""
    return f"{sign} {person(review.person, review.mention)} {escape(said.render(texts))}, {when(review.at, texts)}{reason}"


def _origin(change: Change, texts: Texts) -> str:
    plan = escape(Phrase("plan {digest}", digest=change.digest[:8]).render(texts), 40)
    parts = [code(change.operation), plan, when(change.asked_at, texts)]
    if change.before:
        parts.append(f"{escape(Phrase('follows').render(texts))} {code(change.before)}")
    return " · ".join(parts)


def _spoken(change: Change, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Lists the lines of the plain text, complete and short. The plan comes last, because it may be cut."""
    state = course.state(change).render(texts)
    yield f"{escape(state, 200)}: {escape(f'{COMMAND} {change.words}', 200)} ({escape(change.operation, 40)})"
    if (why := course.why(change)) is not None:
        yield escape(why.render_sentence(texts), _FEW)
    known = (*facts.asking(change, texts), *facts.dangers(change, texts), *facts.deciders(change, texts))
    yield from (f"{escape(fact.label)} {escape(texts.series(fact.items), _FEW)}" for fact in known)
    if typed := words(change):
        yield texts.series([escape(f"{COMMAND} {each}", 120) for each in typed])
    yield from (escape(str(line), _LINE) for line in course.by_interest(course.folded(change, texts, at)))


def _paragraph(fact: Fact, texts: Texts) -> str:
    """Renders a fact: one sentence after its label, or several below it."""
    label = f"*{escape(fact.label)}*"
    rows = [escape(item, _LINE) for item in fact.items]
    if len(rows) == 1:
        return f"{label} {rows[0]}"
    return "\n".join([label, *fitting([f"• {each}" for each in rows], _FEW, texts)])


def _label(label: Phrase, texts: Texts) -> str:
    return f"*{escape(label.render(texts))}*"
