"""Images through the WSL2 helper with the real podman: streams that bring the whole image, or fail and leave nothing."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator

import pytest

from adapters.wsl.images import ListImages, ReadStorage
from tests.fleet.containers import IMAGE
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import RealFleet
from tests.fleet.helper_inside import assert_failed, call, finish, start
from tests.fleet.space import wait_until

NAME = "registry.example.org/team/travels:1"
IMAGE_BYTES = 3_000_000

Archive = tuple[str, bytes]
"""The id of an image, and its archive as the helper streams it."""


@pytest.fixture(scope="module")
def helped(fleet: RealFleet) -> Iterator[Distribution]:
    """The prepared WSL2 side with the helper."""
    assert 0 == fleet.wsl.prepare("--manage", "containers", "--id", "1").returncode
    yield fleet.wsl
    fleet.wsl.prepare("--manage", "none")


@pytest.fixture(scope="module")
def archive(helped: Distribution) -> Archive:
    """An image that is on no host any more."""
    return pack(helped, "localhost/travels:0")


@pytest.fixture
def wsl(helped: Distribution, archive: Archive) -> Iterator[Distribution]:
    """The WSL2 side, without that image before and afterwards."""
    yield helped
    helped.sh(f"podman rmi --force {archive[0]} >/dev/null 2>&1 || :")


def pack(wsl: Distribution, name: str) -> Archive:
    """Makes an image, takes its archive, and removes it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as files:
        add(files, "data", os.urandom(IMAGE_BYTES))
    wsl.space.run("podman", "import", "--quiet", "-", name, given=made.getvalue())
    image = wsl.sh(f"podman image inspect --format '{{{{.Id}}}}' {name}").strip()
    saved = call(wsl, "images", "save", image)
    wsl.sh(f"podman rmi {name}")
    assert {"size": len(saved.output), "sha256": hashlib.sha256(saved.output).hexdigest()} == saved.answer
    return image, saved.output


def add(files: tarfile.TarFile, name: str, data: bytes) -> None:
    """Adds a file to an archive."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    files.addfile(member, io.BytesIO(data))


def repack(data: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """Changes the names and the contents of an archive's files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as files, tarfile.open(fileobj=packed, mode="w") as changed:
        for member in files:
            if (opened := files.extractfile(member)) is not None and member.isreg():
                add(changed, *change(member.name, opened.read()))
    return packed.getvalue()


def list_images(wsl: Distribution) -> str:
    return wsl.sh("podman images --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort")


def list_leftovers(wsl: Distribution) -> str:
    return wsl.sh("find /run /var/tmp -maxdepth 1 -name 'flatnet-bot.*'; pgrep -fa 'podman (save|pull)' || :")


def test_an_image_travels_with_its_id_and_gets_a_name(wsl: Distribution, archive: Archive) -> None:
    """A second time nothing changes."""
    image, data = archive
    assert {"present": False} == call(wsl, "images", "show", image).answer
    for _ in range(2):
        loaded = call(wsl, "images", "load", image, NAME, given=data)
        assert {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} == loaded.answer
        assert {"present": True} == call(wsl, "images", "show", image).answer
        assert f"sha256:{image} {NAME}\n" in list_images(wsl)
    assert "" == list_leftovers(wsl)


def test_a_name_is_not_taken_away_from_another_image(wsl: Distribution, archive: Archive) -> None:
    image, data = archive
    before = list_images(wsl)
    assert 0 == call(wsl, "images", "load", image, IMAGE, given=data).code
    assert {f"sha256:{image} <none>:<none>"} == set(list_images(wsl).splitlines()) - set(before.splitlines())


def spoil(name: str, text: bytes) -> tuple[str, bytes]:
    """Changes the end of a layer."""
    return name, text[:-9] + b"different" if name.endswith(".tar") else text


def name_it(name: str, text: bytes) -> tuple[str, bytes]:
    """Gives the image a name that another one has."""
    return name, text.replace(b'"RepoTags":[]', b'"RepoTags":["' + IMAGE.encode() + b'"]')


