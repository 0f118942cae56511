"""Addresses that Flatnet's network plug-in has handed out, and those whose containers are gone."""

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from adapters.inventory import WslSide
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.helper import build_helper_command, read_helper_output

_Handed = Annotated[dict[Annotated[str, StringConstraints(max_length=128)], IPv4Address], Field(max_length=1024)]


class Allocations(Value):
    """Addresses that Flatnet's network plug-in has handed out, by the container's ID."""

    subnet: Annotated[str, StringConstraints(max_length=32)]
    allocations: _Handed


class _AllocationsFile(BaseModel):
    """Flatnet's allocations.json, as far as it is read."""

    subnet: str
    allocations: _Handed


class ReadAllocations(WslAction[Allocations]):
    """Reads the addresses that Flatnet's plug-in has handed out."""

    deadline = 20.0
    output_limit = 2 * 1024 * 1024  # the helper prints 1 MB at most

    @classmethod
    def of(cls, side: WslSide) -> "ReadAllocations":
        """Makes the action. The helper knows the folder."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("ipam", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> Allocations:
        file = _AllocationsFile.model_validate_json(read_helper_output(completed))
        return Allocations(subnet=file.subnet, allocations=file.allocations)
