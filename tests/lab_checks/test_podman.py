"""The lab's podman behind the bot's helper, by the bot's own actions: containers, images, volumes."""

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from adapters.errors import ActionFailed
from adapters.wsl.action import CompletedProgram, WslAction
from adapters.wsl.containers import (
    ContainerState,
    ContainerVolume,
    ListContainers,
    MoveContainer,
    PublishedPort,
    ReadContainerState,
    RemoveContainer,
    RemoveMadeContainer,
    SetRestartPolicy,
)
from adapters.wsl.description import CreateContainer, Description, Variable
from adapters.wsl.images import ListImages, PullImage, ReadImage, ReadStorage, RemoveImage
from adapters.wsl.volumes import ListVolumes, MeasureVolume, RemoveMadeVolume
from tests.lab.wsl.container import Fate
from tests.lab.wsl.programs import run_program
from tests.lab.wsl.state import Helper, WslState
from tests.lab.wsl.storage import BUSYBOX, Image, Volume

Answer = TypeVar("Answer")

ABSENT = ContainerState(present=False)

SHOP = Description(
    name="shop",
    image=BUSYBOX.id,
    ports=(PublishedPort(host_port=8090, container_port=80),),
    variables=(Variable(name="MODE", value="a b"), Variable(name="TOKEN", secret_name="shop_token")),
    volumes=(ContainerVolume(name="orders", path="/data"),),
    restart_policy="always",
)
CREATE = CreateContainer(operation="op-1", description=SHOP)


def build_state() -> WslState:
    state = WslState.healthy(1, datetime(2026, 11, 29, 9, tzinfo=UTC))
    state.helper = Helper()
    state.volumes["orders"] = Volume("orders", {"1.json": b"{}"})
    return state


def perform(action: WslAction[Answer], state: WslState) -> Answer:
    (argv,) = action.build_commands()
    state.given = action.build_input(lambda name: SecretStr(f"value of {name}"))
    ran = run_program(list(argv), state)
    assert ran is not None
    return action.parse([CompletedProgram(code=ran.code, stdout=ran.stdout, stderr=ran.stderr)])


def test_a_container_lives_from_its_description_to_its_removal() -> None:
    state = build_state()
    assert perform(CREATE, state).state == "created"
    (*_, shop) = perform(ListContainers(), state).containers
    assert ("shop", ("MODE", "TOKEN"), None, "always") == (shop.name, shop.variables, shop.address, shop.restart_policy)
    assert {"MODE": "a b", "TOKEN": "value of shop_token"} == state.containers[-1].variables
    started = perform(MoveContainer(verb="start", container=shop.id), state)
    assert ("running", "10.87.1.2") == (started.state, started.address)
    with pytest.raises(ActionFailed, match="Stop it first"):
        perform(RemoveContainer(container=shop.id), state)
    assert perform(MoveContainer(verb="stop", container=shop.id), state).state == "exited"
    assert [ABSENT, ABSENT] == [perform(RemoveContainer(container=shop.id), state) for _ in range(2)]
    assert perform(ListVolumes(), state).volumes[0].name == "orders"


def test_only_the_operation_that_made_a_container_takes_it_back() -> None:
    state = build_state()
    perform(CREATE, state)
    assert perform(RemoveMadeContainer(name="shop", operation="op-2"), state).present
    assert ABSENT == perform(RemoveMadeContainer(name="shop", operation="op-1"), state)
    assert perform(RemoveMadeContainer(name="web", operation="op-1"), state).running


REFUSED = [
    pytest.param(SHOP.model_copy(update={"name": "web"}), "with the name web", id="the name is taken"),
    pytest.param(SHOP.model_copy(update={"image": "0" * 64}), "not on this host", id="the image is not there"),
]


@pytest.mark.parametrize(("description", "why"), REFUSED)
def test_what_cannot_be_made_is_refused(description: Description, why: str) -> None:
    state = build_state()
    with pytest.raises(ActionFailed, match=why):
        perform(CreateContainer(operation="op-1", description=description), state)
    assert ["web", "db"] == [container.name for container in state.containers]


