"""People who work with the bot while its copies are harmed. Everything that they did is written down, to be judged later."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from bot.model.request import derive_operation_id
from bot.store.errors import DatabaseError
from tests.lab.workspace.message import Message
from tests.lab.workspace.responses import Response
from tests.lab.workspace.seed import BOT_USER
from tests.lab.workspace.socket_mode import Delivery
from tests.lab.workspace.workspace import Workspace
from tests.scenarios.changing import ADMIN, OPERATOR, OPS, VIEWER, WAITING
from tests.scenarios.conftest import PATIENCE

PROBE_SECONDS = 0.4
"""Seconds between two commands that only ask who one is: when a copy answers again is known so well."""

READS = ("health", "service host-a", "cert", "lock", "help silence", "container host-b")

CONTAINERS = ("web", "db")
"""Containers that every host runs."""

RESTART = "container restart "

Kind = Literal["read", "note", "change", "click"]


@dataclass
class Deed:
    """Something that a person did: words that they typed or a button that they pressed, and what Slack knows of it."""

    kind: Kind
    words: str
    at: float
    delivery: Delivery | None = None

    @property
    def operation(self) -> str:
        """The operation that its delivery makes."""
        assert self.delivery is not None
        return derive_operation_id(self.delivery.trigger_id)

    @property
    def acked(self) -> bool:
        return self.delivery is not None and self.delivery.in_time


@dataclass(frozen=True)
class Mention:
    """A message that mentions the bot; Slack delivers it until it is acknowledged."""

    message: Message


@dataclass
class People:
    """The people of a round."""

    workspace: Workspace
    dice: random.Random
    hosts: tuple[str, ...]
    is_known: Callable[[str], bool]
    """Whether the bot knows an operation by its id."""
    deeds: list[Deed] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def work(self, seconds: float, changes: int) -> None:
        """All work side by side for so long; ends once all that they began was acknowledged, or Slack gave it up."""
        ends = time.monotonic() + seconds
        await asyncio.gather(
            self._probe(ends), self._read(ends), self._note(ends), self._mention(ends), self._change(changes, seconds)
        )
        while self._tasks:
            await asyncio.gather(*self._tasks)

    @property
    def changes(self) -> tuple[Deed, ...]:
        """The changes of hosts that were asked for, and reached a copy or may have."""
        return tuple(deed for deed in self.deeds if deed.kind == "change" and deed.delivery is not None)

    def answers(self, deed: Deed) -> tuple[Response, ...]:
        """What a person got for it, without lines that say that the answer will come."""
        assert deed.delivery is not None
        found = self.workspace.responses(deed.delivery)
        return tuple(each for each in found if not each.content.text.startswith(WAITING))

    def find_card(self, operation: str) -> Message | None:
        """The message that shows a change."""
        cards = (message for message in self.workspace.messages(OPS) if message.blocks and not message.thread_ts)
        return next((card for card in cards if operation in json.dumps(card.blocks)), None)

    def measure_gap(self, after: float) -> float | None:
        """The longest time that a person went without an answer who typed after a moment, and typed again at once."""
        typed = sorted((deed for deed in self.deeds if deed.kind == "read" and deed.at >= after), key=lambda deed: deed.at)
        longest, answered = None, float("inf")
        for deed in reversed(typed):
            answered = min([answered, *(each.at for each in self.answers(deed))])
            if answered < float("inf"):
                longest = max(longest or 0.0, answered - deed.at)
        return longest

    async def _probe(self, ends: float) -> None:
        while time.monotonic() < ends:
            self._begin(self._type("read", ADMIN, "whoami"))
            await asyncio.sleep(PROBE_SECONDS)

    async def _read(self, ends: float) -> None:
        while time.monotonic() < ends:
            self._begin(self._type("read", VIEWER, self.dice.choice(READS)))
            await asyncio.sleep(self.dice.uniform(0.6, 2))

    async def _note(self, ends: float) -> None:
        """Changes of the bot's own tables, each with words of its own."""
        while time.monotonic() < ends:
            host = self.dice.choice(self.hosts)
            self._begin(self._type("note", OPERATOR, f'silence add {host}/disk 1h "note {next(self._numbers)}"'))
            await asyncio.sleep(self.dice.uniform(1, 3))

    async def _mention(self, ends: float) -> None:
        while time.monotonic() < ends:
            await asyncio.sleep(self.dice.uniform(2, 5))
            self._begin(self._say(f"<@{BOT_USER}> lock"))

    async def _change(self, changes: int, seconds: float) -> None:
        """Changes of hosts, approved as soon as their cards are there. A host's certificate is renewed once at most."""
        renewals = list(self.hosts)
        self.dice.shuffle(renewals)
        for _ in range(changes):
            host = self.dice.choice(self.hosts)
            containers = [f"{RESTART}{host}/{name}" for name in CONTAINERS]
            wishes = [f"service restart nebula {host}", f"service restart openresty {host}", *containers]
            words = f"cert renew {renewals.pop()}" if renewals and self.dice.random() < 0.6 else self.dice.choice(wishes)
            self._begin(self._ask(words))
            await asyncio.sleep(self.dice.uniform(0, seconds / changes))

    async def _ask(self, words: str) -> None:
        """Ask for a change, and approve it. Someone whose command failed by Slack's words leaves it at that."""
        deed = await self._type("change", OPERATOR, words)
        if not deed.acked:
            return
        await self.workspace.seen(lambda: self.answers(deed), timeout=PATIENCE)
        if not await self._is_known(deed.operation):
            return  # it was refused, or withdrawn
        card = await self.workspace.seen(lambda: self.find_card(deed.operation), timeout=PATIENCE)
        assert card is not None
        await asyncio.sleep(self.dice.uniform(0, 1))
        approving = [self._click(ADMIN, card, "run.approve") for _ in range(self.dice.choice((1, 1, 1, 2)))]
        while not any(click.acked for click in await asyncio.gather(*approving)):
            await asyncio.sleep(1)
            approving = [self._click(ADMIN, card, "run.approve")]

    async def _is_known(self, operation: str) -> bool:
        """Whether the bot knows an operation, asked until the database answers."""
        while True:
            try:
                return self.is_known(operation)
            except DatabaseError:
                await asyncio.sleep(0.5)

    async def _type(self, kind: Kind, user: str, words: str) -> Deed:
        deed = Deed(kind, words, time.monotonic())
        self.deeds.append(deed)
        deed.delivery = await self.workspace.slash(user, OPS, words)
        return deed

    async def _click(self, user: str, message: Message, action: str) -> Deed:
        deed = Deed("click", action, time.monotonic())
        self.deeds.append(deed)
        deed.delivery = await self.workspace.click(user, message, action)
        return deed

    async def _say(self, text: str) -> None:
        self.mentions.append(Mention(await self.workspace.say(VIEWER, OPS, text)))

    def _begin(self, deed: Coroutine[Any, Any, object]) -> None:
        async def do() -> None:
            await deed

        task = asyncio.create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
