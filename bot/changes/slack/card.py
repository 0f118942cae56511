r"""Renders a change as its card in Slack: what a decision needs, on the first screen of a phone. Pure.

    :raised_hand: *Waiting for approval: 0 of 1* — interrupts running services    the state, as a sign and in words
    `/flatnet cert renew host-a`
    *Now:* web runs nowhere, since 2026-11-25 17:12 JST                          only if the plan tells it
    :rotating_light: *Includes the lighthouse (host-a).*                          only if the reach is large
    *Hosts:* host-a                                                               facts for approvers, the first of each
    *Excluded:* host-c — unreachable
    *Interrupted during the change:* the tunnels of host-a
    *Not rolled back:* …       *Note:* no fresh rehearsal
    *Edit of F:\…\nginx.conf on host-a:* the changed lines
    *Requested by:* @alice     *Reason:* expires on Friday
    *Approvers:* @bob, carol   *Expires:* 2026-11-25 18:10 JST
    [Approve] [Deny] [Details] [Withdraw]
    op-0123456789ab · plan 1a2b3c4d · 2026-11-25 17:10 JST

Once it runs, a line for each host with its progress takes the place of those facts. Steps, assumptions, rollback, endpoints
and digest are behind *Details* (`bot.changes.slack.details`). Buttons name an operation and prove nothing: the
person who presses one is judged as if they had typed the command.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.phrase import Phrase, Texts
from bot.changes.slack.buttons import list_commands, make_buttons
from bot.changes.slack.details import render_card_edits, render_edits
from bot.changes.text import facts as change_facts
from bot.changes.text import progress as change_progress
from bot.changes.text.facts import Fact
from bot.model.change import Approval, Change, ChangeState, Review
from bot.rendering.slack.blocks import (
    MAX_CHARACTERS,
    MAX_TEXT,
    SlackMessage,
    escape,
    format_code,
    format_mentions,
    format_person,
    format_time,
    make_context,
    make_section,
)
from bot.rendering.slack.buttons import make_row
from bot.rendering.slack.paragraphs import fit_rows, pack_rows, render_command
from bot.rendering.text import COMMAND
from commands.model.plan import Result

STATE_SYMBOLS = {
    ChangeState.PLANNED: ":clipboard:",
    ChangeState.WAITING: ":raised_hand:",
    ChangeState.READY: ":hourglass_flowing_sand:",
    ChangeState.RUNNING: ":arrows_counterclockwise:",
    ChangeState.DONE: ":white_check_mark:",
    ChangeState.UNDONE: ":leftwards_arrow_with_hook:",
    ChangeState.FAILED: ":x:",
    ChangeState.UNKNOWN: ":question:",
    ChangeState.CLOSED: ":no_entry_sign:",
}

STOPPED_SYMBOL, OWED_SYMBOL = ":octagonal_sign:", ":warning:"


# Maximum characters of each part
_MAX_LINE = 300
"""A step, a host, a sentence of the plan."""
_MAX_REASON = 500
_MAX_LIST = 600
"""A list of sentences."""
_MAX_PEOPLE = 700
_MAX_NAMES = 8
"""Maximum number of approvers and user groups that are named. More are counted."""
_MAX_SECTION = 2_800
"""A section, below Slack's limit."""
_RESERVE = 1_000
"""Characters reserved for buttons and for the confirmation of an approval."""

_MAX_ITEMS = 100
"""Maximum sentences of a fact."""

_MAX_CARD_ITEMS, _MAX_CARD_LINES = 3, 8
"""Maximum sentences of a fact on a card, and maximum lines of progress. The others are behind *Details*."""


def render(change: Change, texts: Texts, at: datetime | None = None) -> SlackMessage:
    """Renders the card. `at` is the present; with it, running steps show their durations."""
    return _build_message(change, list(_render_card(change, texts, at)), texts, at)


def render_in_full(change: Change, texts: Texts, at: datetime | None = None) -> SlackMessage:
    """Renders the answer that shows the change with all its steps, as far as they fit."""
    before, after = list(_render_above_plan(change, texts, at)), list(_render_below_plan(change, texts))
    room = MAX_CHARACTERS - _RESERVE - sum(len(text) + 2 for text in [*before, *after, _render_origin(change, texts)])
    return _build_message(change, [*before, *_render_plan(change, room, texts, at), *after], texts, at)


