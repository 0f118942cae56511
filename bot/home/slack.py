"""Renders the lists of a home tab, each bounded with a count of the rest; and what its sections share. Pure.

Renders the alerts of a home tab, with the elements for what the person may do. Pure.

*Alerts* 2 alerts need attention (1 acknowledged)
:red_circle: *#7 host-a: Nebula stopped*
Service Nebula is stopped
Since 2026-11-25 12:10 JST
[Acknowledge … ▾] [Start Nebula on host-a] [Details]

Renders the changes of a home tab: those that wait for the person, those that run, those that hosts are left of. Pure.

Renders the home tab of one person: what waits for them, what happens, the fleet at a glance, where to start. Pure.

    [Check now] [Open form]
    *Waiting for you*         :raised_hand: … [Approve] [Deny]          decisions, and outcomes to report
    *Alerts*                  :red_circle: … [Acknowledge … ▾] [Start Nebula on host-a]
    *Running now*  *Not done on all hosts*  *Incidents*
    1 of 4 hosts has open alerts
    :red_circle: *2 of 4 hosts need attention …*        the last stored check, as in a message, without its buttons
    Checked 5 min ago (2026-11-25 18:10 JST)
    *Certificates that expire first*  *Locks*  *Silences*  *Maintenance*
    *Recent commands*         [health host-b] …
    *Help*                    `approval` · `audit` · … [Check all hosts] … [Help on a topic ▾]
    language and time zone, and the origin of the roles

A home tab may have 100 blocks. Every section is bounded, and counts the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.phrase import Listing, Moment, Phrase, Span, Texts
from bot.access.policy import Actor, Refusal
from bot.alerts.slack.buttons import make_acknowledge_menu
from bot.alerts.slack.message import render_reason
from bot.answers.slack import render
from bot.answers.slack_progress import describe_progress
from bot.changes.slack import buttons as change_buttons
from bot.changes.slack.card import render_headline, render_requester
from bot.changes.text.progress import has_remaining_hosts
from bot.model.alert import Alert, AlertState
from bot.model.alert_notice import describe_acknowledgement, describe_alert
from bot.model.change import Change
from bot.model.home import NOTHING_AT_HOME, HomeAlert, HomeFacts, HomeList
from bot.model.request import Answer
from bot.rendering.slack import buttons
from bot.rendering.slack.blocks import Block, escape, make_context, make_section
from bot.rendering.slack.buttons import make_command_button, make_row, make_run_buttons, make_topic_menu, render_topics
from bot.rendering.slack.paragraphs import GRADE_SYMBOLS, fit_rows, render_command
from commands.language.help import list_topics
from commands.model.finding import Grade
from commands.model.operation import Operation, ReadProgress
from commands.model.report import Report

HOME_ACTION = "home"
"""First part of the action ids of the buttons on the home tab."""

MAX_LINES = 5
"""Maximum lines of one list."""

_MAX_LINE, _MAX_TEXT = 300, 2_000
"""Maximum characters of a line, and of all lines of a list."""


def render_heading(heading: Phrase, texts: Texts) -> Block:
    """Renders the heading of a section."""
    return make_section(f"*{escape(heading.render_sentence(texts))}*")


def render_more(count: int, words: str, texts: Texts) -> Iterator[Block]:
    """Renders how many are not shown, and the command that shows them."""
    if count > 0:
        yield make_section(f"{escape(Phrase('… and {n} more', n=count).render(texts))} {render_command(words)}")


def render_lists(lists: Sequence[HomeList], texts: Texts) -> Iterator[Block]:
    """Renders each list as one section, with the command that shows all of it."""
    for each in lists:
        heading = f"*{escape(each.heading.render_sentence(texts))}* {render_command(each.words)}"
        lines = [f"• {escape(line.render_sentence(texts), _MAX_LINE)}" for line in each.lines]
        yield make_section("\n".join([heading, *fit_rows(lines, _MAX_TEXT, texts, MAX_LINES)]))


_MAX_REASON = 600


def render_alerts(facts: HomeFacts, texts: Texts) -> Iterator[Block]:
    """Renders the open alerts, those that need attention first."""
    if facts.alerts_summary is None:
        return
    heading = escape(Phrase("Alerts").render_sentence(texts))
    yield make_section(f"*{heading}* {render_command('alert')}\n{escape(facts.alerts_summary.render_sentence(texts), 900)}")
    for shown in facts.alerts:
        yield make_section(_render_alert(shown.alert, texts))
        yield from make_row(_make_elements(shown, texts))
    yield from render_more(facts.alerts_left, "alert", texts)


def _render_alert(alert: Alert, texts: Texts) -> str:
    name = escape(f"#{alert.number} {describe_alert(alert).render(texts)}")
    state = escape(_describe_state(alert).render_sentence(texts), _MAX_REASON)
    reason = escape(render_reason(alert, texts), _MAX_REASON)
    return "\n".join([f"{GRADE_SYMBOLS[Grade.of(alert.severity)]} *{name}*", *([reason] if reason else []), state])


def _describe_state(alert: Alert) -> Phrase:
    """Describes since when it fires, or the acknowledgement. Without a distance from now: a tab may stay open for long."""
    if alert.state is AlertState.ACKNOWLEDGED:
        return describe_acknowledgement(alert)
    return Phrase("since {at}", at=Moment(alert.began_at))


def _make_elements(shown: HomeAlert, texts: Texts) -> list[Block]:
    alert = shown.alert
    fix = make_run_buttons([alert.next] if shown.may_fix and alert.next else [], texts)
    details = Phrase("Details").render(texts)
    return [
        *([make_acknowledge_menu([alert], texts)] if shown.may_acknowledge else []),
        *({**button, "action_id": f"{HOME_ACTION}.fix"} for button in fix),
        make_command_button(details, f"{HOME_ACTION}.alert", f"alert show {alert.number}"),
    ]


_MAX_WAITING, _MAX_UNKNOWN, _MAX_ENDED = 5, 3, 3
"""Maximum number of changes that are shown with buttons."""

_MAX_RUNNING_TEXT = 2_800
"""Maximum characters of the running changes, below Slack's limit for a section."""


