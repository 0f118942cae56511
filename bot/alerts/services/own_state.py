"""Checks the bot itself for the watch: changes of unknown outcome, owed changes, the change of the CA, backups, the digest,
the audit log.

Checks of backups for the watch: too old, never verified, a second place that cannot be read.

Rows change slowly and are large, so they are read every ten minutes, and the signals of that reading count until the next.

Checks the encrypted copies of the CA key for the watch: damaged, unverified, for people who left, without a drill.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.key_backup import Recipient
from adapters.phrase import Moment, Phrase
from bot.alerts.rules.signals import RotationSight, make_rotation_signals, make_unreadable_signal
from bot.changes.tables.operations import OperationTable
from bot.model.change import ChangeState
from bot.model.owed import OwedChange
from bot.model.schedule import RunOutcome, ScheduleRun
from bot.schedules.tables.schedules import ScheduleTable
from bot.store.errors import DatabaseError
from bot.store.records import OperationRecord
from commands.alerts.conditions import Condition, Signal
from commands.backups.findings import MAX_AGE, BackupProblem, Lack, find_problems
from commands.backups.listing import name_owner
from commands.certificates.ca_key.judgment import KeyProblem, judge_key_backups
from commands.model.backup import KnownBackups
from commands.model.finding import Severity, list_some
from commands.model.rotation import Rotation

OWED_LIMIT, OWED_STEP = timedelta(days=1), timedelta(days=7)
"""Time after which an owed change is a problem, and time after which its alert fires again."""

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
    `check_backups` returns the problems of backups, None if they are unknown.
    `find_rotation` finds the change of the CA that is under way; it raises a `DatabaseError` where its state is not known.
    """

    operations: OperationTable
    schedules: ScheduleTable
    is_undeliverable: Callable[[str], Awaitable[bool]]
    find_trouble: Callable[[], Phrase | None]
    list_owed: Callable[[], Awaitable[Sequence[OwedChange]]]
    check_backups: Callable[[], Awaitable[Sequence[Signal] | None]]
    find_rotation: Callable[[], Awaitable[RotationSight | None]]
    now: Callable[[], datetime]
    digest: str

    async def check(self) -> OwnCheck:
        """Checks everything. A digest that is being made is unknown. Raises `DatabaseError`."""
        unknown = await self.operations.list_in_states(ChangeState.UNKNOWN)
        run = (await self.schedules.find_latest_runs()).get(self.digest)
        making = run is not None and run.outcome is RunOutcome.RUNNING
        undelivered = run is not None and not making and await self._is_undelivered(run)
        backups = await self.check_backups()
        judged = {Condition.CHANGE, Condition.OWED, Condition.ROTATION, Condition.AUDIT}
        judged |= set() if making else {Condition.DIGEST}
        judged |= set() if backups is None else {Condition.BACKUP}
        signals = (
            *map(_make_change_signal, unknown),
            *_make_all_owed_signals(await self.list_owed(), self.now()),
            *await self._check_rotation(),
            *(backups or ()),
            *(_make_digest_signals(run) if run is not None and undelivered else ()),
            *_make_audit_signals(self.find_trouble()),
        )
        return OwnCheck(frozenset(judged), signals)

    async def _check_rotation(self) -> tuple[Signal, ...]:
        """Checks the change of the CA. One whose state is not known is a problem, and hides no other."""
        try:
            found = await self.find_rotation()
        except DatabaseError as error:
            return (make_unreadable_signal(error.phrase),)
        return () if found is None else tuple(make_rotation_signals(found, self.now()))

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


def _make_all_owed_signals(owed: Sequence[OwedChange], now: datetime) -> Iterator[Signal]:
    yield from _make_owed_signals([each for each in owed if each.due_at is None], now)
    yield from _make_due_signals(owed, now)


def _make_due_signals(owed: Sequence[OwedChange], now: datetime) -> Iterator[Signal]:
    """Makes a signal for each change that should have been done a day ago. Each further week is a step."""
    for each in owed:
        if each.due_at is None or now - each.due_at < OWED_LIMIT:
            continue
        why = Phrase(
            "{words} is due on {hosts} since {at}. Approve its request, or drop it with owed drop if it is not needed any "
            "more",
            words=each.words,
            hosts=each.host,
            at=Moment(each.due_at),
        )
        yield Signal(
            host="",
            subject=f"owed/{each.operation}/{each.number}",
            condition=Condition.OWED,
            severity=Severity.LOW,
            step=(now - each.due_at) // OWED_STEP,
            short=Phrase("{words} is due on {hosts}", words=each.words, hosts=each.host),
            why=why,
            next="owed",
        )