WRONG: dict[str, tuple[Callable[[bytes, str], bytes], str]] = {
    "nothing": (lambda data, image: b"", "the stream ended early"),
    "no archive": (lambda data, image: b"x" * 100_000, "the stream ended early"),
    "a part": (lambda data, image: data[: len(data) // 2], "the stream ended early"),
    "a name": (lambda data, image: repack(data, name_it), "what came is not this image alone"),
    "another image": (lambda data, image: data.replace(image.encode(), b"0" * 64), "what came is not this image alone"),
    "other contents": (lambda data, image: repack(data, spoil), "Error: "),
    "another configuration": (
        lambda data, image: repack(data, lambda name, text: (name, text.replace(b'"linux"', b'"other"'))),
        "another image came",
    ),
}
"""What comes in instead of the image, and why it is refused."""


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_that_image_alone_is_not_kept(case: str, wsl: Distribution, archive: Archive) -> None:
    """A name in the archive would be taken away from the image that has it."""
    image, data = archive
    make, why = WRONG[case]
    before = list_images(wsl)
    assert_failed(call(wsl, "images", "load", image, NAME, given=make(data, image)), why)
    assert (before, "") == (list_images(wsl), list_leftovers(wsl))


@pytest.mark.parametrize(
    "fill",
    ["head -c 1G /dev/zero >/var/lib/containers/fill || :", "mount -t tmpfs -o size=1m full /var/tmp"],
    ids=["podman's storage", "podman's drafts"],
)
def test_a_full_disk_is_a_failure_of_either_end(fill: str, wsl: Distribution, archive: Archive) -> None:
    image, data = archive
    before = list_images(wsl)
    wsl.sh(fill)
    try:
        assert_failed(call(wsl, "images", "load", image, NAME, given=data), "no space left on device")
        assert (before, "") == (list_images(wsl), list_leftovers(wsl))
        if "tmpfs" in fill:
            wsl.sh("umount /var/tmp")
            assert 0 == call(wsl, "images", "load", image, NAME, given=data).code
            wsl.sh(fill)
            assert_failed(call(wsl, "images", "save", image), "no space")
    finally:
        wsl.sh("umount /var/tmp 2>/dev/null || :; rm -f /var/lib/containers/fill")


def kill_podman(wsl: Distribution, signal: str, verb: str) -> None:
    """Waits for a podman, and sends it a signal."""
    wait_until(lambda: wsl.space.attempt("pkill", f"-{signal}", "-f", f"^podman {verb} ").returncode == 0, f"podman {verb}")


def test_a_source_that_dies_is_no_end_of_the_image(wsl: Distribution, archive: Archive) -> None:
    """It has written more than the pipes hold, and is killed while it waits to write on."""
    image, data = archive
    assert 0 == call(wsl, "images", "load", image, NAME, given=data).code
    started = start(wsl, "images", "save", image)
    assert started.stdout is not None
    assert b"" != started.stdout.read(1)
    kill_podman(wsl, "KILL", "save")
    died = finish(started)
    assert_failed(died, "exit code 137")
    assert len(died.output) < len(data) - 1
    assert "" == list_leftovers(wsl)


def test_a_podman_that_hangs_gives_no_beat_and_ends_with_the_connection(wsl: Distribution, archive: Archive) -> None:
    """What is stopped by a signal neither works nor ends by itself. Only a line that cannot be written shows the end."""
    image, data = archive
    assert 0 == call(wsl, "images", "load", image, NAME, given=data).code
    started = start(wsl, "images", "save", image)
    assert started.stdout is not None
    assert started.stderr is not None
    kill_podman(wsl, "STOP", "save")
    while started.stderr.readline() != b"-\n":
        pass
    for end in (started.stdout, started.stderr, started.stdin):
        assert end is not None
        end.close()
    wait_until(lambda: list_leftovers(wsl) == "", "the end of podman")
    assert 0 != started.wait()


def test_images_and_storage_are_listed_as_the_bot_reads_them(wsl: Distribution, archive: Archive) -> None:
    image, data = archive
    assert 0 == call(wsl, "images", "load", image, NAME, given=data).code
    listed = ListImages().parse([call(wsl, "images", "list").as_program()]).images
    (found,) = [each for each in listed if each.id == image]
    assert ((NAME,), True) == (found.names, found.size > IMAGE_BYTES)
    assert 1 == len(found.digests)
    storage = ReadStorage().parse([call(wsl, "images", "storage").as_program()])
    assert (found.architecture, True) == (storage.architecture, storage.free > 0)


def test_an_image_in_use_stays_and_one_that_is_gone_is_a_success(wsl: Distribution, archive: Archive) -> None:
    image, data = archive
    used = wsl.sh(f"podman image inspect --format '{{{{.Id}}}}' {IMAGE}").strip()
    assert 0 == call(wsl, "images", "load", image, NAME, given=data).code
    answers = [call(wsl, "images", "remove", each).answer["present"] for each in (used, image, image)]
    assert [True, False, False] == answers


@pytest.mark.parametrize(
    ("name", "why"),
    [("nginx:1.27", "does not begin with a registry"), ("localhost:1/team/web:1", "podman pull: Error: ")],
)
def test_an_image_that_cannot_be_pulled_says_why(name: str, why: str, wsl: Distribution) -> None:
    assert_failed(call(wsl, "images", "pull", name, "sha256:" + "0" * 64), why)
