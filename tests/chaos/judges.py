"""What must hold once all copies are well again and nothing is under way: looked up in tables, on hosts, in Slack, in files.

Every complaint is one line. No complaint: nothing that was acknowledged got lost, and nothing was done or said twice.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from adapters.phrase import Phrase
from bot.audit_log.files import verify_files
from bot.locale.texts import get_texts
from bot.model.change import ChangeState
from bot.model.request import derive_operation_id
from bot.security.secrets import read_secrets
from bot.store.audit_chain import AuditKey
from bot.store.audit_head_file import HeadFile
from bot.store.encoding import escape_text
from bot.store.reading import open_for_reading
from bot.store.schema.tables import AUDIT, INBOX, MUTES, OPERATIONS, OUTBOX, SCHEDULE_RUNS
from tests.chaos.copies import Copies
from tests.chaos.people import RESTART, Deed, Mention, People
from tests.lab.fleet import LabFleet
from tests.lab.workspace.journal import Acked, Delivered
from tests.lab.workspace.seed import BOT_USER
from tests.scenarios.changing import WAITING
from tests.scenarios.conftest import Town
from tests.scenarios.crash_evidence import Evidence, Pairs

TICKS = "C0TICKS"
"""The channel in which only a schedule speaks, once each time."""

REPEATED = (Phrase("Sent again: Slack did not confirm the first attempt."),)
"""A message that says that it may come a second time."""

REFUSED = (
    Phrase("Nothing was done: the bot received this too late. Try again."),
    Phrase("Nothing was done: the bot cannot write to its database. Try again later, or contact an administrator."),
)
"""Answers to what was not done."""

OPEN = (Phrase("The bot could not reach its database. If no result appears, try again later."),)
"""Answers to what was perhaps done."""


@dataclass(frozen=True)
class Tables:
    """What the tables hold at the end of a round."""

    finished: Mapping[str, bool]
    """Of each delivery by key: whether it is finished."""
    notes: Counter[str]
    """How many silences there are by operation."""
    operations: frozenset[str]
    answered: frozenset[str]
    """Operations of which something was said."""
    ticks: int
    """How many due times the schedule has had."""
    newest: int
    """Number of the newest audit event."""

    @classmethod
    def read(cls, town: Town) -> "Tables":
        with open_for_reading(town.database) as connection:
            return cls(
                finished={row.key: row.finished_at is not None for row in connection.execute(select(INBOX))},
                notes=Counter(connection.execute(select(MUTES.c.operation)).scalars()),
                operations=frozenset(connection.execute(select(OPERATIONS.c.operation)).scalars()),
                answered=frozenset(connection.execute(select(OUTBOX.c.operation)).scalars()),
                ticks=connection.execute(select(func.count()).select_from(SCHEDULE_RUNS)).scalar_one(),
                newest=_find_newest(connection),
            )


@dataclass
class Verdict:
    """Complaints about a round, and how often what was counted."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Before:
    """What was so at the beginning of a round: what lay on the disks, and how often containers had started."""

    pairs: Pairs
    starts: Counter[str]


def count_starts(fleet: LabFleet) -> Counter[str]:
    """How often each container of each host has started."""
    wsls = {host.name: host.wsl.state for host in fleet.hosts if host.wsl is not None}
    return Counter({f"{name}/{each}": count for name, wsl in wsls.items() for each, count in wsl.starts.items()})


def judge(people: People, copies: Copies, evidence: Evidence, before: Before) -> Verdict:
    """Judge a round, once everything is well again."""
    tables, verdict = Tables.read(copies.court), Verdict()
    for deed in people.deeds:
        verdict.counts[f"{deed.kind} {'acked' if deed.acked else 'not acked'}"] += 1
        verdict.wrong += _judge_deed(people, deed, tables)
    acks = _list_acks(people)
    for mention in people.mentions:
        acked = mention.message.ts in acks
        verdict.counts[f"mention {'acked' if acked else 'not acked'}"] += 1
        verdict.wrong += _judge_mention(people, mention, tables, acked=acked)
    known = [deed.operation for deed in people.changes if deed.operation in tables.operations]
    for operation in known:
        record = evidence.rows.record(operation)
        verdict.counts[f"operation {record.state}"] += 1
        verdict.wrong += [f"{operation}: {what}" for what in evidence.against_slack(operation)]
        if record.state is ChangeState.UNKNOWN:
            verdict.wrong.append(f"{operation} is unknown, and a person must look: {record.to_change().why}")
    restarts = {deed.operation for deed in people.changes if deed.words.startswith(RESTART)}
    verdict.wrong += evidence.against(before.pairs, *(each for each in known if each not in restarts))
    verdict.wrong += [what for each in known if each in restarts for what in evidence.against_log(each)]
    verdict.wrong += _judge_starts(count_starts(copies.court.fleet) - before.starts, people, evidence)
    verdict.wrong += _judge_ticks(people, tables)
    for copy in copies.all:
        verdict.wrong += [f"{copy.name}: {what}" for what in judge_chain(copy.town, tables.newest)]
    return verdict


