"""Buttons below a change. Their values are commands, as they could be typed. Pure.

A button that decides on this one plan acts at a tap. All others open a form, as everywhere.
"""

from collections.abc import Mapping

from adapters.phrase import Phrase, Texts
from bot.changes.text import progress as change_progress
from bot.model.change import Change, ChangeState
from bot.rendering.slack.blocks import Block, make_plain_text
from bot.rendering.slack.buttons import FORM_ACTION, PLAN_ACTION, RUN_ACTION, fits_button, make_command_button
from bot.rendering.text import COMMAND
from commands.changes.operations import Approve, OperationCancel, OperationContinue
from commands.changes.rehearsal import format_rehearsal_command, group_rehearsal_steps
from commands.language.help import OperationClasses, find_operation
from commands.model.operation import Operation, Risk
from commands.values.normalize import normalize_text

_MAX_TITLE, _MAX_TEXT, _MAX_LABEL = 100, 300, 30
"""Slack's limits: characters of a confirmation's title and text, and of its two answers."""

_RESOLVE_LABELS = {
    "done": Phrase("Report as done"),
    "undone": Phrase("Report as rolled back"),
    "failed": Phrase("Report as failed"),
}
"""Labels by the outcome that `op resolve` takes."""

_MAX_SHOWN_HOSTS = 3
"""Maximum rehearsed hosts that get a button."""

_ROTATION = "ca rotation"
"""Command that shows how far a change of the CA is, and what is next."""


_PLAN_ACTIONS: Mapping[str, type[Operation]] = {
    "approve": Approve,
    "withdraw": OperationCancel,
    "stop": OperationCancel,
    "continue": OperationContinue,
}
"""Second parts of the action ids of buttons that decide on one plan, and the only operation that each of them runs."""


def is_plan_button(action: str, words: str, catalogue: OperationClasses) -> bool:
    """Returns whether a button was made for one plan, and its words decide on it."""
    found = find_operation([token.text for token in normalize_text(words).tokens], catalogue)
    kind, _, part = action.partition(".")
    return kind != PLAN_ACTION and found is not None and found[0] is _PLAN_ACTIONS.get(part)


def make_buttons(change: Change, texts: Texts) -> list[Block]:
    """Makes the buttons that the current state allows, the one to the details after the decisions."""
    if change.dry_run:
        return _make_rehearse_button(change, texts)
    withdraw = make_command_button(
        Phrase("Withdraw").render(texts), f"{RUN_ACTION}.withdraw", f"op cancel {change.operation}"
    )
    details = make_details_button(change, texts)
    match change.state:
        case ChangeState.WAITING:
            return [*make_decision_buttons(change, texts), details, withdraw, *_make_rehearse_button(change, texts)]
        case ChangeState.READY:
            return [withdraw, details, *_make_rehearse_button(change, texts), *_make_review_button(change, texts)]
        case ChangeState.RUNNING if not change.stopping:
            return [_make_stop_button(change, texts), details, *_make_review_button(change, texts)]
    return [
        *make_resolve_buttons(change, texts),
        *make_continue_button(change, texts),
        *_make_review_button(change, texts),
        *_make_host_buttons(change, texts),
        *_make_rotation_button(change, texts),
        details,
    ]


def make_details_button(change: Change, texts: Texts) -> Block:
    """Makes the button that opens the whole plan in a modal."""
    return make_command_button(Phrase("Details").render(texts), f"{PLAN_ACTION}.details", f"op show {change.operation}")


def make_decision_buttons(change: Change, texts: Texts, does: str = RUN_ACTION) -> list[Block]:
    """Makes the buttons to approve and to deny (with a form)."""
    return [
        _make_approve_button(change, texts, does) | {"style": "primary"},
        _style_as_danger(
            make_command_button(Phrase("Deny").render(texts), f"{FORM_ACTION}.deny", f"deny {change.operation}")
        ),
    ]


def list_commands(change: Change) -> tuple[str, ...]:
    """Lists the commands that the current state allows, for surfaces without buttons."""
    operation = change.operation
    if change.dry_run:
        return ()
    match change.state:
        case ChangeState.WAITING:
            typed = " --name …" if change.risk is Risk.CRITICAL else ""
            return f"approve {operation}{typed}", f'deny {operation} "…"', f"op cancel {operation}"
        case ChangeState.READY | ChangeState.RUNNING:
            return (f"op cancel {operation}",)
        case ChangeState.UNKNOWN:
            if change.risk is Risk.CRITICAL:
                return f'op resolve {operation} "…" --outcome undone|failed', f'op confirm {operation} --reason "…"'
            return (f'op resolve {operation} "…" --outcome done|undone|failed',)
    return (
        *((f"op continue {operation}",) if change_progress.has_remaining_hosts(change) else ()),
        *(f"host show {host}" for host in _list_rehearsed_hosts(change)),
        *((_ROTATION,) if _is_round(change) else ()),
    )


