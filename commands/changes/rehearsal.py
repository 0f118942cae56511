"""Steps of a rehearsal: the host's guard swaps scratch files and touches no service.

    scratch ─▶ keep: begin, measure, confirm, check ─▶ lapse: begin, wait, check ─▶ abort: begin, abort, check
            ─▶ transfer: pack, fetch, return, tidy ─▶ tidy

Each change has a name of its own on the host, made from the operation's id. A step that fails ends the rehearsal: its
changes are aborted, and then the scratch files are removed. Its transfer fetches the configuration and returns the copy.

`host rehearse`: hosts try their guard on scratch files, before a change relies on it.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import ClassVar

from adapters.action_registry import get_kind
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import (
    CONFIRM_WINDOW,
    AbortChange,
    BeginChange,
    ChangeState,
    ChangeStatus,
    ConfirmChange,
    ReadChange,
)
from adapters.windows.nebula import ForgetFolder
from adapters.windows.rehearsal import MakeScratch, ReadRehearsal, list_other_scratch, list_scratch_swaps
from commands.changes.commit_confirm import build_state_check, locate_working_folder
from commands.changes.configuration_edit import build_transfer_steps
from commands.changes.host_plan import HostPlan, assemble
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import Check, LeftOutHost, Part, Plan, PlannedAction, PlannedChange, Step
from commands.values.arguments import HostsArgument, Target

KEEP, LAPSE, ABORT = PHASES = ("keep", "lapse", "abort")
"""Phases: a change that is confirmed, one that is left alone, and one that is aborted."""

LAPSE_WINDOW = 20
"""Seconds after which the host must roll back the change that is left alone."""

TASK_TIMEOUT = 60.0
"""Seconds in which a busy host must have started the scheduled task with its PowerShell, and done its work."""


@dataclass(frozen=True)
class RehearsedHost:
    """A host that rehearses. `max_clock_offset` is in seconds."""

    host: Host
    operation: str
    max_clock_offset: float

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def folder(self) -> PureWindowsPath:
        return PureWindowsPath(locate_working_folder(self.host, self.operation))

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return make_rehearsal_key(self.name, name)

    def name_change(self, phase: str) -> str:
        """Makes the name of a phase's change on the host."""
        return f"{self.operation}-{phase}"


def build_rehearsal_steps(taken: RehearsedHost) -> Iterator[Step]:
    """Builds the steps of one host."""
    forget = PlannedAction.of(ForgetFolder(folder=str(taken.folder)))
    yield Step(
        key=taken.make_key("scratch"),
        host=taken.name,
        deed=PlannedAction.of(MakeScratch(folder=str(taken.folder), names=PHASES)),
        phrase=Phrase("create scratch files in {folder} (no service is restarted)", folder=str(taken.folder)),
        undo=forget,
        undo_phrase=Phrase("remove the scratch files"),
    )
    yield from _build_keep_steps(taken)
    yield from _build_lapse_steps(taken)
    yield from _build_abort_steps(taken)
    yield from build_transfer_steps(taken.host, taken.operation, taken.make_key)
    yield Step(key=taken.make_key("tidy"), host=taken.name, deed=forget, phrase=Phrase("remove the scratch files"))


def find_unrehearsed_hosts(plan: Plan) -> tuple[str, ...]:
    """Finds the hosts on which a plan relies on the guard without rehearsing it there first, each once."""
    begin, rehearsed, found = get_kind(BeginChange), set[str](), dict[str, None]()
    for step in plan.steps:
        if step.key.startswith(_make_prefix(step.host)):
            rehearsed.add(step.host)
        elif step.deed.kind == begin and step.host not in rehearsed:
            found[step.host] = None
    return tuple(found)


