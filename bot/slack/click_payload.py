"""A click: from Slack's payload to an inbox row. The payload is untrusted until it is parsed here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bot.slack.client.payloads import (
    ChannelId,
    ResponseUrl,
    TeamId,
    Timestamp,
    UserId,
    Words,
    get_object,
    get_team,
    hash_payload,
    is_direct_message,
    parse_trigger,
)
from bot.slack.outbound.message import RESPONSE_URL_LIFETIME, Address
from bot.store.inbox import Delivery

KIND = "click"
"""Delivery kind of clicks in the inbox."""


class ClickedView(BaseModel):
    """The modal that was clicked in; `note` is the bot's own private metadata."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: Annotated[str, StringConstraints(pattern=r"^V[A-Z0-9]{1,40}$")]
    hash: Annotated[str, StringConstraints(max_length=200)]
    note: Annotated[str, StringConstraints(max_length=3_000)]


class Click(BaseModel):
    """A click in a message (`private`: visible to this person only) or in a modal.

    `action` is the button's action id, `value` the button's value or the chosen option.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    team: TeamId
    user: UserId
    channel: ChannelId | None = None
    ts: Timestamp | None = None
    thread: Timestamp | None = None
    private: bool = False
    response_url: ResponseUrl = ""
    trigger: str = ""
    action: Annotated[str, StringConstraints(max_length=255)]
    value: Words = ""
    view: ClickedView | None = None


def parse_click(body: Mapping[str, Any]) -> Click | None:
    """Parse a payload; None if it does not name the person and the action."""
    user, place, view = get_object(body, "user"), get_object(body, "container"), get_object(body, "view")
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    chosen = action.get("selected_option")
    try:
        return Click.model_validate(
            {
                "team": get_team(body),
                "user": user.get("id"),
                "channel": get_object(body, "channel").get("id"),
                "ts": place.get("message_ts"),
                "thread": place.get("thread_ts"),
                "private": place.get("is_ephemeral") is True,
                "response_url": body.get("response_url") or "",
                "trigger": parse_trigger(body),
                "action": action.get("action_id"),
                "value": (chosen.get("value") if isinstance(chosen, dict) else action.get("value")) or "",
                "view": _list_view_fields(view) if view else None,
            }
        )
    except ValidationError:
        return None


def build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    """Build the inbox row. Its key is the trigger id, which Slack creates for each click."""
    click = parse_click(body)
    if click is None:
        return None
    payload = click.model_dump()
    return Delivery(key=click.trigger or hash_payload(payload), kind=KIND, payload=payload, received_at=at)


def build_address(click: Click, delivery: Delivery) -> Address:
    """Build the address of a private answer at the place of the click."""
    return build_private_address(click).model_copy(update={"answerable": delivery.received_at + RESPONSE_URL_LIFETIME})


def build_private_address(click: Click) -> Address:
    """Build the address of a private message at the place of the click.

    A response_url knows no threads, so a message for a thread goes there by itself first.
    """
    thread = find_thread(click)
    aside = {"aside": click.channel or "", "aside_thread": thread} if thread else {}
    return Address(response_url=click.response_url, user=click.user, **aside)


def find_thread(click: Click) -> str:
    """Return the thread of the clicked message, "" outside of threads.

    A message that has replies is the first of its own thread, but still a message of the channel.
    """
    return "" if click.thread is None or click.thread == click.ts else click.thread


def choose_address(click: Click, delivery: Delivery) -> Address:
    """Choose where a click is answered: in its thread, in the direct message, else for this person alone."""
    aside, thread = build_address(click, delivery), find_thread(click)
    if click.private or not click.channel or not (thread or is_direct_message(click.channel)):
        return aside
    return aside.model_copy(update={"channel": click.channel, "thread": thread})


def _list_view_fields(view: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"id": view.get("id"), "hash": view.get("hash"), "note": view.get("private_metadata") or ""}
