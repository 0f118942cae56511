"""Buttons below a change. Their values are commands, as they could be typed. Pure."""

from adapters.phrase import Phrase, Texts
from bot.model.change import Change, State
from bot.rendering import change_progress as course
from bot.rendering.labels import COMMAND
from bot.rendering.slack.blocks import Block, plain
from bot.rendering.slack.buttons import FORM, RUN, asking
from commands.model.operation import Risk

_TITLE, _TEXT, _LABEL = 100, 300, 30
"""Slack's limits: characters of a confirmation's title and text, and of its two answers."""


def choices(change: Change, texts: Texts) -> list[Block]:
    """Makes the buttons that the current state allows."""
    operation, stop = change.operation, f"op cancel {change.operation}"
    if change.dry_run:
        return []
    match change.state:
        case State.WAITING:
            return [*decide(change, texts), asking(Phrase("Withdraw").render(texts), f"{RUN}.withdraw", stop)]
        case State.READY:
            return [asking(Phrase("Withdraw").render(texts), f"{RUN}.withdraw", stop), *_review(change, texts)]
        case State.RUNNING if not change.stopping:
            return [_danger(asking(Phrase("Stop").render(texts), f"{RUN}.stop", stop)), *_review(change, texts)]
    going_on = [asking(Phrase("Continue with what is left").render(texts), f"{RUN}.continue", f"op continue {operation}")]
    return [*(going_on if course.left(change) else []), *_review(change, texts)]


def decide(change: Change, texts: Texts, does: str = RUN) -> list[Block]:
    """Makes the buttons to approve (with a confirmation if the change is disruptive) and to deny (with a form)."""
    approve = asking(Phrase("Approve").render(texts), f"{does}.approve", f"approve {change.operation}") | {
        "style": "primary"
    }
    if change.risk >= Risk.DISRUPT:
        approve["confirm"] = _question(change, texts)
    return [approve, _danger(asking(Phrase("Deny").render(texts), f"{FORM}.deny", f"deny {change.operation}"))]


def words(change: Change) -> tuple[str, ...]:
    """Lists the commands that the current state allows, for surfaces without buttons."""
    operation = change.operation
    if change.dry_run:
        return ()
    match change.state:
        case State.WAITING:
            return f"approve {operation}", f'deny {operation} "…"', f"op cancel {operation}"
        case State.READY | State.RUNNING:
            return (f"op cancel {operation}",)
        case State.UNKNOWN:
            return (f'op resolve {operation} "…" --outcome done|undone|failed',)
    return (f"op continue {operation}",) if course.left(change) else ()


def _review(change: Change, texts: Texts) -> list[Block]:
    """Makes the button to the form that reviews a break-glass change."""
    if change.break_glass is None or change.break_glass.reviewed_by or change.state is State.CLOSED:
        return []
    return [asking(Phrase("Review").render(texts), f"{FORM}.review", f"op review {change.operation}")]


def _question(change: Change, texts: Texts) -> Block:
    risk = course.risk(change).render(texts)
    said = [f"{COMMAND} {change.words}", risk, *(phrase.render(texts) for phrase in change.plan.disrupts)]
    return {
        "title": plain(Phrase("Approve this?").render(texts), _TITLE),
        "text": plain(" — ".join(said), _TEXT),
        "confirm": plain(Phrase("Approve").render(texts), _LABEL),
        "deny": plain(Phrase("Not yet").render(texts), _LABEL),
    }


def _danger(button: Block) -> Block:
    return button | {"style": "danger"}
