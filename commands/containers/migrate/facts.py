"""Facts of a migration for its approvers: premises, outages, warnings, and what is left to be done later. Pure."""

from collections.abc import Iterator

from pydantic import JsonValue

from adapters.errors import HostError
from adapters.phrase import Phrase
from commands.changes.host_plan import SILENT
from commands.containers.migrate.ends import End, Migration
from commands.containers.migrate.steps import make_proof_key
from commands.gateways.forget import SyncForget
from commands.health.wsl_checks import REMOVE_WORDS
from commands.model.finding import list_some
from commands.model.plan import FollowUp, Premise
from commands.values.units import format_size


def list_premises(migration: Migration) -> Iterator[Premise]:
    """Lists the premises. None of them moves with the clock: sizes and counts are only in what is shown."""
    yield _build_source_premise(migration)
    yield _build_target_premise(migration)
    uses: list[JsonValue] = [[use.host, use.file, list(use.lines)] for use in migration.uses]
    phrase = (
        Phrase("its address is used at {places}", places=list_some([use.place for use in migration.uses]))
        if uses
        else Phrase("no configuration file of a gateway that was read has its address")
    )
    yield Premise(host=migration.source.name, what="address", value=uses, phrase=phrase)


def list_outages(migration: Migration) -> Iterator[Phrase]:
    """Lists what does not work meanwhile."""
    if migration.travelling_volumes:
        found = [migration.source.find_volume(name) for name in migration.travelling_volumes]
        yield Phrase(
            "{name} runs nowhere while its volumes ({size}) are transferred",
            name=migration.name,
            size=format_size(sum(volume.size for volume in found if volume is not None)),
        )
    else:
        yield Phrase("{name} runs nowhere for some seconds", name=migration.name)


def list_warnings(migration: Migration) -> Iterator[Phrase]:
    """Lists the warnings, the gravest first."""
    yield from _warn_of_data(migration)
    yield from _warn_of_unread(migration)
    yield from _warn_of_policy(migration)
    if migration.witness is None:
        yield Phrase("no other gateway responded, so nothing proves that others find it")
    if silent := [each.host.name for each in migration.around.silent]:
        yield Phrase(
            "these gateways did not respond, and may lead to {host} until they do: {gateways}",
            host=migration.source.name,
            gateways=list_some(silent),
        )
    yield from _tell_usual(migration)


def list_follow_ups(migration: Migration) -> Iterator[FollowUp]:
    """Lists what is left for later: the source, and its registration at gateways that did not answer."""
    source, container, served = migration.source.name, migration.container.id, make_proof_key(migration)
    named: dict[str, JsonValue] = {"name": container, "host": source}
    yield FollowUp(
        after=served,
        host=source,
        kind=" ".join(REMOVE_WORDS),
        arguments={"container": named},
        words=f"{' '.join(REMOVE_WORDS)} {source}/{container}",
        days=migration.keep_days,
        why=Phrase("{name} was moved to {host}", name=migration.name, host=migration.target.name),
    )
    for gateway in migration.around.silent:
        if isinstance(gateway.registry, HostError) and isinstance(gateway.registry, SILENT):
            host = gateway.host.name
            yield FollowUp(
                after=served,
                host=host,
                kind=" ".join(SyncForget.words),
                arguments={"container": named, "on": {"parts": [host]}},
                words=f"{' '.join(SyncForget.words)} {source}/{container} --on {host}",
                days=0,
                why=Phrase("its gateway did not respond when {name} was moved", name=migration.name),
            )


def _build_source_premise(migration: Migration) -> Premise:
    container = migration.container
    value: dict[str, JsonValue] = {
        "id": container.id,
        "image": migration.image_id,
        "settings": container.settings,
        "address": str(container.address),
        "policy": container.restart_policy,
        "volumes": list(migration.volumes),
        "changed_files": migration.changed_files > 0,
    }
    phrase = Phrase(
        "{name} ({id}) runs on {host} with {address} and the image {image} ({image_id})",
        name=migration.name,
        id=container.id[:12],
        host=migration.source.name,
        address=str(container.address),
        image=container.image,
        image_id=migration.image_id[:12],
    )
    return Premise(host=migration.source.name, what="container", value=value, phrase=phrase)


def _build_target_premise(migration: Migration) -> Premise:
    target = migration.target
    value: dict[str, JsonValue] = {
        "architecture": target.storage.architecture,
        "image": not migration.image_travels,
        "volumes": [name for name in migration.volumes if target.find_volume(name) is not None],
    }
    template = _describe_image(migration, target)
    return Premise(host=target.name, what="target", value=value, phrase=template)


def _describe_image(migration: Migration, target: End) -> Phrase:
    if not migration.image_travels:
        return Phrase("{host} has the image already, and the name and the ports are free there", host=target.name)
    return Phrase(
        "{host} has {free} free, and the name and the ports are free there",
        host=target.name,
        free=format_size(target.storage.free),
    )


def _warn_of_data(migration: Migration) -> Iterator[Phrase]:
    options, target, source = migration.options, migration.target, migration.source.name
    if options.without_data and migration.volumes:
        yield Phrase(
            "{name} begins with empty volumes on {host}. The data stays on {source}: {volumes}",
            name=migration.name,
            host=target.name,
            source=source,
            volumes=list_some(migration.volumes),
        )
    if migration.changed_files:
        yield Phrase(
            "{n} file that it changed outside of volumes stays on {source}",
            plural="{n} files that it changed outside of volumes stay on {source}",
            n=migration.changed_files,
            source=source,
        )


def _warn_of_unread(migration: Migration) -> Iterator[Phrase]:
    if migration.unread_configurations:
        yield Phrase(
            "it is unknown whether the gateways of {hosts} use the address: their configuration could not be read",
            hosts=list_some(migration.unread_configurations),
        )


def _warn_of_policy(migration: Migration) -> Iterator[Phrase]:
    source = migration.source.name
    if migration.restarts_by_itself and not migration.sets_policy:
        yield Phrase(
            "podman {version} on {host} cannot change restart policies: if WSL2 restarts there, it may start {name} again. "
            "Then run {words}",
            version=migration.source.storage.podman,
            host=source,
            name=migration.name,
            words=f"container stop {source}/{migration.container.id[:12]}",
        )
    if migration.restarts_by_itself and not migration.holds_policy:
        target = migration.target.name
        yield Phrase(
            "podman {version} on {host} cannot change restart policies: if {host} fails during the move, WSL2 may start a "
            "second {name} there later. Then run {words}",
            version=migration.target.storage.podman,
            host=target,
            name=migration.name,
            words=f"container stop {target}/{migration.name}",
        )


def _tell_usual(migration: Migration) -> Iterator[Phrase]:
    """Tells what is so of every migration."""
    yield Phrase(
        "{name} gets another address than {address}. Variables of other containers and other programs cannot be searched "
        "for it",
        name=migration.name,
        address=str(migration.container.address),
    )
    yield Phrase(
        "once it serves on {target}, it is not rolled back any more: it may have new data there",
        target=migration.target.name,
    )
    yield Phrase(
        "the stopped container stays on {host}. After {n} day, its removal is requested",
        plural="the stopped container stays on {host}. After {n} days, its removal is requested",
        host=migration.source.name,
        n=migration.keep_days,
    )
