"""Change cards: one card for each change, edited in place, and milestones for others in its thread.

    show ─▶ the newest version of its change ─▶ card (posted, then edited) ─▶ new milestones ─▶ recorded as announced
    start ─▶ every version that was not shown yet            running ─▶ regularly the card again, for its times

The outbox rows come first, the record of milestones after them: after a crash in between, a milestone whose row
is in the outbox is not added again. A mention reaches members of the channel only, so the people concerned who are not in
it, or who have no card in any channel, get direct messages (`bot.slack.answers.personal_notices`).
"""

from functools import partial
from typing import Protocol

import structlog

from bot.changes.slack.card import render
from bot.changes.slack.updates import APPROVAL_REQUEST_KEY, Milestone, concerns_people, list_milestones, render_for_thread
from bot.model.change import Change, ChangeState
from bot.runtime.clock import Clock
from bot.slack.answers.personal_notices import PersonalNotices
from bot.slack.client.payloads import is_direct_message
from bot.slack.directory.people import PeopleDirectory
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.tasks import BackgroundTasks, retry_write
from bot.store.outbox_values import CARD_PREFIX

REFRESH_INTERVAL = 10.0
"""Seconds after which the card of a running change is rendered again, though only the time has changed."""

EDIT_SPACING = 2.5
"""Seconds between two such edits of any card: chat.update takes 50 a minute, and new versions must pass, too."""

POLL_INTERVAL = 0.5
"""Seconds between two checks whether a card has reached its channel."""

MAX_REMEMBERED_VERSIONS = 1_000
"""Number of changes whose newest version is remembered, so that a late older one is not shown."""

_log = structlog.get_logger(__name__)


class ShownChanges(Protocol):
    """Record of the versions and milestones that were shown of each change (`bot.changes.services.lifecycle`)."""

    async def list_unshown(self) -> tuple[Change, ...]:
        """Return changes of which a newer version was never shown."""

    async def read_card_note(self, operation: str) -> str:
        """Return the note that `mark_shown` stored last, "" if there is none."""

    async def mark_shown(self, operation: str, version: int, told: str) -> None:
        """Record that this version was shown, and the keys of all announced milestones."""


class ChangeCards:
    """Shows changes in one workspace. Runs in Slack's loop only; nothing here raises."""

    def __init__(
        self, stories: ShownChanges, people: PeopleDirectory, sender: Sender, notices: PersonalNotices, clock: Clock
    ) -> None:
        self._shown_changes = stories
        self._people = people
        self._sender = sender
        self._notices = notices
        self._clock = clock
        self._newest: dict[str, Change] = {}
        self._versions: dict[str, int] = {}
        self._live: dict[str, Change] = {}
        self._working: set[str] = set()
        self._running = BackgroundTasks()

    def show(self, change: Change) -> None:
        """Schedule the rendering of a change; of several waiting versions only the newest is shown."""
        if change.dry_run or change.version < self._versions.get(change.operation, 0):
            return
        self._versions[change.operation] = change.version
        if len(self._versions) > MAX_REMEMBERED_VERSIONS:
            del self._versions[next(iter(self._versions))]
        self._newest[change.operation] = change
        if change.operation not in self._working:
            self._working.add(change.operation)
            self._running.start(f"show {change.operation}", self._show_versions(change.operation))

    async def resume(self) -> None:
        """After a start: show every version that was not shown."""
        for change in await retry_write(self._shown_changes.list_unshown, self._clock.sleep):
            self.show(change)

    async def refresh(self) -> None:
        """Update the times on cards of running changes; runs until cancelled."""
        while True:
            await self._clock.sleep(max(REFRESH_INTERVAL, EDIT_SPACING * len(self._live)))
            for change in tuple(self._live.values()):
                if change.operation not in self._working:
                    await retry_write(partial(self._post_card, change), self._clock.sleep)

    async def drain(self, deadline: float) -> None:
        """Finish the updates under way; the rest is shown after the next start."""
        await self._running.drain(deadline)

    async def _show_versions(self, operation: str) -> None:
        """Show the versions of one change, one after the other."""
        try:
            while (change := self._newest.pop(operation, None)) is not None:
                await retry_write(partial(self._show_version, change), self._clock.sleep)
        finally:
            self._working.discard(operation)

    async def _show_version(self, change: Change) -> None:
        if change.state is ChangeState.RUNNING:
            self._live[change.operation] = change
        else:
            self._live.pop(change.operation, None)
        row = await self._post_card(change)
        known = (await self._shown_changes.read_card_note(change.operation)).split()
        for milestone in list_milestones(change):
            if milestone.key not in known:
                known += await self._announce_milestone(milestone, change, row)
                known.append(milestone.key)
        known += await self._notices.update(change, known)
        await self._shown_changes.mark_shown(change.operation, change.version, " ".join(known))

    async def _post_card(self, change: Change) -> int:
        """Post or edit the card; returns the outbox row of its message, 0 if the change has no channel."""
        if not change.channel:
            return 0
        operation = f"{CARD_PREFIX}{change.operation}"
        address = self._build_channel_address(change)
        row = await self._sender.find_row(operation)
        if row:
            address = address.model_copy(update={"replaces": row, "dispensable": True})
        else:
            address = address.model_copy(update={"user": change.mention})
        added = await self._sender.add(operation, address, render(change, address.texts, self._clock.now()))
        return row or added

    async def _announce_milestone(self, milestone: Milestone, change: Change, row: int) -> list[str]:
        """Post a milestone in the thread of the card, and directly to the people concerned who do not see that.

        Returns the words that this adds to the note.
        """
        name = f"{CARD_PREFIX}{change.operation}:{milestone.key}"
        words = await self._notify(milestone, change, row) if concerns_people(milestone) else []
        if row and milestone.key != APPROVAL_REQUEST_KEY and not await self._sender.is_queued(name):
            address = self._build_channel_address(change).model_copy(update={"below": row, "user": change.mention})
            await self._sender.add(name, address, render_for_thread(milestone, change, address.texts))
        return words

    async def _notify(self, milestone: Milestone, change: Change, row: int) -> list[str]:
        """Send direct messages to the people concerned who do not see the channel. Waits until the card is posted."""
        channel = await self._find_channel(change, row)
        requester = bool(channel) or not row  # else the card and its thread go to the requester directly
        return await self._notices.notify(milestone, change, channel, requester=requester)

    async def _find_channel(self, change: Change, row: int) -> str:
        """Find the channel in which others see the card, "" if there is none; waits until that is known."""
        if not row or is_direct_message(change.channel):
            return ""
        while (place := await self._sender.find_place(row)) is None:
            await self._clock.sleep(POLL_INTERVAL)
        return place.channel if place.ts else ""

    def _build_channel_address(self, change: Change) -> Address:
        language, zone = self._people.get_channel_language(change.channel)
        return Address(channel=change.channel, language=language, zone=zone.key)
