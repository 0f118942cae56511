"""Announcements in channels: posted once, edited from then on, with their files in their thread.

announce ─ in the outbox already? ─ no ─▶ the answer is stored (for its buttons) ─▶ row ─▶ its files, once it is posted
revise   ─▶ an edit of that row, and a note in its thread, in the channel where it was posted
alerts   ─▶ a message that waits is rewritten, and words that wait are withdrawn: after an outage of Slack they
            notify people only of what is still open

Words about alerts: in the thread of the alert's message, where they notify people, or directly to people.

    below a message ─▶ a reply with mentions ─▶ people who are mentioned and not in the channel get it directly, too
    to a person, or to a user group ─▶ each person once, at most `MAX_PEOPLE`

A mention notifies members of its channel only, and a page that reaches no person is worse than one too many.

Messages about incidents: the status in the channel, and entries of the timeline as replies to it.

post   the status, pinned; where the channel rejects it, it goes the way of other announcements
edit   a waiting message is rewritten; a posted one is edited, or posted anew and pinned if a person deleted it
reply  below the status, without what everyone in the channel has read as an answer there

Edits and replies say what the timeline keeps. So they never go to another channel or to people: while the channel is
archived, or shared with another organization, they are dropped, and the next edit shows the newest state.
"""

import asyncio
import hashlib
from collections.abc import Sequence

import structlog

from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.alerts.slack import message as alert
from bot.alerts.slack.message import render_for_person, render_word
from bot.answers.data import remove_files, write_public_files
from bot.answers.slack import render
from bot.incidents.slack.messages import render_reply, render_status
from bot.model.alert_notice import AlertNotice, AlertWord
from bot.model.announcement import Announcement, AnnouncementBody, DeliveryStage, PlainWord
from bot.model.incident_notice import IncidentNotice, IncidentReply
from bot.model.request import Answer, Membership
from bot.rendering.slack.blocks import MAX_TEXT, SlackMessage, escape
from bot.slack.answers.responder import Responder, localize
from bot.slack.client.payloads import GROUP_PREFIX, USER_ID_PREFIXES
from bot.slack.directory.audience import Audience
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import Address, add_notes, render_notes
from bot.slack.outbound.sender import Sender
from bot.slack.tasks import retry_write
from bot.store.answers import StoredAnswer
from bot.store.outbox_values import NO_MESSAGE_PLACE, REPLY_MARK

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


