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
    """From another organization, met in a shared channel: `is_stranger`, another team id."""
    DEACTIVATED = "deactivated"
    BOT = "bot"


@dataclass(frozen=True)
class GridUser:
    """A person of an Enterprise organization: the organization and all workspaces of it that they are in."""

    enterprise: str
    teams: tuple[str, ...]

    def as_json(self, user: str) -> dict[str, object]:
        """The `enterprise_user` of their profile (looker/lookerbot #184)."""
        return {
            "id": user,
            "enterprise_id": self.enterprise,
            "enterprise_name": "The organization",
            "is_admin": False,
            "is_owner": False,
            "teams": list(self.teams),
        }


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
    grid: "GridUser | None" = None
    """What an Enterprise organization makes of them; None outside of one."""

    @property
    def clicking_team(self) -> str:
        """The team in a click: in an organization any workspace of the person, often not the one where they clicked."""
        return self.grid.teams[-1] if self.grid else self.team

    def profile(self, now: datetime, *, with_locale: bool) -> dict[str, object]:
        """This person as `users.info` shows them. In an organization a list of workspaces takes the place of `team_id`."""
        offset = now.astimezone(ZoneInfo(self.zone)).utcoffset()
        assert offset is not None
        shown: dict[str, object] = {
            "id": self.id,
            **({"team_id": self.team} if self.grid is None else {"enterprise_user": self.grid.as_json(self.id)}),
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
            "profile": {"real_name": self.real_name, "display_name": self.name},
        }
        return shown | ({"locale": self.locale} if with_locale else {})


class Sharing(StrEnum):
    """What Slack says about whether a conversation is shared with another organization."""

    NONE = "none"
    SHARED = "shared"
    INVITED = "invited"
    """Another organization was invited and has not accepted yet: `is_pending_ext_shared`."""
    UNSAID = "unsaid"
    """Neither `is_ext_shared` nor `is_shared` is in the answer."""


@dataclass(frozen=True)
class Channel:
    """A conversation. A direct message is one whose id begins with D: those of the app, or of two people without it.

    `group`: a group direct message. Its members are fixed: `/invite` does not exist there.
    """

    id: str
    name: str
    members: frozenset[str]
    private: bool = False
    sharing: Sharing = Sharing.NONE
    archived: bool = False
    group: bool = False
    restricted: bool = False
    """Its managers let some people post here, and the app is none of them."""
    creator: str = "U0ADMIN"
    topic: str = ""

    @property
    def direct(self) -> bool:
        return self.id.startswith("D")

    @property
    def shown_name(self) -> str:
        """The name that commands and clicks carry: Slack keeps those of private conversations to itself."""
        if self.direct:
            return "directmessage"
        return "privategroup" if self.private and not self.group else self.name

    @property
    def shared(self) -> bool:
        """Another organization reads along."""
        return self.sharing is Sharing.SHARED

    def described(self) -> dict[str, object]:
        """This channel as `conversations.info` shows it. Direct messages, of two or of a group, lack `is_ext_shared`."""
        said: dict[str, object] = {"is_shared": self.shared}
        if not (self.direct or self.group):
            said |= {"is_ext_shared": self.shared, "is_pending_ext_shared": self.sharing is Sharing.INVITED}
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.direct and not self.private,
            "is_group": self.private and not self.direct,
            "is_im": self.direct,
            "is_mpim": self.group,
            "is_private": self.private or self.direct,
            "is_archived": self.archived,
            **({} if self.sharing is Sharing.UNSAID else said),
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
LATIN_NAMES = {"hana": "Hana Sato", "kenji": "Kenji Tanaka", "sora": "Sora Suzuki"}
"""The Japanese names of these people as English writes them."""

INSIDERS = frozenset(person.id for person in PEOPLE if person.kind is Kind.MEMBER)

CHANNELS = (
    Channel("C0OPS", "ops", INSIDERS | {BOT_USER, "U0GUEST", "U0VISITOR"}),
    Channel("C0DEV", "dev", INSIDERS),
    Channel("C0BOARD", "board", frozenset({"U0ADMIN", "U0SECURITY"}), private=True),
    Channel("C0PARTNERS", "partners", frozenset({"U0OPERATOR", "U0ADMIN", "U0STRANGER", BOT_USER}), sharing=Sharing.SHARED),
    Channel("C0OLD", "old", INSIDERS | {BOT_USER}, archived=True),
)


ENTERPRISE, SISTER_TEAM = "E0ORG", "T0SISTER"
"""The organization of a workspace on Enterprise Grid, and its other workspace."""

GRID_PEOPLE = (
    Person("W0CHIEF", "carol", "Carol Weiss", role="administrator", grid=GridUser(ENTERPRISE, ("T0FLATNET", SISTER_TEAM))),
    Person("W0SISTER", "sid", "Sid Sister", team=SISTER_TEAM, grid=GridUser(ENTERPRISE, (SISTER_TEAM,))),
)


DEPUTY = Person("U0DEPUTY", "carol", "Carol Weiss", role="administrator")
"""The second administrator."""


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
    organization, `old` archived; a user group for each role. The tokens are the lab's own and open nothing else.
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

    terminal: str = "me"
    """The name of the person at the terminal, who is not in the workspace."""

    enterprise: str = ""
    """The Enterprise organization that the workspace is in; "" for none."""

    def on_grid(self) -> "Seed":
        """Give the same workspace to an Enterprise organization, with people of its other workspaces and ids with W.

        Members are in another workspace of it, too, whose id their clicks carry. Carol, an administrator, has an id with
        W; Sid is of the organization, but not in this workspace; the stranger is of another organization.
        """
        people = (*map(self._move_to_grid, self.people), *GRID_PEOPLE)
        joined = frozenset(person.id for person in GRID_PEOPLE)
        channels = (replace(each, members=each.members | joined) if each.id == "C0OPS" else each for each in self.channels)
        return replace(self, enterprise=ENTERPRISE, people=people, channels=tuple(channels))

    def _move_to_grid(self, person: Person) -> Person:
        if person.kind is Kind.STRANGER:
            return replace(person, grid=GridUser("E0OTHER", (person.team,)))
        return replace(person, grid=GridUser(ENTERPRISE, (self.team, SISTER_TEAM)))

    def with_deputy(self) -> "Seed":
        """Give the workspace a second administrator, who may approve what the first one requests."""
        channels = (
            replace(each, members=each.members | {DEPUTY.id}) if each.id == "C0OPS" else each for each in self.channels
        )
        groups = (replace(each, users=each.users | {DEPUTY.id}) if each.id == "S0ADMINS" else each for each in self.groups)
        return replace(self, people=(*self.people, DEPUTY), channels=tuple(channels), groups=tuple(groups))

    def reading(self, language: str) -> "Seed":
        """Give everyone a locale of this language, `en` or `ja`, a name in its letters, and the bot's time zone."""
        locale, names = {"en": ("en-US", LATIN_NAMES), "ja": ("ja-JP", {})}[language]
        people = (
            replace(each, locale=locale, real_name=names.get(each.name, each.real_name), zone="Asia/Tokyo")
            for each in self.people
        )
        return replace(self, people=tuple(people), terminal="yuki")
