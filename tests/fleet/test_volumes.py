"""Volumes through the WSL2 helper, with the real podman and tar, as the bot's user calls it."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from adapters.wsl.volumes import ListVolumes
from tests.fleet.containers import IMAGE
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import RealFleet
from tests.fleet.helper_inside import assert_failed, call

OPERATION = "op-20261129-1"

FILL = """
mkdir -p d/e; echo hi >d/e/f; ln -s /etc/passwd link; ln d/e/f hard; chown 1000:1001 d; chmod 0770 d; chmod 4711 hard
printf x >"a new
line"; printf y >-rf; truncate -s 40M sparse; head -c 300000 /dev/urandom >data; : >empty
"""
"""Fills a folder with what a copy often loses."""

FILES = 10


@pytest.fixture(scope="module")
def helped(fleet: RealFleet) -> Iterator[Distribution]:
    """The prepared WSL2 side with the helper."""
    assert 0 == fleet.wsl.prepare("--manage", "containers", "--id", "1").returncode
    yield fleet.wsl
    fleet.wsl.prepare("--manage", "none")


@pytest.fixture
def wsl(helped: Distribution) -> Iterator[Distribution]:
    """The WSL2 side with one volume that a person made."""
    helped.sh(f'podman volume create data >/dev/null; cd "$(podman volume mount data)"; {FILL}')
    yield helped
    helped.sh("podman volume rm --all --force >/dev/null; rm -rf /var/lib/flatnet-bot")


def list_volumes(wsl: Distribution) -> list[str]:
    return sorted(wsl.sh("podman volume ls --quiet").split())


def list_leftovers(wsl: Distribution) -> str:
    return wsl.sh("find /run /var/tmp -maxdepth 1 -name 'flatnet-bot.*'")


def test_a_volume_travels_with_names_modes_owners_links_and_holes(wsl: Distribution) -> None:
    exported = call(wsl, "volumes", "export", "data")
    assert len(exported.output) == exported.answer["size"] < 2_000_000
    imported = call(wsl, "volumes", "import", "other", OPERATION, given=exported.output)
    assert exported.answer == imported.answer
    measured = [call(wsl, "volumes", "measure", name).answer for name in ("data", "other")]
    assert measured[0] == measured[1]
    assert (True, FILES) == (measured[0]["present"], measured[0]["files"])
    place = wsl.sh("podman volume mount other").strip()
    assert (
        "1000:1001 770 2" == wsl.sh(f"echo $(stat --format='%u:%g %a' {place}/d) $(stat --format=%h {place}/hard)").strip()
    )
    assert int(wsl.sh(f"du -k {place}/sparse").split()[0]) < 1000
    assert "_data" == wsl.sh(f"ls -A {place}/..").strip()
    assert "" == list_leftovers(wsl)


CHANGES = {
    "contents": "printf z >./-rf",
    "a name": "mv empty full",
    "a mode": "chmod 0700 d",
    "an owner": "chown 1:1 full",
    "a link": "ln -sf /etc/group link",
    "a file more": ": >more",
}


def test_every_change_of_a_volume_is_measured_but_times(wsl: Distribution) -> None:
    place = wsl.sh("podman volume mount data").strip()
    seen = {"": call(wsl, "volumes", "measure", "data").answer}
    wsl.sh(f"cd {place}; touch -d 2001-01-01 data empty")
    assert seen[""] == call(wsl, "volumes", "measure", "data").answer
    for what, change in CHANGES.items():
        wsl.sh(f"cd {place}; {change}")
        seen[what] = call(wsl, "volumes", "measure", "data").answer
    assert len(seen) == len({each["sha256"] for each in seen.values()}), seen


def build_tar(*names: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Builds an archive of empty files; the folder of a volume comes first."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as files:
        folder = tarfile.TarInfo("_data")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        files.addfile(folder)
        for name in names:
            member = tarfile.TarInfo(name)
            member.type = tarfile.REGTYPE if name == "end" else kind
            files.addfile(member)
    return packed.getvalue()


WRONG = {
    "nothing": (b"", "the stream ended early"),
    "no archive": (b"x" * 20_000, "the stream ended early"),
    "an archive without its end": (build_tar("_data/x"), "the stream ended early"),
    "an archive that is cut": (build_tar("_data/x", "end")[:700], "the stream ended early"),
    "a device": (build_tar("_data/x", "end", kind=tarfile.CHRTYPE), "the volume has a device"),
}


def test_a_volume_that_does_not_come_whole_is_not_there(wsl: Distribution) -> None:
    """tar itself takes an archive that ends between two files for a whole one."""
    for given, why in WRONG.values():
        assert_failed(call(wsl, "volumes", "import", "other", OPERATION, given=given), why)
        assert (["data"], "") == (list_volumes(wsl), list_leftovers(wsl)), why


def test_nothing_is_written_beside_a_volume(wsl: Distribution) -> None:
    archive = build_tar("_data/../../../escaped", "../escaped", "/tmp/escaped", "beside", "_data/x", "end")
    call(wsl, "volumes", "import", "other", OPERATION, given=archive)
    assert "" == wsl.sh("find /var/lib/containers /tmp -name escaped -o -name beside")


def test_a_disk_that_gets_full_on_the_way_leaves_no_volume(wsl: Distribution) -> None:
    wsl.sh('head -c 9000000 /dev/urandom >"$(podman volume mount data)/large"')
    exported = call(wsl, "volumes", "export", "data").output
    wsl.sh("cd /var/lib/containers; head -c 1G /dev/zero >fill || :; truncate -s -4M fill")
    try:
        called = call(wsl, "volumes", "import", "other", OPERATION, given=exported)
    finally:
        wsl.sh("rm /var/lib/containers/fill")
    assert_failed(called, "no space left on device")
    assert ["data"] == list_volumes(wsl)


def test_a_volume_that_is_there_is_never_written_or_removed(wsl: Distribution) -> None:
    """Only the operation that made it may remove it, unless a container uses it."""
    exported = call(wsl, "volumes", "export", "data").output
    before = call(wsl, "volumes", "measure", "data").answer
    assert_failed(call(wsl, "volumes", "import", "data", OPERATION, given=exported), "is on this host already")
    assert 0 == call(wsl, "volumes", "import", "made", OPERATION, given=exported).code
    for name, operation in (("data", OPERATION), ("made", "op-other")):
        assert {"present": True} == call(wsl, "volumes", "unmake", name, operation).answer
    assert before == call(wsl, "volumes", "measure", "data").answer
    wsl.space.run("podman", "create", "--name=user", "--volume=made:/made", IMAGE, "true")
    assert_failed(call(wsl, "volumes", "unmake", "made", OPERATION), "volume is being used")
    wsl.space.run("podman", "rm", "user")
    for _ in range(2):
        assert {"present": False} == call(wsl, "volumes", "unmake", "made", OPERATION).answer
    assert {"present": False} == call(wsl, "volumes", "measure", "made").answer


def test_a_volume_that_lies_elsewhere_is_listed_and_not_read(wsl: Distribution) -> None:
    wsl.sh("podman volume create --opt type=none --opt o=bind --opt device=/etc elsewhere >/dev/null")
    wsl.sh("podman volume create >/dev/null")
    listed = call(wsl, "volumes", "list")
    found = {each.name: each for each in ListVolumes().parse([listed.as_program()]).volumes}
    assert 3 == len(found)
    assert [("local", 0), ("local", 3)] == [(found[name].driver, found[name].options) for name in ("data", "elsewhere")]
    assert [True, False] == [found[name].size > 300_000 for name in ("data", "elsewhere")]
    for verb in ("export", "measure"):
        assert_failed(call(wsl, "volumes", verb, "elsewhere"), "a driver, mount options or a place of its own")
    assert_failed(call(wsl, "volumes", "export", "absent"), "the volume is not on this host")
