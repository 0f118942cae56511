"""Flatnet's containers through the helper: their list, moves, and containers that are made from a description.

CreateContainer (adapters.wsl.description) ─▶ created ─ MoveContainer ─▶ running ─ MoveContainer ─▶ exited
one on another host ─ DescribeContainer (source) ─ stream ─▶ CopyContainer (sink) ─▶ created
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, computed_field

from adapters.action import Effect
from adapters.inventory import PodmanName
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.helper import OperationName, build_helper_command, read_helper_output
from adapters.wsl.podman import MIN_RESTARTS
from adapters.wsl.stream import StreamSink, StreamSource

CONTAINERS_LIMIT = 5000

ContainerId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ContainerKey = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$")]
"""The id of a container, or its name."""

ImageId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The id of an image: the hash of its configuration, which has the hashes of its layers. Its digest may differ by host."""

RestartPolicy = Annotated[str, StringConstraints(pattern=r"^(no|always|unless-stopped|on-failure(:[0-9]{1,6})?)?$")]
"""podman's restart policy; "" if it is not known."""

Health = Literal["", "starting", "healthy", "unhealthy"]
"""podman's state of a health check; "" without one."""


def _drop_zero_time(text: object) -> object:
    """Returns None for Go's zero time, which stands for what never happened."""
    return None if isinstance(text, str) and text.startswith("0001-01-01T") else text


_Time = Annotated[AwareDatetime | None, BeforeValidator(_drop_zero_time)]
_Port = Annotated[int, Field(ge=1, le=65_535)]


_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104  (compared, not listened at)


class PublishedPort(Value):
    """A port of a container that its host answers at."""

    host_ip: Annotated[str, StringConstraints(max_length=45)] = ""
    host_port: _Port
    container_port: _Port
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"

    def collides(self, other: "PublishedPort") -> bool:
        """Returns whether both cannot be open at once on one host. Without an address, a port is open at all of them."""
        near = self.host_ip == other.host_ip or bool({self.host_ip, other.host_ip} & _EVERYWHERE)
        return near and (self.host_port, self.protocol) == (other.host_port, other.protocol)


class ContainerVolume(Value):
    """A named volume in a container. `anonymous`: podman made it and its name."""

    name: Annotated[str, StringConstraints(max_length=255)]
    path: Annotated[str, StringConstraints(max_length=4096)]
    anonymous: bool = False


class ListedContainer(Value):
    """A container on Flatnet's network. `address` is None unless it runs, `started_at` None if it never did.

    `finished_at` is None if it never ended. `pinned_address`: it was made with a fixed address. `variables` are names.
    `obstacles` are settings that a description cannot hold, as the helper names them: "privileged", "bind mount /etc".
    `settings` is a hash of the description under a key of its host, "" if it cannot be described. `changed_files`: the
    number of files that it changed in its own layer, None if it was not counted.
    """

    id: ContainerId
    name: PodmanName
    image: Annotated[str, StringConstraints(max_length=512)]
    image_id: Annotated[str, StringConstraints(max_length=128)]
    state: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")]
    exit_code: int
    started_at: _Time
    restarts: Annotated[int, Field(ge=0)]
    address: Annotated[IPv4Address | None, BeforeValidator(lambda text: text or None)]
    finished_at: _Time = None
    health: Health = ""
    restart_policy: RestartPolicy = ""
    auto_remove: bool = False
    pinned_address: bool = False
    memory: Annotated[int, Field(ge=0)] = 0
    image_digest: Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    ports: Annotated[tuple[PublishedPort, ...], Field(max_length=1000)] = ()
    volumes: Annotated[tuple[ContainerVolume, ...], Field(max_length=100)] = ()
    variables: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    obstacles: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    settings: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""

    @property
    def attachments(self) -> tuple[str, ...]:
        """Published ports and named volumes, in order: "--publish=127.0.0.1:8080:80/tcp", "--volume=data:/data"."""
        ports = (f"--publish={each.host_ip}:{each.host_port}:{each.container_port}/{each.protocol}" for each in self.ports)
        volumes = (f"--volume={each.name}:{each.path}" for each in self.volumes if not each.anonymous)
        return tuple(sorted((*ports, *volumes)))

    @property
    def runs(self) -> bool:
        """False if its processes have ended or never began."""
        return self.state not in ("exited", "created", "configured", "dead", "removing")


class ContainerList(Value):
    """Containers on Flatnet's network, running or not."""

    containers: Annotated[tuple[ListedContainer, ...], Field(max_length=CONTAINERS_LIMIT)]