def judge_chain(town: Town, newest: int) -> Iterator[str]:
    """What is wrong with the audit log by the head file of one machine."""
    settings = town.settings
    secrets = read_secrets(settings.secret_names, settings.secrets_folder)
    key = AuditKey(secrets("audit_key").get_secret_value().encode())
    found = verify_files(town.database, settings.audit_head_file, [key])
    if found.problem is not None:
        yield f"the audit log is not whole: {found.problem.phrase}"
    if not settings.audit_head_file.exists():
        yield "there is no head file"
        return
    heads = list(HeadFile(settings.audit_head_file).read(settings.audit_head_file.stat().st_size))
    if not heads or heads[-1].sequence < newest:
        yield f"the head file ends at {heads[-1].sequence if heads else None}, the table at {newest}"


def _judge_deed(people: People, deed: Deed, tables: Tables) -> Iterator[str]:
    """An acknowledged command is finished and answered once; one that Slack gave up on may be, but not twice."""
    if deed.delivery is None:
        return
    name, key = f"{deed.kind} {deed.words!r} {deed.operation}", escape_text(deed.delivery.trigger_id)
    told_in_ack = deed.delivery.ack_payload is not None
    if deed.acked and not told_in_ack and key not in tables.finished:
        yield f"{name}: acknowledged, and there is no row"
    if not tables.finished.get(key, True):
        yield f"{name}: never finished"
    if deed.kind == "click":
        return  # its answer is a message in the card's thread
    answers = [each.content for each in people.answers(deed)]
    firsts = [each for each in answers if not _is_repeated(each.text, each.blocks)]
    if len(firsts) > 1 or len(answers) > 2:
        yield f"{name}: answered {len(answers)} times: {[each.text for each in answers]}"
    if deed.acked and not told_in_ack and not answers:
        yield f"{name}: acknowledged, and never answered"
    if deed.kind == "note" and deed.acked and answers:
        yield from _judge_note(name, tables.notes[deed.operation], [each.text for each in answers])


def _judge_note(name: str, silences: int, answers: list[str]) -> Iterator[str]:
    """A silence is there once; not if its answer says that nothing was done, and perhaps if the answer leaves that open."""
    done = [not any(text in answer for text in _translate(REFUSED)) for answer in answers]
    left_open = any(text in answer for answer in answers for text in _translate(OPEN))
    if silences != all(done) and not (left_open and silences <= 1):
        yield f"{name}: {silences} silences, answered {answers[0]!r}"


def _judge_mention(people: People, mention: Mention, tables: Tables, *, acked: bool) -> Iterator[str]:
    """A mention that was acknowledged is answered once in its thread, or refused in private."""
    message = mention.message
    operation = derive_operation_id(f"said {message.channel} {message.ts}")
    replies = [
        each
        for each in people.workspace.thread(message.channel, message.ts)[1:]
        if each.user == BOT_USER and not each.text.startswith(WAITING) and each.private_to is None
    ]
    firsts = [each for each in replies if not _is_repeated(each.text, each.blocks)]
    if len(firsts) > 1:
        yield f"mention {message.ts}: answered {len(firsts)} times: {[each.text for each in firsts]}"
    if acked and not replies and operation not in tables.answered:
        yield f"mention {message.ts}: acknowledged, and never answered"


def _judge_starts(starts: Counter[str], people: People, evidence: Evidence) -> Iterator[str]:
    """A container started once for each change that restarted it, and perhaps for one whose end says that it may have."""
    done, perhaps = Counter[str](), Counter[str]()
    for deed in people.changes:
        if deed.words.startswith(RESTART) and evidence.rows.is_known(deed.operation):
            state = evidence.rows.record(deed.operation).state
            done[deed.words.removeprefix(RESTART)] += state is ChangeState.DONE
            perhaps[deed.words.removeprefix(RESTART)] += state in (ChangeState.FAILED, ChangeState.UNKNOWN)
    for name in starts | done:
        if not done[name] <= starts[name] <= done[name] + perhaps[name]:
            yield f"{name} started {starts[name]} times, for {done[name]} changes"


def _judge_ticks(people: People, tables: Tables) -> Iterator[str]:
    """A due time is announced once at most; one that came while no copy was there is not."""
    said = [each for each in people.workspace.messages(TICKS) if not _is_repeated(each.text, each.blocks)]
    if len(said) > tables.ticks:
        yield f"{len(said)} announcements of {tables.ticks} due times"


def _list_acks(people: People) -> frozenset[str]:
    """List the messages whose delivery was acknowledged, by ts."""
    changes = people.workspace.changes
    acked = {change.envelope_id for change in changes if isinstance(change, Acked)}
    sent = (change for change in changes if isinstance(change, Delivered) and change.envelope_id in acked)
    return frozenset(str(change.payload["event"].get("ts", "")) for change in sent if "event" in change.payload)


@cache
def _translate(phrases: tuple[Phrase, ...]) -> tuple[str, ...]:
    languages = [get_texts(language, ZoneInfo("Asia/Tokyo")) for language in ("en", "ja")]
    return tuple(phrase.render(texts) for phrase in phrases for texts in languages)


def _is_repeated(text: str, blocks: object) -> bool:
    """Whether it says that its first sending may have arrived."""
    return any(mark in text + json.dumps(blocks, ensure_ascii=False) for mark in _translate(REPEATED))


def _find_newest(connection: Connection) -> int:
    newest: int = connection.execute(select(func.coalesce(func.max(AUDIT.c.sequence), 0))).scalar_one()
    return newest
