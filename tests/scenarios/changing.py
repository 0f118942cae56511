"""A bot at work between people and hosts: what people do with changes, and what can be seen of them on every side."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, TypeVar

from adapters.nebula.certificates import parse_pem
from bot.app.application import Application
from bot.app.reload import reload
from bot.changes.services.step_runner import POLL_SECONDS
from bot.changes.slack.card import STATE_SYMBOLS
from bot.model.change import Change, ChangeState
from bot.model.request import Answer
from bot.runtime.clock import SYSTEM_CLOCK, Clock, read_utc_time
from tests.lab.fleet import Conditions, LabFleet
from tests.lab.windows import nebula_cert
from tests.lab.windows.disks import Expiry
from tests.lab.windows.mesh import PATHS
from tests.lab.windows.state import WindowsState
from tests.lab.workspace import Workspace
from tests.lab.workspace.message import Message
from tests.scenarios.conftest import PATIENCE, Build, Town, ask

OPERATOR, ADMIN, DEVELOPER, VIEWER = "U0OPERATOR", "U0ADMIN", "U0DEVELOPER", "U0VIEWER"
MEMBER, GUEST = "U0MEMBER", "U0GUEST"
OPS = "C0OPS"

Found = TypeVar("Found")

STEPS = frozenset({"intent", "outcome"})
"""Kinds of audit events that tell of single steps."""

WAITING = ":hourglass_flowing_sand: `"
"""How a line begins that only says that the answer will come: with the command. A change that waits has the same sign."""

FOLDER = PureWindowsPath(PATHS.base) / "operations"
"""Where changes work on a host."""


@dataclass(frozen=True)
class Card:
    """A change that somebody asked for: its id, and its message as it was first posted, with the buttons of that time."""

    operation: str
    message: Message


@dataclass(frozen=True)
class Shift:
    """A town whose bot runs. Unless said otherwise kenji, the operator, asks, and alice, the administrator, decides."""

    town: Town
    house: Application

    @property
    def workspace(self) -> Workspace:
        return self.town.workspace

    @property
    def fleet(self) -> LabFleet:
        return self.town.fleet

    # What people do

    async def asked(self, words: str, user: str = OPERATOR) -> Card:
        """The card of a change that somebody asks for in the operators' channel, once they have been told of it."""
        before, told = {message.ts for message in self.cards()}, len(self.told(user))
        await self.workspace.slash(user, OPS, words)

        def new() -> Message | None:
            return next((message for message in self.cards() if message.ts not in before), None)

        message = await self._seen(new, lambda: f"no card for {words}: {self.told(user)}")
        await self._next(user, told)
        return Card(operation_in(message), message)

    async def approved(self, words: str) -> Card:
        """The same, approved at once."""
        card = await self.asked(words)
        await self.press(ADMIN, card, "run.approve")
        return card

    async def press(self, user: str, card: Card, action: str) -> str:
        """What somebody is privately told who presses a button of the card, as it was first posted."""
        before = len(self.told(user))
        await self.workspace.click(user, card.message, action)
        return await self._next(user, before)

    async def press_now(self, user: str, card: Card, action: str) -> str:
        """The same with a button that the card has now."""
        message = next(message for message in self.cards() if message.ts == card.message.ts)
        return await self.press(user, Card(card.operation, message), action)

    async def types(self, user: str, words: str) -> str:
        """What somebody is privately told who types words in the operators' channel."""
        before = len(self.told(user))
        await self.workspace.slash(user, OPS, words)
        return await self._next(user, before)

    async def fills(self, user: str, card: Card, action: str, block: str, words: str) -> str:
        """What somebody is told who opens a form with a button of the card, and sends it with these words."""
        before = len(self.told(user))
        await self.workspace.click(user, card.message, action)
        await self.workspace.seen(lambda: self.workspace.view(user), timeout=PATIENCE)
        sent = await self.workspace.submit(user, {block: words})
        assert {} == sent.errors
        return await self._next(user, before)

    async def shell(self, words: str) -> Answer:
        """The answer to the administrator who sits at the bot's own machine."""
        return await ask(self.house, words)

    async def edited(self, old: str, new: str) -> None:
        """Somebody edits the configuration, and the bot reads it again."""
        settings = self.town.settings
        self.town.edit(old, new)
        _, retired = await reload(self.town.config, settings, self.house)
        await retired.aclose()

    async def ruled(self, rules: str) -> None:
        """Somebody adds tables to the configuration, and the bot reads it again."""
        await self.edited('\n[[hosts]]\nname = "host-a"', f'\n{rules}\n[[hosts]]\nname = "host-a"')

    # What can be seen

    def told(self, user: str) -> list[str]:
        """All that a person alone was told, in the channel or directly, without waiting lines."""
        messages = (*self.workspace.private(user), *self.workspace.direct(user))
        return [shown(message) for message in messages if not message.text.startswith(WAITING)]

    def cards(self) -> list[Message]:
        """The messages of changes in the operators' channel."""
        return [message for message in self.workspace.messages(OPS) if message.blocks and not message.thread_ts]

    def card(self, card: Card) -> str:
        """The card as everybody reads it now."""
        return next(shown(message) for message in self.cards() if message.ts == card.message.ts)

    async def find(self, operation: str) -> Card:
        """The card of a change."""

        def found() -> Message | None:
            return next((message for message in self.cards() if operation == operation_in(message)), None)

        return Card(operation, await self._seen(found, lambda: f"no card of {operation}"))

    def thread(self, card: Card) -> list[str]:
        """What others were told below the card."""
        return [message.text for message in self.workspace.thread(OPS, card.message.ts)[1:]]

    async def shows(self, card: Card, state: ChangeState) -> str:
        """The card, once it shows a state."""
        return await self.signed(card, STATE_SYMBOLS[state])

    async def signed(self, card: Card, sign: str) -> str:
        """The card, once it has a sign on it."""
        return await self._seen(
            lambda: text if sign in (text := self.card(card)) else "", lambda: f"never {sign}: {self.card(card)}"
        )

    async def says(self, card: Card, text: str) -> str:
        """What is said below the card, once it holds a text."""
        return await self._seen(
            lambda: next((said for said in self.thread(card) if text in said), ""),
            lambda: f"never {text!r}: {self.thread(card)}",
        )

    async def known(self, card: Card) -> Change:
        """The change as the bot knows it."""
        return await self.house.wings.changes.lifecycle.find_change(card.operation)

    async def until(self, card: Card, enough: Callable[[Change], bool]) -> Change:
        """The change, once it is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while not enough(change := await self.known(card)):
                await asyncio.sleep(0.01)
        return change

    async def ended(self, card: Card) -> tuple[ChangeState, str]:
        """How the change ended, and why in English."""
        change = await self.until(card, lambda change: change.state.ended)
        return change.state, str(change.why or "")

    def trail(self, card: Card) -> list[str]:
        """Kinds of audit events of the change, without its steps."""
        return [event["kind"] for event in self.events(card) if event["kind"] not in STEPS]

    def outcomes(self, card: Card) -> dict[str, str]:
        """What became of each step by the audit log: the last word on it."""
        told = (event["data"]["result"] for event in self.events(card) if event["kind"] == "outcome")
        return {result["key"]: result["result"] for result in told}

    def events(self, card: Card) -> list[dict[str, Any]]:
        """The audit events of the change."""
        return [event for event in self.town.events() if event["operation"] == card.operation]

    # What lies on the hosts

    def state(self, host: str) -> WindowsState:
        return self.fleet[host].windows.state

    def lies(self, host: str) -> str:
        """The fingerprint of the certificate on a host's disk."""
        [certificate] = parse_pem(self.state(host).files[PureWindowsPath(PATHS.host_certificate)])
        return certificate.fingerprint

    def runs(self, host: str) -> str:
        """The fingerprint of the certificate that a host's Nebula runs with; "" where it does not run."""
        running = self.fleet.mesh.members[host].running
        return "" if running is None else running.certificate.fingerprint

    def left(self, host: str) -> list[str]:
        """Files that changes have left in their folders on a host."""
        return sorted(str(path.relative_to(FOLDER)) for path in self.state(host).files if path.is_relative_to(FOLDER))

    async def _next(self, user: str, before: int) -> str:
        return (await self._seen(lambda: self.told(user)[before:], lambda: f"{user} is told nothing"))[-1]

    async def _seen(self, look: Callable[[], Found | None], otherwise: Callable[[], str]) -> Found:
        try:
            found = await self.workspace.seen(look, timeout=PATIENCE)
        except TimeoutError:
            raise AssertionError(otherwise()) from None
        assert found is not None
        return found


