"""`container run`: what it makes of the configuration, which images it takes, and what is refused beforehand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapters.action import Action, SideName
from adapters.errors import FlatnetError, Unreachable
from adapters.fleet import Fleet
from adapters.gateway.containers import Registry
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.images import ImageList, ListedImage, ListImages, ReadStorage, Storage
from adapters.wsl.ipam import Allocations, ReadAllocations
from adapters.wsl.volumes import ListedVolume, ListVolumes, VolumeList
from bot.security.redaction import Redactor
from commands.catalogue import CATALOGUE
from commands.containers.run import ContainerRun
from commands.language.grammar import parse_operation
from commands.model.containers import ContainerRules, ContainerSpec
from commands.model.operation import FleetView, Risk, Role
from commands.model.plan import PlannedChange
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands import canned
from tests.commands.containers.canned_containers import A, B, listed
from tests.commands.gateways.canned_registrations import LATE

NGINX = "sha256:" + "0a" * 32
ABSENT = "sha256:" + "0b" * 32
NAMELESS = "sha256:" + "0d" * 32
IMAGE = ListedImage(id="c" * 64, names=("docker.io/library/nginx:1.27",), digests=(NGINX,), size=1, architecture="amd64")
OTHERS = (
    ListedImage(id="d" * 64, names=("quay.io/x/app:1", "quay.io/y/app:1"), size=1, architecture="amd64"),
    ListedImage(id="e" * 64, names=("docker.io/x/app:1",), size=1, architecture="amd64"),
    ListedImage(id="9" * 64, digests=(NAMELESS,), size=1, architecture="amd64"),
    ListedImage(id="f" * 64, names=("docker.io/library/arm:1",), digests=("sha256:" + "0c" * 32,), architecture="arm64"),
)
SHOP = ContainerSpec.model_validate(
    {
        "name": "shop",
        "image": f"docker.io/library/nginx@{NGINX}",
        "ports": ["8080:80"],
        "variables": {"MODE": "production", "DB_PASSWORD": "secret:db_password"},
        "volumes": {"data": "/data"},
        "memory": "512m",
    }
)
AWAY = SHOP.model_copy(update={"name": "away", "image": SHOP.image.model_copy(update={"digest": ABSENT}), "variables": ()})
ARM = SHOP.model_copy(update={"name": "arm", "image": SHOP.image.model_copy(update={"digest": OTHERS[3].digests[0]})})
WEB = listed("web", "10.87.1.10", ports=[{"host_port": 80, "container_port": 80}])


def missing(name: str) -> str:
    raise FlatnetError(Phrase("the secret {name} is missing", name=name))


def view(containers: tuple[ListedContainer, ...] = (WEB,), broken: Mapping[str, Exception] | None = None) -> FleetView:
    """Two hosts with one container and some images, whose plug-in has handed out one more address."""
    said: Mapping[type[Action[Any]], object] = {
        ListContainers: ContainerList(containers=containers),
        ListImages: ImageList(images=(IMAGE, *OTHERS)),
        ReadStorage: Storage(free=2**40, architecture="amd64", podman="5.4.2"),
        ListVolumes: VolumeList(volumes=(ListedVolume(name="data", driver="local"),)),
        ReadAllocations: Allocations.model_validate({"subnet": "10.87.1.0/24", "allocations": {"a" * 64: "10.87.1.30"}}),
    }

    class Connection:
        def __init__(self, host: Host, side: SideName) -> None:
            self._name = f"{host.name}/{side}"

        async def perform(self, action: Action[Any]) -> Any:
            if (error := (broken or {}).get(self._name)) is not None:
                raise error
            return said.get(type(action), Registry(registrations=(), counted=0, interval=30, peers=1))

        async def aclose(self) -> None: ...

    return replace(
        canned.view(A, B),
        fleet=Fleet(Inventory(hosts=(A, B)), Connection),
        operation_id="op-aaaaaaaaaaaa",
        container_specs=(SHOP, AWAY, ARM),
        container_rules=ContainerRules(images=("docker.io/library/*",)),
        hash_secret=lambda name: f"{hash(name) & 0xFFFF:064x}",
    )


def parse(words: str) -> ContainerRun:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, ContainerRun)
    return operation


async def plan(words: str, **changed: Any) -> PlannedChange:
    return await parse(words).plan(replace(view(), **changed))


MADE = ["create", "made", "start", "running", "healthy", "registered", "found", "settled", "steady"]


async def test_a_configured_container_is_made_from_its_image_by_id_and_proven() -> None:
    made = await plan("container run shop --on host-a --ip 10.87.1.20")
    assert [f"host-a/shop/{stage}" for stage in MADE] == [step.key for step in made.plan.steps]
    create = made.plan.steps[0]
    assert create.deed.arguments["image"] == IMAGE.id
    described = create.deed.arguments["description"]
    assert isinstance(described, Mapping)
    assert (described["name"], described["address"], described["memory"]) == ("shop", "10.87.1.20", 512 * 2**20)
    assert create.undo is not None
    assert create.undo.arguments == {"name": "shop", "operation": "op-aaaaaaaaaaaa"}
    told = " ".join(map(str, made.plan.warnings))
    assert "publishes the ports 8080/tcp" in told
    assert "has the volumes data already" in told
    assert parse("container run shop --on host-a").assessed_risk is Risk.CHANGE


async def test_the_plan_names_the_secrets_and_no_store_finds_one_in_it() -> None:
    made = await plan("container run shop --on host-a")
    (premise,) = [each for each in made.plan.premises if each.what == "secrets"]
    assert "db_password" in str(premise.phrase)
    assert not Redactor(["correct horse"]).holds_secret(made.model_dump_json())
    other = await plan("container run shop --on host-a", hash_secret=lambda name: "f" * 64)
    assert made.plan.premises != other.plan.premises


async def test_the_same_plan_comes_from_the_settled_arguments() -> None:
    made = await plan("container run shop --on host-a --ip 10.87.1.20")
    again = await ContainerRun.model_validate(dict(made.arguments)).plan(view())
    assert made == again


async def test_an_image_that_is_not_there_is_pulled_by_its_digest_and_has_its_id_then() -> None:
    made = await plan("container run away --on host-a --pull")
    assert ["pull", "image", *MADE] == [step.key.rpartition("/")[2] for step in made.plan.steps]
    pull, image, create = made.plan.steps[:3]
    assert pull.deed.arguments == {"name": "docker.io/library/nginx", "digest": ABSENT}
    assert image.expect == {"present": True, "architecture": "amd64"}
    assert create.deed.products["image"].step == "host-a/away/image"
    for step in made.plan.steps:
        assert step.deed.describe_run()


@pytest.mark.parametrize("image", ["nginx:1.27", "library/nginx:1.27", "docker.io/library/nginx:1.27", f"nginx@{NGINX}"])
async def test_a_free_image_is_critical_only_for_administrators_and_resolved_to_its_id(image: str) -> None:
    operation = parse(f"container run {image} --on host-a")
    assert (operation.assessed_risk, operation.needed_roles) == (Risk.CRITICAL, frozenset({Role.ADMINISTRATOR}))
    made = await plan(f"container run {image} --on host-a")
    assert made.plan.steps[0].deed.arguments["image"] == IMAGE.id
    (premise,) = [each for each in made.plan.premises if each.what == "image"]
    assert premise.value == {"id": IMAGE.id, "digest": NGINX}
    assert made.arguments["name"] == "nginx"


async def test_a_free_image_without_a_name_on_the_host_must_come_from_the_registry_that_was_typed() -> None:
    """Else an image of anyone would pass for the allowed one whose name was typed before its digest."""
    words = f"container run docker.io/library/nginx@{NAMELESS} --on host-a"
    with pytest.raises(FlatnetError, match="Add --pull"):
        await plan(words)
    pull, *_ = (await plan(f"{words} --pull")).plan.steps
    assert pull.deed.arguments == {"name": "docker.io/library/nginx", "digest": NAMELESS}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("container run sho --on host-a", "no container sho is configured. Closest: shop"),
        ("container run shop --on host-a,host-b", "matches 2 hosts"),
        ("container run shop --on host-a --name web", "host-a has a container web already"),
        ("container run shop --on host-a --ip 10.87.2.20", "is not an address of host-a"),
        ("container run shop --on host-a --ip 10.87.1.1", "is not an address of host-a"),
        ("container run shop --on host-a --ip 10.87.1.10", "is used by web"),
        ("container run shop --on host-a --ip 10.87.1.30", "is handed out already"),
        ("container run away --on host-a", "Add --pull"),
        ("container run arm --on host-a", "is for arm64, but host-a is amd64"),
        ("container run nginx:9 --on host-a --pull", "Only an image with its digest can be pulled"),
        (f"container run nginx@{ABSENT} --on host-a --pull", "names no registry"),
        (f"container run localhost/x@{ABSENT} --on host-a --pull", "names no registry"),
        ("container run app:1 --on host-a", "means several images"),
        ("container run docker.io/x/app:1 --on host-a", "docker.io/x/app:1 is not allowed"),
        (f"container run quay.io/x/new@{ABSENT} --on host-a --pull", "is not allowed"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_what_to_do(words: str, why: str) -> None:
    with pytest.raises(FlatnetError) as refused:
        await plan(words)
    assert why in str(refused.value.phrase)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"container_rules": ContainerRules()}, "only configured containers can be run"),
    ],
)
async def test_without_patterns_no_other_image_is_run(changed: Mapping[str, Any], why: str) -> None:
    with pytest.raises(FlatnetError, match=why):
        await plan("container run nginx:1.27 --on host-a", **changed)


async def test_a_taken_port_a_missing_secret_and_silent_sides_are_refused() -> None:
    taken = listed("other", "10.87.1.11", ports=[{"host_port": 8080, "container_port": 1}])
    for made, why in (
        (view((taken,)), "port 8080 of host-a is used by other"),
        (replace(view(), hash_secret=missing), "the secret db_password is missing"),
        (view(broken={"host-a/wsl": Unreachable(LATE)}), "could not check the host"),
        (view(broken={"host-a/gateway": Unreachable(LATE)}), "the gateway of host-a could not be read"),
    ):
        with pytest.raises(FlatnetError, match=why):
            await parse("container run shop --on host-a").plan(made)


@pytest.mark.parametrize(
    "spec", ["--all", "../x", "a;b", "$(id)", "x" * 300, "nginх:1", "docker.io/../x:1", "a//b:1", "a:b:c", "UPPER/x:1"]
)
def test_what_is_no_image_is_refused_before_anything_is_read(spec: str) -> None:
    with pytest.raises(FlatnetError):
        parse(f"container run '{spec}' --on host-a")


@pytest.mark.parametrize("option", ["--name '$(id)'", "--name --all", "--ip 10.87.1", "--ip '1.2.3.4; id'", "--volume /:/x"])
def test_options_that_mean_nothing_are_refused(option: str) -> None:
    with pytest.raises((FlatnetError, GrammarError)):
        parse(f"container run shop --on host-a {option}")