def _build_message(change: Change, sections: Sequence[str], texts: Texts, at: datetime | None) -> SlackMessage:
    return SlackMessage(
        text="\n".join(fit_rows(list(_list_text_lines(change, texts, at)), MAX_TEXT - 200, texts)),
        blocks=(
            *map(make_section, filter(None, sections)),
            *make_row(make_buttons(change, texts)),
            make_context(_render_origin(change, texts)),
        ),
    )


def render_headline(change: Change, texts: Texts, at: datetime | None = None) -> str:
    """Renders state, duration and risk."""
    took = change_progress.describe_duration(change, at)
    said = [
        change_progress.describe_state(change),
        *([took] if took is not None else []),
        *([change_progress.describe_risk(change)] if change_facts.is_still_open(change) else []),
    ]
    state, *more = (escape(phrase.render(texts), 200) for phrase in said)
    return " — ".join([f"{choose_symbol(change)} *{state}*", *more])


def choose_symbol(change: Change) -> str:
    """Chooses the symbol of the state."""
    if change.state is ChangeState.DONE and change.owed_hosts:
        return OWED_SYMBOL
    return STOPPED_SYMBOL if change_progress.was_stopped(change) and change.state.ended else STATE_SYMBOLS[change.state]


def render_requester(change: Change, texts: Texts) -> str:
    """Renders the requester and the reason."""
    who = f"{_render_label(Phrase('Requested by:'), texts)} {format_person(change.requester, change.mention)}"
    if not change.reason:
        return who
    return f"{who}\n{_render_label(Phrase('Reason:'), texts)} {escape(change.reason, _MAX_REASON)}"


