"""Members of user groups. Fails closed: if Slack does not answer, a group counts as empty.

unknown ─ fetch ─▶ members, for `CACHE_SECONDS` ─▶ unknown
               └─▶ no members, for `RETRY_SECONDS` (Slack did not answer, or has no such group) ─▶ unknown
an event of the group ─▶ unknown
a change is about to start ─▶ fetched again, unless that was less than `RECENT_SECONDS` ago
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure

CACHE_SECONDS = 300.0
"""Seconds for which Slack's list of members is trusted: events report changes sooner, but an event can be lost."""

RETRY_SECONDS = 15.0
"""Seconds before a group that Slack did not answer for is fetched again: usergroups.users.list allows 20 calls a minute."""

RECENT_SECONDS = 30.0
"""Seconds for which the list is trusted when a change starts: its requester and all approvers are checked together, and
Slack allows ten groups twice a minute."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, eq=False)
class _MemberList:
    """Members of a group as Slack returned them, the time, and for how many seconds they are valid."""

    at: float
    good_for: float
    members: frozenset[str]


class GroupDirectory:
    """Members of the user groups that give roles; `wanted` returns those groups."""

    def __init__(self, api: SlackApi, wanted: Callable[[], Iterable[str]], monotonic: Callable[[], float]) -> None:
        self._api = api
        self._wanted = wanted
        self._monotonic = monotonic
        self._known: dict[str, _MemberList] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find_groups(self, user: str, within: float = CACHE_SECONDS) -> frozenset[str]:
        """Return the wanted groups that this person is in, by lists at most `within` seconds old. Never raises."""
        groups = tuple(self._wanted())
        members = await asyncio.gather(*(self._get_members(group, within) for group in groups))
        return frozenset(group for group, users in zip(groups, members, strict=True) if user in users)

    async def list_members(self, group: str) -> frozenset[str]:
        """Return the members of any user group, by a list at most `CACHE_SECONDS` old. Never raises."""
        return await self._get_members(group, CACHE_SECONDS)

    def invalidate(self, group: str) -> None:
        """Drop the members of a group, because Slack reported a change."""
        self._known.pop(group, None)

    async def _get_members(self, group: str, within: float) -> frozenset[str]:
        lock = self._locks.setdefault(group, asyncio.Lock())
        async with lock:
            said = self._known.get(group)
            if said is None or self._monotonic() >= said.at + min(said.good_for, within):
                return await self._fetch(group)
            return said.members

    async def _fetch(self, group: str) -> frozenset[str]:
        unsaid = _MemberList(0.0, 0.0, frozenset())
        self._known[group] = unsaid
        try:
            members, good_for = await self._api.list_group_members(group), CACHE_SECONDS
        except SlackFailure as failure:
            _log.warning("a user group counts as empty: Slack did not return its members", group=group, code=failure.code)
            members, good_for = frozenset(), max(RETRY_SECONDS, failure.retry_after)
        if self._known.get(group) is unsaid:  # else an event came meanwhile, and this list may be older
            self._known[group] = _MemberList(self._monotonic(), good_for, members)
        return members
