"""A bot that is killed (-9) while it changes hosts, and another one that goes on after it.

`python -m tests.scenarios.crashing --rounds 100` does so at random moments, until something is not true afterwards.
"""

import asyncio
import random
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.control.client import ask
from bot.model.change import ChangeState
from bot.model.request import Surface
from bot.store.records import OperationRecord
from tests.lab.holds import Hold
from tests.scenarios.changing import ADMIN, OPERATOR, OPS, Card, operation_in
from tests.scenarios.conftest import PATIENCE, Town, built
from tests.scenarios.crash_evidence import Evidence, pairs
from tests.scenarios.crash_points import Call, Point
from tests.scenarios.forks import bot_process

RENEW = "cert renew host-a"

LATER = 3600.0
"""Seconds after which no change waits for its confirmation any more."""

WISHES = (
    (RENEW,),
    ("cert renew host-a,host-b,lighthouse",),
    ("service restart nebula host-a,host-b",),
    ("service restart openresty all",),
    (RENEW, RENEW),
    (RENEW, "cert renew host-b"),
    (RENEW, "service restart nebula host-a"),
)
"""What is asked for at once, in random rounds."""

DEATHS = 3
"""Bots that die in a round, at most: the engine gives up an operation that has brought down five."""

LIFE = 1.5
"""Seconds that a bot of a random round lives, at most, from the approval or from its start."""


class Crew:
    """One bot after the other in the same town: each is killed, and the next one finds what it has left."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.evidence = Evidence.of(town)
        self.rows = self.evidence.rows
        self._socket = town.settings.control_socket
        self.told_of: list[str] = []
        self._bot = AsyncExitStack()

    async def begins(self, *, greeted: bool = True) -> None:
        """The next bot starts; `greeted`: it has come as far as Slack."""
        process = await self._bot.enter_async_context(bot_process(self.town))
        if greeted:
            await process.says("connected")

    async def dies(self) -> None:
        """The bot is killed, whatever it is doing."""
        await self._bot.aclose()

    async def asked(self, words: str) -> Card:
        """The card of a change that the operator asks for."""
        known = {message.ts for message in self.town.workspace.messages(OPS)}
        await self.town.workspace.slash(OPERATOR, OPS, words)
        found = await self.town.workspace.seen(
            lambda: [each for each in self.town.workspace.messages(OPS) if each.ts not in known and each.blocks],
            timeout=PATIENCE,
        )
        card = Card(operation_in(found[0]), found[0])
        self.told_of.append(card.operation)
        return card

    async def approves(self, card: Card) -> None:
        delivery = await self.town.workspace.click(ADMIN, card.message, "run.approve")
        assert delivery.in_time

    async def ended(self, card: Card) -> ChangeState:
        """How the change ended, once it has."""
        await self._until(lambda: self._now(card).state.ended, lambda: f"it is {self._now(card).state} for ever")
        return self._now(card).state

    async def at_rest(self) -> None:
        """Wait until Slack shows all that there is to show."""
        await self._until(self.rows.at_rest, lambda: "something stays unanswered, unsent or unshown")

    async def lives_through(self, point: Point) -> list[str]:
        """What is not true after a certificate was renewed by a bot that was killed at a point, and by the next one."""
        before = pairs(self.town.fleet)
        card = await self.asked(RENEW)
        hold = await self.stands_at(point, card)
        await self.dies()
        self._left(point, hold)
        await self.begins()
        expected, state = ChangeState.DONE if point.done else ChangeState.UNDONE, await self.ended(card)
        wrong = [f"it is {state}: {self._now(card).why}"] if state is not expected else []
        return wrong + list(self.evidence.against(before, card.operation))

    def _now(self, card: Card) -> OperationRecord:
        return self.rows.record(card.operation)

    async def withdraw_again(self, operations: Iterable[str]) -> None:
        """What asks again, for a plan was another when it should have started, is asked for by nobody here."""
        for operation in operations:
            if after := self.rows.record(operation).after:
                await ask(self._socket, f"op cancel {after}", Surface.DO)

    async def _until(self, look: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not look():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(otherwise()) from None

    async def stands_at(self, point: Point, card: Card) -> Hold | None:
        """Have the change approved, and stand at the point; each call on the way there must really come."""
        move: Callable[[], Awaitable[None]] = partial(self.approves, card)
        hold = None
        for call in point.path:
            hold = self._hold(call, point)
            await move()
            try:
                async with asyncio.timeout(PATIENCE):
                    await hold.reached()
            except TimeoutError:
                raise AssertionError(f"{point}: {call} never came") from None
            if call == point.stopped:
                await ask(self._socket, f"op cancel {card.operation}", Surface.DO)
            move = partial(_let_go, hold)
        if hold is None:
            await move()
        return hold

    def _hold(self, call: Call, point: Point) -> Hold:
        host, when = self.town.fleet[call.host], point.when if call == point.path[-1] else "before"
        if call.held_by.startswith("/"):
            assert host.gateway is not None
            return host.gateway.hold(call.held_by, when)
        return host.windows.hold(call.held_by, when)

    def _left(self, point: Point, hold: Hold | None) -> None:
        """What becomes of the request under way, and of the change's window, while no bot is there."""
        if hold is not None and point.when == "after":
            hold.release()
        elif hold is not None:
            self.town.fleet[point.path[-1].host].windows.restart()  # it never begins
        for host in self.town.fleet.hosts if point.late else ():
            host.elapse(LATER)


