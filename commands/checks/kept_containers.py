"""Leaves out containers that were moved away, and are kept for some days: that they are stopped is no problem. Pure."""

from typing import TypeVar

from adapters.inventory import Host
from adapters.wsl.podman import Container
from adapters.wsl.system import WslSystem
from commands.model.owed import KnownOwed

Said = TypeVar("Said")

REMOVE_WORDS = ("container", "remove")
"""Words of the change that is owed to the source of a move. It is due when the source is no longer needed."""


def is_kept(host: Host, container: Container, owed: KnownOwed) -> bool:
    """Returns whether a move left this container behind: it does not run, and its removal is owed."""
    words = " ".join((*REMOVE_WORDS, f"{host.name}/{container.id}"))
    return not container.runs and any(note.host == host.name and note.words == words for note in owed.notes)


def leave_out_kept(host: Host, said: Said, owed: KnownOwed) -> Said | WslSystem:
    """Leaves the kept containers out of what WSL2 of a host answered. Anything else stays as it is."""
    if not isinstance(said, WslSystem) or not isinstance(said.containers, tuple):
        return said
    others = tuple(container for container in said.containers if not is_kept(host, container, owed))
    return said.model_copy(update={"containers": others})
