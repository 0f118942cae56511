"""Migrations that are refused, each with the reason and what to do next."""

from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed, Unreachable
from adapters.gateway.containers import ReadRegistry
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.container_reads import ChangedFiles, CountChangedFiles
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.helper import HELPER_VERSION, HelperInfo, ReadHelper
from adapters.wsl.images import ImageList, ListImages, ReadStorage
from adapters.wsl.volumes import ListVolumes
from commands.catalogue import CATALOGUE
from commands.containers.lookup import NoSuchContainer
from commands.containers.migrate.operation import ContainerMigrate
from commands.language.grammar import parse_operation
from commands.model.operation import CannotPlan
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.values.normalize import normalize_text
from tests.commands import canned
from tests.commands.containers.canned_containers import A, B, C, listed
from tests.commands.containers.migrate.canned_migration import (
    GB,
    IMAGE,
    VOLUME,
    Answers,
    files,
    make_view,
    store,
    volumes,
    web,
)
from tests.commands.gateways.canned_registrations import LATE

Given = dict[tuple[str, type[Action[Any]]], object]

MOVE = "container migrate host-a/web --to host-b"
WITH, WITHOUT = f"{MOVE} --with-volumes", f"{MOVE} --without-data"


def on(host: str, *containers: ListedContainer) -> Given:
    """The containers of a host."""
    return {(host, ListContainers): ContainerList(containers=containers)}


def made(**given: Any) -> Given:
    """The container on host-a, made in another way."""
    return on("host-a", web(**given))


def at(host: str, text: str) -> Given:
    """The main configuration file of a gateway."""
    return {(host, action): said for action, said in files(text).items()}


DATA: Given = made(volumes=[VOLUME]) | {("host-a", ListVolumes): volumes("data")}
PORT = {"host_port": 8080, "container_port": 80}