class ContainerState(Value):
    """State of one container, for checks. `present`: podman has it. `healthy`: it runs, and a health check it has passes.

    `steady`: healthy, and podman has restarted it no more than `tolerated` times. An absent one has no `id` and no
    `image_id`. `attachments` are its ports and named volumes of the host, as podman's options that make them.
    """

    present: bool
    id: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    state: Annotated[str, StringConstraints(max_length=20)] = "absent"
    exit_code: int = 0
    health: Health = ""
    restarts: Annotated[int, Field(ge=0)] = 0
    tolerated: Annotated[int, Field(ge=0)] = MIN_RESTARTS - 1
    address: Annotated[str, StringConstraints(max_length=45)] = ""
    image_id: Annotated[str, StringConstraints(max_length=128)] = ""
    restart_policy: RestartPolicy = ""
    attachments: tuple[str, ...] = ()

    @classmethod
    def of(cls, listed: ListedContainer) -> "ContainerState":
        """Makes the state of a container that is in the list."""
        return cls(
            present=True,
            id=listed.id,
            state=listed.state,
            exit_code=listed.exit_code,
            health=listed.health,
            restarts=listed.restarts,
            address="" if listed.address is None else str(listed.address),
            image_id=listed.image_id,
            restart_policy=listed.restart_policy,
            attachments=listed.attachments,
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def running(self) -> bool:
        return self.state == "running"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def healthy(self) -> bool:
        return self.state == "running" and self.health in ("", "healthy")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def steady(self) -> bool:
        return self.healthy and self.restarts <= self.tolerated


class ListContainers(WslAction[ContainerList]):
    """Lists Flatnet's containers with their addresses. Values of variables and commands stay on the host."""

    program_timeout = 60.0
    deadline = 80.0
    output_limit = 8 * 1024 * 1024  # one or two kilobytes for a container, and a host has at most 253

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "list"),)

    def parse(self, completed: Sequence[CompletedProgram]) -> ContainerList:
        return ContainerList(containers=parse_containers(read_helper_output(completed)))


class ReadContainerState(WslAction[ContainerState]):
    """Reads the state of one container, by its id or its name; an absent one is an answer.

    `tolerated` are restarts by podman that say nothing: those that an earlier look has seen.
    """

    program_timeout = 20.0
    deadline = 30.0
    output_limit = 256_000

    container: ContainerKey
    tolerated: Annotated[int, Field(ge=0)] = MIN_RESTARTS - 1

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "show", self.container),)

    def parse(self, completed: Sequence[CompletedProgram]) -> ContainerState:
        return parse_state(completed).model_copy(update={"tolerated": self.tolerated})

    def explain_answer(self, answer: ContainerState) -> Phrase | None:
        if not answer.present:
            return Phrase("podman has no such container")
        if not answer.running:
            return Phrase("it is {state} (exit code {code}). See its log", state=answer.state, code=str(answer.exit_code))
        if not answer.healthy:
            return Phrase("its health check reports {health}. See its log", health=answer.health)
        looping = Phrase(
            "podman has restarted it {n} time since. See its log",
            plural="podman has restarted it {n} times since. See its log",
            n=answer.restarts,
        )
        return None if answer.steady else looping


class ContainerChange(WslAction[ContainerState]):
    """Base class of actions that change one container, and print its state afterwards."""

    effect = Effect.CHANGE
    program_timeout = 80.0
    deadline = 100.0
    output_limit = 256_000

    def parse(self, completed: Sequence[CompletedProgram]) -> ContainerState:
        return parse_state(completed)


class MoveContainer(ContainerChange):
    """Starts, stops or restarts one container of Flatnet's network. It has 30 s to end by itself."""

    verb: Literal["start", "stop", "restart"]
    container: ContainerId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", self.verb, self.container),)


class RemoveContainer(ContainerChange):
    """Removes one container that does not run. Its volumes stay. One that is gone is a success."""

    container: ContainerId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "remove", self.container),)


class RemoveMadeContainer(ContainerChange):
    """Removes the container of that name if this operation made it, also while it runs: the rollback of making it.

    A container of that name without the operation's mark is left alone, and so is its state in the answer.
    """

    name: PodmanName
    operation: OperationName

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "unmake", self.name, self.operation),)


class SetRestartPolicy(ContainerChange):
    """Sets podman's restart policy of one container. podman before 5.1 cannot, and the helper says so."""

    container: ContainerId
    policy: RestartPolicy

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "policy", self.container, self.policy),)


class DescribeContainer(StreamSource):
    """Yields the description of a container, with the values of its variables: a source of streams."""

    container: ContainerId

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "describe", self.container),)


class CopyContainer(StreamSink):
    """Makes a container from the description that comes in, and does not start it: a sink of streams.

    Name, image and address are those given here. It is marked with the operation.
    """

    operation: OperationName
    name: PodmanName
    image: ImageId
    address: IPv4Address | None = None

    def build_commands(self) -> tuple[Argv, ...]:
        address = "-" if self.address is None else str(self.address)
        return (build_helper_command("containers", "copy", self.operation, self.name, self.image, address),)


def parse_containers(output: str) -> tuple[ListedContainer, ...]:
    """Parses one object per line. Raises `ValueError` if one does not fit."""
    return tuple(map(ListedContainer.model_validate_json, output.splitlines()[: CONTAINERS_LIMIT + 1]))


def parse_state(completed: Sequence[CompletedProgram]) -> ContainerState:
    """Parses the one container that was asked for, or its absence. Raises `ValueError` if it does not fit."""
    listed = parse_containers(read_helper_output(completed))
    return ContainerState.of(listed[0]) if listed else ContainerState(present=False)