def _is_round(change: Change) -> bool:
    """Returns whether a change is an ended round of a change of the CA. Its overview has what is next."""
    return change.state.ended and change.words.startswith(f"{_ROTATION} ")


def _make_rotation_button(change: Change, texts: Texts) -> list[Block]:
    """Makes the button to the overview of the change of the CA, below each of its rounds."""
    label = Phrase("show the CA rotation").render_sentence(texts)
    return [make_command_button(label, f"{RUN_ACTION}.rotation", _ROTATION)] if _is_round(change) else []


def _list_rehearsed_hosts(change: Change) -> tuple[str, ...]:
    """Lists the hosts that an ended change rehearsed; `host show` has the results."""
    ended = change.state.ended and bool(change.results)
    return tuple(group_rehearsal_steps(change.plan))[:_MAX_SHOWN_HOSTS] if ended else ()


def _make_host_buttons(change: Change, texts: Texts) -> list[Block]:
    """Makes a button for each rehearsed host."""
    return [
        make_command_button(
            Phrase("Show {host}", host=host).render(texts), f"{RUN_ACTION}.host.{number}", f"host show {host}"
        )
        for number, host in enumerate(_list_rehearsed_hosts(change))
    ]


def _make_approve_button(change: Change, texts: Texts, does: str) -> Block:
    """Makes the button to approve: a disruptive change is confirmed, a critical one approved in its opened plan."""
    label = Phrase("Approve").render(texts)
    if change.risk is Risk.CRITICAL:
        return make_command_button(label, f"{PLAN_ACTION}.approve", f"op show {change.operation}")
    approve = make_command_button(label, f"{does}.approve", f"approve {change.operation}")
    return approve | {"confirm": _make_confirmation(change, texts)} if change.risk is Risk.DISRUPT else approve


def _make_stop_button(change: Change, texts: Texts) -> Block:
    stop = make_command_button(Phrase("Stop").render(texts), f"{RUN_ACTION}.stop", f"op cancel {change.operation}")
    return _style_as_danger(stop)


def make_resolve_buttons(change: Change, texts: Texts) -> list[Block]:
    """Makes a button for each result that a person can find, to the form for what they saw."""
    if change.state is not ChangeState.UNKNOWN:
        return []
    return [
        make_command_button(label.render(texts), f"{FORM_ACTION}.resolve.{outcome}", _make_resolve_words(change, outcome))
        for outcome, label in _RESOLVE_LABELS.items()
    ]


def _make_resolve_words(change: Change, outcome: str) -> str:
    """Returns the command that reports an outcome: that a critical change was done needs approvals."""
    if change.risk is Risk.CRITICAL and outcome == "done":
        return f"op confirm {change.operation}"
    return f"op resolve {change.operation} --outcome {outcome}"


def make_continue_button(change: Change, texts: Texts) -> list[Block]:
    """Makes the button that requests the change again for the hosts that are not done, with a label that says which."""
    if not change_progress.has_remaining_hosts(change):
        return []
    retried = change_progress.find_retried_host(change)
    label = Phrase("Continue remaining hosts") if retried is None else Phrase("Try {host} again", host=retried)
    return [make_command_button(label.render(texts), f"{RUN_ACTION}.continue", f"op continue {change.operation}")]


def _make_review_button(change: Change, texts: Texts) -> list[Block]:
    """Makes the button to the form that reviews a break-glass change."""
    if change.break_glass is None or change.break_glass.reviewed_by or change.state is ChangeState.CLOSED:
        return []
    return [make_command_button(Phrase("Review").render(texts), f"{FORM_ACTION}.review", f"op review {change.operation}")]


def _make_rehearse_button(change: Change, texts: Texts) -> list[Block]:
    """Makes the button to the form that requests a rehearsal on the hosts that lack one.

    It does not stand beside a decision on a change that interrupts nothing: in an outage it would only delay it.
    """
    words = format_rehearsal_command(change.unrehearsed)
    advised = change.dry_run or change.risk >= Risk.DISRUPT
    if not change.unrehearsed or not advised or not fits_button(words):
        return []
    return [make_command_button(Phrase("Rehearse").render(texts), f"{FORM_ACTION}.rehearse", words)]


def _make_confirmation(change: Change, texts: Texts) -> Block:
    risk = change_progress.describe_risk(change).render(texts)
    said = [f"{COMMAND} {change.words}", risk, *(phrase.render(texts) for phrase in change.plan.disrupts)]
    return {
        "title": make_plain_text(Phrase("Approve this change?").render(texts), _MAX_TITLE),
        "text": make_plain_text(" — ".join(said), _MAX_TEXT),
        "confirm": make_plain_text(Phrase("Approve").render(texts), _MAX_LABEL),
        "deny": make_plain_text(Phrase("Cancel").render(texts), _MAX_LABEL),
    }


def _style_as_danger(button: Block) -> Block:
    return button | {"style": "danger"}
