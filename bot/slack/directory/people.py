"""Slack users: standing in our workspace, language, time zone.

Slack is asked at most once an hour for each person, and at every start of a change. The team that a payload names is not
believed: in an Enterprise organization it is any workspace of the person, or the organization itself. The profile decides.

profile            team_id       ours ─▶ member        enterprise_user.teams       ours among them ─▶ member
                   another's     ─▶ stranger                                       else ─▶ stranger
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from bot.model.request import Membership, SlackIdentity
from bot.security.untrusted_text import shorten, to_one_line
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.directory import groups

CACHE_SECONDS = 3600.0
"""Seconds for which a profile from Slack is trusted."""

LANGUAGE_CACHE_SECONDS = 24 * 3600.0
"""Seconds for which language and time zone are still used if Slack does not answer. Standing is not: it fails closed."""

MAX_PEOPLE = 10_000
"""Maximum number of cached people."""

MAX_NAME_LENGTH = 80
"""Characters of a name, the most that Slack allows."""

LANGUAGES = ("ja", "en")

UNKNOWN_USER_CODES = frozenset({"user_not_found", "user_not_visible"})
"""Slack's error codes for a user whom our workspace does not have."""


class FindGroups(Protocol):
    """Finds the user groups that give roles and have this person (`bot.slack.directory.groups`)."""

    def __call__(self, user: str, within: float = groups.CACHE_SECONDS) -> Awaitable[frozenset[str]]: ...


@dataclass(frozen=True)
class LanguageDefaults:
    """Language and zone of messages to all, and of people whose profile names none; `channels` have their own languages."""

    language: str
    zone: ZoneInfo
    channels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """The person who reads an answer: identity, language, time zone, and the name that Slack shows, "" if unknown."""

    identity: SlackIdentity
    language: str
    zone: ZoneInfo
    name: str = ""


class PeopleDirectory:
    """Directory of the people of one workspace."""

    def __init__(
        self, api: SlackApi, team: str, usual: LanguageDefaults, member_of: FindGroups, monotonic: Callable[[], float]
    ) -> None:
        self._api = api
        self._team = team
        self._usual = usual
        self._member_of = member_of
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Reader]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find_reader(self, team: str, user: str) -> Reader:
        """Find a person. Never raises: if Slack does not answer, the standing is `unknown`, which gives no rights.

        `team` names a stranger in the audit log, and means nothing else.
        """
        async with self._get_lock(user):
            reader = self._get_cached(CACHE_SECONDS, user) or await self._fetch(user)
        return await self._complete(reader, team, groups.CACHE_SECONDS)

    async def refresh_reader(self, team: str, user: str) -> Reader:
        """Fetch a person again, for rights that something starts by; their groups are seconds old."""
        async with self._get_lock(user):
            reader = await self._fetch(user)
        return await self._complete(reader, team, groups.RECENT_SECONDS)

    def recall_language(self, user: str) -> tuple[str, ZoneInfo]:
        """Return language and zone from memory alone, for messages that cannot wait."""
        known = self._get_cached(LANGUAGE_CACHE_SECONDS, user)
        return (known.language, known.zone) if known is not None else (self._usual.language, self._usual.zone)

    def get_channel_language(self, channel: str) -> tuple[str, ZoneInfo]:
        """Return language and zone of messages to a whole channel."""
        return self._usual.channels.get(channel, self._usual.language), self._usual.zone

    def _get_lock(self, user: str) -> asyncio.Lock:
        """Serialize questions about a person, so that the last answer is the newest."""
        return self._locks.setdefault(user, asyncio.Lock())

    async def _complete(self, reader: Reader, team: str, within: float) -> Reader:
        """Add the user groups of a member, or the team of a stranger."""
        who = reader.identity
        match who.standing:
            case Membership.MEMBER:
                return replace(reader, identity=replace(who, groups=await self._member_of(who.user, within)))
            case Membership.STRANGER:
                return replace(reader, identity=replace(who, team=team))
            case _:
                return reader

    async def _fetch(self, user: str) -> Reader:
        try:
            reader = self._parse(user, await self._api.get_user(user))
        except SlackFailure as failure:
            standing = Membership.STRANGER if failure.code in UNKNOWN_USER_CODES else Membership.UNKNOWN
            known = self._get_cached(LANGUAGE_CACHE_SECONDS, user) or self._make_unknown(user, standing)
            return replace(known, identity=replace(known.identity, standing=standing))
        self._known.pop(user, None)
        self._known[user] = (self._monotonic(), reader)
        if len(self._known) > MAX_PEOPLE:
            del self._known[next(iter(self._known))]
        return reader

    def _parse(self, user: str, profile: Mapping[str, Any]) -> Reader:
        locale = str(profile.get("locale") or "")[:2]
        return Reader(
            SlackIdentity(self._team, user, _judge_standing(profile, self._team)),
            locale if locale in LANGUAGES else self._usual.language,
            _parse_zone(profile.get("tz")) or self._usual.zone,
            _parse_name(profile),
        )

    def _get_cached(self, seconds: float, user: str) -> Reader | None:
        at, reader = self._known.get(user, (0.0, None))
        return reader if reader is not None and self._monotonic() - at < seconds else None

    def _make_unknown(self, user: str, standing: Membership) -> Reader:
        return Reader(SlackIdentity(self._team, user, standing), self._usual.language, self._usual.zone)


def _judge_standing(profile: Mapping[str, Any], team: str) -> Membership:
    """Return the standing. Only a profile that clearly belongs to our workspace is a member."""
    if team not in _list_teams(profile) or any(profile.get(mark) for mark in ("is_stranger", "deleted", "is_bot")):
        return Membership.STRANGER
    if profile.get("is_restricted") or profile.get("is_ultra_restricted"):
        return Membership.GUEST
    return Membership.MEMBER


def _list_teams(profile: Mapping[str, Any]) -> Sequence[Any]:
    """List the workspaces of a profile. In an Enterprise organization `team_id` may be missing, or another workspace."""
    enterprise_user = profile.get("enterprise_user")
    listed = enterprise_user.get("teams") if isinstance(enterprise_user, Mapping) else None
    return [profile.get("team_id"), *(listed if isinstance(listed, list) else [])]


def _parse_name(profile: Mapping[str, Any]) -> str:
    """Return the name that Slack shows: the display name, else the full name. People choose both themselves."""
    shown = profile.get("profile")
    names = shown if isinstance(shown, Mapping) else {}
    found = names.get("display_name") or names.get("real_name") or profile.get("real_name") or profile.get("name")
    return shorten(to_one_line(found), MAX_NAME_LENGTH) if isinstance(found, str) else ""


def _parse_zone(name: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (KeyError, ValueError, OSError):  # an unknown zone, an invalid name, or the name of a folder
        return None