REFUSALS: list[tuple[str, str, Given, str]] = [
    ("it is there already", "container migrate host-a/web --to host-a", {}, "web is on host-a already"),
    (
        "its name is taken",
        MOVE,
        on("host-b", listed("web", "10.87.2.10", id="9" * 64)),
        "host-b has a container web already",
    ),
    (
        "the gateway there is silent",
        MOVE,
        {("host-b", ReadRegistry): Unreachable(LATE)},
        "the gateway of host-b does not respond, so web would not be found there. Run health host-b",
    ),
    (
        "it does not run",
        MOVE,
        made(state="exited"),
        "does not run on host-a (exited). Start it first: container start host-a/web",
    ),
    ("it restarts for ever", MOVE, made(state="restarting"), "web does not run on host-a (restarting)"),
    ("it is paused", MOVE, made(state="paused"), "web does not run on host-a (paused)"),
    ("it is unhealthy", MOVE, made(health="unhealthy"), "web is not healthy on host-a (unhealthy), so nothing could prove"),
    ("its health is not known yet", MOVE, made(health="starting"), "web is not healthy on host-a (starting)"),
    ("it has no address", MOVE, on("host-a", web(None)), "podman on host-a knows no address of web"),
    (
        "a bind mount",
        MOVE,
        made(obstacles=["bind mount /etc"], settings=""),
        "cannot be moved: bind mount /etc. Run it on host-b",
    ),
    ("privileges", MOVE, made(obstacles=["privileged", "device /dev/kvm"]), "cannot be moved: privileged, device /dev/kvm"),
    (
        "podman removes it when it stops",
        MOVE,
        made(auto_remove=True, obstacles=["x"]),
        "as soon as it stops (--rm), so there would",
    ),
    ("its settings are unreadable", MOVE, made(settings=""), "the settings of web cannot be read in full"),
    (
        "its image is gone",
        MOVE,
        {("host-a", ListImages): ImageList(images=())},
        "podman on host-a does not list the image of web",
    ),
    ("volumes, without a word on them", MOVE, DATA, "web has volumes: data. Add --with-volumes to take them"),
    (
        "files of its own, without a word on them",
        MOVE,
        {("host-a", CountChangedFiles): ChangedFiles(files=3)},
        "web has 3 files of its own outside of volumes, which would stay behind. Add --without-data if they can be lost",
    ),
    ("no volumes to take", WITH, {}, "web has no volumes. Leave out --with-volumes"),
    (
        "an anonymous volume",
        WITH,
        made(volumes=[{"name": "c" * 64, "path": "/cache", "anonymous": True}]),
        "the volume of web at /cache has no name of its own, so it cannot be moved. Give it a name first, or use --without",
    ),
    (
        "a volume on a share",
        WITH,
        DATA | {("host-a", ListVolumes): volumes("data", driver="nfs")},
        "does not lie in podman's own",
    ),
    (
        "a volume that is mounted",
        WITH,
        DATA | {("host-a", ListVolumes): volumes("data", options=1)},
        "does not lie in podman's own",
    ),
    ("a volume that is not listed", WITH, DATA | {("host-a", ListVolumes): volumes()}, "does not lie in podman's own"),
    (
        "a volume that another one uses",
        WITH,
        DATA | on("host-a", web(volumes=[VOLUME]), listed("db", "10.87.1.11", volumes=[VOLUME])),
        "the volume data is used by db on host-a as well. Stop that first",
    ),
    (
        "a volume of that name is there",
        WITH,
        DATA | {("host-b", ListVolumes): volumes("data")},
        "host-b has a volume data already, and no operation overwrites or deletes one. Remove it there by hand",
    ),
    (
        "files there that are not its own",
        WITHOUT,
        DATA | {("host-b", ListVolumes): volumes("data")},
        "host-b has a volume data already, and no operation overwrites or deletes one. Remove it there by hand",
    ),
    (
        "an empty volume there that another one uses",
        WITHOUT,
        DATA
        | {("host-b", ListVolumes): volumes("data", size=4096)}
        | on("host-b", listed("db", "10.87.2.10", volumes=[VOLUME])),
        "host-b has a volume data already, and no operation overwrites or deletes one. Remove it there by hand",
    ),
    (
        "a port is taken",
        MOVE,
        made(ports=[PORT]) | on("host-b", listed("proxy", "10.87.2.10", ports=[PORT | {"host_ip": "10.100.2.1"}])),
        "port 8080/tcp is in use on host-b by proxy",
    ),
    ("another machine", MOVE, {("host-b", ReadStorage): store(architecture="arm64")}, "is for amd64, and host-b is arm64"),
    (
        "no room",
        MOVE,
        {("host-b", ReadStorage): store(free=2 * GB - 1)},
        "host-b has 1.9 GB free, and needs 2.0 GB (twice what travels). Run disk host-b",
    ),
    (
        "no room for the volumes",
        WITH,
        DATA | {("host-b", ReadStorage): store(free=3 * GB)},
        "host-b has 3.0 GB free, and needs 4.0 GB",
    ),
    (
        "a gateway names its address",
        MOVE,
        at("host-c", "http {\n proxy_pass http://10.87.1.10;\n}"),
        "10.87.1.10 of web is used at host-c: nginx.conf, line 2. Change that first, or add --address-moves",
    ),
    (
        "a fixed address",
        MOVE,
        made(pinned_address=True),
        "made with the fixed address 10.87.1.10, which is of host-a. Add --address",
    ),
    (
        "an old helper",
        MOVE,
        {("host-b", ReadHelper): HelperInfo(version=HELPER_VERSION - 1, areas=("containers",))},
        "host-b: the helper in WSL2 has version",
    ),
    ("no helper", MOVE, {("host-b", ReadHelper): ActionFailed(LATE, code="absent")}, "host-b: the helper is not installed"),
    ("the target is silent", MOVE, {("host-b", ReadHelper): Unreachable(LATE)}, "host-b: could not check the host: could"),
    ("podman hangs", MOVE, {("host-b", ListVolumes): Unreachable(LATE)}, "host-b: could not check the host: could"),
    (
        "its files cannot be counted",
        MOVE,
        {("host-a", CountChangedFiles): ActionFailed(Phrase("podman did not answer within 60 s"))},
        "host-a: could not check the host: podman did not answer within 60 s",
    ),
]


