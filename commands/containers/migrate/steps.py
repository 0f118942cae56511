"""Steps of a migration. Pure.

until it serves, rolled back as a whole                                              the card: where it runs
    image ─ a stream, unless it is there ─▶                                          on the source
    without volumes: settings ─ a stream ─▶ made, not started, and podman does not start it by itself
    stop the source                                                                  nowhere
    volumes ─ a stream each, hash and files compared ─▶ settings ─▶ made
    start ─▶ its restart policy                                                      on the target, not proven
    runs, healthy, registered, found through another gateway                         on the target

afterwards, never rolled back: the target may have new data
    the source stays stopped ─▶ its registration is deleted at all gateways, and stays gone

Settings travel after the volumes, because podman makes a volume that a container names. Steps whose remains harm nothing say
so: a target that died must not keep the source from being started again.
"""

from collections.abc import Iterator

from adapters.phrase import Phrase
from adapters.wsl.containers import (
    CopyContainer,
    DescribeContainer,
    MoveContainer,
    ReadContainerState,
    RemoveMadeContainer,
    SetRestartPolicy,
)
from adapters.wsl.images import LoadImage, ReadImage, RemoveImage, SaveImage
from adapters.wsl.volumes import ExportVolume, ImportVolume, MeasureVolume, RemoveMadeVolume
from commands.containers.migrate.ends import Migration
from commands.containers.serving_proof import ServingProof
from commands.gateways.forget import Deletion, compute_settling
from commands.model.plan import Check, Part, PlannedAction, Product, Step, TransferSource
from commands.values.units import format_size

STATE_TIMEOUT = 20.0
"""Seconds in which podman must show what was done."""

RETURN_TIMEOUT = 180.0
"""Seconds in which the source must be healthy again after a rollback."""

LAST_STAGE = "steady"
"""Last stage of the proof that a container serves."""

UNMADE = "0" * 64
"""Stands for the id of a container that is not made yet. A step yields the real one."""


def build_move_part(migration: Migration) -> Part:
    """Builds the part that ends when the target serves. It is rolled back as a whole."""
    return Part(host=migration.target.name, steps=tuple(_list_move_steps(migration)))


def build_settle_part(migration: Migration) -> Part:
    """Builds the part afterwards: the source stays stopped, and no gateway lists it any more."""
    deletion = Deletion(
        id=migration.container.id,
        name=migration.name,
        gateways=migration.around.answering,
        settling=compute_settling(migration.around.registries),
    )
    return Part(host=migration.source.name, steps=(_build_keep_step(migration), *deletion.list_steps()))


def make_proof_key(migration: Migration) -> str:
    """Makes the key of the step after which the container runs on the target."""
    return f"{_make_proof_prefix(migration)}/{LAST_STAGE}"


def describe_start(migration: Migration) -> Phrase:
    """Describes where the container runs before the first step."""
    return _describe_place(migration, migration.source.name)


def _list_move_steps(migration: Migration) -> Iterator[Step]:
    making = tuple(_list_making_steps(migration))
    if migration.image_travels:
        yield _build_image_step(migration)
    if not migration.travelling_volumes:
        yield from making
    yield _build_stop_step(migration)
    for number, volume in enumerate(migration.travelling_volumes, 1):
        yield from _build_volume_steps(migration, number, volume)
    if migration.travelling_volumes:
        yield from making
    yield _build_start_step(migration)
    if migration.holds_policy:
        yield _build_release_step(migration)
    yield from _build_proof(migration)


def _list_making_steps(migration: Migration) -> Iterator[Step]:
    yield _build_make_step(migration)
    yield _build_name_step(migration)
    if migration.holds_policy:
        yield _build_hold_step(migration)


def _build_image_step(migration: Migration) -> Step:
    target, image = migration.target.name, migration.image
    assert image is not None
    return Step(
        key=migration.make_key(migration.target, "image"),
        host=target,
        deed=PlannedAction.of(LoadImage(image=image.id, name=migration.image_name, expected=image.size)),
        source=_take_from(migration, SaveImage(image=image.id, expected=image.size)),
        phrase=Phrase(
            "transfer the image {image} ({size}) from {host}",
            image=migration.container.image,
            size=format_size(image.size),
            host=migration.source.name,
        ),
        verify=_check_image(target, image.id, present=True),
        undo=PlannedAction.of(RemoveImage(image=image.id)),
        undo_phrase=Phrase("remove the image"),
        undone=(_check_image(target, image.id, present=False),),
        harmless_remains=True,
    )