def render_waiting(facts: HomeFacts, texts: Texts) -> Iterator[Block]:
    """Renders the changes that wait for this person: for a decision, a review, or a report of what they saw."""
    if facts.waiting or facts.unknown:
        yield render_heading(Phrase("Waiting for you"), texts)
    for change in facts.waiting[:_MAX_WAITING]:
        yield _render_change(change, texts)
        yield from make_row(
            [
                *change_buttons.make_decision_buttons(change, texts, HOME_ACTION),
                change_buttons.make_details_button(change, texts),
            ]
        )
    yield from render_more(len(facts.waiting) - _MAX_WAITING, "approval", texts)
    for change in facts.unknown[:_MAX_UNKNOWN]:
        yield _render_change(change, texts)
        yield from make_row(
            [
                *change_buttons.make_resolve_buttons(change, texts),
                change_buttons.make_details_button(change, texts),
            ]
        )
    yield from render_more(len(facts.unknown) - _MAX_UNKNOWN, "op", texts)


def render_running(changes: Sequence[Change], at: datetime, texts: Texts) -> Iterator[Block]:
    """Renders the running changes, a line each."""
    if changes:
        yield render_heading(Phrase("Running now"), texts)
        lines = [f"{render_headline(change, texts, at)} {render_command(change.words)}" for change in changes]
        yield make_section("\n".join(fit_rows(lines, _MAX_RUNNING_TEXT, texts)))


def render_left_over(changes: Sequence[Change], texts: Texts) -> Iterator[Block]:
    """Renders ended changes that hosts are left of, with the button that requests them for these hosts."""
    left = [change for change in changes if has_remaining_hosts(change)]
    if left:
        yield render_heading(Phrase("Not done on all hosts"), texts)
    for change in left[:_MAX_ENDED]:
        yield _render_change(change, texts)
        yield from make_row(
            [
                *change_buttons.make_continue_button(change, texts),
                change_buttons.make_details_button(change, texts),
            ]
        )
    yield from render_more(len(left) - _MAX_ENDED, "op", texts)


def _render_change(change: Change, texts: Texts) -> Block:
    lines = [render_headline(change, texts), render_command(change.words), render_requester(change, texts)]
    return make_section("\n".join(lines))


CHECK_ACTION = f"{HOME_ACTION}.check"
"""Action of the button that checks the fleet. The other buttons repeat recent commands."""

MAX_RECENT = 5
"""Maximum number of recent commands."""

MAX_CHECK_BLOCKS = 20
"""Maximum blocks of the last check, so that all sections together stay far below Slack's limit of 100."""

_LANGUAGE_NAMES = {"ja": Phrase("Japanese"), "en": Phrase("English")}


@dataclass(frozen=True)
class HomeContent:
    """Content of one person's home tab.

    `check` is the last stored check of the fleet, or the refusal if the person may not see it. `facts` are those that this
    person may see. `working`: a pressed button is in progress. `checking`: the progress of the check that they have started,
    without hosts before these are read. `starts` are commands to start with.
    """

    actor: Actor
    permitted: Sequence[type[Operation]]
    language: str
    zone: str
    recent: Sequence[str] = ()
    starts: Sequence[str] = ()
    check: Answer | Refusal | None = None
    facts: HomeFacts = NOTHING_AT_HOME
    working: bool = False
    checking: ReadProgress | None = None


