"""Explains why a message takes another route than intended, in the reader's language. Pure."""

from datetime import timedelta

from adapters.phrase import Phrase, Span
from bot.slack.api import SlackFailure
from bot.slack.directory.channels import ABSENT, SHARED, UNKNOWN
from bot.slack.outbound.message import Address, foreign
from bot.slack.outbound.simplify import TOO_MUCH
from bot.store.outbox import Place

UNEDITABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Slack's codes for a message that can no longer be edited: it is posted anew."""

ARCHIVED = "is_archived"
"""Slack's code for an archived channel, which accepts neither messages nor invitations."""


OUTAGE = timedelta(hours=1)
"""Time for which a channel is tried before an announcement goes elsewhere: Slack's outages are rarely longer."""


class Unanswered(SlackFailure):
    """A route was tried for as long as it is worth; `code` is the last transient failure."""


def lost_elsewhere(failure: SlackFailure, place: Place, address: Address) -> bool:
    """Return whether nothing more can be posted where a message went once, though its own channel may take it."""
    return place.channel != address.channel and not failure.passing and failure.code not in TOO_MUCH


def why_elsewhere(failure: SlackFailure, address: Address, name: str) -> str:
    """Explain why the first route refused; `name` is the bot's own name in Slack."""
    invite = f"/invite @{foreign(name)}"
    return address.say(_unasked(failure, address, invite) if address.unasked else _answer(failure, address, invite))


def _unasked(failure: SlackFailure, address: Address, invite: str) -> Phrase:
    """Explain an announcement's route to readers who can fix the cause."""
    if failure.code == ARCHIVED:
        return Phrase(
            "This was meant for the channel {channel}, which is archived; "
            "unarchive it in Slack, or name another one under [notices] in the configuration.",
            channel=address.channel,
        )
    if isinstance(failure, Unanswered):
        return Phrase(
            "This was meant for the channel {channel}; Slack took nothing there for more than {time} ({code}). "
            "That passes by itself: what comes next goes there again.",
            channel=address.channel,
            time=Span(OUTAGE.total_seconds()),
            code=failure.code,
        )
    return Phrase(
        "This was meant for the channel {channel}, which did not take it ({code}); "
        "type {command} there, or name another one under [notices] in the configuration.",
        channel=address.channel,
        code=failure.code,
        command=invite,
    )


def _answer(failure: SlackFailure, address: Address, invite: str) -> Phrase:
    """Explain an answer's route to the requester, who gets it alone."""
    if not address.channel:
        return Phrase("Sent as a direct message: the place where you asked no longer takes answers.")
    if failure.code in ABSENT:
        return Phrase(
            "Only you see this: the bot is not in that channel. Type {command} there to have answers shown to all.",
            command=invite,
        )
    if failure.code in UNEDITABLE:
        return Phrase("Only you see this: the message that you clicked is no longer there.")
    if failure.code == SHARED:
        return Phrase("Only you see this: that channel is shared with another organisation.")
    if failure.code == UNKNOWN:
        return Phrase("Only you see this: Slack does not say whether that channel is shared with another organisation.")
    return Phrase("Only you see this: Slack refused the message in that channel ({code}).", code=failure.code)