def group_rehearsal_steps(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Groups the keys of a plan's rehearsal steps by host."""
    found: dict[str, tuple[str, ...]] = {}
    for part in plan.parts:
        keys = tuple(step.key for step in part.steps if step.key.startswith(_make_prefix(part.host)))
        if keys:
            found[part.host] = keys
    return found


def make_rehearsal_key(host: str, name: str) -> str:
    """Makes the key of a step of a host's rehearsal from its name, such as `keep/confirm`."""
    return f"{_make_prefix(host)}{name}"


def format_rehearsal_command(hosts: Sequence[str]) -> str:
    """Formats the command that rehearses on these hosts."""
    return f"host rehearse {','.join(hosts)}"


def _build_keep_steps(taken: RehearsedHost) -> Iterator[Step]:
    change = taken.name_change(KEEP)
    yield _build_begin_step(taken, KEEP, "applied", CONFIRM_WINDOW, Phrase("swap two scratch files and a folder"))
    yield _build_reading(taken, KEEP, "measure", {"state": "applied", "text": "new"})
    yield Step(
        key=taken.make_key("keep/confirm"),
        host=taken.name,
        deed=PlannedAction.of(ConfirmChange(operation=change)),
        phrase=Phrase("confirm the swap"),
        verify=build_state_check(taken.host, change, "confirmed", TASK_TIMEOUT),
    )
    yield _build_reading(taken, KEEP, "check", {"state": "confirmed", "text": "new"})


def _build_lapse_steps(taken: RehearsedHost) -> Iterator[Step]:
    phrase = Phrase(
        "swap files without confirmation, so that {host} reverts them after {window} s",
        host=taken.name,
        window=LAPSE_WINDOW,
    )
    yield _build_begin_step(taken, LAPSE, "reverted", LAPSE_WINDOW, phrase)
    why = f"not confirmed within {LAPSE_WINDOW} s"
    yield _build_reading(taken, LAPSE, "check", {"state": "reverted", "why": why, "text": "old"})


def _build_abort_steps(taken: RehearsedHost) -> Iterator[Step]:
    change = taken.name_change(ABORT)
    yield _build_begin_step(taken, ABORT, "applied", CONFIRM_WINDOW, Phrase("swap further scratch files and a folder"))
    yield Step(
        key=taken.make_key("abort/abort"),
        host=taken.name,
        deed=PlannedAction.of(AbortChange(operation=change)),
        phrase=Phrase("abort the swap"),
        verify=build_state_check(taken.host, change, "reverted", TASK_TIMEOUT),
    )
    yield _build_reading(taken, ABORT, "check", {"state": "reverted", "why": "aborted", "text": "old"})


def _build_begin_step(taken: RehearsedHost, phase: str, ends: ChangeState, window: int, phrase: Phrase) -> Step:
    """Builds the step that begins a phase's change. Rolled back means that the guard is done with it, either way."""
    change = taken.name_change(phase)
    begin = BeginChange(operation=change, swaps=list_scratch_swaps(str(taken.folder), phase), window=window)
    settled = Check(
        host=taken.name,
        deed=PlannedAction.of(ReadChange(operation=change)),
        expect={"settled": True},
        patience=CONFIRM_WINDOW + TASK_TIMEOUT,
        never={"state": ("stuck", "down")},
    )
    return Step(
        key=taken.make_key(f"{phase}/begin"),
        host=taken.name,
        deed=PlannedAction.of(begin),
        phrase=phrase,
        verify=build_state_check(taken.host, change, ends, TASK_TIMEOUT + (window if ends == "reverted" else 0)),
        unbegun={"state": "absent"},
        undo=PlannedAction.of(AbortChange(operation=change)),
        undo_phrase=Phrase("abort the swap"),
        undone=(settled,),
    )


def _build_reading(taken: RehearsedHost, phase: str, name: str, expect: dict[str, str]) -> Step:
    """Builds the step that reads what became of a phase's files, and what the guard and the host report."""
    read = ReadRehearsal(
        operation=taken.name_change(phase),
        target=str(taken.folder / f"{phase}.txt"),
        others=list_other_scratch(str(taken.folder), phase),
        running=name == "measure",
        max_clock_offset=taken.max_clock_offset,
    )
    if read.running:
        phrase = Phrase("check the task, its account, PowerShell, access list and clock")
    elif expect["text"] == "new":
        phrase = Phrase("check that all of them have their new content")
    else:
        phrase = Phrase("check that all of them have their old content again")
    return Step(
        key=taken.make_key(f"{phase}/{name}"),
        host=taken.name,
        deed=PlannedAction.of(read),
        phrase=phrase,
        expect=expect,
        recorded=read.running,
    )


def _make_prefix(host: str) -> str:
    return f"{host}/rehearsal/"


class HostRehearse(FleetChange):
    """Have the guard of each host swap scratch files: confirmed, left alone and aborted. Nothing is restarted."""

    words: ClassVar = ("host", "rehearse")
    affects: ClassVar = frozenset()
    summary: ClassVar = Phrase("rehearse the automatic rollback on hosts with scratch files (nothing is restarted)")
    example: ClassVar = "host rehearse host-a"
    label: ClassVar = Phrase("rehearse the rollback on {target}", target="…")

    target: HostsArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return self.target.resolve_reachable(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "HostRehearse":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        hosts = self.resolve_hosts(inventory)
        return assemble(self, await asyncio.gather(*(_plan_host(host, view) for host in hosts)), inventory)


async def _plan_host(host: Host, view: FleetView) -> HostPlan | LeftOutHost:
    """Plans one host that answers, or returns why it is left out."""
    if host.windows is None:
        return LeftOutHost(host=host.name, why=Phrase("no Windows connection configured"))
    read: ReadResult[ChangeStatus] = await view.fleet.read(host, ReadChange(operation=view.operation_id))
    if isinstance(read.outcome, HostError):
        return LeftOutHost(host=host.name, why=Phrase("could not check the host: {why}", why=read.outcome.phrase))
    steps = build_rehearsal_steps(RehearsedHost(host, view.operation_id, view.thresholds.clock_difference))
    return HostPlan(part=Part(host=host.name, steps=tuple(steps)))
