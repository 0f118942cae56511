"""The plan of a change in a modal, in which it can be approved.

press ─▶ `op show`, as if typed ─┬─ refused, or the trigger has expired ─▶ the answer as a private message
                                 └─ views.open (within the trigger's 3 s); what does not fit, as a file
submitted ─▶ inbox row ─▶ `approve`, as if typed where the button was pressed; a home tab is refreshed

Handling `op show` also records that this person opened the plan, which the approval of a critical change requires.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from bot.answers.slack import render
from bot.changes.slack.details import CALLBACK_ID, build_modal, parse_name
from bot.changes.text.details import write_details
from bot.model.change import Change, ChangeState
from bot.model.request import Answer, Request, Surface
from bot.rendering.slack.buttons import encode_words, parse_words
from bot.slack.answers.responder import IncomingRequest, Responder, localize
from bot.slack.click_payload import Click, build_address, choose_address
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import get_object, get_user
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, OutboundMessage
from bot.slack.tasks import retry_write
from bot.store.answers import StoredAnswer
from bot.store.inbox import Delivery
from commands.values.normalize import quote

KIND = "plan"
"""Delivery kind of these rows in the inbox."""

_log = structlog.get_logger(__name__)


class PlanHandler:
    """Opens plans, and takes the approvals given in them."""

    def __init__(self, responder: Responder, api: SlackApi, refresh_home: Callable[[str, str], None]) -> None:
        self._responder = responder
        self._api = api
        self._refresh_home = refresh_home

    async def open(self, click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Open the modal. If that fails, return the plan, or the refusal, as a private message."""
        reader = await self._responder.people.find_reader(click.team, click.user)
        answer = await self._responder.dispatcher.handle(_make_request(click, delivery, reader))
        aside = localize(reader, build_address(click, delivery))
        if isinstance(answer.body, Change) and await self._try_open(answer, answer.body, click, aside):
            return None
        return OutboundMessage(answer.operation, aside, render(answer, aside.texts))

    def is_plan(self, body: Mapping[str, Any]) -> bool:
        """Return whether a form that is being submitted is a plan."""
        return get_object(body, "view").get("callback_id") == CALLBACK_ID

    def find_errors(self, body: Mapping[str, Any]) -> dict[str, str] | None:
        """Return no errors; None if the form cannot be read. For the ack: works from memory and never raises."""
        return None if _parse_submission(body) is None else {}

    def make_kind(self) -> DeliveryKind:
        """Make the delivery kind of approvals: the clicks that opened the plans, with the words to run."""

        async def work(click: Click, delivery: Delivery) -> OutboundMessage:
            words, goal = parse_words(click.value) or "", choose_address(click, delivery)
            asked = IncomingRequest(click.team, click.user, click.channel or "", words, goal)
            try:
                return await self._responder.answer(asked, delivery)
            finally:
                if not click.channel:
                    self._refresh_home(click.team, click.user)

        return DeliveryKind(_build_delivery, Click, work, build_address, comes_again=True)

    async def _try_open(self, answer: Answer, change: Change, click: Click, aside: Address) -> bool:
        note = click.model_copy(update={"trigger": "", "view": None, "value": encode_words(f"approve {change.operation}")})
        reader = await self._responder.people.find_reader(click.team, click.user)
        decides = self._may_approve(reader, change)
        plan = build_modal(change, aside.texts, note.model_dump_json(exclude_defaults=True) if decides else "")
        try:
            await self._api.open_view(click.trigger, plan.view)
        except SlackFailure as failure:
            _log.info("a plan could not be opened", code=failure.code)
            return False
        if plan.left_out:
            await self._send_file(answer, change, click, aside)
        return True

    def _may_approve(self, reader: Reader, change: Change) -> bool:
        """Return whether this person can still approve the change; their decision is judged again."""
        if change.approval is None or change.state is not ChangeState.WAITING:
            return False
        approved = any(review.mention == reader.identity.user for review in change.approval.reviews)
        return not approved and self._responder.dispatcher.may_decide(reader.identity, change)

    async def _send_file(self, answer: Answer, change: Change, click: Click, aside: Address) -> None:
        """Send the whole plan to the person as a file. The stored row, by which the file expires, has no answer."""
        row = StoredAnswer(answer.operation, click.user, answer.understood, self._responder.clock.now(), "{}")
        await retry_write(lambda: self._responder.answers.store(row), self._responder.clock.sleep)
        files, direct = (write_details(change, aside.texts),), aside.model_copy(update={"user": click.user})
        await self._responder.uploads.send_directly(answer.operation, files, answer.understood, direct)


def _make_request(click: Click, delivery: Delivery, reader: Reader) -> Request:
    return Request(
        key=delivery.key,
        identity=reader.identity,
        text=parse_words(click.value) or "",
        surface=Surface.SLACK,
        at=delivery.received_at,
        channel=click.channel or "",
        zone=reader.zone,
        attempt=delivery.attempts,
    )


def _parse_submission(body: Mapping[str, Any]) -> Click | None:
    """Parse the click that opened the plan, on behalf of the person who submitted it."""
    try:
        click = Click.model_validate_json(str(get_object(body, "view").get("private_metadata") or "{}"))
    except ValidationError:
        return None
    return click if click.user == get_user(body) and parse_words(click.value) else None


def _build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """Build the inbox row. Its key is the view's id, so repeated presses of the button approve once."""
    click = _parse_submission(body)
    if click is None:
        return None
    name = parse_name(get_object(get_object(body, "view"), "state").get("values"))
    if name:
        words = f"{parse_words(click.value)} --name {quote(name)}"
        click = click.model_copy(update={"value": encode_words(words)})
    return Delivery(f"view {get_object(body, 'view').get('id')}", KIND, click.model_dump(mode="json"), at)
