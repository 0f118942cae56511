"""Files of hosts in the host folder, as texts and as steps of a plan on the bot itself.

A file is written whole, from the settings of its host and what else is known about it:

    a member             the keys of its [[hosts]] table, and `overrides = true`: it counts instead of one in flatnet.toml
    a host being added   its settings so far, and [joining]
    a removed host       its name and id, and [removed]

A plan names the file that it replaces by its hash, so that a file which a person edited meanwhile is never overwritten.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import tomlkit

from adapters.action import BOT_NAME
from adapters.errors import HostError
from adapters.inventory import JoiningHost, RemovedHost
from adapters.local.host_files import HostFileState, ReadHostFile, RemoveHostFile, RestoreHostFile, WriteHostFile
from adapters.phrase import Phrase
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import Check, PlannedAction, Step

HostTable = Mapping[str, Any]
"""The settings of one host as they are written: the keys of a [[hosts]] table, before defaults."""

_KEYS = ("name", "id", "overrides", "labels")
"""Keys that come first in a file."""

_HEADER = "Written by flatnet-bot. Edit it only while no operation on this host waits for approval or runs."


def render_member(table: HostTable) -> str:
    """Renders the file of a member from its settings. It takes the place of a table in the configuration file."""
    return _render({**table, "overrides": True})


def render_joining(table: HostTable, joining: JoiningHost) -> str:
    """Renders the file of a host that is being added, from its settings so far: those of its pinned sides, its labels."""
    note = joining.model_dump(mode="python", exclude={"name", "id", "labels", "host"}, exclude_defaults=True)
    return _render({**table, "name": joining.name, "id": joining.id, "joining": note})


def render_removed(removed: RemovedHost) -> str:
    """Renders a tombstone."""
    note = removed.model_dump(mode="python", exclude={"name", "id", "labels"}, exclude_defaults=True)
    return _render({"name": removed.name, "id": removed.id, "labels": list(removed.labels), "removed": note})


async def read_host_file(view: FleetView, name: str) -> HostFileState:
    """Reads the file of a host for a plan. Raises `CannotPlan` if that fails, or if the bot does not use the file yet."""
    try:
        state = await view.read_own(ReadHostFile(name=name))
    except HostError as error:
        raise CannotPlan(Phrase("could not read the file of {host}: {why}", host=name, why=error.phrase)) from error
    if not isinstance(state, HostFileState):
        raise TypeError(f"the answer is of the type {type(state).__name__}")
    if not state.active:
        raise CannotPlan(Phrase("the file of {host} was edited by hand. Reload flatnet-bot, then try again", host=name))
    return state


def build_write_step(operation: str, name: str, content: str, before: HostFileState, phrase: Phrase) -> Step:
    """Builds the step that writes the file of a host and has the bot use it. `before` is the file as it is planned for."""
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return Step(
        key=f"{name}/host-file",
        host=BOT_NAME,
        deed=PlannedAction.of(
            WriteHostFile(operation=operation, name=name, content=content, before=before.sha256),
        ),
        phrase=phrase,
        verify=_check_file(name, sha256),
        undo=PlannedAction.of(RestoreHostFile(operation=operation, name=name)),
        undo_phrase=Phrase("restore the file of {host} as it was", host=name),
        undone=(_check_file(name, before.sha256),),
    )


def build_remove_step(operation: str, name: str, before: HostFileState, phrase: Phrase) -> Step:
    """Builds the step that removes the file of a host and has the bot forget it."""
    return Step(
        key=f"{name}/host-file",
        host=BOT_NAME,
        deed=PlannedAction.of(RemoveHostFile(operation=operation, name=name, before=before.sha256)),
        phrase=phrase,
        verify=_check_file(name, ""),
        undo=PlannedAction.of(RestoreHostFile(operation=operation, name=name)),
        undo_phrase=Phrase("restore the file of {host} as it was", host=name),
        undone=(_check_file(name, before.sha256),),
    )


def _check_file(name: str, sha256: str) -> Check:
    return Check(host=BOT_NAME, deed=PlannedAction.of(ReadHostFile(name=name)), expect={"sha256": sha256, "active": True})


def _render(table: HostTable) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADER))
    for key in sorted(table, key=lambda each: (isinstance(table[each], Mapping), _KEYS.index(each) if each in _KEYS else 9)):
        document.add(key, tomlkit.item(table[key]))
    return tomlkit.dumps(document)
