"""Announcements in channels: posted once, edited from then on, with their files in their thread.

announce ─ in the outbox already? ─ no ─▶ the answer is stored (for its buttons) ─▶ row ─▶ its files, once it is posted
revise   ─▶ an edit of that row, and a note in its thread, in the channel where it stands
"""

import asyncio
import hashlib

from adapters.phrase import Phrase
from bot.access.policy import BOT
from bot.model.announcement import Bulletin
from bot.model.expiry_notice import ExpiryNotice
from bot.model.request import Answer
from bot.rendering.files import bare, for_all
from bot.rendering.slack import expiry_notice
from bot.rendering.slack.answer import render
from bot.rendering.slack.blocks import Message, escape
from bot.slack.answers.responder import Answering
from bot.slack.outbound.message import Address, noted, small
from bot.slack.tasks import insist
from bot.store.answers import Kept


class Bulletins:
    """Publishes announcements in one workspace. Runs in Slack's loop only."""

    def __init__(self, answering: Answering) -> None:
        self._desk, self._people, self._sender = answering.desk, answering.people, answering.sender
        self._pictures, self._keeping = answering.pictures, answering.keeping
        self._clock, self._threads = answering.clock, answering.threads

    async def announce(self, bulletin: Bulletin) -> None:
        """As `bot.model.announcement.Announcer`."""
        address = self._address(bulletin.channel)
        if not await self._said(bulletin.name):
            await self._keep(bulletin)
            await self._add(bulletin, address)
        if isinstance(bulletin.body, ExpiryNotice):
            return
        if files := await asyncio.to_thread(for_all, bulletin.body, address.texts):
            await self._threads.show(bulletin.name, bulletin.channel, files)

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Direct messages cannot be edited: their recipients get the note alone."""
        if not await self._said(bulletin.name):
            return
        row = await insist(lambda: self._sender.posted(bulletin.name), self._clock.sleep)
        address = self._address(bulletin.channel)
        if row:
            await self._add(bulletin, address.model_copy(update={"replaces": row}))
        if word is None:
            return
        said = Message(escape(address.say(word), 900), ())
        name = f"{bulletin.name}:{hashlib.sha256(str(word).encode()).hexdigest()[:8]}"
        if not await self._said(name):
            below = address.model_copy(update={"below": row}) if row else address
            await insist(lambda: self._sender.add(name, below, said), self._clock.sleep)

    async def _add(self, bulletin: Bulletin, address: Address) -> None:
        message = noted(await self._rendered(bulletin.body, address), *small(bulletin.notes, address))
        await insist(lambda: self._sender.add(bulletin.name, address, message), self._clock.sleep)

    async def _rendered(self, body: Answer | ExpiryNotice, address: Address) -> Message:
        if isinstance(body, ExpiryNotice):
            return expiry_notice.render(body, address.texts)
        return render(body, address.texts, await self._pictures.first(body, address))

    async def _said(self, name: str) -> bool:
        return await insist(lambda: self._sender.added(name), self._clock.sleep)

    def _address(self, channel: str) -> Address:
        """Build the address: its channel and that channel's language, else the fallback channel and people."""
        fallback = self._desk.fallback
        language, zone = self._people.read_in(channel)
        second = fallback.channel if channel and fallback.channel != channel else ""
        return Address(channel=channel, second=second, people=fallback.people, language=language, zone=zone.key)

    async def _keep(self, bulletin: Bulletin) -> None:
        """Store a report with its notes, so that buttons can show more of it."""
        answer = bulletin.body
        if isinstance(answer, ExpiryNotice):
            return
        whole, now = bare(answer).model_copy(update={"notes": bulletin.notes}), self._clock.now()
        await self._keeping.keep(whole, lambda document: Kept(bulletin.name, BOT, answer.understood, now, document))