def _render_card(change: Change, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Renders the sections of the card. If the result of a step is unknown, the line of its host has the reason."""
    yield from _render_top(change, texts, at)
    if change.state is not ChangeState.UNKNOWN or all(each.result is not Result.UNKNOWN for each in change.results):
        yield from _render_reason(change, texts)
    if change_facts.is_still_open(change) and change.started_at is None:
        yield _render_card_facts(change, texts)
        yield from render_card_edits(change, texts)
    else:
        yield "\n".join(_list_card_lines(change, texts, at))
        dangers = change_facts.describe_outages(change, texts) if change_facts.is_still_open(change) else ()
        yield "\n".join(
            [
                *(
                    _render_fact(fact, texts, _MAX_CARD_ITEMS)
                    for fact in (*change_facts.describe_scope(change, texts), *dangers)
                ),
                *_render_card_warnings(change, texts),
            ]
        )
    yield from _render_people(change, texts)
    yield from _render_decisions(change, texts)


def _render_top(change: Change, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Renders the state, the command, where its object is now, and the reach if that is large."""
    situation = (_render_fact(fact, texts) for fact in change_facts.describe_situation(change, texts))
    yield "\n".join([render_headline(change, texts, at), render_command(change.words), *situation])
    if reach := change_facts.describe_reach(change, texts):
        yield "\n".join(f":rotating_light: *{escape(each, _MAX_LINE)}*" for each in reach[:_MAX_CARD_ITEMS])


def _render_reason(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the reason for the outcome."""
    if (why := change_progress.find_reason(change)) is not None:
        yield escape(why.render_sentence(texts), _MAX_LIST)


def _render_card_facts(change: Change, texts: Texts) -> str:
    """Renders the facts for a decision, the first sentences of each."""
    known = (
        *change_facts.describe_scope(change, texts),
        *change_facts.describe_outages(change, texts),
        *change_facts.describe_irreversible(change, texts),
    )
    rows = [_render_fact(fact, texts, _MAX_CARD_ITEMS) for fact in known]
    return "\n".join(fit_rows([*rows, *_render_card_warnings(change, texts)], _MAX_SECTION, texts))


def _render_card_warnings(change: Change, texts: Texts) -> list[str]:
    """Renders the warnings that a decision needs, as long as it is possible."""
    warnings = change_facts.list_card_warnings(change) if change_facts.is_still_open(change) else ()
    rows = dict.fromkeys(_render_warning(each, change, texts) for each in warnings)
    return [_render_items(Phrase("Note:").render(texts), list(rows), texts, _MAX_CARD_ITEMS)] if rows else []


def _render_warning(warning: Phrase, change: Change, texts: Texts) -> str:
    """Renders a warning; the command of a note on a missing rehearsal as it can be typed."""
    row = escape(warning.render(texts), _MAX_LINE)
    if warning not in change.rehearsal_notes:
        return row
    words = str(warning.values["words"])
    return row.replace(escape(words), render_command(words))


def _list_card_lines(change: Change, texts: Texts, at: datetime | None) -> list[str]:
    """Lists the progress: the steps of a single host that runs, or a line for each host.

    At the end, evidence takes the place of the hosts that are done.
    """
    if change.state is ChangeState.CLOSED and not change.results:
        return []
    legs = change_progress.build_host_progress(change, texts, at)
    if change.state is ChangeState.RUNNING and len(legs) == 1:
        return fit_rows([escape(str(line), _MAX_LINE) for line in legs[0].lines], _MAX_SECTION, texts)
    folded = change_progress.sort_by_interest(change_progress.fold_steps(leg, texts) for leg in legs)
    if evidence := change_facts.describe_evidence(change, texts):
        folded = [line for line in folded if not line.is_complete]
    rows = [escape(each, _MAX_LINE) for each in (*map(str, folded), *evidence)]
    return fit_rows(rows, _MAX_SECTION, texts, _MAX_CARD_LINES)


def _render_people(change: Change, texts: Texts) -> Iterator[str]:
    """Renders who asked, the reason to wait, and who may decide."""
    yield "\n".join(
        [
            render_requester(change, texts),
            *(_render_fact(fact, texts) for fact in change_facts.describe_waiting(change, texts)),
            *_render_emergency(change, texts),
        ]
    )
    if change.approval is not None and change.state is ChangeState.WAITING:
        yield _render_deciders(change.approval, texts)


def _render_emergency(change: Change, texts: Texts) -> Iterator[str]:
    if (glass := change_facts.describe_break_glass_review(change)) is not None:
        label = _render_label(Phrase("Emergency (break-glass):"), texts)
        yield f":rotating_light: {label} {escape(glass.render(texts), _MAX_LIST)}"


def _render_above_plan(change: Change, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Renders the parts above the plan."""
    yield from _render_top(change, texts, at)
    yield from _render_reason(change, texts)
    yield "\n".join(_render_fact(fact, texts) for fact in change_facts.describe_dangers(change, texts))
    yield from _render_people(change, texts)


def _render_plan(change: Change, room: int, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Renders the steps; with several hosts only those of hosts with notable steps, and a line for each other host.

    If these lines do not fit, notable hosts come first. A change that was closed before its start shows no plan.
    """
    if change.state is ChangeState.CLOSED and not change.results:
        return
    legs = change_progress.build_host_progress(change, texts, at)
    opened = change_progress.choose_opened(legs)
    for leg in opened:
        lines = [escape(str(line), _MAX_LINE) for line in leg.lines]
        each = min(_MAX_SECTION, room // (len(opened) + (len(opened) < len(legs)))) - 100
        yield "\n".join([f"*{escape(leg.host, 64)}*", *fit_rows(lines, each, texts)])
    others = [change_progress.fold_steps(leg, texts) for leg in legs if leg not in opened]
    left = room // (len(opened) + 1)
    rows = [escape(str(line), _MAX_LINE) for line in others]
    if sum(len(row) + 2 for row in rows) > left:
        rows = [escape(str(line), _MAX_LINE) for line in change_progress.sort_by_interest(others)]
    yield from pack_rows(fit_rows(rows, left, texts))


def _render_below_plan(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the parts below the plan."""
    yield from render_edits(change, texts)
    yield from (_render_fact(fact, texts) for fact in change_facts.describe_grounds(change, texts))
    yield from _render_decisions(change, texts)


def _render_decisions(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the reviews, what to do if the result is unknown, and the successor."""
    if change.approval is not None and change.approval.reviews:
        yield "\n".join(fit_rows([_render_review(each, texts) for each in change.approval.reviews], _MAX_PEOPLE, texts))
    if change.state is ChangeState.UNKNOWN:
        yield _render_label(Phrase("Check the hosts, then report what you found:"), texts)
    if change.after:
        yield f"{_render_label(Phrase('Continued as:'), texts)} {render_command(f'op show {change.after}')}"


def _render_deciders(approval: Approval, texts: Texts) -> str:
    """Renders those who may approve, with mentions as far as they are known, and the expiry."""
    people = [format_person(name, approval.mentions.get(name, "")) for name in approval.may]
    pinged = [user for user in approval.ping if user not in (*approval.mentions.values(), *approval.groups)]
    names = [*format_mentions([*pinged, *approval.groups]), *people]
    may = f"{_render_label(Phrase('Approvers:'), texts)} {texts.series(fit_rows(names, _MAX_PEOPLE, texts, _MAX_NAMES))}"
    if approval.lacking is not None:
        may = f":warning: {escape(approval.lacking.render_sentence(texts), _MAX_LIST)}\n{may}"
    return f"{may}\n{_render_label(Phrase('Expires:'), texts)} {format_time(approval.expires_at, texts)}"


def _render_review(review: Review, texts: Texts) -> str:
    said = Phrase("approved") if review.approves else Phrase("denied")
    sign = change_progress.STAGE_SIGNS[change_progress.Stage.DONE if review.approves else change_progress.Stage.FAILED]
    reason = f": {escape(review.reason, 200)}" if review.reason else ""
    person, at = format_person(review.person, review.mention), format_time(review.at, texts)
    decided = Phrase("{name}, {at}", name=f"{person} {escape(said.render(texts))}", at=at).render(texts)
    return f"{sign} {decided}{reason}"


def _render_origin(change: Change, texts: Texts) -> str:
    plan = escape(Phrase("plan {digest}", digest=change.digest[:8]).render(texts), 40)
    parts = [format_code(change.operation), plan, format_time(change.asked_at, texts)]
    if change.before:
        parts.append(f"{escape(Phrase('continues').render(texts))} {format_code(change.before)}")
    return " · ".join(parts)


def _list_text_lines(change: Change, texts: Texts, at: datetime | None) -> Iterator[str]:
    """Lists the lines of the plain text, complete and short. The plan comes last, because it may be cut."""
    state = change_progress.describe_state(change).render(texts)
    yield f"{escape(state, 200)}: {escape(f'{COMMAND} {change.words}', 200)} ({escape(change.operation, 40)})"
    if reach := change_facts.describe_reach(change, texts):
        yield f":rotating_light: {escape(' '.join(reach), _MAX_LIST)}"
    if (why := change_progress.find_reason(change)) is not None:
        yield escape(why.render_sentence(texts), _MAX_LIST)
    known = change_facts.describe_summary(change, texts)
    yield from (f"{escape(fact.label)} {escape(texts.series(fact.items), _MAX_LIST)}" for fact in known)
    if typed := list_commands(change):
        yield texts.series([escape(f"{COMMAND} {each}", 120) for each in typed])
    yield from (
        escape(str(line), _MAX_LINE)
        for line in change_progress.sort_by_interest(change_progress.build_folded_lines(change, texts, at))
    )


def _render_fact(fact: Fact, texts: Texts, most: int = _MAX_ITEMS) -> str:
    """Renders a fact: one sentence after its label, or the first `most` below it."""
    return _render_items(fact.label, [escape(item, _MAX_LINE) for item in fact.items], texts, most)


def _render_items(label: str, rows: Sequence[str], texts: Texts, most: int) -> str:
    head = f"*{escape(label)}*"
    if len(rows) == 1:
        return f"{head} {rows[0]}"
    return "\n".join([head, *fit_rows([f"• {each}" for each in rows], _MAX_LIST, texts, most)])


def _render_label(label: Phrase, texts: Texts) -> str:
    return f"*{escape(label.render(texts))}*"