async def _let_go(hold: Hold) -> None:
    hold.release()


@asynccontextmanager
async def crew(town: Town) -> AsyncIterator[Crew]:
    """A bot is at work in the town; whichever is there at the end is killed."""
    people = Crew(town)
    try:
        await people.begins()
        yield people
    finally:
        await people.dies()


@dataclass
class Chance:
    """Rounds at random: what is asked for, how often and when the bot dies, whether windows pass meanwhile."""

    bots: Crew
    dice: random.Random

    async def round(self) -> list[str]:
        """One or two changes through one to three deaths; what is not true in the end."""
        town, before = self.bots.town, pairs(self.bots.town.fleet)
        for host in town.fleet.hosts:
            host.windows.restart()  # else the shells that dead bots have left would use up the account's quota
        cards = [await self.bots.asked(words) for words in self.dice.choice(WISHES)]
        for card in cards:
            await self.bots.approves(card)
        deaths = self.dice.randint(1, DEATHS)
        for death in range(1, deaths + 1):
            await asyncio.sleep(self.dice.uniform(0, LIFE))
            await self.bots.dies()
            for host in town.fleet.hosts if self.dice.random() < 0.25 else ():
                host.elapse(LATER)
            await self.bots.begins(greeted=death == deaths or self.dice.random() < 0.7)
        states = [f"{card.operation} {await self.bots.ended(card)}" for card in cards]
        print(*states, flush=True)
        operations = [card.operation for card in cards]
        wrong = list(self.bots.evidence.against(before, *operations))
        await self.bots.withdraw_again(operations)
        return wrong + [f"{state}: nobody had to look" for state in states if state.endswith(ChangeState.UNKNOWN)]


async def main(rounds: int, seed: int) -> None:
    """Rounds one after the other in one town; ends at the first that leaves something untrue."""
    with TemporaryDirectory() as folder:
        async with built(Path(folder), hosts=2, lighthouse=True) as town, crew(town) as bots:
            chance = Chance(bots, random.Random(seed))
            for number in range(1, rounds + 1):
                print(f"round {number} of {rounds}", end=": ", flush=True)
                if wrong := await chance.round():
                    sys.exit("\n".join(wrong))
            await bots.at_rest()
            wrong = [what for operation in bots.told_of for what in bots.evidence.against_slack(operation)]
            if wrong or not bots.rows.audit_is_whole():
                sys.exit("\n".join(wrong or ["the audit log is not whole"]))


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=100)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = arguments.parse_args()
    print(f"seed {chosen.seed}")
    asyncio.run(main(chosen.rounds, chosen.seed))
