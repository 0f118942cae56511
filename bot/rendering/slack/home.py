"""Renders the home tab of one person: last check of the fleet, pending decisions, recent and permitted commands. Pure.

    [Check now] [Ask with a form]
    :red_circle: *2 of 4 hosts need attention …*        the last stored check, as in a message, without its buttons
    seen 5 minutes ago, at 2026-11-25 18:10 JST
    *Waiting for you*         :raised_hand: … [Approve] [Deny]          decisions of this person
    *Running now*             :arrows_counterclockwise: …
    *What you asked lately*   [health host-b] …
    *What you may ask for*    `/flatnet health [target]` — whether hosts are well
    language and time zone, and the origin of the roles

A home tab may have 100 blocks. The check has at most as many as a message; the rest is bounded here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.phrase import Listing, Moment, Phrase, Span, Texts
from bot.access.policy import Actor, Refuse
from bot.model.change import Change
from bot.model.request import Answer
from bot.rendering.labels import COMMAND
from bot.rendering.slack import buttons
from bot.rendering.slack import change_buttons as decisions
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import Block, context, escape, section
from bot.rendering.slack.change import asked_by, headline
from bot.rendering.slack.paragraphs import command, fitting
from commands.language.help_text import usage
from commands.model.operation import Operation
from commands.model.report import Report

HOME = "home"
"""First part of the action ids of the buttons on the home tab."""

CHECK = f"{HOME}.check"
"""Action of the button that checks the fleet. The other buttons repeat recent commands."""

RECENT = 5
"""Maximum number of recent commands."""

_BATCH = 6
"""Commands in one section. Six of the longest stay below Slack's limit of 3,000 characters."""

_SECTIONS = 25
"""Maximum sections of commands. Together with all other blocks they stay below Slack's limit of 100."""

_CHANGES = 5
"""Maximum number of pending changes that are shown with buttons."""

_LINES = 2_800
"""Maximum characters of the running changes, below Slack's limit for a section."""

_LANGUAGES = {"ja": Phrase("Japanese"), "en": Phrase("English")}


@dataclass(frozen=True)
class Home:
    """Content of one person's home tab.

    `check` is the last stored check of the fleet, or the refusal if the person may not see it. `waiting` are the changes
    that this person may decide, `running` the running changes that they may see. `working`: a pressed button is in progress.
    """

    actor: Actor
    permitted: Sequence[type[Operation]]
    language: str
    zone: str
    recent: Sequence[str] = ()
    check: Answer | Refuse | None = None
    waiting: Sequence[Change] = ()
    running: Sequence[Change] = ()
    working: bool = False


def home(shown: Home, at: datetime, texts: Texts) -> dict[str, Any]:
    """Renders the home tab at this time."""
    return _view(
        [
            *buttons.row(
                [
                    *_check_now(shown, texts),
                    buttons.button(Phrase("Ask with a form").render(texts), buttons.FORM, "home"),
                ]
            ),
            *_waiting(shown.waiting, texts),
            *_running(shown.running, at, texts),
            *_glance(shown, at, texts),
            *_again(shown.recent, texts),
            *_may(shown.permitted, texts),
            context(_self(shown, texts)),
        ]
    )


def closed_home(reason: Phrase, texts: Texts) -> dict[str, Any]:
    """Renders the home tab of a person who may not use the bot."""
    return _view([_no_entry(reason, texts)])


def _no_entry(reason: Phrase, texts: Texts) -> Block:
    return section(f":no_entry: {escape(reason.render_sentence(texts), 900)}")


def _check_now(shown: Home, texts: Texts) -> list[Block]:
    """Makes the button that checks the fleet; none if the check would be refused."""
    return [] if isinstance(shown.check, Refuse) else [buttons.button(Phrase("Check now").render(texts), CHECK, "now")]


def _view(blocks: Sequence[Block]) -> dict[str, Any]:
    return {"type": "home", "blocks": list(blocks)}


def _glance(shown: Home, at: datetime, texts: Texts) -> Iterator[Block]:
    """Renders the last check with its age, and a note while work is in progress."""
    if shown.working:
        under_way = Phrase("Working on it. The answer comes as a direct message.")
        yield section(f":hourglass_flowing_sand: {escape(under_way.render(texts))}")
    if isinstance(shown.check, Refuse):
        yield _no_entry(shown.check.reason, texts)
        return
    if shown.check is None or not isinstance(shown.check.body, Report):
        yield section(escape(Phrase("No check of the whole fleet is kept. Press the button above for one.").render(texts)))
        return
    yield from (block for block in render(shown.check, texts).blocks if block["type"] == "section")
    taken = shown.check.body.taken_at
    if taken is not None:
        age = Span(max(0.0, round((at - taken).total_seconds())))
        yield context(escape(Phrase("seen {age} ago, at {taken}", age=age, taken=Moment(taken)).render_sentence(texts)))


def _waiting(changes: Sequence[Change], texts: Texts) -> Iterator[Block]:
    """Renders the changes that wait for this person, with the buttons to decide."""
    if changes:
        yield section(f"*{escape(Phrase('Waiting for you').render(texts))}*")
    for change in changes[:_CHANGES]:
        yield section("\n".join([headline(change, texts), command(change.words), asked_by(change, texts)]))
        yield from buttons.row([*decisions.decide(change, texts, HOME), _story(change, texts)])
    if len(changes) > _CHANGES:
        more = Phrase("… and {n} more", n=len(changes) - _CHANGES)
        yield section(f"{escape(more.render(texts))} {command('approval')}")


def _running(changes: Sequence[Change], at: datetime, texts: Texts) -> Iterator[Block]:
    if changes:
        yield section(f"*{escape(Phrase('Running now').render(texts))}*")
        lines = [f"{headline(change, texts, at)} {command(change.words)}" for change in changes]
        yield section("\n".join(fitting(lines, _LINES, texts)))


def _story(change: Change, texts: Texts) -> Block:
    return buttons.asking(Phrase("Details").render(texts), f"{HOME}.story", f"op show {change.operation}")


def _again(recent: Sequence[str], texts: Texts) -> Iterator[Block]:
    row = [{**button, "action_id": f"{HOME}.{number}"} for number, button in enumerate(buttons.runs(recent[:RECENT]))]
    if row:
        yield section(f"*{escape(Phrase('What you asked lately').render(texts))}*")
        yield from buttons.row(row)


def _may(permitted: Sequence[type[Operation]], texts: Texts) -> Iterator[Block]:
    lines = [
        f"`{escape(f'{COMMAND} {_briefly(operation)}', 200)}` — {escape(operation.summary.render(texts), 200)}"
        for operation in permitted
    ]
    if lines:
        yield section(f"*{escape(Phrase('What you may ask for').render(texts))}*")
    for start in range(0, min(len(lines), _BATCH * _SECTIONS), _BATCH):
        yield section("\n".join(lines[start : start + _BATCH]))


def _briefly(operation: type[Operation]) -> str:
    """Renders the usage of an operation without options, which `help` explains."""
    return usage(operation).partition(" [--")[0]


def _self(shown: Home, texts: Texts) -> str:
    roles = Listing(tuple(sorted(shown.actor.roles))) if shown.actor.roles else Phrase("none")
    said = (
        Phrase("Your roles: {roles} ({rule}).", roles=roles, rule=shown.actor.rule),
        Phrase(
            "Language: {language}, time zone: {zone}. Both follow your settings in Slack.",
            language=_LANGUAGES[shown.language],
            zone=shown.zone,
        ),
    )
    return "\n".join(escape(phrase.render_sentence(texts), 500) for phrase in said)
