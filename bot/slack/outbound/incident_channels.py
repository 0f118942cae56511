"""Channels for incidents: channels of our own workspace, created by the bot, public or private.

person ─ a member? ─▶ create ─┬─ created ────────────────────────────▶ not shared? ─▶ invite the person, set the topic
                              ├─ name_taken ─▶ found, created by us ─▶ ↑
                              ├─ invalid_name ─▶ the plain name
                              └─ anything else ─▶ `ChannelNotCreated`, with the fix

A name is taken if an earlier attempt created the channel and its answer was lost; this attempt goes on with it.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from adapters.phrase import Phrase
from bot.incidents.rules.channels import MAX_NAME_LENGTH, ChannelNotCreated, CreatedChannel, NewChannel
from bot.model.request import Membership
from bot.runtime.clock import Clock
from bot.security.untrusted_text import shorten, to_one_line
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure, retry_quickly
from bot.slack.client.payloads import ChannelId
from bot.slack.client.preflight import SlackBotUser
from bot.slack.directory.channels import SHARED_CODE, SHARING_UNKNOWN_CODE, UNSCOPED_CODE, ChannelDirectory
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.routes import ARCHIVED_CODE

PUBLIC_SCOPE, PRIVATE_SCOPE = "channels:manage", "groups:write"
"""Scopes for creating a public and a private channel."""

MAX_TOPIC = 250
"""Maximum characters of a topic; Slack answers `too_long` to more."""

MAX_PAGES = 50
"""Pages of channels that are searched for our own: ten thousand channels."""

NAME_TAKEN_CODE = "name_taken"
INVALID_NAME_CODES = frozenset({"invalid_name", "invalid_name_specials", "invalid_name_punctuation"})
MISSING_SCOPE_CODES = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})
FORBIDDEN_CODES = frozenset(
    {"restricted_action", "user_is_restricted", "user_is_ultra_restricted", "user_is_bot", "cannot_create_channel"}
)
WORKSPACE_FULL_CODES = frozenset({"too_many_convos_for_team", "too_many_convos_for_app_on_team"})
"""Slack's codes for reasons why it does not create a channel."""

_log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")


