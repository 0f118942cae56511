"""Whatever people, the clock and crashes do, in whatever order: no host is ever held by two, and none for ever."""

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.changes.services.engine import WorkflowStatus
from bot.model.change import Change, ChangeState
from bot.store.database import Database
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, CAI, DEE, Bot

T = TypeVar("T")

PEOPLE = st.sampled_from((ANA, BEN, CAI, DEE))
TARGETS = st.sampled_from(("host-a", "host-b", "host-a,host-b", "host-b,host-c", "host-d", "all"))
PICK = st.integers(min_value=0, max_value=1000)


refused = suppress(FlatnetError)
"""What is refused is refused in words; anything else is a bug that the machine finds."""


class Life(RuleBasedStateMachine):
    """A bot with four people at work; the process may die at any moment, and its database stays."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "flatnet.sqlite3"
        self._database = self.now(self._open())
        self.bot = Bot(self._database)
        self.asked = 0

    async def _open(self) -> Database:
        return Database.open(self._path)

    def now(self, work: Awaitable[T]) -> T:
        return self._loop.run_until_complete(work)

    def picked(self, pick: int, *states: ChangeState) -> list[Change]:
        changes = [change for change in self.now(self.bot.workflow.list_recent(1000)) if change.state in states]
        return [changes[pick % len(changes)]] if changes else []

    @rule(person=PEOPLE, where=TARGETS)
    def ask(self, person: Person, where: str) -> None:
        self.asked += 1
        with refused:
            self.now(self.bot.ask(f"op-{self.asked}", where, person))

    @rule(person=PEOPLE, where=TARGETS)
    def ask_twice_at_once(self, person: Person, where: str) -> None:
        self.asked += 1
        both = (self.bot.ask(f"op-{self.asked}", where, person) for _ in range(2))
        one, other = self.now(_all(*both))
        assert one == other

    @rule(pick=PICK, people=st.lists(PEOPLE, min_size=1, max_size=4), denies=st.booleans())
    def decide(self, pick: int, people: list[Person], denies: bool) -> None:
        for change in self.picked(pick, *ChangeState):
            decisions: list[Any] = [self.bot.workflow.approve(change.operation, self.bot.by(person)) for person in people]
            if denies:
                decisions.append(self.bot.workflow.deny(change.operation, self.bot.by(people[0]), "no"))
            for answer in self.now(_all(*decisions)):
                assert isinstance(answer, Change | FlatnetError)

    @rule(pick=PICK, person=PEOPLE)
    def cancel(self, pick: int, person: Person) -> None:
        for change in self.picked(pick, *ChangeState):
            with refused:
                self.now(self.bot.workflow.cancel(change.operation, self.bot.by(person)))

    @rule(pick=PICK, state=st.sampled_from((ChangeState.DONE, ChangeState.FAILED, ChangeState.UNDONE, ChangeState.UNKNOWN)))
    def end(self, pick: int, state: ChangeState) -> None:
        for change in self.picked(pick, ChangeState.RUNNING):
            self.now(self.bot.dispatch.finish_run(change.operation, state, Phrase("so it went")))

    @rule(pick=PICK)
    def supersede(self, pick: int) -> None:
        for change in self.picked(pick, ChangeState.RUNNING):
            record = self.now(self.bot.stored(change.operation))
            planned, _ = self.now(self.bot.dispatch.replan(record))
            self.now(self.bot.dispatch.supersede(record, planned))

    @rule(pick=PICK, person=PEOPLE)
    def resolve(self, pick: int, person: Person) -> None:
        for change in self.picked(pick, ChangeState.UNKNOWN):
            self.now(self.bot.workflow.resolve(change.operation, self.bot.by(person), "looked", ChangeState.DONE))

    @rule(where=TARGETS, minutes=st.integers(min_value=1, max_value=90))
    def lock(self, where: str, minutes: int) -> None:
        self.asked += 1
        parts = Target(parts=tuple(where.split(",")))
        self.now(self.bot.locks.add(f"op-{self.asked}", parts, timedelta(minutes=minutes), "so", "dee"))

    @rule(minutes=st.integers(min_value=1, max_value=40))
    def time_passes(self, minutes: int) -> None:
        self.bot.pass_by(minutes=minutes)
        self.now(self.bot.dispatch.tick())

    @rule()
    def several_ticks_at_once(self) -> None:
        self.now(_all(*(self.bot.dispatch.tick() for _ in range(3))))

    @rule(pick=PICK)
    def a_run_breaks_off(self, pick: int) -> None:
        for change in self.picked(pick, ChangeState.RUNNING):
            self.bot.engine.fates[change.operation] = WorkflowStatus(ended=True)
            self.now(self.bot.dispatch.tick())

    @precondition(lambda self: self.asked)
    @rule()
    def the_process_dies_and_starts_again(self) -> None:
        self.now(self._database.aclose())
        self._database = self.now(self._open())
        before, self.bot = self.bot, Bot(self._database)
        self.bot.at = before.at
        self.bot.engine = before.engine
        self.now(self.bot.dispatch.tick())

    @invariant()
    def exactly_the_hosts_of_what_runs_or_is_unknown_are_claimed(self) -> None:
        """Two that run on one host would make the expected claims fewer than what their plans name."""
        holding = self.all_in(ChangeState.RUNNING, ChangeState.UNKNOWN)
        hosts = [host for change in holding for host in change.plan.hosts]
        assert len(hosts) == len(set(hosts))
        claims = self.now(self.bot.operations.find_claims())
        assert {host: change.operation for change in holding for host in change.plan.hosts} == {
            host: claim.operation for host, claim in claims.items()
        }

    @invariant()
    def nothing_runs_that_was_not_approved_by_somebody_else(self) -> None:
        for change in self.all_in(ChangeState.RUNNING):
            assert change.approval is not None
            people = {review.person for review in change.approval.reviews if review.approves}
            assert len(people) >= change.approval.needed
            assert change.requester not in people

    @invariant()
    def what_runs_was_handed_to_the_engine(self) -> None:
        assert {change.operation for change in self.all_in(ChangeState.RUNNING)} <= set(self.bot.engine.enqueued)

    def all_in(self, *states: ChangeState) -> tuple[Change, ...]:
        return tuple(change for change in self.now(self.bot.workflow.list_recent(1000)) if change.state in states)

    def teardown(self) -> None:
        self.now(self._database.aclose())
        self._loop.close()
        self._folder.cleanup()


async def _all(*works: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*works, return_exceptions=True)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
