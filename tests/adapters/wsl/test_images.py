"""Answers of the helper about images, volumes and podman's storage."""

import pytest

from adapters.errors import ActionFailed
from adapters.wsl.action import CompletedProgram
from adapters.wsl.images import ListedImage, ListImages, ReadImage, ReadStorage, RemoveImage
from adapters.wsl.volumes import ListedVolume, ListVolumes

ID = "0123456789abcdef" * 4
IMAGE = f'{{"id":"{ID}","names":["localhost/web:1"],"digests":["sha256:{ID}"],"size":7,"architecture":"amd64"}}\n'
STORAGE = '{"free":1000000000000,"architecture":"amd64","podman":"4.9.3"}\n'


def answered(stdout: str = "", code: int = 0, stderr: str = "") -> list[CompletedProgram]:
    return [CompletedProgram(code=code, stdout=stdout, stderr=stderr)]


def test_images_come_one_a_line_and_a_host_may_have_none() -> None:
    listed = ListedImage(id=ID, names=("localhost/web:1",), digests=(f"sha256:{ID}",), size=7, architecture="amd64")
    assert (listed, listed) == ListImages().parse(answered(IMAGE * 2, stderr="level=warning")).images
    assert () == ListImages().parse(answered()).images


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        (ID, ID.upper()),
        (ID, ID[1:]),
        ('"size":7', '"size":-7'),
        ("amd64", "../x"),
        (f"sha256:{ID}", ID),
        ('["local', '[["local'),
    ],
)
def test_a_line_that_is_no_image_is_refused(part: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"validation error|Invalid JSON"):
        ListImages().parse(answered(IMAGE.replace(part, wrong)))


def test_a_disk_of_a_terabyte_is_read() -> None:
    storage = ReadStorage().parse(answered(STORAGE))
    assert (10**12, "amd64", "4.9.3") == (storage.free, storage.architecture, storage.podman)


@pytest.mark.parametrize(
    ("present", "words"), [("true", "podman still has the image"), ("false", "podman does not have the image")]
)
def test_a_check_of_an_image_says_what_is_there(present: str, words: str) -> None:
    action = RemoveImage(image=ID)
    assert words == str(action.explain_answer(action.parse(answered(f'{{"present":{present}}}\n'))))


def test_a_podman_that_does_not_answer_is_no_absent_image() -> None:
    with pytest.raises(ActionFailed, match="podman image exists"):
        ReadImage(image=ID).parse(answered(code=6, stderr="flatnet-bot: podman image exists:  (exit code 124)\n"))


def test_volumes_come_with_their_drivers_and_podman_s_own_names() -> None:
    line = f'{{"name":"{ID}","driver":"local","options":0,"size":4096}}\n'
    assert (ListedVolume(name=ID, driver="local", size=4096),) == ListVolumes().parse(answered(line)).volumes