def render_home(shown: HomeContent, at: datetime, texts: Texts) -> dict[str, Any]:
    """Renders the home tab at this time."""
    return _make_view(
        [
            *buttons.make_row(
                [
                    *_make_check_button(shown, texts),
                    buttons.make_button(Phrase("Open form").render(texts), buttons.FORM_ACTION, "home"),
                ]
            ),
            *_render_work(shown, texts),
            *render_waiting(shown.facts, texts),
            *render_alerts(shown.facts, texts),
            *render_running(shown.facts.running, at, texts),
            *render_left_over(shown.facts.ended, texts),
            *render_lists(shown.facts.incidents, texts),
            *_render_fleet(shown, at, texts),
            *render_lists(shown.facts.lists, texts),
            *_render_recent(shown.recent, texts),
            *_render_help(shown, texts),
            make_context(_render_profile(shown, texts)),
        ]
    )


def render_closed_home(reason: Phrase, texts: Texts) -> dict[str, Any]:
    """Renders the home tab of a person who may not use the bot."""
    return _make_view([_make_no_entry(reason, texts)])


def _make_no_entry(reason: Phrase, texts: Texts) -> Block:
    return make_section(f":no_entry: {escape(reason.render_sentence(texts), 900)}")


def _make_check_button(shown: HomeContent, texts: Texts) -> list[Block]:
    """Makes the button that checks the fleet; none if the check would be refused, or while it runs."""
    return (
        []
        if isinstance(shown.check, Refusal) or shown.checking is not None
        else [buttons.make_button(Phrase("Check now").render(texts), CHECK_ACTION, "now")]
    )


def _make_view(blocks: Sequence[Block]) -> dict[str, Any]:
    return {"type": "home", "blocks": list(blocks)}


def _render_work(shown: HomeContent, texts: Texts) -> Iterator[Block]:
    """Renders notes on work in progress, below the buttons that started it."""
    if shown.working:
        under_way = Phrase("Working on it. The result will be sent as a direct message.")
        yield _make_waiting_line(under_way, texts)
    if shown.checking is not None:
        yield _make_waiting_line(_describe_check(shown.checking), texts)


def _render_fleet(shown: HomeContent, at: datetime, texts: Texts) -> Iterator[Block]:
    """Renders the fleet at a glance: the hosts with alerts, and the last check with its age."""
    if shown.facts.fleet is not None:
        yield make_section(escape(shown.facts.fleet.render_sentence(texts)))
    if isinstance(shown.check, Refusal):
        yield _make_no_entry(shown.check.reason, texts)
        return
    if shown.check is None or not isinstance(shown.check.body, Report):
        yield make_section(escape(Phrase("No health check yet. Press the button above to run one.").render(texts)))
        return
    sections = [block for block in render(shown.check, texts).blocks if block["type"] == "section"]
    yield from sections[:MAX_CHECK_BLOCKS]
    taken = shown.check.body.taken_at
    if taken is not None:
        age = Span(max(0.0, round((at - taken).total_seconds())))
        yield make_context(
            escape(Phrase("checked {age} ago ({taken})", age=age, taken=Moment(taken)).render_sentence(texts))
        )


def _describe_check(seen: ReadProgress) -> Phrase:
    if not seen.total:
        return Phrase("checking all hosts now")
    return Phrase("checking now: {progress}", progress=describe_progress(seen))


def _make_waiting_line(said: Phrase, texts: Texts) -> Block:
    return make_section(f":hourglass_flowing_sand: {escape(said.render_sentence(texts), 900)}")


def _render_recent(recent: Sequence[str], texts: Texts) -> Iterator[Block]:
    """Renders buttons for recent commands. An acknowledgement is no command to repeat: its alert has a menu."""
    again = [words for words in recent[:MAX_RECENT] if not words.startswith("alert acknowledge ")]
    row = [
        {**button, "action_id": f"{HOME_ACTION}.{number}"}
        for number, button in enumerate(buttons.make_run_buttons(again, texts))
    ]
    if row:
        yield render_heading(Phrase("Recent commands"), texts)
        yield from buttons.make_row(row)


def _render_help(shown: HomeContent, texts: Texts) -> Iterator[Block]:
    """Renders where this person starts, and the topics of the permitted commands, with a menu for their help."""
    topics = list_topics(shown.permitted)
    if not topics:
        return
    yield make_section(f"*{escape(Phrase('Help').render(texts))}*\n{render_topics(topics)}")
    starts = buttons.make_run_buttons(shown.starts, texts)
    yield from buttons.make_row(
        [
            *({**button, "action_id": f"{HOME_ACTION}.start{number}"} for number, button in enumerate(starts)),
            make_topic_menu(topics, HOME_ACTION, texts),
        ]
    )


def _render_profile(shown: HomeContent, texts: Texts) -> str:
    roles = Listing(tuple(sorted(shown.actor.roles))) if shown.actor.roles else Phrase("none")
    said = (
        Phrase("Your roles: {roles} ({rule}).", roles=roles, rule=shown.actor.rule),
        Phrase(
            "Language: {language}, time zone: {zone}. Both follow your settings in Slack.",
            language=_LANGUAGE_NAMES[shown.language],
            zone=shown.zone,
        ),
    )
    return "\n".join(escape(phrase.render_sentence(texts), 500) for phrase in said)
