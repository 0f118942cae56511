"""Reasons for which a container cannot be moved, each with what to do next. Pure.

both ends ─▶ names ─▶ its state ─▶ settings ─▶ data ─▶ room ─▶ its address: the first reason counts
"""

from collections.abc import Callable, Iterator

from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer, PublishedPort
from commands.containers.migrate.ends import ROOM, Migration
from commands.model.finding import list_some
from commands.values.units import format_size

LOCAL_DRIVER = "local"
"""Driver of volumes whose files lie in podman's storage."""

EMPTY_FOLDER = 4096
"""Bytes that an empty folder takes at most."""


def find_migration_obstacle(migration: Migration) -> Phrase | None:
    """Finds the first reason for which the container cannot be moved; None if there is none."""
    for find in _JUDGES:
        if (why := find(migration)) is not None:
            return why
    return None


def _judge_ends(migration: Migration) -> Phrase | None:
    name, source, target = migration.name, migration.source.name, migration.target.name
    if source == target:
        return Phrase("{name} is on {host} already", name=name, host=source)
    if migration.target.host.gateway is None:
        return Phrase("{host} has no gateway configured, so no container there is registered", host=target)
    if target not in migration.around.answering:
        return Phrase(
            "the gateway of {host} does not respond, so {name} would not be found there. Run {words}",
            host=target,
            name=name,
            words=f"health {target}",
        )
    return None


def _judge_source(migration: Migration) -> Phrase | None:
    """Judges whether it was moved already. If a migration failed after that, only the registration is left."""
    if not migration.kept:
        return None
    return Phrase(
        "{name} on {host} was moved already, and is kept as the source. See where it runs: {words}. If gateways still list "
        "it here: {forget}",
        name=migration.name,
        host=migration.source.name,
        words="container",
        forget=f"sync forget {migration.source.name}/{migration.container.id[:12]}",
    )


def _judge_state(migration: Migration) -> Phrase | None:
    """Judges whether it serves now. Only then the target's proof and a rollback mean something."""
    container, words = migration.container, f"container show {migration.source.name}/{migration.name}"
    if container.state != "running":
        return Phrase(
            "{name} does not run on {host} ({state}). Start it first: {words}",
            name=migration.name,
            host=migration.source.name,
            state=container.state,
            words=f"container start {migration.source.name}/{migration.name}",
        )
    if container.health not in ("", "healthy"):
        return Phrase(
            "{name} is not healthy on {host} ({health}), so nothing could prove that it works on {target}. See {words}",
            name=migration.name,
            host=migration.source.name,
            health=container.health,
            target=migration.target.name,
            words=words,
        )
    if container.address is None:
        return Phrase(
            "podman on {host} knows no address of {name}, so nothing shows what relies on it. See {words}",
            host=migration.source.name,
            name=migration.name,
            words=words,
        )
    return None


def _judge_settings(migration: Migration) -> Phrase | None:
    container = migration.container
    if container.auto_remove:
        return Phrase(
            "podman removes {name} as soon as it stops (--rm), so there would be no way back. Run it again without that",
            name=migration.name,
        )
    if container.obstacles:
        return Phrase(
            "{name} has settings that cannot be moved: {obstacles}. Run it on {host} by hand",
            name=migration.name,
            obstacles=list_some(container.obstacles),
            host=migration.target.name,
        )
    if not container.settings:
        return Phrase("the settings of {name} cannot be read in full, so they cannot be moved", name=migration.name)
    if migration.image is None:
        return Phrase("podman on {host} does not list the image of {name}", host=migration.source.name, name=migration.name)
    return None


def _judge_data(migration: Migration) -> Phrase | None:
    """Judges whether the requester said what becomes of its data."""
    options = migration.options
    if options.with_volumes or options.without_data:
        return None
    if migration.volumes:
        return Phrase(
            "{name} has volumes: {volumes}. Add {take} to take them along, or {leave} to begin with empty ones",
            name=migration.name,
            volumes=list_some(_name_volumes(migration)),
            take="--with-volumes",
            leave="--without-data",
        )
    if migration.changed_files:
        return Phrase(
            "{name} has {n} file of its own outside of volumes, which would stay behind. Add {leave} if it can be lost",
            plural="{name} has {n} files of its own outside of volumes, which would stay behind. Add {leave} if they can be "
            "lost",
            name=migration.name,
            n=migration.changed_files,
            leave="--without-data",
        )
    return None