class _Channel(BaseModel):
    """A channel in Slack's answers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: ChannelId
    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
    creator: str = ""
    is_archived: bool = False
    is_private: bool | None = None


class ChannelCreator:
    """Creates channels in one workspace. Runs in Slack's loop only."""

    def __init__(
        self, api: SlackApi, people: PeopleDirectory, channels: ChannelDirectory, bot: SlackBotUser, clock: Clock
    ) -> None:
        self._api = api
        self._people = people
        self._channels = channels
        self._bot = bot
        self._clock = clock

    async def create(self, new: NewChannel) -> CreatedChannel:
        """As `bot.incidents.rules.channels.IncidentChannels.make_channel`."""
        await self._require_member(new.person)
        try:
            made = await self._create_with_fallback(new)
            await self._retry(lambda: self._channels.check_postable(made.id))
        except SlackFailure as failure:
            _log.warning("a channel could not be created", name=new.name, code=failure.code)
            raise ChannelNotCreated(explain_failure(failure, new)) from failure
        topic = shorten(to_one_line(new.topic), MAX_TOPIC)
        troubles = [
            await self._try(
                lambda: self._api.invite(made.id, new.person),
                explain_uninvited_privately if new.private else explain_uninvited,
                "already_in_channel",
            ),
            await self._try(lambda: self._api.set_topic(made.id, topic), _explain_topic),
        ]
        return CreatedChannel(made.id, made.name, tuple(trouble for trouble in troubles if trouble is not None))

    async def invite(self, channel: str, person: str) -> Phrase | None:
        """As `bot.incidents.rules.channels.IncidentChannels.invite`. Only a full member of the workspace is invited."""
        reader = await self._people.refresh_reader(self._bot.team, person)
        if reader.identity.standing is not Membership.MEMBER:
            return Phrase("{person} is not a member of this workspace, so no invitation was sent", person=person)
        return await self._try(lambda: self._api.invite(channel, person), _explain_invitation, "already_in_channel")

    async def is_private(self, channel: str) -> bool | None:
        """As `IncidentChannels.is_private`. The bot does not see a private channel without it."""
        try:
            conversation = await self._retry(lambda: self._api.get_conversation(channel))
        except SlackFailure as failure:
            _log.info("could not look up whether a channel is private", channel=channel, code=failure.code)
            return None
        private = conversation.get("is_private")
        return private if isinstance(private, bool) else None

    async def _require_member(self, person: str) -> None:
        """Require that the person is a full member now: an invitation must not open the channel to another organization."""
        reader = await self._people.refresh_reader(self._bot.team, person)
        if reader.identity.standing is not Membership.MEMBER:
            raise ChannelNotCreated(
                Phrase(
                    "could not verify with Slack that {person} is a member of this workspace, so no invitation was sent",
                    person=person,
                )
            )

    async def _create_with_fallback(self, new: NewChannel) -> CreatedChannel:
        """Create the channel under its own name, or under the plain one if Slack refuses the letters."""
        try:
            return await self._create_or_find(new.name, private=new.private)
        except SlackFailure as failure:
            if failure.code not in INVALID_NAME_CODES or new.plain == new.name:
                raise
        return await self._create_or_find(new.plain, private=new.private)

    async def _create_or_find(self, name: str, *, private: bool) -> CreatedChannel:
        try:
            created = await self._retry(lambda: self._api.create_channel(name, private=private))
            return _parse_channel(created, private=private)
        except SlackFailure as failure:
            if failure.code != NAME_TAKEN_CODE:
                raise
        return await self._find_own(name, private=private)

    async def _find_own(self, name: str, *, private: bool) -> CreatedChannel:
        """Find the channel of that name that the bot created earlier; raises `name_taken` if there is none."""
        cursor = ""
        for _ in range(MAX_PAGES):
            found, cursor = await self._retry(partial(self._api.list_own_channels, cursor, private=private))
            mine = next((each for each in found if each.get("name") == name and each.get("creator") == self._bot.user), None)
            if mine is not None:
                return _parse_channel(mine, private=private)
            if not cursor:
                break
        raise SlackFailure(NAME_TAKEN_CODE)

    async def _try(
        self, call: Callable[[], Awaitable[None]], trouble: Callable[[SlackFailure], Phrase], done: str = ""
    ) -> Phrase | None:
        """Try a call that the channel can do without; returns the explanation of a failure."""
        try:
            await self._retry(call)
        except SlackFailure as failure:
            return None if failure.code == done else trouble(failure)
        return None

    async def _retry(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Retry a call, while the person waits; all calls here are idempotent."""
        return await retry_quickly(call, self._clock.sleep)


def _parse_channel(channel: Mapping[str, Any], *, private: bool) -> CreatedChannel:
    """Parse a channel of Slack's answer. A public one is not used where a private one was requested."""
    try:
        read = _Channel.model_validate(channel)
    except ValidationError as error:
        raise SlackFailure("protocol", maybe_done=True) from error
    if read.is_archived:
        raise SlackFailure(ARCHIVED_CODE)
    if private and read.is_private is False:
        raise SlackFailure("protocol", maybe_done=True)
    return CreatedChannel(read.id, read.name)


def explain_failure(failure: SlackFailure, new: NewChannel) -> Phrase:
    """Explain why there is no channel, with the fix."""
    name = f"#{new.name}"
    match failure.code:
        case code if code in MISSING_SCOPE_CODES:
            return Phrase(
                "the app cannot create channels. Add the scope {scope} in its settings and reinstall it",
                scope=PRIVATE_SCOPE if new.private else PUBLIC_SCOPE,
            )
        case code if code in FORBIDDEN_CODES:
            return Phrase(
                "this workspace does not allow the app to create channels ({code}). A workspace administrator can allow it",
                code=failure.code,
            )
        case code if code in WORKSPACE_FULL_CODES:
            return Phrase("the workspace has reached its channel limit. Archive some channels")
        case code if code == NAME_TAKEN_CODE:
            return Phrase(
                "channel {name} already exists and was not created by the bot. Run the command again to use another name",
                name=name,
            )
        case code if code == ARCHIVED_CODE:
            return Phrase("channel {name} was created and later archived. Unarchive it", name=name)
        case code if code in (SHARED_CODE, SHARING_UNKNOWN_CODE, UNSCOPED_CODE):
            return Phrase(
                "channel {name} is or may be shared with another organization, so nothing is posted there", name=name
            )
        case _ if failure.maybe_done:
            return Phrase(
                "Slack did not confirm that channel {name} was created ({code}). Check whether it exists",
                name=name,
                code=failure.code,
            )
        case _:
            return Phrase("could not create the channel ({code}). Try again shortly", code=failure.code)


def explain_uninvited(failure: SlackFailure) -> Phrase:
    """Explain why the requester is not in the channel, which is open to all."""
    return Phrase("could not invite you ({code}). Open the channel and join it", code=failure.code)


def explain_uninvited_privately(failure: SlackFailure) -> Phrase:
    """Explain why the requester is not in the private channel, which only the app is in."""
    return Phrase(
        "could not invite you to the private channel ({code}). Check that the app has the scope {scope}",
        code=failure.code,
        scope=PRIVATE_SCOPE,
    )


def _explain_invitation(failure: SlackFailure) -> Phrase:
    return Phrase("could not invite to the channel ({code}). Invite them there by hand", code=failure.code)


def _explain_topic(failure: SlackFailure) -> Phrase:
    return Phrase("could not set the topic ({code}). Set it in the channel", code=failure.code)
