"""Explains why a message takes another route than intended, in the reader's language. Pure."""

from datetime import timedelta

from adapters.phrase import Phrase, Span
from bot.slack.directory.channels import ABSENT_CODES, SHARED_CODE, SHARING_UNKNOWN_CODE, UNSCOPED_CODE
from bot.slack.errors import SlackFailure
from bot.slack.outbound.message import Address, escape_foreign
from bot.slack.outbound.simplify import SIMPLIFIABLE_CODES
from bot.slack.payload_types import is_direct_message
from bot.slack.scopes import GROUP_MESSAGE_SCOPE
from bot.store.outbox_values import MessagePlace

UNEDITABLE_CODES = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Slack's codes for a message that can no longer be edited: it is posted anew."""

ARCHIVED_CODE = "is_archived"
"""Slack's code for an archived channel, which accepts neither messages nor invitations."""


RESTRICTED_CODES = frozenset(
    {
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
    }
)
"""Slack's codes for a channel where only some people may post."""


MAX_OUTAGE = timedelta(hours=1)
"""Time for which a channel is tried before an announcement goes elsewhere: Slack's outages are rarely longer."""


class RouteExhausted(SlackFailure):
    """A route was tried for as long as it is worth; `code` is the last transient failure."""


def is_lost_elsewhere(failure: SlackFailure, place: MessagePlace, address: Address) -> bool:
    """Return whether nothing more can be posted where a message went once, though its own channel may take it."""
    return place.channel != address.channel and not failure.passing and failure.code not in SIMPLIFIABLE_CODES


def explain_reroute(failure: SlackFailure, address: Address, name: str) -> str:
    """Explain why the first route refused; `name` is the bot's own name in Slack."""
    invite = f"/invite @{escape_foreign(name)}"
    return address.render(
        _explain_unsolicited(failure, address, invite) if address.unsolicited else _explain_answer(failure, address, invite)
    )


def _explain_unsolicited(failure: SlackFailure, address: Address, invite: str) -> Phrase:
    """Explain an announcement's route to readers who can fix the cause."""
    if failure.code == ARCHIVED_CODE:
        return Phrase(
            "Intended for {channel}, which is archived. Unarchive it in Slack, or set another channel under [notices] in "
            "the configuration.",
            channel=address.channel,
        )
    if failure.code in RESTRICTED_CODES:
        return Phrase(
            "Intended for {channel}, where only some people may post ({code}). A channel manager can allow the app to post "
            "there, or set another channel under [notices] in the configuration.",
            channel=address.channel,
            code=failure.code,
        )
    if isinstance(failure, RouteExhausted):
        return Phrase(
            "Intended for {channel}. Slack did not accept posts there for more than {time} ({code}). This is temporary: "
            "later messages will go there again.",
            channel=address.channel,
            time=Span(MAX_OUTAGE.total_seconds()),
            code=failure.code,
        )
    return Phrase(
        "Intended for {channel}, which did not accept it ({code}). Type {command} there, or set another channel under "
        "[notices] in the configuration.",
        channel=address.channel,
        code=failure.code,
        command=invite,
    )


def _explain_answer(failure: SlackFailure, address: Address, invite: str) -> Phrase:
    """Explain an answer's route to the requester, who gets it alone."""
    if not address.channel:
        return Phrase("Sent as a direct message because replies are no longer possible there.")
    if failure.code in ABSENT_CODES and is_direct_message(address.channel):
        return Phrase("Only visible to you: the bot is not part of that direct message.")
    if failure.code == UNSCOPED_CODE:
        return Phrase(
            "Only visible to you: to post in group direct messages, the app needs the scope {scope}. An administrator can "
            "add it in the app settings and reinstall the app.",
            scope=GROUP_MESSAGE_SCOPE,
        )
    if failure.code in ABSENT_CODES:
        return Phrase(
            "Only visible to you: the bot is not in that channel. To share results with everyone, type {command} there.",
            command=invite,
        )
    if failure.code in RESTRICTED_CODES:
        return Phrase(
            "Only visible to you: only some people may post in that channel ({code}). A channel manager can allow the app "
            "to post there.",
            code=failure.code,
        )
    if failure.code in UNEDITABLE_CODES:
        return Phrase("Only visible to you: the message you clicked no longer exists.")
    if failure.code == SHARED_CODE:
        return Phrase("Only visible to you: that channel is shared with another organization.")
    if failure.code == SHARING_UNKNOWN_CODE:
        return Phrase("Only visible to you: could not check whether that channel is shared with another organization.")
    return Phrase("Only visible to you: Slack rejected the message in that channel ({code}).", code=failure.code)
