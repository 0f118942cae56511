"""Who is in which user group. It fails closed: where Slack does not say now, nobody is.

unknown ─ ask ─▶ members, for `FRESH` ─▶ unknown
             └─▶ nobody, for `AGAIN` (Slack did not answer, or has no such group) ─▶ unknown
an event of the group ─▶ unknown
who starts a change ─▶ asked anew, unless that is less than `ANEW` ago
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from bot.slack.api import Api, SlackFailure

FRESH = 300.0
"""Seconds for which Slack's list of members is believed: events tell of changes sooner, but an event can be lost."""

AGAIN = 15.0
"""Seconds before a group of which Slack did not speak is asked for again: usergroups.users.list allows 20 calls a minute."""

ANEW = 30.0
"""Seconds for which the list is believed where a change starts by it: all who asked and approved are looked at together, and
ten groups at twice a minute are what Slack allows."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, eq=False)
class _Said:
    """What Slack said of a group, when, and for how many seconds that is good."""

    at: float
    good_for: float
    members: frozenset[str]


class Groups:
    """The members of the user groups that give roles; `wanted` says which those are at the moment."""

    def __init__(self, api: Api, wanted: Callable[[], Iterable[str]], monotonic: Callable[[], float]) -> None:
        self._api = api
        self._wanted = wanted
        self._monotonic = monotonic
        self._known: dict[str, _Said] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of(self, user: str, within: float = FRESH) -> frozenset[str]:
        """The wanted groups that have this person now, by what Slack said at most `within` seconds ago. Never raises."""
        groups = tuple(self._wanted())
        members = await asyncio.gather(*(self._members(group, within) for group in groups))
        return frozenset(group for group, users in zip(groups, members, strict=True) if user in users)

    def forget(self, group: str) -> None:
        """Slack says that this group changed."""
        self._known.pop(group, None)

    async def _members(self, group: str, within: float) -> frozenset[str]:
        lock = self._locks.setdefault(group, asyncio.Lock())
        async with lock:
            said = self._known.get(group)
            if said is None or self._monotonic() >= said.at + min(said.good_for, within):
                return await self._ask(group)
            return said.members

    async def _ask(self, group: str) -> frozenset[str]:
        unsaid = _Said(0.0, 0.0, frozenset())
        self._known[group] = unsaid
        try:
            members, good_for = await self._api.group(group), FRESH
        except SlackFailure as failure:
            _log.warning(
                "a user group is taken to be empty: Slack does not say who is in it", group=group, code=failure.code
            )
            members, good_for = frozenset(), max(AGAIN, failure.retry_after)
        if self._known.get(group) is unsaid:  # else an event came meanwhile, and what was said may be older
            self._known[group] = _Said(self._monotonic(), good_for, members)
        return members