@asynccontextmanager
async def shift(
    town: Build, hosts: int = 2, *, lighthouse: bool = True, hurry: float = 0, expiry: Expiry | None = None
) -> AsyncIterator[Shift]:
    """A town whose bot is at work; with `hurry` its waits between two looks at a host are over at once (`hurried`)."""
    conditions = Conditions(expiry=expiry or Expiry())
    async with (
        town(hosts=hosts, lighthouse=lighthouse, conditions=conditions) as t,
        t.bot(hurried(t.fleet, hurry) if hurry else SYSTEM_CLOCK) as house,
    ):
        yield Shift(t, house)


def hurried(fleet: LabFleet, times: float) -> Clock:
    """A clock by which a wait between two looks at a host is over at once, and took `times` as long on all hosts."""
    passed = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed
        if seconds != POLL_SECONDS:
            await asyncio.sleep(seconds)
            return
        passed += seconds * times
        for host in (*fleet.hosts, *fleet.newcomers):
            host.elapse(seconds * times)
        await asyncio.sleep(0.01)

    return Clock(read_utc_time, lambda: time.monotonic() + passed, sleep)


def by_hand(s: Shift, host: str, address: str) -> None:
    """Somebody signs a new certificate for a host at the lighthouse, and lays it there with its key."""
    signer = s.state("lighthouse").files
    files = {
        PureWindowsPath("ca.crt"): signer[PureWindowsPath(PATHS.ca_certificate)],
        PureWindowsPath("ca.key"): signer[PureWindowsPath(PATHS.ca_key)],
    }
    arguments = ["sign", "-name", host, "-ip", address, "-groups", "flatnet,gateway", "-duration", "1000h"]
    done = nebula_cert.run(arguments, files, read_utc_time())
    assert 0 == done.code, done.stderr
    for path, name in ((PATHS.host_certificate, f"{host}.crt"), (PATHS.host_key, f"{host}.key")):
        s.state(host).write(PureWindowsPath(path), files[PureWindowsPath(name)], read_utc_time())


def roles(user: str, old: str, new: str) -> tuple[str, str]:
    """The edit of the configuration that gives somebody another role."""
    return f'slack = ["{user}"]\nroles = ["{old}"]', f'slack = ["{user}"]\nroles = ["{new}"]'


def shown(message: Message) -> str:
    """All that a person reads in a message."""
    return message.text + json.dumps(message.blocks, ensure_ascii=False) if message.blocks else message.text


def operation_in(message: Message) -> str:
    """The id of the change that a card shows."""
    found = re.findall(r"op-[0-9a-f]{12}", json.dumps(message.blocks[-1]))
    assert found, shown(message)
    return str(found[0])
