"""Values of the outbox: messages, their states, and how long each kind is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

RETENTION = timedelta(days=7)
"""Retention of an ended message."""

CARD_PREFIX = "card:"
"""Prefix of the operations of cards. Cards are still edited when other messages are long deleted."""

CARD_RETENTION = timedelta(days=90)
"""Retention of a card. An unknown outcome or a pending review may last over holidays."""

ALERT_PREFIX = "alert-"
"""Prefix of the operations of alerts. Their messages overtake others, and are edited until their alerts are resolved."""

ALERT_RETENTION = timedelta(days=400)
"""Retention of an alert's message. The alert of a CA fires 180 days before it expires, and it may stay expired for long."""

INCIDENT_PREFIX = "incident-"
"""Prefix of the operations of incidents. Their messages are edited until they are resolved, and kept as those of alerts."""

REPLY_MARK = ":"
"""Mark between the operation of a message of an alert or incident and the rest of the name of what follows from it. No such
message has it in its name.
"""


class Route(StrEnum):
    """Route of a message: a new message, an edit of one, or an answer through a response_url."""

    POST = "post"
    UPDATE = "update"
    RESPOND = "respond"


class PostState(StrEnum):
    """State of a message. The module's docstring draws the transitions."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"


OPEN_STATES = (PostState.WAITING, PostState.SENDING)
"""States of messages that have not ended."""


@dataclass(frozen=True)
class Post:
    """One message for Slack.

    `conversation` is the ordering key: a channel, `channel:thread`, or a response_url. `address` holds what the route needs
    (channel, thread_ts, ts, user, response_url), and after sending also `landed`, if that is another channel than intended.
    `message` is JSON of at most 64 kB (text, blocks). `ts` is Slack's id of the sent message. `maybe_sent`: an earlier
    attempt may have arrived, so a retry is marked as one. The outbox assigns the fields from `id` on.
    """

    operation: str
    conversation: str
    road: Route
    address: Mapping[str, Any]
    message: Mapping[str, Any]
    made_at: datetime
    next_try_at: datetime | None = None
    """Earliest time to send; None means at once."""
    id: int = 0
    state: PostState = PostState.WAITING
    attempts: int = 0
    maybe_sent: bool = False
    why: str = ""
    ts: str = ""


@dataclass(frozen=True)
class MessagePlace:
    """Place of a public message: its channel, perhaps another than intended, and Slack's id of the message.

    `ts` is "" if the message has no place: it was undeliverable or went to people privately, and cannot be edited.
    """

    channel: str = ""
    ts: str = ""


NO_MESSAGE_PLACE = MessagePlace()


@dataclass(frozen=True)
class DuePosts:
    """Messages that are due, oldest first, and the time at which the next one is due; None if there is none."""

    due: tuple[Post, ...]
    next_at: datetime | None
