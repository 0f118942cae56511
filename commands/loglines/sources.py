"""Sources of log lines that are named by people."""

from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from adapters.inventory import PodmanName
from commands.loglines.lines import CONTAINER

_CONTAINER_NAME = TypeAdapter(PodmanName)


def container_source(name: str) -> str | None:
    """The log of a container as it is typed; None where podman gives no container such a name."""
    with suppress(ValidationError):
        return f"{CONTAINER}{_CONTAINER_NAME.validate_python(name)}"
    return None