class IncidentMessages:
    """Posts messages about incidents in one workspace. Runs in Slack's loop only."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def post(self, announcement: Announcement, notice: IncidentNotice, address: Address) -> None:
        """Post the status once, by the name of its announcement. `address` is that of its channel."""
        if not await self._sender.is_queued(announcement.name):
            pinned = address.model_copy(update={"pinned": True})
            await self._sender.add(announcement.name, pinned, render_status(notice, address.texts))

    async def edit(self, announcement: Announcement, notice: IncidentNotice, address: Address) -> None:
        """Bring the status up to date. Nothing happens where it was never announced."""
        message = render_status(notice, address.texts)
        waiting = await self._sender.find_waiting(announcement.name)
        if waiting and await self._sender.rewrite(waiting, message):
            return
        if row := await self._sender.find_row(announcement.name):
            await self._sender.add(announcement.name, _stay(address, replaces=row, pinned=True), message)

    async def reply(self, announcement: Announcement, reply: IncidentReply, address: Address) -> None:
        """Post entries below the status once, unless all of them are answers in the channel."""
        if await self._sender.is_queued(announcement.name):
            return
        said = {each for each in reply.operations if await self._sender.is_posted_in(each, announcement.channel)}
        left = reply.leave_out(said)
        if left.lines:
            below = _stay(address, below=await self._sender.find_row(announcement.below))
            await self._sender.add(announcement.name, below, render_reply(left, address.texts))


def _stay(address: Address, *, replaces: int = 0, below: int = 0, pinned: bool = False) -> Address:
    """Return the address of a message that other routes do not get."""
    alone = {"second": "", "people": (), "dispensable": True}
    return address.model_copy(update={**alone, "replaces": replaces, "below": below, "pinned": pinned})


class AnnouncementPublisher:
    """Publishes announcements in one workspace. Runs in Slack's loop only."""

    def __init__(self, responder: Responder, words: AlertWords) -> None:
        self._dispatcher, self._people, self._sender = responder.dispatcher, responder.people, responder.sender
        self._pictures, self._cache = responder.pictures, responder.cache
        self._clock, self._threads = responder.clock, responder.threads
        self._words = words
        self._incidents = IncidentMessages(responder.sender)

    async def announce(self, announcement: Announcement) -> None:
        """As `bot.model.announcement.Announcer`."""
        address, body = self._build_address(announcement), announcement.body
        match body:
            case AlertWord():
                await retry_write(lambda: self._words.post(announcement, body, address), self._clock.sleep)
                return
            case IncidentNotice():
                await retry_write(lambda: self._incidents.post(announcement, body, address), self._clock.sleep)
                return
            case IncidentReply():
                await retry_write(lambda: self._incidents.reply(announcement, body, address), self._clock.sleep)
                return
        if not await self._is_queued(announcement.name):
            await self._store_answer(announcement)
            await self._queue(announcement, await self._put_below(announcement, address))
        if not isinstance(body, Answer):
            return
        if files := await asyncio.to_thread(write_public_files, body, address.texts):
            await self._threads.show(announcement.name, announcement.channel, files)

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Direct messages cannot be edited: their recipients get the note alone."""
        if not await self._is_queued(announcement.name):
            return
        row = await retry_write(lambda: self._sender.find_row(announcement.name), self._clock.sleep)
        address = self._build_address(announcement)
        body = announcement.body
        if isinstance(body, AlertNotice):
            await self._edit_alert(announcement, row, address)
        elif isinstance(body, IncidentNotice):
            await retry_write(lambda: self._incidents.edit(announcement, body, address), self._clock.sleep)
        elif row:
            await self._queue(announcement, address.model_copy(update={"replaces": row}))
        if word is None:
            return
        said = SlackMessage(escape(address.render(word), 900), ())
        name = f"{announcement.name}:{hashlib.sha256(str(word).encode()).hexdigest()[:8]}"
        if not await self._is_queued(name):
            below = address.model_copy(update={"below": row}) if row else address
            await retry_write(lambda: self._sender.add(name, below, said), self._clock.sleep)

    async def find_delivery(self, name: str) -> DeliveryStage:
        """As `bot.model.announcement.AlertAnnouncer`."""
        if not await self._is_queued(name):
            return DeliveryStage.ABSENT
        waiting = await retry_write(lambda: self._sender.find_waiting(name), self._clock.sleep)
        return DeliveryStage.WAITING if waiting else DeliveryStage.BEGUN

    async def withdraw(self, prefix: str) -> int:
        """As `bot.model.announcement.AlertAnnouncer`."""
        return await retry_write(lambda: self._sender.withdraw(prefix), self._clock.sleep)

    async def _edit_alert(self, announcement: Announcement, row: int, address: Address) -> None:
        """Edit a message about alerts, or rewrite it if it waits. One that only people got directly stays as it is.

        An edit of the latter would be a new message for each of them. They get the words.
        """
        waiting = await retry_write(lambda: self._sender.find_waiting(announcement.name), self._clock.sleep)
        message = await self._render(announcement.body, address)
        if waiting and await retry_write(lambda: self._sender.rewrite(waiting, message), self._clock.sleep):
            return
        if row and await retry_write(lambda: self._sender.find_place(row), self._clock.sleep) != NO_MESSAGE_PLACE:
            await self._queue(announcement, address.model_copy(update={"replaces": row}))

    async def _queue(self, announcement: Announcement, address: Address) -> None:
        message = add_notes(await self._render(announcement.body, address), *render_notes(announcement.notes, address))
        await retry_write(lambda: self._sender.add(announcement.name, address, message), self._clock.sleep)

    async def _render(self, body: AnnouncementBody, address: Address) -> SlackMessage:
        match body:
            case AlertNotice():
                return alert.render(body, address.texts)
            case AlertWord():
                return alert.render_word(body, address.texts)
            case PlainWord():
                return SlackMessage(escape(body.phrase.render_sentence(address.texts), MAX_TEXT), ())
            case IncidentNotice():
                return render_status(body, address.texts)
            case IncidentReply():
                return render_reply(body, address.texts)
        return render(body, address.texts, await self._pictures.build_first_view(body, address))

    async def _put_below(self, announcement: Announcement, address: Address) -> Address:
        """Put a message into the thread of another one, if it has one."""
        if not announcement.below:
            return address
        row = await retry_write(lambda: self._sender.find_row(announcement.below), self._clock.sleep)
        return address.model_copy(update={"below": row}) if row else address

    async def _is_queued(self, name: str) -> bool:
        return await retry_write(lambda: self._sender.is_queued(name), self._clock.sleep)

    def _build_address(self, announcement: Announcement) -> Address:
        """Build the address: its channel, or a person, and their language, else the fallback channel and people."""
        fallback, channel = self._dispatcher.fallback, announcement.channel
        personal = channel.startswith(USER_ID_PREFIXES)
        language, zone = (self._people.recall_language if personal else self._people.get_channel_language)(channel)
        second = fallback.channel if channel and fallback.channel != channel and not announcement.private else ""
        urgent = isinstance(announcement.body, AlertNotice | AlertWord)
        return Address(
            channel=channel, second=second, people=fallback.people, urgent=urgent, language=language, zone=zone.key
        )

    async def _store_answer(self, announcement: Announcement) -> None:
        """Store a report with its notes, so that buttons can show more of it."""
        answer = announcement.body
        if not isinstance(answer, Answer):
            return
        whole, now = remove_files(answer).model_copy(update={"notes": announcement.notes}), self._clock.now()
        await self._cache.store(
            whole, lambda document: StoredAnswer(announcement.name, BOT_ACTOR_NAME, answer.understood, now, document)
        )