@pytest.mark.parametrize(("words", "answers", "why"), [pytest.param(*rest, id=name) for name, *rest in REFUSALS])
async def test_refused(words: str, answers: Answers, why: str) -> None:
    with pytest.raises(CannotPlan) as caught:
        await parse(words).plan(make_view(answers))
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (WITHOUT, made(volumes=[{"name": "c" * 64, "path": "/cache", "anonymous": True}])),
        (WITHOUT, DATA | {("host-a", CountChangedFiles): ChangedFiles(files=3)}),
        (WITHOUT, DATA | {("host-b", ListVolumes): volumes("data", size=4096)}),
        (f"{MOVE} --address-moves", made(pinned_address=True)),
        (f"{MOVE} --address-moves", at("host-c", "proxy_pass http://10.87.1.10;")),
        (MOVE, made(ports=[PORT]) | on("host-b", listed("proxy", "10.87.2.10", ports=[PORT | {"protocol": "udp"}]))),
        (MOVE, made(ports=[PORT]) | on("host-b", listed("proxy", None, state="exited", ports=[PORT]))),
        (MOVE, {("host-b", ListImages): ImageList(images=(IMAGE,)), ("host-b", ReadStorage): store(free=0)}),
        (WITH, DATA | on("host-a", web(volumes=[VOLUME]), listed("db", None, state="exited", volumes=[VOLUME]))),
    ],
)
async def test_allowed(words: str, answers: Answers) -> None:
    assert (await parse(words).plan(make_view(answers))).plan.steps


@pytest.mark.parametrize("target", ["host-b", "host-c"])
async def test_a_source_that_was_moved_already_is_not_started_or_moved_and_only_its_registration_is_left(
    target: str,
) -> None:
    words = f"container remove host-a/{web().id}"
    note = OwedNote(number=1, host="host-a", words=words, matter=Matter.CHANGE, since=canned.NOW)
    moved = made(state="exited") | on("host-b", listed("web", "10.87.2.10", id="9" * 64))
    with pytest.raises(CannotPlan) as caught:
        await parse(f"container migrate host-a/web --to {target}").plan(make_view(moved, owed=KnownOwed((note,))))
    said = str(caught.value)
    assert "web on host-a was moved already, and is kept as the source. See where it runs: container" in said
    assert said.endswith(f"sync forget host-a/{web().id[:12]}")


async def test_the_same_migration_again_is_refused_because_it_is_there() -> None:
    moved = made(state="exited") | on("host-b", listed("web", "10.87.2.10", id="9" * 64))
    with pytest.raises(CannotPlan, match="host-b has a container web already"):
        await parse(MOVE).plan(make_view(moved))
    with pytest.raises(NoSuchContainer, match="web is not unique: host-a/web, host-b/web"):
        await parse("container migrate web --to host-c").plan(make_view(moved))


async def test_a_host_that_the_bot_may_not_change_is_refused() -> None:
    plain = canned.host("host-b", 2)
    with pytest.raises(CannotPlan, match="host-b: the bot may not change containers there"):
        await parse(MOVE).plan(make_view(hosts=(A, plain, C)))


async def test_a_host_without_a_gateway_is_refused() -> None:
    bare: Host = B.model_copy(update={"gateway": None})
    with pytest.raises(CannotPlan, match="host-b has no gateway configured"):
        await parse(MOVE).plan(make_view(hosts=(A, bare, C)))


async def test_an_image_whose_name_means_another_one_there_gets_a_name_of_its_own() -> None:
    other = IMAGE.model_copy(update={"id": "d" * 64})
    planned = await parse(MOVE).plan(make_view({("host-b", ListImages): ImageList(images=(other,))}))
    named = [step.deed.arguments.get("name") for step in planned.plan.steps if step.key == "host-b/image"]
    assert named == [f"localhost/flatnet/{'a' * 12}:migrated"]
    usual = await parse(MOVE).plan(make_view())
    assert usual.plan.steps[0].deed.arguments["name"] == "docker.io/library/nginx:1.27"


def parse(words: str) -> ContainerMigrate:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, ContainerMigrate)
    return operation