def _build_make_step(migration: Migration) -> Step:
    """Builds the step that makes the container. No check settles it: settings that broke off in the middle look whole."""
    target, name = migration.target.name, migration.name
    deed = CopyContainer(operation=migration.operation, name=name, image=migration.image_id)
    return Step(
        key=migration.make_key(migration.target, "make"),
        host=target,
        deed=PlannedAction.of(deed),
        source=_take_from(migration, DescribeContainer(container=migration.container.id)),
        phrase=Phrase("create {name} with its settings from {host}", name=name, host=migration.source.name),
        undo=PlannedAction.of(RemoveMadeContainer(name=name, operation=migration.operation)),
        undo_phrase=Phrase("remove the new container"),
        undone=(_check_container(target, name, {"present": False}),),
        harmless_remains=True,
    )


def _build_name_step(migration: Migration) -> Step:
    """Builds the step that yields the new container's id, by which all later steps name it.

    Its ports and volumes must be those that the source listed: its settings came from there, and were not approved.
    """
    return Step(
        key=_make_name_key(migration),
        host=migration.target.name,
        deed=PlannedAction.of(ReadContainerState(container=migration.name)),
        phrase=Phrase("check that {name} is created and does not run yet", name=migration.name),
        expect={"state": "created", "attachments": list(migration.container.attachments)},
        patience=STATE_TIMEOUT,
    )


def _build_hold_step(migration: Migration) -> Step:
    """Builds the step after which podman does not start the new container, even if WSL2 of the target restarts."""
    target, name = migration.target.name, migration.name
    return Step(
        key=migration.make_key(migration.target, "hold"),
        host=target,
        deed=_plan_policy(migration, "no"),
        phrase=Phrase("keep {name} on {host} from starting by itself", host=target, name=name),
        verify=_check_policy(migration, "no"),
        undo=PlannedAction.of(RemoveMadeContainer(name=name, operation=migration.operation)),
        undo_phrase=Phrase("remove the new container"),
        undone=(_check_container(target, name, {"present": False}),),
        harmless_remains=True,
    )


def _build_release_step(migration: Migration) -> Step:
    """Builds the step that gives the new container the restart policy that it has on the source."""
    target, name, policy = migration.target.name, migration.name, migration.container.restart_policy
    return Step(
        key=migration.make_key(migration.target, "release"),
        host=target,
        deed=_plan_policy(migration, policy),
        phrase=Phrase("have podman on {host} start {name} again by itself", host=target, name=name),
        verify=_check_policy(migration, policy),
        undo=_plan_policy(migration, "no"),
        undo_phrase=Phrase("keep {name} on {host} from starting by itself", host=target, name=name),
        undone=(_check_policy(migration, "no"),),
        harmless_remains=True,
    )


def _plan_policy(migration: Migration, policy: str) -> PlannedAction:
    return PlannedAction.of(SetRestartPolicy(container=UNMADE, policy=policy), container=_take_id(migration))


def _check_policy(migration: Migration, policy: str) -> Check:
    deed = PlannedAction.of(ReadContainerState(container=UNMADE), container=_take_id(migration))
    return Check(host=migration.target.name, deed=deed, expect={"restart_policy": policy}, patience=STATE_TIMEOUT)


def _build_stop_step(migration: Migration) -> Step:
    source, container = migration.source.name, migration.container.id
    return Step(
        key=migration.make_key(migration.source, "stop"),
        host=source,
        deed=PlannedAction.of(MoveContainer(verb="stop", container=container)),
        phrase=Phrase("stop {name} on {host}", name=migration.name, host=source),
        verify=_check_container(source, container, {"running": False}),
        undo=PlannedAction.of(MoveContainer(verb="start", container=container)),
        undo_phrase=Phrase("start {name} on {host} again", name=migration.name, host=source),
        undone=(_check_container(source, container, {"healthy": True}, RETURN_TIMEOUT),),
        situation=Phrase("{name} runs nowhere", name=migration.name),
    )


