"""Home tabs: published when their owner opens them, and when their content has changed.

    opened, changed ─▶ wanted ─ rate limit, one person at a time ─▶ read ─▶ publish ─┬─▶ shown
                          ▲ another wish meanwhile is the same one                   └─▶ Slack is busy: read again, later

Opening has no inbox row: a tab lost in a crash is published when it is opened again. A click has one,
because it asks for something.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import structlog
from pydantic import BaseModel, ValidationError

from bot.access.policy import Refuse
from bot.locale.texts import texts
from bot.model.change import State
from bot.model.request import Answer
from bot.rendering.slack.buttons import words_in
from bot.rendering.slack.home import CHECK, RECENT, Home, closed_home, home
from bot.requests.authorization import Rights
from bot.slack.answers.responder import Answering, Asked
from bot.slack.api import Api
from bot.slack.click_payload import Click
from bot.slack.directory.people import Reader
from bot.slack.errors import SlackFailure, patiently
from bot.slack.outbound.message import Address, Letter
from bot.slack.outbound.rate_limit import Pace
from bot.slack.payload_types import TeamId, UserId
from bot.slack.tasks import Running
from bot.store.errors import DatabaseError
from bot.store.inbox import Delivery
from commands.health import Health
from commands.language.grammar import canonical

INTERVAL = 2.0
"""Seconds between two publications for one person."""

PAUSES = (2.0,) * 4
"""Seconds before each retry of one publication; then the tab stays as it was until it is opened again."""

CHECKED = Health()
"""The check that a tab shows, of all hosts."""

GLANCE = canonical(CHECKED)

_log = structlog.get_logger(__name__)


class _Person(BaseModel):
    """The person whose tab was opened."""

    team: TeamId
    user: UserId


class Homes:
    """Publishes home tabs from stored answers."""

    def __init__(self, answering: Answering, api: Api) -> None:
        self._answering = answering
        self._answers = answering.answers
        self._api = api
        self._clock = answering.clock
        self._pace = Pace(1, INTERVAL, self._clock.monotonic)
        self._wanted: set[str] = set()
        self._working: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._running = Running()

    def opened(self, body: Mapping[str, Any]) -> None:
        """Refresh a home tab that was opened. The app's other tab is ignored."""
        event = body.get("event")
        if not isinstance(event, dict) or event.get("tab") != "home":
            return
        try:
            who = _Person(team=str(body.get("team_id")), user=str(event.get("user")))
        except ValidationError:
            return
        self.refresh(who.team, who.user)

    def refresh(self, team: str, user: str) -> None:
        """Schedule the publication of a tab with the current state."""
        if user not in self._wanted:
            self._wanted.add(user)
            self._running.start(f"home {user}", self._soon(team, user))

    async def drain(self, deadline: float) -> None:
        await self._running.drain(deadline)

    async def pressed(self, click: Click, delivery: Delivery) -> Letter:
        """Answer a button: the answer is a direct message, and the tab shows its progress and result."""
        words = GLANCE if click.action == CHECK else words_in(click.value) or ""
        self._working.add(click.user)
        self.refresh(click.team, click.user)
        try:
            asked = Asked(click.team, click.user, "", words, Address(user=click.user))
            return await self._answering.answer(asked, delivery)
        finally:
            self._working.discard(click.user)
            self.refresh(click.team, click.user)

    async def _soon(self, team: str, user: str) -> None:
        lock = self._locks.setdefault(user, asyncio.Lock())
        async with lock:
            await self._clock.sleep(self._pace.wait(user))
            self._wanted.discard(user)
            self._pace.take(user)
            await self._publish(team, user)

    async def _publish(self, team: str, user: str) -> None:
        async def publish() -> None:
            await self._api.publish(user, await self._view(team, user))

        try:
            await patiently(publish, PAUSES, self._clock.sleep)
        except SlackFailure as failure:
            _log.warning("a home tab was not published", user=user, code=failure.code)
        except DatabaseError as error:
            _log.warning("a home tab cannot be made", user=user, error=str(error))

    async def _view(self, team: str, user: str) -> dict[str, Any]:
        reader = await self._answering.people.look(team, user)
        rights = self._answering.desk.rights(reader.identity)
        spoken = texts(reader.language, reader.zone)
        if isinstance(rights, Refuse):
            return closed_home(rights.reason, spoken)
        return home(await self._home(rights, reader), self._clock.now(), spoken)

    async def _home(self, rights: Rights, reader: Reader) -> Home:
        changes = await self._answering.desk.waiting(reader.identity)
        return Home(
            actor=rights.actor,
            permitted=rights.permitted,
            language=reader.language,
            zone=reader.zone.key,
            recent=await self._answers.recent(reader.identity.user, RECENT),
            check=await self._check(reader),
            waiting=[change for change in changes if change.state is not State.RUNNING],
            running=[change for change in changes if change.state is State.RUNNING],
            working=reader.identity.user in self._working,
        )

    async def _check(self, reader: Reader) -> Answer | Refuse | None:
        """Find the stored check of all hosts, or the reason why this person may not see it here."""
        verdict = self._answering.desk.at_home(reader.identity, CHECKED)
        if isinstance(verdict, Refuse):
            return verdict
        kept = await self._answers.latest(GLANCE, self._clock.now())
        return None if kept is None else Answer.read(kept.document)
