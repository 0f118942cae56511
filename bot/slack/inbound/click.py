"""Clicks, dispatched by the first part of their action id.

show   shows the clicked answer in another view          file   sends the whole answer as a file
filter opens a modal that chooses which of its lines are shown
run    sends words to the dispatcher as if typed there   form   opens the form   plan   opens the plan of a change
home   sends words to the dispatcher, the answer goes to the direct message       command (in the form)   changes the fields
alert  acknowledges alerts for the chosen time; on a home tab, that shows it

One tap reads, never changes: words that change something open their form, whichever button carries them. Only the buttons
on the card of a change decide at once (`bot.changes.slack.buttons`), and the menu of an alert acknowledges at once
(`bot.alerts.slack.buttons`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.access.policy import Refusal
from bot.alerts.slack.buttons import ALERT_ACTION, is_alert_button
from bot.changes.slack.buttons import is_plan_button
from bot.home.slack import HOME_ACTION
from bot.rendering.slack import buttons
from bot.rendering.slack.buttons import parse_words
from bot.rendering.slack.form import COMMAND_FIELD, FormNote
from bot.slack.answers.exports import AnswerExporter
from bot.slack.answers.responder import IncomingRequest, Responder
from bot.slack.answers.views import AnswerViews
from bot.slack.click_payload import Click, build_address, build_delivery, choose_address, parse_click
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.inbound.form import FormHandler
from bot.slack.inbound.home_tab import HomeTabs
from bot.slack.inbound.log_filter import LogFilterHandler
from bot.slack.inbound.plan import PlanHandler
from bot.slack.outbound.message import OutboundMessage
from bot.store.inbox import Delivery
from commands.language.form_filling import find_form, must_ask_first
from commands.language.help import OperationClasses

_COMMAND_ACTIONS = frozenset({buttons.RUN_ACTION, buttons.FORM_ACTION, buttons.PLAN_ACTION, HOME_ACTION, ALERT_ACTION})
"""Actions of buttons and menus that carry a command."""

ACTIONS = frozenset(
    {
        buttons.SHOW_ACTION,
        buttons.FILE_ACTION,
        buttons.FILTER_ACTION,
        COMMAND_FIELD,
    }
    | _COMMAND_ACTIONS
)
"""Actions of today's buttons and menus; all others are from another version of the bot."""


def is_current(body: Mapping[str, Any]) -> bool:
    """Return whether a click is on a current button or menu."""
    click = parse_click(body)
    return click is not None and _get_action(click) in ACTIONS


@dataclass(frozen=True)
class ClickHandlers:
    """Handlers of clicks."""

    views: AnswerViews
    exporter: AnswerExporter
    filters: LogFilterHandler
    forms: FormHandler
    plans: PlanHandler
    homes: HomeTabs


def make_kind(responder: Responder, rooms: ClickHandlers) -> DeliveryKind:
    """Make the delivery kind of clicks."""

    async def run(click: Click, delivery: Delivery) -> OutboundMessage:
        asked = IncomingRequest(
            click.team, click.user, click.channel or "", parse_words(click.value) or "", choose_address(click, delivery)
        )
        return await responder.answer(asked, delivery)

    async def form(click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Open the form that completes or confirms the button's words. The dispatcher refuses those without rights."""
        reader = await responder.people.find_reader(click.team, click.user)
        aside, begun = build_address(click, delivery), parse_words(click.value) or ""
        rights = responder.dispatcher.find_rights(reader.identity)
        if begun and (isinstance(rights, Refusal) or find_form(begun, rights.permitted) is None):
            return await responder.answer(
                IncomingRequest(click.team, click.user, click.channel or "", begun, aside), delivery
            )
        note = FormNote(
            channel=click.channel or "",
            response_url=click.response_url,
            answerable=aside.answerable,
            thread=aside.aside_thread,
            begun=begun,
        )
        return await rooms.forms.open_or_explain(click.trigger, delivery, reader, aside, note)

    async def acknowledge(click: Click, delivery: Delivery) -> OutboundMessage | None:
        on_tab = not click.channel
        return await (rooms.homes.acknowledge(click, delivery) if on_tab else run(click, delivery))

    does: Mapping[str, Callable[[Click, Delivery], Awaitable[OutboundMessage | None]]] = {
        buttons.SHOW_ACTION: rooms.views.show,
        buttons.FILE_ACTION: rooms.exporter.export,
        buttons.FILTER_ACTION: rooms.filters.open,
        buttons.RUN_ACTION: run,
        buttons.FORM_ACTION: form,
        buttons.PLAN_ACTION: rooms.plans.open,
        HOME_ACTION: rooms.homes.handle_press,
        ALERT_ACTION: acknowledge,
        COMMAND_FIELD: rooms.forms.show_fields,
    }

    async def work(click: Click, delivery: Delivery) -> OutboundMessage | None:
        action = _get_action(click)
        asks = action in _COMMAND_ACTIONS and _must_ask_first(click, responder.dispatcher.known_operations)
        return await (form if asks else does[action])(click, delivery)

    return DeliveryKind(build_delivery, Click, work, build_address)


def _get_action(click: Click) -> str:
    return click.action.partition(".")[0]


def _must_ask_first(click: Click, catalogue: OperationClasses) -> bool:
    """Return whether the words change something, and the element was made neither for one plan nor for alerts."""
    words = parse_words(click.value) or ""
    made_for_it = is_plan_button(click.action, words, catalogue) or is_alert_button(click.action, words, catalogue)
    return must_ask_first(words, catalogue) and not made_for_it
