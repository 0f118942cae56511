"""Words about alerts: in the thread of the alert's message, where they notify people, or directly to people.

    below a message ─▶ a reply with mentions ─▶ people who are mentioned and not in the channel get it directly, too
    to a person, or to a user group ─▶ each person once, at most `MAX_PEOPLE`

A mention notifies members of its channel only, and a page that reaches no person is worse than one too many.
"""

from collections.abc import Sequence

import structlog

from bot.model.alert_notice import AlertWord
from bot.model.announcement import Announcement
from bot.model.request import Membership
from bot.rendering.slack.alert import render_for_person, render_word
from bot.slack.answers.responder import localize
from bot.slack.directory.audience import Audience
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.payload_types import GROUP_PREFIX, USER_ID_PREFIXES
from bot.store.outbox_values import REPLY_MARK

MAX_PEOPLE = 20
"""People who get one word directly. More are named in the log: so many are not called at night for one alert."""

_log = structlog.get_logger(__name__)


class AlertWords:
    """Posts words about alerts in one workspace. Runs in Slack's loop only."""

    def __init__(self, team: str, people: PeopleDirectory, audience: Audience, sender: Sender) -> None:
        self._team = team
        self._people = people
        self._audience = audience
        self._sender = sender

    async def post(self, announcement: Announcement, word: AlertWord, address: Address) -> None:
        """Post a word once, by the name of its announcement. `address` is that of its channel."""
        if announcement.channel.startswith((GROUP_PREFIX, *USER_ID_PREFIXES)):
            await self._send_directly(announcement.name, word, await self._audience.expand([announcement.channel]))
            return
        if not await self._sender.is_queued(announcement.name):
            thread = await self._find_thread(announcement, address)
            await self._sender.add(announcement.name, thread, render_word(word, address.texts))
        mentioned = await self._audience.expand(word.mentions)
        absent = await self._audience.find_absent(mentioned, announcement.channel)
        await self._send_directly(announcement.name, word, absent)

    async def _find_thread(self, announcement: Announcement, address: Address) -> Address:
        row = await self._sender.find_row(announcement.below) if announcement.below else 0
        return address.model_copy(update={"below": row}) if row else address

    async def _send_directly(self, name: str, word: AlertWord, people: Sequence[str]) -> None:
        """Send a word to each of these people who is in the workspace, once."""
        if len(people) > MAX_PEOPLE:
            _log.error("too many people to notify of an alert; some are not", message=name, users=people[MAX_PEOPLE:])
        for user in people[:MAX_PEOPLE]:
            reader = await self._people.find_reader(self._team, user)
            if reader.identity.standing in (Membership.GUEST, Membership.STRANGER):
                _log.warning("a person outside of the workspace is not notified of an alert", user=user, message=name)
                continue
            own = f"{name}{REPLY_MARK}{user}"
            if not await self._sender.is_queued(own):
                address = localize(reader, Address(channel=user, urgent=True))
                await self._sender.add(own, address, render_for_person(word, address.texts))
