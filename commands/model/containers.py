"""Containers as configured, each under `[[containers]]`: what `container run` starts by its name.

    image = "docker.io/library/nginx@sha256:…"     by digest, so that it is the same image on every host
    ports = ["8080:80", "127.0.0.1:5353:53/udp"]   variables = {MODE = "production", DB_PASSWORD = "secret:db_password"}
    volumes = {data = "/var/lib/data"}             memory = "512m"

A value of a variable that begins with "secret:" is the name of a secret, which is sent to the host and shown nowhere.

Containers as configured: what `container run` may start, and which further images administrators may run.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from adapters.inventory import InvalidSetting
from adapters.phrase import Listing, Phrase
from adapters.wsl.containers import ContainerVolume, PublishedPort
from adapters.wsl.description import MAX_DESCRIPTION_BYTES, Variable
from commands.values.containers import ImageName, parse_image

SpecName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""Name under which a container is configured; no image is called like that with its tag or its registry."""

SECRET_MARK = "secret:"  # noqa: S105  (before the name of a secret)

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_SECRET = re.compile(r"[a-z0-9][a-z0-9_]{0,62}", re.ASCII)
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}", re.ASCII)
_PORT = re.compile(r"(?:((?:[0-9]{1,3}\.){3}[0-9]{1,3}):)?([0-9]{1,5}):([0-9]{1,5})(?:/(tcp|udp|sctp))?", re.ASCII)
_MEMORY = re.compile(r"([0-9]{1,6})([mg])", re.ASCII | re.IGNORECASE)
_MEMORY_UNITS = {"m": 2**20, "g": 2**30}
_LEAST_MEMORY = 8 * 2**20
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def _read_image(given: Any) -> Any:
    """Reads an image with its digest."""
    name = parse_image(given) if isinstance(given, str) else given
    if isinstance(given, str) and (name is None or not name.digest):
        raise InvalidSetting(
            Phrase(
                "must be an image with its digest, such as {example}. podman images --digests shows it",
                example="docker.io/library/nginx@sha256:0a3f…",
            )
        )
    return name


def _read_port(given: Any) -> Any:
    """Reads a port: [ADDRESS:]PORT:PORT[/udp]."""
    if not isinstance(given, str):
        return given
    found = _PORT.fullmatch(given.strip())
    try:
        if found is not None:
            address, outer, inner, protocol = found.groups()
            return PublishedPort(
                host_ip=address or "", host_port=int(outer), container_port=int(inner), protocol=protocol or "tcp"
            )
    except ValueError:
        pass
    raise InvalidSetting(Phrase("must be ports such as {example}", example='"8080:80", "127.0.0.1:5353:53/udp"'))


def _read_memory(given: Any) -> Any:
    """Reads a size of memory as bytes."""
    found = _MEMORY.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None:
        raise InvalidSetting(Phrase("must be a size in quotes, such as {example}", example="512m"))
    size = int(found[1]) * _MEMORY_UNITS[found[2].lower()]
    if size < _LEAST_MEMORY:
        raise InvalidSetting(Phrase("must be at least {example}", example="8m"))
    return size


def _read_variables(given: Any) -> Any:
    """Reads a table of variables."""
    if not isinstance(given, Mapping):
        return given
    return tuple(_read_variable(name, value) for name, value in given.items())


def _read_variable(name: str, value: Any) -> Variable:
    if not _VARIABLE.fullmatch(name):
        raise InvalidSetting(Phrase("{name} cannot be the name of a variable", name=name[:40]))
    if not isinstance(value, str) or len(value) > MAX_DESCRIPTION_BYTES // 100 or re.search(r"[\x00\r\n]", value):
        raise InvalidSetting(Phrase("the variable {name} must be a text in one line", name=name))
    if not value.startswith(SECRET_MARK):
        return Variable(name=name, value=value)
    secret = value.removeprefix(SECRET_MARK)
    if not _SECRET.fullmatch(secret):
        raise InvalidSetting(
            Phrase("the variable {name} must name its secret as {example}", name=name, example="secret:db_password")
        )
    return Variable(name=name, secret_name=secret)


def _read_volumes(given: Any) -> Any:
    """Reads a table of volumes and the folders where the container has them."""
    if not isinstance(given, Mapping):
        return given
    return tuple(_read_volume(name, path) for name, path in given.items())


def _read_volume(name: str, path: Any) -> ContainerVolume:
    if not _VOLUME.fullmatch(name):  # a path would be a mount of the host
        raise InvalidSetting(
            Phrase("{name} is not the name of a volume. Folders of the host cannot be mounted", name=name[:40])
        )
    good = isinstance(path, str) and path.startswith("/") and len(path) <= 1000 and not _CONTROLS.search(path)
    if not good or {"", ".", ".."} & set(path[1:].split("/")) or ":" in path:
        raise InvalidSetting(
            Phrase("the volume {name} must have a folder in the container, such as {example}", name=name, example="/data")
        )
    return ContainerVolume(name=name, path=path)


def _read_command(given: Any) -> Any:
    if isinstance(given, str) or (isinstance(given, list) and any(not isinstance(word, str) for word in given)):
        raise InvalidSetting(Phrase("must be a list of words, such as {example}", example='["serve", "--port", "80"]'))
    return given


class ContainerSpec(BaseModel):
    """One configured container. Values of variables that are secrets are names."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: SpecName
    image: Annotated[ImageName, BeforeValidator(_read_image)]
    ports: Annotated[tuple[Annotated[PublishedPort, BeforeValidator(_read_port)], ...], Field(max_length=100)] = ()
    variables: Annotated[tuple[Variable, ...], BeforeValidator(_read_variables), Field(max_length=200)] = ()
    volumes: Annotated[tuple[ContainerVolume, ...], BeforeValidator(_read_volumes), Field(max_length=20)] = ()
    memory: Annotated[int, BeforeValidator(_read_memory)] = 0
    restart: Literal["no", "always", "unless-stopped", "on-failure"] = "always"
    command: Annotated[tuple[str, ...], BeforeValidator(_read_command), Field(max_length=100)] = ()

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Names of the secrets that it uses, each once, sorted."""
        return tuple(sorted({each.secret_name for each in self.variables if each.secret_name is not None}))

    @model_validator(mode="after")
    def _check_unique(self) -> Self:
        outer = [(port.host_ip, port.host_port, port.protocol) for port in self.ports]
        if twice := sorted({str(port[1]) for port in outer if outer.count(port) > 1}):
            raise InvalidSetting(Phrase("the ports {ports} are used more than once", ports=Listing(tuple(twice))))
        paths = [volume.path for volume in self.volumes]
        if len(set(paths)) < len(paths):
            raise InvalidSetting(Phrase("two volumes have the same folder"))
        return self


ImagePattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*][A-Za-z0-9._/:*@-]{0,254}$")]


class ContainerRules(BaseModel):
    """Rules for containers; configured under `[container_rules]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    images: Annotated[tuple[ImagePattern, ...], Field(max_length=100)] = ()
    """Patterns of images that administrators may run beside the configured containers; none without any."""
    keep_days: int = Field(default=7, ge=1, le=90)
    """Days for which the stopped source of a moved container is kept."""


DEFAULT_CONTAINER_RULES = ContainerRules()
"""Rules for containers where none are configured."""
