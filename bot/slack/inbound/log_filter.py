"""Filter for the log lines of a stored answer: a button opens a modal, the submitted modal changes the message.

press ─▶ views.open (within the trigger's 3 s), the message and its view stored in the modal
submitted ─ invalid ─▶ the error at its field, in the ack, from memory
          └ valid ───▶ inbox row ─▶ the message shows the lines that match (`bot.slack.answers.views`); no host is asked
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from adapters.phrase import Phrase
from bot.locale.texts import get_texts
from bot.logs.slack.filter_form import CALLBACK_ID, PATTERN_FIELD, build_modal, parse_view
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import AnswerView
from bot.slack.answers.responder import Responder
from bot.slack.answers.views import AnswerViews
from bot.slack.click_payload import Click, build_address
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.payloads import get_object, get_user
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.outbound.message import OutboundMessage
from bot.store.inbox import Delivery
from commands.values.arguments import BadArgument

KIND = "filter"
"""Delivery kind of these rows in the inbox."""

_SECRET_PATTERN = BadArgument(
    Phrase("this looks like a password, token or key and cannot be used as a pattern. Use only a part that is not secret"),
    part="",
)

_log = structlog.get_logger(__name__)


class LogFilterHandler:
    """Opens and reads filters."""

    def __init__(self, responder: Responder, views: AnswerViews, api: SlackApi) -> None:
        self._responder = responder
        self._views = views
        self._api = api

    async def open(self, click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Open the modal for the clicked message. If that fails, return a private message."""
        reader = await self._responder.people.find_reader(click.team, click.user)
        view = AnswerView.from_value(click.value)
        seen = await self._views.find(click, delivery, reader, view)
        if isinstance(seen, SlackMessage):
            return self._views.explain(seen, click, delivery, reader)
        assert view is not None
        note = click.model_copy(update={"trigger": "", "view": None}).model_dump_json(exclude_defaults=True)
        try:
            await self._api.open_view(click.trigger, build_modal(view, note, get_texts(reader.language, reader.zone)))
        except SlackFailure as failure:
            _log.info("a filter could not be opened", code=failure.code)
            late = Phrase("Could not open the filter in time. Press the button again.")
            words = SlackMessage(late.render_sentence(get_texts(reader.language, reader.zone)), ())
            return self._views.explain(words, click, delivery, reader)
        return None

    def is_filter(self, body: Mapping[str, Any]) -> bool:
        """Return whether a form that is being submitted is a filter."""
        return get_object(body, "view").get("callback_id") == CALLBACK_ID

    def find_errors(self, body: Mapping[str, Any]) -> dict[str, str] | None:
        """Return the errors by block; None if the form cannot be read. For the ack: works from memory and never raises."""
        read = _parse_submission(body)
        if read is None:
            return None
        if isinstance(read, Click):
            if not self._holds_secret(read):
                return {}
            read = _SECRET_PATTERN
        language, zone = self._responder.people.recall_language(get_user(body))
        return {PATTERN_FIELD: read.phrase.render_sentence(get_texts(language, zone))}

    def _holds_secret(self, click: Click) -> bool:
        """Return whether redaction would change the pattern in the button or the form; other lines would be shown then."""
        view = AnswerView.from_value(click.value)
        carried = (click.value, "" if view is None else view.pattern)
        return any(self._api.redact(each) != each for each in carried)

    def make_kind(self) -> DeliveryKind:
        """Make the delivery kind of submitted filters: the clicks that opened them, with the view that is asked for."""
        return DeliveryKind(_build_delivery, Click, self._views.show, build_address, comes_again=True)


def _parse_submission(body: Mapping[str, Any]) -> Click | BadArgument | None:
    """Parse the click with the requested view, on behalf of the person who submitted the form; or return the error."""
    view = get_object(body, "view")
    values = get_object(view, "state").get("values")
    try:
        click = Click.model_validate_json(str(view.get("private_metadata") or "{}"))
    except ValidationError:
        return None
    before = AnswerView.from_value(click.value)
    if before is None or not isinstance(values, dict) or click.user != get_user(body):
        return None
    wanted = parse_view(before, values)
    return wanted if isinstance(wanted, BadArgument) else click.model_copy(update={"value": wanted.value})


def _build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """Build the inbox row. Its key is the view's id, so repeated presses of the button submit the form once."""
    click = _parse_submission(body)
    if not isinstance(click, Click):
        return None
    return Delivery(f"view {get_object(body, 'view').get('id')}", KIND, click.model_dump(mode="json"), at)
