"""Clicks, dispatched by the first part of their action id.

show   shows the clicked answer in another view          file   sends the whole answer as a file
filter opens a modal that chooses which of its lines are shown
run    sends words to the dispatcher as if typed there   form   opens the form
home   sends words to the dispatcher, the answer goes to the direct message       command (in the form)   changes the fields
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.access.policy import Refuse
from bot.rendering.slack import buttons
from bot.rendering.slack.buttons import words_in
from bot.rendering.slack.form import BEGUN, COMMAND, Note
from bot.rendering.slack.home import HOME
from bot.slack.answers.exports import Filing
from bot.slack.answers.responder import Answering, Asked
from bot.slack.answers.views import Looking
from bot.slack.click_payload import Click, address_of, click_in, delivery_of
from bot.slack.delivery_kind import Kind
from bot.slack.inbound.form import Forms
from bot.slack.inbound.home_tab import Homes
from bot.slack.inbound.log_filter import Filters
from bot.slack.outbound.message import Address, Letter
from bot.store.inbox import Delivery
from commands.language.form_filling import lacking

ACTIONS = frozenset({buttons.SHOW, buttons.FILE, buttons.FILTER, buttons.RUN, buttons.FORM, HOME, COMMAND})
"""Actions of today's buttons and menus; all others are from another version of the bot."""


def ours(body: Mapping[str, Any]) -> bool:
    """Return whether a click is on a current button or menu."""
    click = click_in(body)
    return click is not None and _action(click) in ACTIONS


@dataclass(frozen=True)
class Rooms:
    """Handlers of clicks."""

    looking: Looking
    filing: Filing
    filters: Filters
    forms: Forms
    homes: Homes


def kind(answering: Answering, rooms: Rooms) -> Kind:
    """Make the delivery kind of clicks."""

    async def run(click: Click, delivery: Delivery) -> Letter:
        asked = Asked(click.team, click.user, click.channel or "", words_in(click.value) or "", _answered(click, delivery))
        return await answering.answer(asked, delivery)

    async def form(click: Click, delivery: Delivery) -> Letter | None:
        """Open the form for the argument that the button's words lack. The dispatcher refuses those without rights."""
        reader = await answering.people.look(click.team, click.user)
        aside, begun = address_of(click, delivery), words_in(click.value) or ""
        rights = answering.desk.rights(reader.identity)
        if begun and (isinstance(rights, Refuse) or lacking(begun, rights.permitted) is None):
            return await answering.answer(Asked(click.team, click.user, click.channel or "", begun, aside), delivery)
        note = Note(
            channel=click.channel or "", response_url=click.response_url, answerable=aside.answerable, begun=begun[:BEGUN]
        )
        return await rooms.forms.open(click.trigger, delivery, reader, aside, note)

    does: Mapping[str, Callable[[Click, Delivery], Awaitable[Letter | None]]] = {
        buttons.SHOW: rooms.looking.show,
        buttons.FILE: rooms.filing.file,
        buttons.FILTER: rooms.filters.open,
        buttons.RUN: run,
        buttons.FORM: form,
        HOME: rooms.homes.pressed,
        COMMAND: rooms.forms.choose,
    }

    async def work(click: Click, delivery: Delivery) -> Letter | None:
        return await does[_action(click)](click, delivery)

    return Kind(delivery_of, Click, work, address_of)


def _action(click: Click) -> str:
    return click.action.partition(".")[0]


def _answered(click: Click, delivery: Delivery) -> Address:
    """Choose where a click is answered: in its thread, in the direct message, else for this person alone.

    A message that has replies is the first of its own thread; it stands in the channel all the same.
    """
    aside = address_of(click, delivery)
    thread = "" if click.thread in (None, click.ts) else click.thread
    if click.private or not click.channel or not (thread or click.channel.startswith("D")):
        return aside
    return aside.model_copy(update={"channel": click.channel, "thread": thread})
