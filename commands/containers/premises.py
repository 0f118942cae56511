"""Texts and premises about one container, for the plans of several operations. Pure."""

from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.checks.kept_containers import REMOVE_WORDS
from commands.containers.lookup import FoundContainer
from commands.model.operation import Role
from commands.model.owed import KnownOwed, OwedNote
from commands.model.phrases import list_some
from commands.model.plan import Premise
from commands.values.containers import ContainerName

CONTAINER_ROLES = frozenset({Role.DEVELOPER, Role.OPERATOR, Role.ADMINISTRATOR})
"""Roles that may request changes of containers. A person who may move one may also remove what the move leaves."""


def build_state_premise(found: FoundContainer[ListedContainer]) -> Premise:
    """Builds the premise that the container is the one that was found, and runs or not as it did then."""
    container = found.container
    phrase = (
        Phrase("{container} runs ({image})", container=found.words, image=container.image)
        if container.runs
        else Phrase("{container} does not run ({image})", container=found.words, image=container.image)
    )
    value = {"id": container.id, "image": container.image_id, "running": container.runs}
    return Premise(host=found.host.name, what=f"container {container.name}", value=value, phrase=phrase)


def warn_of_unread(found: FoundContainer[ListedContainer]) -> Iterator[Phrase]:
    """Warns of hosts that did not list their containers, and so may have another one of the same name."""
    if found.unread:
        yield Phrase(
            "{hosts} could not be read, and may have a container of the same name", hosts=list_some(list(found.unread))
        )


def find_kept(host: str, container: ListedContainer, owed: KnownOwed) -> OwedNote | None:
    """Finds the owed removal of a container that a migration left behind; None if there is none."""
    return next((note for note in owed.notes if note.host == host and _removes(note.words, host, container)), None)


def _removes(words: str, host: str, container: ListedContainer) -> bool:
    removed = _read_removed(words.split())
    return removed is not None and removed.host == host and removed.may_mean(container.id, container.name)


def _read_removed(words: Sequence[str]) -> ContainerName | None:
    """Reads which container a command removes; None for any other command."""
    return ContainerName.parse(words[2]) if tuple(words[:2]) == REMOVE_WORDS and len(words) > 2 else None
