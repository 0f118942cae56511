"""Change cards: one card for each change, edited in place, and milestones for others in its thread.

    show ─▶ the newest version of its change ─▶ card (posted, then edited) ─▶ new milestones ─▶ recorded as announced
    start ─▶ every version that was not shown yet            running ─▶ regularly the card again, for its times

The outbox rows come first, the record of milestones after them: after a crash in between, a milestone whose row
is in the outbox is not added again. If a change has no channel, or its card cannot be posted there, the people
concerned get direct messages; approvers get the card as it is when they are asked.
"""

from functools import partial
from typing import Protocol

import structlog

from bot.model.change import Change, State
from bot.model.request import Standing
from bot.rendering.slack.change import render
from bot.rendering.slack.change_updates import ASKED, Milestone, milestones, told, whispered
from bot.runtime.clock import Clock
from bot.slack.answers.responder import in_words_of
from bot.slack.directory.people import People
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender
from bot.slack.tasks import Running, insist
from bot.store.outbox import CARD

REFRESH = 10.0
"""Seconds after which the card of a running change is rendered again, though only the time has changed."""

SHARE = 2.5
"""Seconds between two such edits of any card: chat.update takes 50 a minute, and new versions must pass, too."""

LOOK = 0.5
"""Seconds between two checks whether a card has reached its channel."""

REMEMBERED = 1_000
"""Number of changes whose newest version is remembered, so that a late older one is not shown."""

PEOPLE = ("U", "W")
"""First letters of the ids of people. Ids of user groups begin with S; they cannot receive direct messages."""

_log = structlog.get_logger(__name__)


class Stories(Protocol):
    """Record of the versions and milestones that were shown of each change (`bot.changes.lifecycle`)."""

    async def unshown(self) -> tuple[Change, ...]:
        """Return changes of which a newer version was never shown."""

    async def told(self, operation: str) -> str:
        """Return the note that `mark_shown` stored last, "" if there is none."""

    async def shown(self, operation: str, version: int, told: str) -> None:
        """Record that this version was shown, and the keys of all announced milestones."""


class Board:
    """Shows changes in one workspace. Runs in Slack's loop only; nothing here raises."""

    def __init__(self, stories: Stories, team: str, people: People, sender: Sender, clock: Clock) -> None:
        self._stories = stories
        self._team = team
        self._people = people
        self._sender = sender
        self._clock = clock
        self._newest: dict[str, Change] = {}
        self._versions: dict[str, int] = {}
        self._live: dict[str, Change] = {}
        self._working: set[str] = set()
        self._running = Running()

    def show(self, change: Change) -> None:
        """Schedule the rendering of a change; of several waiting versions only the newest is shown."""
        if change.dry_run or change.version < self._versions.get(change.operation, 0):
            return
        self._versions[change.operation] = change.version
        if len(self._versions) > REMEMBERED:
            del self._versions[next(iter(self._versions))]
        self._newest[change.operation] = change
        if change.operation not in self._working:
            self._working.add(change.operation)
            self._running.start(f"show {change.operation}", self._follow(change.operation))

    async def resume(self) -> None:
        """After a start: show every version that was not shown."""
        for change in await insist(self._stories.unshown, self._clock.sleep):
            self.show(change)

    async def refresh(self) -> None:
        """Update the times on cards of running changes; runs until cancelled."""
        while True:
            await self._clock.sleep(max(REFRESH, SHARE * len(self._live)))
            for change in tuple(self._live.values()):
                if change.operation not in self._working:
                    await insist(partial(self._card, change), self._clock.sleep)

    async def drain(self, deadline: float) -> None:
        """Finish the updates under way; the rest is shown after the next start."""
        await self._running.drain(deadline)

    async def _follow(self, operation: str) -> None:
        """Show the versions of one change, one after the other."""
        try:
            while (change := self._newest.pop(operation, None)) is not None:
                await insist(partial(self._shown, change), self._clock.sleep)
        finally:
            self._working.discard(operation)

    async def _shown(self, change: Change) -> None:
        if change.state is State.RUNNING:
            self._live[change.operation] = change
        else:
            self._live.pop(change.operation, None)
        row = await self._card(change)
        known = (await self._stories.told(change.operation)).split()
        for milestone in milestones(change):
            if milestone.key not in known:
                await self._tell(milestone, change, row)
                known.append(milestone.key)
        await self._stories.shown(change.operation, change.version, " ".join(known))

    async def _card(self, change: Change) -> int:
        """Post or edit the card; returns the outbox row of its message, 0 if the change has no channel."""
        if not change.channel:
            return 0
        operation = f"{CARD}{change.operation}"
        address = self._in_channel(change)
        row = await self._sender.posted(operation)
        if row:
            address = address.model_copy(update={"replaces": row, "dispensable": True})
        else:
            address = address.model_copy(update={"user": change.mention})
        added = await self._sender.add(operation, address, render(change, address.texts, self._clock.now()))
        return row or added

    async def _tell(self, milestone: Milestone, change: Change, row: int) -> None:
        """Post a milestone in the thread of the card, and directly to the people concerned who do not see that."""
        name = f"{CARD}{change.operation}:{milestone.key}"
        called = [user for user in milestone.whom if not row or user != change.mention]
        if called and not (row and await self._seen_by_all(change, row)):
            for user in called:
                await self._whisper(f"{name}:{user}", user, milestone, change)
        if row and milestone.key != ASKED and not await self._sender.added(name):
            address = self._in_channel(change).model_copy(update={"below": row, "user": change.mention})
            await self._sender.add(name, address, told(milestone, change, address.texts))

    async def _seen_by_all(self, change: Change, row: int) -> bool:
        """Return whether the card stands where others see it; waits until that is known."""
        if change.channel.startswith("D"):
            return False
        while (place := await self._sender.place_of(row)) is None:
            await self._clock.sleep(LOOK)
        return bool(place.ts)

    async def _whisper(self, name: str, user: str, milestone: Milestone, change: Change) -> None:
        """Send a direct message, but never to a person outside of the workspace."""
        if not user.startswith(PEOPLE) or await self._sender.added(name):
            return
        reader = await self._people.look(self._team, user)
        if reader.identity.standing in (Standing.GUEST, Standing.STRANGER):
            _log.warning("somebody outside of the workspace is not told of a change", user=user, operation=change.operation)
            return
        address = in_words_of(reader, Address(user=user))
        card = milestone.key == ASKED
        message = render(change, address.texts) if card else whispered(milestone, change, address.texts)
        await self._sender.add(name, address, message)

    def _in_channel(self, change: Change) -> Address:
        language, zone = self._people.read_in(change.channel)
        return Address(channel=change.channel, language=language, zone=zone.key)
