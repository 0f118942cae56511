"""What must be true of a change after a crash, read where it cannot be made up: in the rows, on the disks, in Slack."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from adapters.phrase import Phrase
from bot.audit_log.files import verify_files
from bot.changes.rules.trail import STEP_KINDS
from bot.changes.slack.card import choose_symbol
from bot.locale.texts import get_texts
from bot.model.change import ChangeState
from bot.security.secrets import read_secrets
from bot.store.audit_chain import AuditKey
from bot.store.reading import open_for_reading
from bot.store.records import OperationRecord, read_record
from bot.store.schema.tables import CLAIMS, INBOX, OPERATIONS, OUTBOX
from tests.lab.fleet import LabFleet
from tests.lab.windows.mesh import PATHS
from tests.lab.windows.nebula import NotLoaded, load
from tests.lab.windows.powershell import Asked, Output, PowerShell, script_of
from tests.lab.windows.state import WindowsState
from tests.scenarios.changing import OPERATOR, OPS, operation_in, shown
from tests.scenarios.conftest import Town
from tests.scenarios.crash_points import requests

CERTIFICATE, KEY = PureWindowsPath(PATHS.host_certificate), PureWindowsPath(PATHS.host_key)

FOLDERS = PureWindowsPath(PATHS.base) / "operations"

DECIDED = (ChangeState.READY, ChangeState.RUNNING)
"""States of changes that go on by themselves."""

Pairs = Mapping[str, tuple[str, str]]
"""The texts of certificate and key by host."""


@dataclass
class Effects:
    """How often each script changed a host for an operation: (host, script, operation). One that is not told for which
    operation it works is not counted."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def watching(self, powershell: PowerShell) -> PowerShell:
        """The same PowerShell, watched."""

        async def run(line: bytes, state: WindowsState, now: datetime) -> Output:
            output = await powershell(line, state, now)
            asked = Asked.read(line).inner
            name = asked.arguments.get("operation") or PureWindowsPath(asked.arguments.get("folder", "")).name
            if name and _answer(output).get("changed"):
                self.counts[state.computer_name.lower(), script_of(line), name] += 1
            return output

        return run

    def repeated(self, record: OperationRecord) -> Iterator[str]:
        """Effects of an operation that happened more often than its plan has them."""
        planned = Counter((call.host, call.held_by) for call in requests(record.plan))
        for (host, script, operation), count in self.counts.items():
            if operation == record.operation and count > planned[host, script]:
                yield f"{host}: {script} {count} times"


def pairs(fleet: LabFleet) -> Pairs:
    """Each host's certificate and key, as they lie there now."""
    return {host.name: _pair(host.windows.state) for host in fleet.hosts}


