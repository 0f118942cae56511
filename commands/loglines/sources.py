"""Sources of logs, as they are typed."""

from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from adapters.inventory import PodmanName
from commands.loglines.lines import CONTAINER

_CONTAINER_NAME = TypeAdapter(PodmanName)


def container_source(name: str) -> str | None:
    """Makes the source of a container's log as it is typed; None if the name is no valid name of a container."""
    with suppress(ValidationError):
        return f"{CONTAINER}{_CONTAINER_NAME.validate_python(name)}"
    return None
