"""Addresses that Flatnet's network plug-in has handed out, and those whose containers are gone.

    LookForOrphans ─ a minute ─ LookForOrphans ─ absent in both ─▶ RemoveOrphans ─▶ CheckOrphans

An orphan is an allocation with the id of a container that podman does not have, on any network and in any state. One look is
not enough: the plug-in may be at work on a container that is being removed right now.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from adapters.action import Effect
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.containers import ContainerId
from adapters.wsl.helper import HelperAction, build_helper_command, read_helper_output

ALLOCATIONS_LIMIT = 1024

_Handed = Annotated[
    dict[Annotated[str, StringConstraints(max_length=128)], IPv4Address], Field(max_length=ALLOCATIONS_LIMIT)
]


class Allocations(Value):
    """Addresses that Flatnet's network plug-in has handed out, by the container's ID.

    `first` and `last` are the ends of the range from which it takes them; None if its file does not say.
    """

    subnet: Annotated[str, StringConstraints(max_length=32)]
    allocations: _Handed
    first: IPv4Address | None = None
    last: IPv4Address | None = None


class _AllocationsFile(BaseModel):
    """Flatnet's allocations.json, as far as it is read."""

    subnet: str
    allocations: _Handed
    range_start: IPv4Address | None = None
    range_end: IPv4Address | None = None


class ReadAllocations(WslAction[Allocations]):
    """Reads the addresses that Flatnet's plug-in has handed out."""

    deadline = 20.0
    output_limit = 2 * 1024 * 1024  # the helper prints 1 MB at most

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("ipam", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> Allocations:
        file = _AllocationsFile.model_validate_json(read_helper_output(completed))
        return Allocations(subnet=file.subnet, allocations=file.allocations, first=file.range_start, last=file.range_end)


class Allocation(Value):
    """One address of Flatnet's plug-in, and the id of the container that it was handed to."""

    container: ContainerId
    address: IPv4Address


_Orphans = Annotated[tuple[Allocation, ...], Field(max_length=ALLOCATIONS_LIMIT)]


class OrphanLook(Value):
    """Orphans at one moment. `uptime`: seconds since WSL2 started, a clock that is never set.

    `missing` is the number of the expected ones that are none any more. `settled`: long enough after the look before.
    """

    uptime: Annotated[int, Field(ge=0)]
    orphans: _Orphans
    missing: Annotated[int, Field(ge=0)] = 0
    settled: bool = True


class RemovedOrphans(Value):
    """Orphans that were removed now. `kept`: podman has their container, or another address is allocated to it.

    `copy_file` is the path of the file as it was before, on the host; "" if nothing was removed.
    """

    removed: _Orphans
    kept: _Orphans = ()
    copy_file: Annotated[str, StringConstraints(max_length=512)] = ""


class OrphanCount(Value):
    """Number of those allocations that are in the plug-in's file."""

    left: Annotated[int, Field(ge=0)]


class LookForOrphans(WslAction[OrphanLook]):
    """Looks once for allocations without a container. It fails if podman does not answer.

    `since` is the uptime of the look before, and `settling` the seconds that must be between both. `expected` are the
    orphans of that look. WSL2 that has started again in between has a smaller uptime, so that look counts no more.
    """

    program_timeout = 20.0
    deadline = 30.0
    output_limit = 256_000

    expected: _Orphans = ()
    since: int = 0
    settling: Annotated[int, Field(ge=0, le=3600)] = 0

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("ipam", "look"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> OrphanLook:
        look = OrphanLook.model_validate_json(read_helper_output(completed))
        missing = len(set(self.expected) - set(look.orphans))
        return look.model_copy(update={"missing": missing, "settled": look.uptime - self.since >= self.settling})

    def explain_answer(self, answer: OrphanLook) -> Phrase | None:
        if answer.missing:
            return Phrase("podman has a container again for {n} of these addresses", n=answer.missing)
        return None if answer.settled else Phrase("{n} s have not passed since the first check", n=self.settling)


class RemoveOrphans(HelperAction[RemovedOrphans]):
    """Removes allocations from the plug-in's file, under its lock, if podman still has none of their containers.

    The helper keeps a copy of the file. It fails, and removes nothing, while podman or the plug-in is busy.
    """

    effect = Effect.CHANGE
    program_timeout = 60.0
    deadline = 80.0
    output_limit = 512_000

    orphans: _Orphans

    @property
    def input(self) -> bytes:
        return "".join(f"{each.container} {each.address}\n" for each in self.orphans).encode()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("ipam", "clean"),)


class CheckOrphans(WslAction[OrphanCount]):
    """Reads how many of these allocations are still in the plug-in's file."""

    deadline = 20.0
    output_limit = 2 * 1024 * 1024

    orphans: _Orphans

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("ipam", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> OrphanCount:
        allocations = ReadAllocations().parse(completed).allocations
        return OrphanCount(left=sum(allocations.get(each.container) == each.address for each in self.orphans))

    def explain_answer(self, answer: OrphanCount) -> Phrase | None:
        return None if answer.left == 0 else Phrase("podman has a container again for {n} of these addresses", n=answer.left)