TAKEN: list[tuple[dict[str, object], str]] = [
    ({"ports": (PublishedPort(host_port=8080, container_port=80),)}, "address already in use"),
    ({"address": IPv4Address("10.87.1.10")}, "already allocated"),
]


@pytest.mark.parametrize(("changes", "why"), TAKEN)
def test_a_port_or_an_address_that_is_taken_is_found_at_the_start(changes: dict[str, object], why: str) -> None:
    state = build_state()
    perform(CreateContainer(operation="op-1", description=SHOP.model_copy(update=changes)), state)
    with pytest.raises(ActionFailed, match=why):
        perform(MoveContainer(verb="start", container=state.containers[-1].id), state)


FATES: list[tuple[Fate, str, str, bool]] = [
    ("runs", "running", "healthy", False),
    ("ends", "exited", "", False),
    ("loops", "running", "healthy", True),
    ("unhealthy", "running", "unhealthy", False),
    ("starting", "running", "starting", False),
]


@pytest.mark.parametrize(("fate", "expected", "health", "restarts"), FATES)
def test_a_started_container_has_its_fate(fate: Fate, expected: str, health: str, restarts: bool) -> None:
    state = build_state()
    state.fates["web"] = fate
    perform(MoveContainer(verb="restart", container=state.containers[0].id), state)
    read = perform(ReadContainerState(container="web"), state)
    assert (expected, health, restarts) == (read.state, read.health, read.restarts > 0)


def test_policies_start_containers_when_wsl2_begins_anew() -> None:
    """But none that a person stopped, unless its policy is "always"."""
    state = build_state()
    web, db = (container.id for container in state.containers)
    before = state.own_address
    for container, policy in ((web, "unless-stopped"), (db, "always")):
        perform(SetRestartPolicy(container=container, policy=policy), state)
        perform(MoveContainer(verb="stop", container=container), state)
    state.restart()
    assert ["exited", "running"] == [container.state for container in state.containers]
    assert before != state.own_address


def test_an_old_podman_says_that_it_cannot_set_a_policy() -> None:
    state = build_state()
    state.old_podman = True
    with pytest.raises(ActionFailed, match=r"5\.1"):
        perform(SetRestartPolicy(container=state.containers[0].id, policy="always"), state)


def test_an_image_in_use_stays() -> None:
    state = build_state()
    spare = Image.of("localhost/spare:1")
    state.registry.append(spare)
    digest = spare.digests[0]
    assert perform(PullImage(name="localhost/spare:1", digest=digest), state).present
    assert [BUSYBOX.id, spare.id] == [image.id for image in perform(ListImages(), state).images]
    assert [False, True] == [perform(RemoveImage(image=image), state).present for image in (spare.id, BUSYBOX.id)]
    assert not perform(ReadImage(image=spare.id), state).present
    with pytest.raises(ActionFailed, match="manifest unknown"):
        perform(PullImage(name="localhost/other:1", digest=f"sha256:{0:064}"), state)


def test_storage_says_what_is_free() -> None:
    state = build_state()
    storage = perform(ReadStorage(), state)
    assert ("amd64", "5.4.2", state.free) == (storage.architecture, storage.podman, storage.free)


def test_a_volume_is_removed_by_the_operation_that_made_it_alone() -> None:
    state = build_state()
    state.volumes["made"] = Volume("made", {"a": b"1"}, operation="op-1")
    assert (1, True) == ((read := perform(MeasureVolume(volume="made"), state)).files, read.present)
    assert perform(RemoveMadeVolume(volume="orders", operation="op-1"), state).present
    assert not perform(RemoveMadeVolume(volume="made", operation="op-1"), state).present


def test_a_podman_that_hangs_ends_every_verb() -> None:
    state = build_state()
    state.hanging.add("podman")
    actions: tuple[WslAction[Any], ...] = (ListContainers(), ListImages(), ListVolumes(), CREATE)
    for action in actions:
        with pytest.raises(ActionFailed, match="did not answer"):
            perform(action, state)
