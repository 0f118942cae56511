"""The board: one card for each operation, edited in place, and in its thread what others must notice.

    show ─▶ the newest of its operation ─▶ card (posted, then edited) ─▶ milestones not told yet ─▶ written down as told
    start ─▶ everything that was not shown yet             running ─▶ now and then the card again, for its times

The rows of the outbox come first, what was told is written down after them: after a crash in between, a
milestone whose row stands in the outbox is not added again. Where an operation has no channel, or where its
card cannot be posted there, whom it concerns is told directly, approvers with the card as it is when they are
asked.
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
"""Seconds after which the card of a running operation is shown anew, though nothing has changed but the time."""

SHARE = 2.5
"""Seconds between two such edits of whatever card: chat.update takes 50 a minute, and news must pass, too."""

LOOK = 0.5
"""Seconds between two looks whether a card has reached its channel."""

REMEMBERED = 1_000
"""Operations of which the newest version is remembered, so that an older one that comes late is not shown."""

PEOPLE = ("U", "W")
"""How the ids of people begin; those of user groups begin with S, and no message can go to these directly."""

_log = structlog.get_logger(__name__)


class Stories(Protocol):
    """What has been shown of which operation (`bot.changes.lifecycle`)."""

    async def unshown(self) -> tuple[Change, ...]:
        """Operations of which a newer version was never shown."""

    async def told(self, operation: str) -> str:
        """What `shown` wrote down last, "" where nothing."""

    async def shown(self, operation: str, version: int, told: str) -> None:
        """This version was shown, and all this was told."""


class Board:
    """Shows changes in one workspace. Everything happens in Slack's loop; nothing here raises."""

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
        """Have an operation shown as it stands; of several waiting versions only the newest is."""
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
        """After a start: show what was not shown."""
        for change in await insist(self._stories.unshown, self._clock.sleep):
            self.show(change)

    async def refresh(self) -> None:
        """Keep the times on cards of running operations fresh; runs until cancelled."""
        while True:
            await self._clock.sleep(max(REFRESH, SHARE * len(self._live)))
            for change in tuple(self._live.values()):
                if change.operation not in self._working:
                    await insist(partial(self._card, change), self._clock.sleep)

    async def drain(self, deadline: float) -> None:
        """Finish what is being shown; the rest is shown after the next start."""
        await self._running.drain(deadline)

    async def _follow(self, operation: str) -> None:
        """Show the versions of one operation, one after the other."""
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
        """Post or edit the card; the outbox row of its message, 0 where it has no channel."""
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
        """In the thread of the card; directly to whom it concerns and who does not see that."""
        name = f"{CARD}{change.operation}:{milestone.key}"
        called = [user for user in milestone.whom if not row or user != change.mention]
        if called and not (row and await self._seen_by_all(change, row)):
            for user in called:
                await self._whisper(f"{name}:{user}", user, milestone, change)
        if row and milestone.key != ASKED and not await self._sender.added(name):
            address = self._in_channel(change).model_copy(update={"below": row, "user": change.mention})
            await self._sender.add(name, address, told(milestone, change, address.texts))

    async def _seen_by_all(self, change: Change, row: int) -> bool:
        """Whether the card stands where others see it; waits until that is known."""
        if change.channel.startswith("D"):
            return False
        while (place := await self._sender.place_of(row)) is None:
            await self._clock.sleep(LOOK)
        return bool(place.ts)

    async def _whisper(self, name: str, user: str, milestone: Milestone, change: Change) -> None:
        """A direct message; none to somebody who is not of this workspace."""
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
