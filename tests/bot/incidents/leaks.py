"""A bot with incidents of every audience, and the people who ask about them: a whole application in this process."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from adapters.phrase import Phrase
from bot.alerts.tables.alerts import AlertTable
from bot.app import run_incidents as build_incident_messages
from bot.app import run_incidents as build_incidents
from bot.app.application import Application, open_application
from bot.audit_log.log import EventKind
from bot.config.settings import read_settings
from bot.incidents.rules.channels import CreatedChannel, NewChannel
from bot.model.alert import Alert, AlertMove
from bot.model.announcement import Announcement, DeliveryStage
from bot.model.change import Change
from bot.model.request import Answer, Identity, Membership, Request, SlackIdentity, Surface, SystemIdentity
from bot.runtime.clock import read_utc_time
from tests.bot.clockwork import Time
from tests.bot.incidents.house import make_alert
from tests.bot.incidents.recorded import look, plan

OWN_CHANNELS = {1: "C0PUBLIC", 2: "C0SECRET", 3: "", 4: "C0NEW1", 5: "C0MERGED", 6: ""}
"""The channels of the incidents by number. The third is of a direct message, the sixth of a terminal."""

PUBLIC, EVERY = frozenset({1, 6}), frozenset(OWN_CHANNELS)
NOTICES, ANNOUNCEMENTS = "C0NOTICES", "C0ANNOUNCE"

T = TypeVar("T")

_SETTINGS = """
secrets_folder = "secrets"
[incidents]
channel = "C0NOTICES"
announce = "C0ANNOUNCE"
escalate = ["adam", "ben"]
"""

_PEOPLE = """
[[people]]
name = "{name}"
slack = ["U0{id}"]
system = ["{name}"]
roles = [{roles}]
"""

_ROLES = {
    "ana": ("operator", "developer"),
    "leo": ("operator", "developer"),
    "ina": ("developer",),
    "adam": ("administrator",),
    "sara": ("security",),
    "ben": ("operator",),
    "vera": ("viewer",),
}
"""Ana opened all incidents, Leo leads the private ones, and Ina was invited to them. Ben sees the hosts of Tokyo only."""

_HOSTS = """
[[hosts]]
name = "lighthouse"
id = 0
lighthouse = true
labels = ["tokyo"]
[hosts.windows]
url = "https://127.0.0.1:5986/wsman"
ca_file = "ca.pem"
user = "flatnet"

[[hosts]]
name = "host-a"
id = 1
labels = ["tokyo"]
[hosts.gateway]
url = "http://127.0.0.1:8080"

[[hosts]]
name = "host-b"
id = 2
labels = ["osaka"]
[hosts.gateway]
url = "http://127.0.0.1:8081"
"""

_GRANTS = """
[[grants]]
operations = ["alert", "alert show", "health", "disk"]
roles = ["developer", "administrator", "security"]

