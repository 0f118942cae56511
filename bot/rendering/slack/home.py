"""Renders the home tab of one person: what waits for them, what happens, the fleet at a glance, where to start. Pure.

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
from bot.model.home import NOTHING_AT_HOME, HomeFacts
from bot.model.request import Answer
from bot.rendering.slack import buttons
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import Block, escape, make_context, make_section
from bot.rendering.slack.home_alerts import render_alerts
from bot.rendering.slack.home_changes import render_left_over, render_running, render_waiting
from bot.rendering.slack.home_lists import HOME_ACTION, render_heading, render_lists
from bot.rendering.slack.progress import describe_progress
from bot.rendering.slack.topics import make_topic_menu, render_topics
from commands.language.help import list_topics
from commands.model.operation import Operation, ReadProgress
from commands.model.report import Report

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