def _make_owed_signals(owed: Sequence[OwedChange], now: datetime) -> Iterator[Signal]:
    """Makes a signal for each run that has owed something for a day. Each further week is a step."""
    runs: dict[str, list[OwedChange]] = {}
    for each in owed:
        if now - each.since >= OWED_LIMIT:
            runs.setdefault(each.operation, []).append(each)
    for operation, late in runs.items():
        command = late[0].words if len(late) == 1 else late[0].kind
        hosts = list_some([each.host for each in late])
        why = Phrase(
            "{hosts} did not respond when {words} ran. It is requested again when they do. If that takes too long, check "
            "the hosts, or drop what is not needed any more with owed drop",
            hosts=hosts,
            words=command,
        )
        yield Signal(
            host="",
            subject=f"owed/{operation}",
            condition=Condition.OWED,
            severity=Severity.HIGH if any(each.matter.is_guarded for each in late) else Severity.MEDIUM,
            step=max((now - each.since) // OWED_STEP for each in late),
            short=Phrase("{words} owed to {hosts}", words=command, hosts=hosts),
            why=why,
            next="owed",
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


INTERVAL = timedelta(minutes=10)
"""Time between two readings."""

STEP = timedelta(days=7)
"""Time after which the alert of an old backup fires again."""

ReadBackups = Callable[[], Awaitable[tuple[KnownBackups, Phrase | None]]]
"""Reads all backups, and the reason for which the second place cannot be read, None if it can."""


class BackupWatch:
    """Watches the backups. `list_hosts` lists the hosts of the active configuration."""

    def __init__(self, read: ReadBackups, list_hosts: Callable[[], Sequence[str]], now: Callable[[], datetime]) -> None:
        self._read = read
        self._list_hosts = list_hosts
        self._now = now
        self._read_at: datetime | None = None
        self._signals: tuple[Signal, ...] | None = None

    async def check(self) -> tuple[Signal, ...] | None:
        """Checks all backups: the problems, None if they are unknown. Raises `DatabaseError`."""
        now = self._now()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < INTERVAL:
            known, unread = await self._read()
            self._signals = tuple(make_backup_signals(known, unread, self._list_hosts(), now)) if known.available else None
            self._read_at = now
        return self._signals


def make_backup_signals(known: KnownBackups, unread: Phrase | None, hosts: Sequence[str], now: datetime) -> Iterator[Signal]:
    """Makes the signals. Where no backup was ever made, no place is needed and nothing is old."""
    for problem in find_problems(known.backups, hosts, now):
        if problem.since is not None and now - problem.since > MAX_AGE:
            yield _make_signal(problem, now - problem.since)
    if unread is not None and known.backups:
        yield Signal(
            host="",
            subject="backup/second-place",
            condition=Condition.BACKUP,
            severity=Severity.MEDIUM,
            short=Phrase("second place of backups unreachable"),
            why=unread,
            next="backup verify",
        )


def _make_signal(problem: BackupProblem, age: timedelta) -> Signal:
    owner = name_owner(problem.host)
    never = problem.lack is Lack.NEVER
    return Signal(
        host="",
        subject=f"backup/{problem.host}",
        condition=Condition.BACKUP,
        severity=Severity.MEDIUM,
        step=(age - MAX_AGE) // STEP,
        short=Phrase("no verified backup of {host}", host=owner)
        if never
        else Phrase("verified backup of {host} is old", host=owner),
        why=Phrase("{host}: {why}", host=owner, why=problem.describe()),
        next=problem.next,
    )


@dataclass(frozen=True)
class KeyWatch:
    """Watches the copies. `read` reads copies and drills, `recipients` are those of the active configuration."""

    read: Callable[[], Awaitable[KnownBackups]]
    recipients: Callable[[], tuple[Recipient, ...]]
    find_rotation: Callable[[], Awaitable[Rotation | None]]
    now: Callable[[], datetime]

    async def check(self) -> tuple[Signal, ...]:
        """Checks all copies. Raises `DatabaseError`."""
        known, rotation = await self.read(), await self.find_rotation()
        return tuple(map(make_key_signal, judge_key_backups(known, self.recipients(), rotation, self.now())))


def make_key_signal(problem: KeyProblem) -> Signal:
    """Makes the signal of one problem."""
    return Signal(
        host="",
        subject=problem.subject,
        condition=Condition.CA_KEY,
        severity=problem.severity,
        short=problem.short,
        why=problem.why,
        next=problem.next,
    )
