"""Images and volumes from one real host to another: real podman, sudo and sshd, the helper, and the bot between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerVolume, CopyContainer, DescribeContainer, ListContainers, MoveContainer
from adapters.wsl.description import CreateContainer, Description, Variable
from adapters.wsl.images import LoadImage, ReadImage, SaveImage
from adapters.wsl.volumes import ExportVolume, ImportVolume, MeasureVolume
from tests.fleet.containers import IMAGE
from tests.fleet.distribution import Distribution
from tests.fleet.pair import SECRET, Pair, connect_pair, find_image, make_image
from tests.fleet.space import wait_until

NAME = "localhost/moved:1"
OPERATION = "op-0123456789ab"
IMAGE_MEGABYTES = 40


@pytest.fixture(scope="module")
def image(hosts: tuple[Distribution, Distribution]) -> Iterator[str]:
    """The id of an image on the first host."""
    yield make_image(hosts[0], IMAGE_MEGABYTES, NAME)
    hosts[0].space.run("podman", "rmi", NAME)


@pytest.fixture
async def pair(hosts: tuple[Distribution, Distribution]) -> AsyncIterator[Pair]:
    """Both hosts with the bot's connections. The second one has no image and no volume before and after each test."""
    async with connect_pair(*hosts) as connected:
        yield connected
    hosts[1].sh("podman rmi --all --force >/dev/null 2>&1; podman volume rm --all --force >/dev/null")


async def is_there(pair: Pair, image: str) -> bool:
    """Returns whether the second host has the image."""
    return (await pair.fleet.perform(pair.fleet.inventory.hosts[1], ReadImage(image=image))).present


async def test_an_image_that_the_source_does_not_have_never_reaches_the_target(pair: Pair) -> None:
    missing = "cd" * 32
    with pytest.raises(ActionFailed, match=r"host-a: .*not on this host") as failed:
        await pair.move(SaveImage(image=missing), LoadImage(image=missing, name=NAME))
    assert not failed.value.maybe_ran


async def test_a_stream_that_is_stopped_ends_the_programs_at_both_ends(pair: Pair, image: str) -> None:
    freeze = "until pkill -STOP -f '^podman save '; do sleep 0.01; done"
    freezing = asyncio.create_task(asyncio.to_thread(pair.source.sh, freeze))
    moving = asyncio.create_task(pair.move(SaveImage(image=image), LoadImage(image=image, name=NAME)))
    await freezing
    pair.stops.append(Phrase("stopped by ana"))
    with pytest.raises(ActionFailed, match="stopped by ana"):
        await moving
    await asyncio.to_thread(wait_until, lambda: not list_remains(pair), "the end of the programs")
    assert not await is_there(pair, image)


async def test_a_full_disk_on_the_target_is_told_and_nothing_of_the_image_stays(pair: Pair, image: str) -> None:
    target = pair.target
    target.sh("head -c 300M /dev/zero >/var/lib/containers/filler 2>/dev/null || true")
    try:
        with pytest.raises(ActionFailed, match="host-b: the helper in WSL2 failed: no space left on device"):
            await pair.move(SaveImage(image=image), LoadImage(image=image, name=NAME))
    finally:
        target.sh("rm -f /var/lib/containers/filler")
    assert (False, []) == (await is_there(pair, image), list_remains(pair))


async def test_a_container_moves_with_its_settings_its_image_and_its_volume(pair: Pair) -> None:
    """As the steps of `container migrate` do it. The value of a variable is in no command line on either host."""
    here, there = pair.fleet.inventory.hosts
    pair.target.space.run("podman", "rmi", "--force", IMAGE)
    place = "$(podman volume inspect --format '{{.Mountpoint}}' site)"
    pair.source.sh(f"podman volume create site >/dev/null; echo hello >{place}/index")
    image = find_image(pair.source, IMAGE)
    description = Description(
        name="web",
        image=image,
        variables=(Variable(name="MODE", value="a b'c"), Variable(name="PASSWORD", secret_name="db")),
        volumes=(ContainerVolume(name="site", path="/srv"),),
        restart_policy="always",
        command=("sh", "-c", 'echo "$MODE $PASSWORD $(cat /srv/index)" >/srv/seen; exec sleep 1000'),
    )
    made = await pair.fleet.perform(here, CreateContainer(operation=OPERATION, description=description))
    moved = await pair.move(SaveImage(image=image), LoadImage(image=image, name=IMAGE))
    await pair.move(ExportVolume(volume="site"), ImportVolume(volume="site", operation=OPERATION))
    measured = [await pair.fleet.perform(host, MeasureVolume(volume="site")) for host in (here, there)]
    assert (True, measured[0], []) == (isinstance(moved["size"], int), measured[1], list_remains(pair))
    await pair.move(DescribeContainer(container=made.id), CopyContainer(operation=OPERATION, name="web", image=image))
    (copied,) = (await pair.fleet.perform(there, ListContainers())).containers
    await pair.fleet.perform(there, MoveContainer(verb="start", container=copied.id))
    seen = f"{place}/seen"
    await asyncio.to_thread(wait_until, lambda: pair.target.sh(f"cat {seen} 2>/dev/null || true") != "", "what it wrote")
    assert f"a b'c {SECRET} hello\n" == pair.target.sh(f"cat {seen}")
    assert ("always", {"MODE", "PASSWORD"}) == (copied.restart_policy, {"MODE", "PASSWORD"} & set(copied.variables))
    assert SECRET not in pair.target.sh("podman inspect --format '{{.Config.CreateCommand}}' web")
    pair.target.sh("podman rm --force --time 0 web >/dev/null")
    pair.source.sh("podman rm --force --time 0 web >/dev/null")


def list_remains(pair: Pair) -> list[str]:
    """Lists the helper's programs that still run on both hosts."""
    found = (
        host.space.attempt("pgrep", "-af", "libexec/flatnet-bot (images|volumes)").stdout
        for host in (pair.source, pair.target)
    )
    return [line for said in found for line in said.splitlines() if "pgrep" not in line]