class Rows:
    """The bot's tables, read whether or not it runs."""

    def __init__(self, town: Town) -> None:
        self._settings = town.settings
        self._database = town.database

    def record(self, operation: str) -> OperationRecord:
        with open_for_reading(self._database) as connection:
            row = connection.execute(select(OPERATIONS).where(OPERATIONS.c.operation == operation)).one()
            return read_record(row, ())

    def is_known(self, operation: str) -> bool:
        """Whether there is a change of this id."""
        with open_for_reading(self._database) as connection:
            query = select(OPERATIONS.c.operation).where(OPERATIONS.c.operation == operation)
            return connection.execute(query).first() is not None

    def find_successor(self, operation: str) -> str:
        """The change that asks again in the place of this one; "" if there is none."""
        with open_for_reading(self._database) as connection:
            query = select(OPERATIONS.c.after).where(OPERATIONS.c.operation == operation)
            return str(connection.execute(query).scalar_one_or_none() or "")

    def claims(self) -> Mapping[str, str]:
        """Which operation holds which host."""
        with open_for_reading(self._database) as connection:
            return {row.host: row.operation for row in connection.execute(select(CLAIMS))}

    def at_rest(self) -> bool:
        """Whether everything that was asked is answered, and every card shows the newest."""
        return not self.list_waiting()

    def list_waiting(self) -> list[str]:
        """What is not answered, not sent, or not shown."""
        waiting = (
            ("delivery", select(INBOX.c.key).where(INBOX.c.finished_at.is_(None))),
            ("message", select(OUTBOX.c.id).where(OUTBOX.c.ended_at.is_(None))),
            ("card of", select(OPERATIONS.c.operation).where(OPERATIONS.c.shown < OPERATIONS.c.version)),
        )
        with open_for_reading(self._database) as connection:
            return [f"{what} {each}" for what, query in waiting for each in connection.execute(query).scalars()]

    def list_running(self) -> list[str]:
        """Changes that were decided, and have not ended."""
        query = select(OPERATIONS.c.operation, OPERATIONS.c.state).where(OPERATIONS.c.state.in_(DECIDED))
        with open_for_reading(self._database) as connection:
            return [f"{row.operation} {row.state}" for row in connection.execute(query)]

    def audit_is_whole(self) -> bool:
        secrets = read_secrets(self._settings.secret_names, self._settings.secrets_folder)
        key = AuditKey(secrets("audit_key").get_secret_value().encode())
        return verify_files(self._database, self._settings.audit_head_file, [key]).intact


@dataclass(frozen=True)
class Evidence:
    """Where to look in one town."""

    town: Town
    rows: Rows
    effects: Effects

    @classmethod
    def of(cls, town: Town) -> "Evidence":
        """From now on, what scripts do on the hosts is counted."""
        effects = Effects()
        town.fleet.settings.powershell = effects.watching(town.fleet.settings.powershell)
        return cls(town, Rows(town), effects)

    def against(self, before: Pairs, *operations: str) -> Iterator[str]:
        """What is not true of changes that have ended, all begun when `before` lay on the disks, and of their hosts."""
        records = [self.rows.record(operation) for operation in operations]
        for record in records:
            yield from self.effects.repeated(record)
            yield from self.against_log(record.operation)
            yield from _wrong_with_changes(self.town.fleet, record)
            if record.state is not ChangeState.UNKNOWN and record.operation in self.rows.claims().values():
                yield f"{record.operation} ended, and its hosts are claimed: {self.rows.claims()}"
        for host in self.town.fleet.hosts:
            yield from (f"{host.name}: {what}" for what in _wrong_with_nebula(self.town.fleet, host.name))
            pair = _wrong_with_pair(host.windows.state, before[host.name], records)
            yield from (f"{host.name}: {what}" for what in pair)

    def against_log(self, operation: str) -> Iterator[str]:
        """What is not so in the audit log of a change that has ended."""
        yield from (f"{operation}: {what}" for what in _wrong_in_log(self.town, operation))

    def against_slack(self, operation: str) -> Iterator[str]:
        """What the card and its thread say that is not so, or say twice without saying so."""
        change = self.rows.record(operation).to_change()
        state, sign = change.state, choose_symbol(change)
        messages = [message for message in self.town.workspace.messages(OPS) if message.blocks and not message.thread_ts]
        cards = [message for message in messages if operation_in(message) == operation]
        if not all(_repeated() in shown(card) for card in cards[1:]):
            yield f"{len(cards)} cards"
        if not any(sign in shown(card) for card in cards):
            yield f"no card says {state}: {[shown(card) for card in cards]}"
        told = [message.text for card in cards for message in self.town.workspace.thread(OPS, card.ts)[1:]]
        news = {text.replace(_repeated(), "").strip() for text in told}
        if any(told.count(text) > 1 for text in news):
            yield f"said twice: {told}"
        ends = [text for text in news if OPERATOR in text]
        if len(ends) != 1 or sign not in ends[0]:
            yield f"it ended as {state}, and its thread says {told}"


