"""Announcements in channels: posted once, edited from then on, with their files in their thread.

announce ─ in the outbox already? ─ no ─▶ the answer is stored (for its buttons) ─▶ row ─▶ its files, once it is posted
revise   ─▶ an edit of that row, and a note in its thread, in the channel where it stands
"""

import asyncio
import hashlib

from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.model.announcement import Announcement
from bot.model.expiry_notice import ExpiryNotice
from bot.model.request import Answer
from bot.rendering.files import remove_files, write_public_files
from bot.rendering.slack import expiry_notice
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import SlackMessage, escape
from bot.slack.answers.responder import Responder
from bot.slack.outbound.message import Address, add_notes, render_notes
from bot.slack.tasks import retry_write
from bot.store.answers import StoredAnswer


class AnnouncementPublisher:
    """Publishes announcements in one workspace. Runs in Slack's loop only."""

    def __init__(self, answering: Responder) -> None:
        self._desk, self._people, self._sender = answering.desk, answering.people, answering.sender
        self._pictures, self._keeping = answering.pictures, answering.keeping
        self._clock, self._threads = answering.clock, answering.threads

    async def announce(self, bulletin: Announcement) -> None:
        """As `bot.model.announcement.Announcer`."""
        address = self._build_address(bulletin.channel)
        if not await self._is_queued(bulletin.name):
            await self._store_answer(bulletin)
            await self._queue(bulletin, address)
        if isinstance(bulletin.body, ExpiryNotice):
            return
        if files := await asyncio.to_thread(write_public_files, bulletin.body, address.texts):
            await self._threads.show(bulletin.name, bulletin.channel, files)

    async def revise(self, bulletin: Announcement, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Direct messages cannot be edited: their recipients get the note alone."""
        if not await self._is_queued(bulletin.name):
            return
        row = await retry_write(lambda: self._sender.find_row(bulletin.name), self._clock.sleep)
        address = self._build_address(bulletin.channel)
        if row:
            await self._queue(bulletin, address.model_copy(update={"replaces": row}))
        if word is None:
            return
        said = SlackMessage(escape(address.render(word), 900), ())
        name = f"{bulletin.name}:{hashlib.sha256(str(word).encode()).hexdigest()[:8]}"
        if not await self._is_queued(name):
            below = address.model_copy(update={"below": row}) if row else address
            await retry_write(lambda: self._sender.add(name, below, said), self._clock.sleep)

    async def _queue(self, bulletin: Announcement, address: Address) -> None:
        message = add_notes(await self._render(bulletin.body, address), *render_notes(bulletin.notes, address))
        await retry_write(lambda: self._sender.add(bulletin.name, address, message), self._clock.sleep)

    async def _render(self, body: Answer | ExpiryNotice, address: Address) -> SlackMessage:
        if isinstance(body, ExpiryNotice):
            return expiry_notice.render(body, address.texts)
        return render(body, address.texts, await self._pictures.build_first_view(body, address))

    async def _is_queued(self, name: str) -> bool:
        return await retry_write(lambda: self._sender.is_queued(name), self._clock.sleep)

    def _build_address(self, channel: str) -> Address:
        """Build the address: its channel and that channel's language, else the fallback channel and people."""
        fallback = self._desk.fallback
        language, zone = self._people.get_channel_language(channel)
        second = fallback.channel if channel and fallback.channel != channel else ""
        return Address(channel=channel, second=second, people=fallback.people, language=language, zone=zone.key)

    async def _store_answer(self, bulletin: Announcement) -> None:
        """Store a report with its notes, so that buttons can show more of it."""
        answer = bulletin.body
        if isinstance(answer, ExpiryNotice):
            return
        whole, now = remove_files(answer).model_copy(update={"notes": bulletin.notes}), self._clock.now()
        await self._keeping.store(
            whole, lambda document: StoredAnswer(bulletin.name, BOT_ACTOR_NAME, answer.understood, now, document)
        )
