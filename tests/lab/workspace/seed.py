"""Who and what is in the workspace when it opens: a frozen description with ready defaults."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class Kind(StrEnum):
    """What a person is to this workspace."""

    MEMBER = "member"
    GUEST = "guest"
    """A multi-channel guest: `is_restricted`."""
    SINGLE_CHANNEL_GUEST = "single-channel guest"
    """`is_restricted` and `is_ultra_restricted`."""
    STRANGER = "stranger"
    """From another organisation, met in a shared channel: `is_stranger`, another team id."""
    DEACTIVATED = "deactivated"
    BOT = "bot"


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace. `role` is what the lab's flatnet.toml gives them; Slack knows nothing of it."""

    id: str
    name: str
    real_name: str
    kind: Kind = Kind.MEMBER
    role: str | None = None
    team: str = "T0FLATNET"
    locale: str = "en-US"
    zone: str = "Europe/Berlin"

    def profile(self, now: datetime, *, with_locale: bool) -> dict[str, object]:
        """This person as `users.info` shows them."""
        offset = now.astimezone(ZoneInfo(self.zone)).utcoffset()
        assert offset is not None
        shown: dict[str, object] = {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.kind is Kind.DEACTIVATED,
            "is_bot": self.kind is Kind.BOT,
            "is_restricted": self.kind in (Kind.GUEST, Kind.SINGLE_CHANNEL_GUEST),
            "is_ultra_restricted": self.kind is Kind.SINGLE_CHANNEL_GUEST,
            "is_stranger": self.kind is Kind.STRANGER,
            "tz": self.zone,
            "tz_label": self.zone,
            "tz_offset": int(offset.total_seconds()),
            "updated": int(now.timestamp()),
            "profile": {"real_name": self.real_name, "display_name": self.name, "team": self.team},
        }
        return shown | ({"locale": self.locale} if with_locale else {})


@dataclass(frozen=True)
class Channel:
    """A conversation. A direct message is one whose id begins with D; its members are the bot and one person."""

    id: str
    name: str
    members: frozenset[str]
    private: bool = False
    shared: bool = False
    archived: bool = False
    creator: str = "U0ADMIN"
    topic: str = ""

    @property
    def direct(self) -> bool:
        return self.id.startswith("D")

    @property
    def shown_name(self) -> str:
        """The name that commands and clicks carry: Slack keeps those of private conversations to itself."""
        return "directmessage" if self.direct else "privategroup" if self.private else self.name

    def described(self) -> dict[str, object]:
        """This channel as `conversations.info` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.direct and not self.private,
            "is_group": self.private and not self.direct,
            "is_im": self.direct,
            "is_private": self.private or self.direct,
            "is_archived": self.archived,
            "is_shared": self.shared,
            "is_ext_shared": self.shared,
            "creator": self.creator,
            "topic": {"value": self.topic},
        }


BOT_USER = "U0FLATNET"
SLACKBOT = "USLACKBOT"

PEOPLE = (
    Person("U0VIEWER", "hana", "佐藤 花", role="viewer", locale="ja-JP", zone="Asia/Tokyo"),
    Person("U0OPERATOR", "kenji", "田中 健二", role="operator", locale="ja-JP", zone="Asia/Tokyo"),
    Person("U0DEVELOPER", "dana", "Dana Novak", role="developer", zone="America/New_York"),
    Person("U0ADMIN", "alice", "Alice Meyer", role="administrator"),
    Person("U0SECURITY", "sora", "鈴木 空", role="security", locale="ja-JP", zone="Asia/Tokyo"),
    Person("U0MEMBER", "max", "Max Huber"),
    Person("U0GUEST", "gus", "Gus Guest", Kind.GUEST),
    Person("U0VISITOR", "vic", "Vic Visitor", Kind.SINGLE_CHANNEL_GUEST),
    Person("U0STRANGER", "zoe", "Zoe Elsewhere", Kind.STRANGER, team="T0OTHER"),
    Person("U0GONE", "gone", "Gone Away", Kind.DEACTIVATED),
    Person(BOT_USER, "flatnet", "flatnet", Kind.BOT),
)
INSIDERS = frozenset(person.id for person in PEOPLE if person.kind is Kind.MEMBER)

CHANNELS = (
    Channel("C0OPS", "ops", INSIDERS | {BOT_USER, "U0GUEST", "U0VISITOR"}),
    Channel("C0DEV", "dev", INSIDERS),
    Channel("C0BOARD", "board", frozenset({"U0ADMIN", "U0SECURITY"}), private=True),
    Channel("C0PARTNERS", "partners", frozenset({"U0OPERATOR", "U0ADMIN", "U0STRANGER", BOT_USER}), shared=True),
    Channel("C0OLD", "old", INSIDERS | {BOT_USER}, archived=True),
)


@dataclass(frozen=True)
class UserGroup:
    """A user group. Slack never deletes one: who "deletes" it disables it."""

    id: str
    handle: str
    name: str
    users: frozenset[str]
    disabled: bool = False


GROUPS = (
    UserGroup("S0VIEWERS", "fleet-viewers", "Fleet viewers", frozenset({"U0VIEWER"})),
    UserGroup("S0OPERATORS", "fleet-operators", "Fleet operators", frozenset({"U0OPERATOR"})),
    UserGroup("S0DEVELOPERS", "fleet-developers", "Fleet developers", frozenset({"U0DEVELOPER"})),
    UserGroup("S0ADMINS", "fleet-admins", "Fleet administrators", frozenset({"U0ADMIN"})),
    UserGroup("S0SECURITY", "fleet-security", "Fleet security", frozenset({"U0SECURITY"})),
)


@dataclass(frozen=True)
class Seed:
    """The workspace as it opens.

    By default: one person of each role, a plain member, two kinds of guests, a stranger, somebody who left;
    `ops` with the bot in it, `dev` and the private `board` without it, `partners` shared with another
    organisation, `old` archived; a user group for each role. The tokens are the lab's own and open nothing else.
    """

    team: str = "T0FLATNET"
    domain: str = "flatnet-lab"
    app: str = "A0FLATNET"
    bot: str = "B0FLATNET"
    bot_token: str = "xoxb-lab-bot-token"
    app_token: str = "xapp-lab-app-token"
    people: tuple[Person, ...] = PEOPLE
    channels: tuple[Channel, ...] = CHANNELS
    groups: tuple[UserGroup, ...] = GROUPS

    def reading(self, language: str) -> "Seed":
        """Give everyone a locale of this language, `en` or `ja`."""
        locale = {"en": "en-US", "ja": "ja-JP"}[language]
        return replace(self, people=tuple(replace(person, locale=locale) for person in self.people))