def _wrong_with_nebula(fleet: LabFleet, host: str) -> Iterator[str]:
    """Certificate and key on the disk belong together, and Nebula runs with just these."""
    state, running = fleet[host].windows.state, fleet.mesh.members[host].running
    try:
        lies = load(partial(_file, state), PATHS.nebula_config, state.clock(datetime.now(UTC)))
    except NotLoaded as failed:
        yield f"Nebula would not start: {failed}"
        return
    if running is None:
        yield "Nebula does not run"
    elif running.certificate.fingerprint != lies.certificate.fingerprint:
        yield "Nebula runs with another certificate than lies there"


def _wrong_with_changes(fleet: LabFleet, record: OperationRecord) -> Iterator[str]:
    """What hosts say of an operation's changes is what its end says; what was taken back has left nothing."""
    changes = {host.name: host.windows.state.changes.get(record.operation) for host in fleet.hosts}
    states = {name: change.state for name, change in changes.items() if change is not None}
    kept = {name for name, state in states.items() if state == "confirmed"}
    parts = {part.host for part in record.plan.parts}
    right = {
        ChangeState.DONE: kept == parts,
        ChangeState.FAILED: bool(kept) and kept < parts,
        ChangeState.UNDONE: not kept,
        ChangeState.CLOSED: not states,
    }
    if not right.get(record.state, True) or not set(states.values()) <= {"confirmed", "reverted"}:
        yield f"{record.operation} is {record.state}, and its changes are {states}"
    for host in fleet.hosts if not kept else ():
        left = [str(path) for path in host.windows.state.files if path.is_relative_to(FOLDERS / record.operation)]
        if left:
            yield f"{host.name}: {left} was left"


def _wrong_with_pair(state: WindowsState, before: tuple[str, str], records: Sequence[OperationRecord]) -> Iterator[str]:
    """The pair is new where a change says so, with the old certificate kept and no key left; else it is as before."""
    changes = [state.changes.get(record.operation) for record in records]
    renewed = [change for change in changes if change is not None and change.swaps and change.state == "confirmed"]
    if bool(renewed) == (_pair(state) == before):
        yield "the wrong pair lies there"
    kept = [{str(swap.target): state.files.get(swap.kept) for swap in change.swaps} for change in renewed]
    if kept and kept[0] != {str(CERTIFICATE): before[0], str(KEY): None}:
        yield "the old certificate was not kept"
    if renewed and (left := [str(path) for path in state.files if FOLDERS in path.parents and ".key" in path.name]):
        yield f"{left} was left"


def _wrong_in_log(town: Town, operation: str) -> Iterator[str]:
    """Each step begins once and ends once, and so does the operation."""
    events = (event for event in town.events() if event["operation"] == operation and event["kind"] in STEP_KINDS)
    told = Counter(map(_told, events))
    yield from (f"{what}: {count} times in the log" for what, count in told.items() if count > 1)
    if not told["end"]:
        yield "its end is not in the log"


def _told(event: Mapping[str, Any]) -> str:
    """What an event says, without when and how."""
    data = event["data"]
    match event["kind"]:
        case "intent":
            return f"intent {data['step']} {data['undo']}"
        case "outcome":
            return f"outcome {data['result']['key']} {data['undo']}"
        case kind:
            return str(kind)


@cache
def _repeated() -> str:
    """What stands below a message whose first sending may have arrived."""
    phrase = Phrase("Sent again: Slack did not confirm the first attempt.")
    return phrase.render(get_texts("ja", ZoneInfo("Asia/Tokyo")))


def _pair(state: WindowsState) -> tuple[str, str]:
    return state.files[CERTIFICATE], state.files[KEY]


def _file(state: WindowsState, path: str) -> str | None:
    return state.files.get(PureWindowsPath(path))


def _answer(output: Output) -> Mapping[str, Any]:
    """What a script returned; nothing where it failed."""
    packed = output.stdout.strip().split(":")[2]
    document = json.loads(gzip.decompress(base64.b64decode(packed)))
    return document["data"] if document["ok"] and isinstance(document["data"], dict) else {}
