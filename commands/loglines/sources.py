"""Log sources as they are typed in requests, such as `container:NAME`."""

from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from adapters.inventory import PodmanName
from commands.loglines.lines import CONTAINER_PREFIX

_CONTAINER_NAME_ADAPTER = TypeAdapter(PodmanName)


def make_container_source(name: str) -> str | None:
    """Makes the source of a container's log as it is typed; None if the name is no valid name of a container."""
    with suppress(ValidationError):
        return f"{CONTAINER_PREFIX}{_CONTAINER_NAME_ADAPTER.validate_python(name)}"
    return None