def _build_volume_steps(migration: Migration, number: int, volume: str) -> Iterator[Step]:
    """Builds the steps of one volume: its hash on the source, now that nothing writes there, and its transfer."""
    source, target = migration.source.name, migration.target.name
    measured = migration.make_key(migration.source, f"measure-{number}")
    yield Step(
        key=measured,
        host=source,
        deed=PlannedAction.of(MeasureVolume(volume=volume)),
        phrase=Phrase("count and hash the files of the volume {volume}", volume=volume),
        expect={"present": True},
    )
    same = PlannedAction.of(MeasureVolume(volume=volume), sha256=Product(step=measured, field="sha256"))
    yield Step(
        key=migration.make_key(migration.target, f"volume-{number}"),
        host=target,
        deed=PlannedAction.of(ImportVolume(volume=volume, operation=migration.operation)),
        source=_take_from(migration, ExportVolume(volume=volume)),
        phrase=Phrase("transfer the volume {volume} from {host}, and compare all files", volume=volume, host=source),
        verify=Check(host=target, deed=same, expect={"same": True}),
        undo=PlannedAction.of(RemoveMadeVolume(volume=volume, operation=migration.operation)),
        undo_phrase=Phrase("remove the new volume"),
        undone=(Check(host=target, deed=PlannedAction.of(MeasureVolume(volume=volume)), expect={"present": False}),),
        harmless_remains=True,
    )


def _build_start_step(migration: Migration) -> Step:
    target, made = migration.target.name, _take_id(migration)
    state = PlannedAction.of(ReadContainerState(container=UNMADE), container=made)
    return Step(
        key=migration.make_key(migration.target, "start"),
        host=target,
        deed=PlannedAction.of(MoveContainer(verb="start", container=UNMADE), container=made),
        phrase=Phrase("start {name} on {host}", name=migration.name, host=target),
        verify=Check(host=target, deed=state, expect={"running": True}, patience=STATE_TIMEOUT),
        undo=PlannedAction.of(MoveContainer(verb="stop", container=UNMADE), container=made),
        undo_phrase=Phrase("stop {name} on {host}", name=migration.name, host=target),
        undone=(Check(host=target, deed=state, expect={"running": False}, patience=STATE_TIMEOUT),),
        situation=Phrase("{name} runs on {host}, and is not proven to serve there yet", name=migration.name, host=target),
    )


def _build_proof(migration: Migration) -> tuple[Step, ...]:
    """Builds the proof that it serves. Once its last step is done, the container runs on the target."""
    proof = ServingProof(
        host=migration.target.host,
        name=migration.name,
        container=migration.name,
        witness=migration.witness,
        prefix=_make_proof_prefix(migration),
    )
    *before, last = proof.build_steps()
    assert last.key == make_proof_key(migration)
    here = _describe_place(migration, migration.target.name)
    return (*before, last.model_copy(update={"situation": here}))


def _build_keep_step(migration: Migration) -> Step:
    """Builds the step that keeps the source stopped. Its policy is not put back: two of it must never run."""
    source, container = migration.source.name, migration.container.id
    key, name = migration.make_key(migration.source, "keep"), migration.name
    if not migration.sets_policy:
        return Step(
            key=key,
            host=source,
            deed=PlannedAction.of(ReadContainerState(container=container)),
            phrase=Phrase("check that {name} on {host} is stopped", name=name, host=source),
            expect={"running": False},
            patience=STATE_TIMEOUT,
        )
    return Step(
        key=key,
        host=source,
        deed=PlannedAction.of(SetRestartPolicy(container=container, policy="no")),
        phrase=Phrase("keep {name} on {host} stopped, also when WSL2 restarts", name=name, host=source),
        verify=_check_container(source, container, {"running": False, "restart_policy": "no"}),
    )


def _take_id(migration: Migration) -> Product:
    return Product(step=_make_name_key(migration), field="id")


def _make_proof_prefix(migration: Migration) -> str:
    return migration.make_key(migration.target, migration.name)


def _make_name_key(migration: Migration) -> str:
    return migration.make_key(migration.target, "made")


def _take_from(migration: Migration, source: SaveImage | DescribeContainer | ExportVolume) -> TransferSource:
    return TransferSource(host=migration.source.name, deed=PlannedAction.of(source))


def _check_image(host: str, image: str, *, present: bool) -> Check:
    deed = PlannedAction.of(ReadImage(image=image))
    return Check(host=host, deed=deed, expect={"present": present}, patience=STATE_TIMEOUT)


def _check_container(host: str, container: str, expect: dict[str, bool | str], patience: float = STATE_TIMEOUT) -> Check:
    deed = PlannedAction.of(ReadContainerState(container=container))
    return Check(host=host, deed=deed, expect={**expect}, patience=patience)


def _describe_place(migration: Migration, host: str) -> Phrase:
    return Phrase("{name} runs on {host}", name=migration.name, host=host)
