"""Descriptions from which containers are made.

A description is lines of plain words (`docs/hosts`). The helper checks each line and builds podman's arguments itself; it
knows no mount of the host, no capability, no host network and no privilege. Values of variables travel on standard input
alone: no command line, no plan and no log has them.
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from adapters.inventory import PodmanName, SecretName
from adapters.value import Value
from adapters.wsl.action import Argv
from adapters.wsl.containers import ContainerChange, ContainerVolume, ImageId, PublishedPort, RestartPolicy
from adapters.wsl.helper import OperationName, build_helper_command

MAX_DESCRIPTION_BYTES = 1_000_000
"""Bytes of a description. Variables and labels take most of it."""

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")]


class Variable(Value):
    """A variable of a container: a value, or the name of a secret of the bot.

    A field that is called `secret` would look like one that has its value, and no plan with such a field is stored.
    """

    name: VariableName
    value: Annotated[str, StringConstraints(max_length=32_768)] = ""
    secret_name: SecretName | None = None


class Description(Value):
    """Description from which a container is made. The image is named by its id, which must be on the host.

    It is "" where the action that makes the container has it.
    """

    name: PodmanName
    image: ImageId | Literal[""] = ""
    address: IPv4Address | None = None
    ports: Annotated[tuple[PublishedPort, ...], Field(max_length=100)] = ()
    variables: Annotated[tuple[Variable, ...], Field(max_length=200)] = ()
    volumes: Annotated[tuple[ContainerVolume, ...], Field(max_length=20)] = ()
    memory: Annotated[int, Field(ge=0, le=2**50)] = 0
    restart_policy: RestartPolicy = "no"
    command: Annotated[tuple[Annotated[str, StringConstraints(max_length=4096)], ...], Field(max_length=100)] = ()

    def build_lines(self, secret: Callable[[str], SecretStr]) -> bytes:
        """Builds the lines that the helper reads. Texts are upper-case hex, so that no character has a meaning.

        The last one is "end": no container is made of half a description.
        """
        lines = [f"name {self.name}", f"image {self.image}", f"restart {self.restart_policy or 'no'}"]
        if self.address is not None:
            lines.append(f"address {self.address}")
        if self.memory:
            lines.append(f"memory {self.memory}")
        for port in self.ports:
            host_ip = port.host_ip or "-"
            lines.append(f"port {host_ip} {port.host_port} {port.container_port} {port.protocol}")
        for volume in self.volumes:
            lines.append(f"volume {volume.name} {_encode(volume.path)}")
        for variable in self.variables:
            named = variable.secret_name
            value = variable.value if named is None else secret(named).get_secret_value()
            lines.append(f"variable {variable.name} {_encode(value)}")
        lines += [f"argument {_encode(word)}" for word in self.command]
        return ("\n".join([*lines, "end"]) + "\n").encode()


class CreateContainer(ContainerChange):
    """Makes a container from a description and does not start it. It is marked with the operation.

    `image` takes the place of the description's: one that an earlier step pulls has no id before.
    """

    repeatable = False

    operation: OperationName
    description: Description
    image: ImageId | Literal[""] = ""

    def build_input(self, secret: Callable[[str], SecretStr]) -> bytes:
        described = self.description
        image = self.image or described.image
        return described.model_copy(update={"image": image}).build_lines(secret)

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("containers", "create", self.operation),)


def _encode(text: str) -> str:
    """Encodes a text for a line; an empty one is "-"."""
    return text.encode().hex().upper() or "-"