[[grants]]
operations = ["alert", "alert show", "health", "disk"]
roles = ["operator", "viewer"]
labels = ["tokyo"]
"""


class Slack:
    """A workspace that remembers what was posted. `private` are its private channels."""

    reached = True

    def __init__(self) -> None:
        self.private = {"C0SECRET", "C0MERGED", "C0NEW1"}
        self.made: list[NewChannel] = []
        self.posted: list[Announcement] = []
        self._names: set[str] = set()

    def show_change(self, change: Change) -> None: ...

    async def call(self, work: Callable[["Slack"], Coroutine[Any, Any, T]]) -> T:
        return await work(self)

    async def refresh_identity(self, who: SlackIdentity) -> SlackIdentity:
        return who

    async def announce(self, announcement: Announcement) -> None:
        self._names.add(announcement.name)
        self.posted.append(announcement)

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        self.posted.append(announcement)

    async def find_delivery(self, name: str) -> DeliveryStage:
        return DeliveryStage.BEGUN if name in self._names else DeliveryStage.ABSENT

    async def withdraw(self, prefix: str) -> int:
        return 0

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        self.made.append(new)
        return CreatedChannel(f"C0NEW{len(self.made)}", new.name)

    async def invite(self, channel: str, person: str) -> Phrase | None:
        return None

    async def is_private(self, channel: str) -> bool | None:
        return channel in self.private

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        return {}


class Bot:
    """The whole bot, and its workspace."""

    def __init__(self, application: Application, slack: Slack) -> None:
        self.application, self.slack = application, slack
        self._asked = 0

    async def ask(
        self,
        who: Identity,
        text: str,
        channel: str = "",
        surface: Surface = Surface.SLACK,
        *,
        in_public: bool = False,
    ) -> Answer:
        self._asked += 1
        key, at = f"t.{self._asked}", read_utc_time()
        return await self.application.answer_request(
            Request(key, who, text, surface, at, channel, answered_in_public=in_public)
        )

    async def fire(self, host: str, why: str) -> Alert:
        now = read_utc_time()
        alert = make_alert(host, now).model_copy(update={"short": Phrase("{why}", why=why), "why": Phrase("{why}", why=why)})
        [move] = await AlertTable(self.application.database).apply([AlertMove(None, alert)], now)
        assert move.after is not None
        return move.after

    async def post_by_itself(self, at: datetime) -> None:
        """Posts status messages with their replies, updates, proposals, and the reminders and calls of hours of silence."""
        running = replace(self.application, clock=Time(at).clock)
        await build_incidents._build_status(running).show()
        await build_incident_messages.build_announcer(running).announce()
        await build_incidents.build_proposer(running).propose()
        reminder = build_incident_messages.build_reminder(running, "T1")
        for minutes in range(0, 100, 2):
            await reminder.remind(at + timedelta(minutes=minutes))


def member(name: str) -> SlackIdentity:
    """A configured person in Slack."""
    return SlackIdentity("T1", f"U0{name.upper()}", Membership.MEMBER)


@asynccontextmanager
async def open_bot(folder: Path) -> AsyncIterator[Bot]:
    """Opens a bot with the people, and without an incident."""
    (folder / "secrets").mkdir()
    (folder / "secrets" / "audit_key").write_text("k" * 64)
    (folder / "secrets" / "winrm_password").write_text("-")
    people = "".join(
        _PEOPLE.format(name=name, id=name.upper(), roles=", ".join(f'"{role}"' for role in roles))
        for name, roles in _ROLES.items()
    )
    (folder / "flatnet.toml").write_text(f"{_SETTINGS}{people}{_HOSTS}{_GRANTS}")
    async with open_application(read_settings(folder / "flatnet.toml"), running=True) as application:
        slack = Slack()
        application.wings.changes.links.surface = slack
        yield Bot(application, slack)


async def fill(bot: Bot) -> None:
    """Opens the incidents, each with a word of its own in all that a person types, and has things happen on its hosts."""
    ana, audit = member("ana"), bot.application.audit
    await bot.fire("host-b", "osaka-alert")
    await bot.fire("host-a", "tokyo-alert")
    openings = (
        ("C0PUBLIC", "--results everyone", Surface.SLACK),
        ("C0SECRET", "--results everyone", Surface.SLACK),
        ("D0ANA", "", Surface.SLACK),
        ("C0OPS", "--new", Surface.SLACK),
        ("C0MERGED", "--results everyone", Surface.SLACK),
        ("", "", Surface.SHELL),
    )
    for number, (channel, options, surface) in enumerate(openings, 1):
        who: Identity = ana if surface is Surface.SLACK else SystemIdentity(1000, "ana")
        words = f'incident open "{name(number)} title" host-a,host-b --another --severity critical {options}'
        await _succeed(bot, who, words, channel, surface)
        for text in (
            f'incident note "{name(number)} note"',
            f'incident update "{name(number)} update" --next 30m',
            f'incident correct 1 "{name(number)} correction"',
            f'incident followup "{name(number)} task" --who vera',
            "incident add 1",
        ):
            await _succeed(bot, ana, f"{text} --incident {number}")
        if number not in PUBLIC:
            await _succeed(bot, ana, f"incident lead leo --incident {number}")
            await _succeed(bot, ana, f"incident invite ina --incident {number}")
    await audit.record(EventKind.REQUEST, "leo", "op-look-b", look("disk host-b", channel="C0SECRET"))
    await audit.record(EventKind.REQUEST, "leo", "op-look-a", look("disk host-a", channel="D0LEO"))
    work = plan("host-b", words="service restart nebula host-b", reason="osaka-change")
    await audit.record(EventKind.PLAN, "leo", "op-change", work)
    await _succeed(bot, ana, "incident merge 5 --into 1", "C0MERGED")


async def _succeed(bot: Bot, who: Identity, text: str, channel: str = "", surface: Surface = Surface.SLACK) -> None:
    answer = await bot.ask(who, text, channel, surface)
    assert answer.exit_code.value in (0, 1), (text, answer.body)


def name(number: int) -> str:
    """The word that is in all that people typed into an incident, and in nothing else."""
    return f"canary{number}"


def find_leaks(shown: object) -> frozenset[int]:
    """Finds the incidents of which something is shown."""
    text = shown if isinstance(shown, str) else json.dumps(shown, default=str)
    return frozenset(number for number in EVERY if name(number) in text)
