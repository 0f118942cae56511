"""Flatnet's network in podman, made by the helper: nothing but its allow list says what it is.

    ReadNetwork ─▶ absent ─ CreateNetwork ─▶ ready (own)            other: a network of this name with another subnet
                     ▲                          │
                     └───── RemoveNetwork ──────┘ only what the helper made, as it made it, and only without containers

podman reads networks of CNI from `/etc/cni/net.d`, where Flatnet's plug-in is named, and those of netavark from
`/etc/containers/networks`. The helper makes that of the backend that podman uses.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.inventory import PodmanName, WslSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv
from adapters.wsl.helper import HelperAction, build_helper_command


class NetworkState(Value):
    """Flatnet's network as podman has it, and the subnet that it must have.

    `file` is its configuration, or the one that would be made. `own`: the helper made it, and it is as the helper made it.
    `plugin`: what podman needs for it is installed. `containers` are those on it, running or not.
    """

    backend: Literal["cni", "netavark"]
    network: PodmanName
    subnet: Annotated[str, StringConstraints(pattern=r"^10\.87\.\d{1,3}\.0/24$")]
    state: Literal["absent", "ready", "other"]
    file: Annotated[str, StringConstraints(max_length=512)]
    own: bool
    plugin: bool
    containers: Annotated[int, Field(ge=0, le=100_000)]


class _NetworkAction(HelperAction[NetworkState]):
    """Base class of the three verbs. All of them answer with the state after them."""

    program_timeout = 40.0
    deadline = 60.0
    output_limit = 64_000

    verb: ClassVar[str] = ""

    @classmethod
    def of(cls, side: WslSide) -> Self:
        """Makes the action. The helper knows the network of its host."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("network", self.verb),)

    def explain_answer(self, answer: NetworkState) -> Phrase | None:
        match answer.state:
            case "absent":
                return Phrase("podman has no network {network}", network=answer.network)
            case "other":
                return Phrase(
                    "podman has a network {network} that is not {subnet}. See {file} in WSL2",
                    network=answer.network,
                    subnet=answer.subnet,
                    file=answer.file,
                )
        return None


class ReadNetwork(_NetworkAction):
    """Reads whether the network is there."""

    verb = "show"


class CreateNetwork(_NetworkAction):
    """Makes the network where there is none. One of this name with another subnet makes it fail, and stays."""

    effect = Effect.CHANGE
    verb = "create"


class RemoveNetwork(_NetworkAction):
    """Removes the network that the helper made. It fails, and the network stays, if others made or changed it, or use it."""

    effect = Effect.CHANGE
    verb = "remove"
