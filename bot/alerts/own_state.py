"""Checks the bot itself for the watch: changes of unknown outcome, the digest, the audit log."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from adapters.phrase import Moment, Phrase
from bot.model.change import ChangeState
from bot.store.operations import OperationTable
from bot.store.records import OperationRecord
from bot.store.schedule_runs import RunOutcome
from bot.store.schedules import ScheduleRun, ScheduleTable
from commands.checks.conditions import Condition, Signal
from commands.model.finding import Severity
from commands.model.phrases import list_some

_ENDED_BADLY = frozenset({RunOutcome.FAILED, RunOutcome.REFUSED, RunOutcome.MISSED})


@dataclass(frozen=True)
class OwnCheck:
    """Outcome of one check of the bot itself."""

    judged: frozenset[Condition]
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class OwnState:
    """State of the bot that the watch checks. `digest` is the name of the built-in digest's schedule.

    `is_undeliverable` returns whether a message of an operation reached no place, `find_trouble` the audit log's trouble.
    """

    operations: OperationTable
    schedules: ScheduleTable
    is_undeliverable: Callable[[str], Awaitable[bool]]
    find_trouble: Callable[[], Phrase | None]
    digest: str

    async def check(self) -> OwnCheck:
        """Checks everything. A digest that is being made is unknown. Raises `DatabaseError`."""
        unknown = await self.operations.list_in_states(ChangeState.UNKNOWN)
        run = (await self.schedules.find_latest_runs()).get(self.digest)
        making = run is not None and run.outcome is RunOutcome.RUNNING
        undelivered = run is not None and not making and await self._is_undelivered(run)
        judged = {Condition.CHANGE, Condition.AUDIT} | (set() if making else {Condition.DIGEST})
        signals = (
            *map(_make_change_signal, unknown),
            *(_make_digest_signals(run) if run is not None and undelivered else ()),
            *_make_audit_signals(self.find_trouble()),
        )
        return OwnCheck(frozenset(judged), signals)

    async def _is_undelivered(self, run: ScheduleRun) -> bool:
        return run.outcome in _ENDED_BADLY or await self.is_undeliverable(run.operation)


def _make_change_signal(record: OperationRecord) -> Signal:
    why = Phrase(
        "the result of {words} is unknown on {hosts}. Check these hosts, then report what you saw with op resolve",
        words=record.words,
        hosts=list_some(record.plan.hosts),
    )
    return Signal(
        host="",
        subject=f"change/{record.operation}",
        condition=Condition.CHANGE,
        severity=Severity.HIGH,
        short=Phrase("result of {words} unknown", words=record.words),
        why=why,
        next=f"op show {record.operation}",
    )


def _make_digest_signals(run: ScheduleRun) -> Iterator[Signal]:
    if run.outcome in _ENDED_BADLY:
        why = Phrase("the digest of {at} could not be made. Check the log, then run it", at=Moment(run.due))
    else:
        why = Phrase(
            "the digest of {at} could not be delivered to its channel, the second channel or the administrators. Check that "
            "the bot is in its channel",
            at=Moment(run.due),
        )
    yield Signal(
        host="",
        subject="digest",
        condition=Condition.DIGEST,
        severity=Severity.HIGH,
        short=Phrase("digest not delivered"),
        why=why,
        next="digest",
    )


def _make_audit_signals(trouble: Phrase | None) -> Iterator[Signal]:
    if trouble is not None:
        yield Signal(
            host="",
            subject="audit",
            condition=Condition.AUDIT,
            severity=Severity.CRITICAL,
            short=Phrase("audit log inconsistent"),
            why=trouble,
            next="audit verify",
        )