def _judge_volumes(migration: Migration) -> Phrase | None:
    if not migration.options.with_volumes:
        return _judge_new_volumes(migration)
    if not migration.volumes:
        return Phrase("{name} has no volumes. Leave out {option}", name=migration.name, option="--with-volumes")
    for volume in migration.container.volumes:
        if volume.anonymous:
            return Phrase(
                "the volume of {name} at {path} has no name of its own, so it cannot be moved. Give it a name first, or use "
                "{leave}",
                name=migration.name,
                path=volume.path,
                leave="--without-data",
            )
        if (why := _judge_volume(migration, volume.name)) is not None:
            return why
    return None


def _judge_volume(migration: Migration, name: str) -> Phrase | None:
    listed = migration.source.find_volume(name)
    if listed is None or listed.driver != LOCAL_DRIVER or listed.options:
        return Phrase("the volume {volume} does not lie in podman's own storage, so it cannot be moved", volume=name)
    if others := [each.name for each in migration.source.containers if _shares(each, migration, name)]:
        return Phrase(
            "the volume {volume} is used by {others} on {host} as well. Stop that first",
            others=list_some(others),
            host=migration.source.name,
            volume=name,
        )
    return None if migration.target.find_volume(name) is None else _explain_volume(migration, name)


def _judge_new_volumes(migration: Migration) -> Phrase | None:
    """Judges whether its volumes begin empty: files of a volume of that name on the target are not its own."""
    for name in migration.volumes:
        there = migration.target.find_volume(name)
        used = any(name in {volume.name for volume in each.volumes} for each in migration.target.containers)
        if there is not None and (used or there.size > EMPTY_FOLDER):
            return _explain_volume(migration, name)
    return None


def _explain_volume(migration: Migration, name: str) -> Phrase:
    return Phrase(
        "{host} has a volume {volume} already, and no operation overwrites or deletes one. Remove it there by hand: "
        "{command}",
        host=migration.target.name,
        volume=name,
        command=f"podman volume rm {name}",
    )


def _shares(other: ListedContainer, migration: Migration, volume: str) -> bool:
    return other.id != migration.container.id and other.runs and volume in {each.name for each in other.volumes}


def _judge_names(migration: Migration) -> Phrase | None:
    target = migration.target
    if any(each.name == migration.name for each in target.containers):
        return Phrase(
            "{host} has a container {name} already. See {words}",
            host=target.name,
            name=migration.name,
            words=f"container show {target.name}/{migration.name}",
        )
    for port, owner in _list_taken_ports(migration):
        number = f"{port.host_port}/{port.protocol}"
        return Phrase("port {port} is in use on {host} by {owner}", port=number, host=target.name, owner=owner)
    return None


def _list_taken_ports(migration: Migration) -> Iterator[tuple[PublishedPort, str]]:
    for port in migration.container.ports:
        for other in migration.target.containers:
            if other.runs and any(map(port.collides, other.ports)):
                yield port, other.name


def _judge_machine(migration: Migration) -> Phrase | None:
    image, storage, target = migration.image, migration.target.storage, migration.target.name
    assert image is not None
    if image.architecture and image.architecture != storage.architecture:
        return Phrase(
            "the image of {name} is for {needed}, and {host} is {found}",
            name=migration.name,
            needed=image.architecture,
            host=target,
            found=storage.architecture,
        )
    needed = ROOM * migration.bytes_to_send
    if storage.free < needed:
        return Phrase(
            "{host} has {free} free, and needs {needed} (twice what travels). Run {words}",
            host=target,
            free=format_size(storage.free),
            needed=format_size(needed),
            words=f"disk {target}",
        )
    return None


def _judge_address(migration: Migration) -> Phrase | None:
    """Judges whether anything is known to rely on its address, which cannot move into another subnet."""
    if migration.options.address_moves:
        return None
    address = str(migration.container.address)
    if migration.uses:
        return Phrase(
            "{address} of {name} is used at {places}. Change that first, or add {option}",
            address=address,
            name=migration.name,
            places=list_some([use.place for use in migration.uses]),
            option="--address-moves",
        )
    if migration.container.pinned_address:
        return Phrase(
            "{name} was made with the fixed address {address}, which is of {host}. Add {option} if nothing relies on it",
            name=migration.name,
            address=address,
            host=migration.source.name,
            option="--address-moves",
        )
    return None


def _name_volumes(migration: Migration) -> list[str]:
    """Names the volumes for people: those without a name of their own by their paths."""
    return [each.path if each.anonymous else each.name for each in migration.container.volumes]


_JUDGES: tuple[Callable[[Migration], Phrase | None], ...] = (
    _judge_ends,
    _judge_source,
    _judge_names,
    _judge_state,
    _judge_settings,
    _judge_data,
    _judge_volumes,
    _judge_machine,
    _judge_address,
)
