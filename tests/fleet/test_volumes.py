"""Volumes and addresses through the WSL2 helper, with the real podman and tar, as the bot's user calls it."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.ipam import Allocation, LookForOrphans, RemoveOrphans
from adapters.wsl.volumes import ListVolumes
from tests.fleet.containers import IMAGE
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import RealFleet
from tests.fleet.helper_calls import Called, call

OPERATION = "op-20261129-1"
ALLOCATIONS = "/var/lib/flatnet/ipam/allocations.json"
GONE = "7" * 64

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
    assert 0 == fleet.wsl.prepare("--manage", "containers,ipam", "--id", "1").returncode
    yield fleet.wsl
    fleet.wsl.prepare("--manage", "none")


@pytest.fixture
def wsl(helped: Distribution) -> Iterator[Distribution]:
    """The WSL2 side with one volume that a person made."""
    helped.sh(f'podman volume create data >/dev/null; cd "$(podman volume mount data)"; {FILL}')
    yield helped
    helped.sh("podman volume rm --all --force >/dev/null; rm -rf /var/lib/flatnet/ipam /var/lib/flatnet-bot")


def list_volumes(wsl: Distribution) -> list[str]:
    return sorted(wsl.sh("podman volume ls --quiet").split())


def list_leftovers(wsl: Distribution) -> str:
    return wsl.sh("find /run /var/tmp -maxdepth 1 -name 'flatnet-bot.*'")


def assert_failed(called: Called, why: str) -> None:
    """Fails unless it failed, said why, and gave no count."""
    assert (6, True, False) == (called.code, why in called.said, '"sha256"' in called.said), called.said


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
    "an owner": "chown 1:1 empty",
    "a link": "ln -sf /etc/group link",
    "a file more": ": >more",
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_volume_is_measured_but_times(change: str, wsl: Distribution) -> None:
    before = call(wsl, "volumes", "measure", "data").answer
    place = wsl.sh("podman volume mount data").strip()
    wsl.sh(f"cd {place}; touch -d 2001-01-01 data empty")
    assert before == call(wsl, "volumes", "measure", "data").answer
    wsl.sh(f"cd {place}; {CHANGES[change]}")
    assert before["sha256"] != call(wsl, "volumes", "measure", "data").answer["sha256"]


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


@pytest.mark.parametrize("case", WRONG)
def test_a_volume_that_does_not_come_whole_is_not_there(case: str, wsl: Distribution) -> None:
    """tar itself takes an archive that ends between two files for a whole one."""
    given, why = WRONG[case]
    assert_failed(call(wsl, "volumes", "import", "other", OPERATION, given=given), why)
    assert (["data"], "") == (list_volumes(wsl), list_leftovers(wsl))


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
    assert_failed(called, "No space left on device")
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
    found = {each.name: each for each in ListVolumes().parse([as_program(listed)]).volumes}
    assert 3 == len(found)
    assert [("local", 0), ("local", 3)] == [(found[name].driver, found[name].options) for name in ("data", "elsewhere")]
    assert [True, False] == [found[name].size > 300_000 for name in ("data", "elsewhere")]
    for verb in ("export", "measure"):
        assert_failed(call(wsl, "volumes", verb, "elsewhere"), "a driver, mount options or a place of its own")
    assert_failed(call(wsl, "volumes", "export", "absent"), "the volume is not on this host")


def as_program(called: Called) -> CompletedProgram:
    return CompletedProgram(called.code, called.output.decode(), called.said)


def write_allocations(wsl: Distribution, allocations: Mapping[str, str]) -> None:
    """Writes the file as the plug-in does."""
    head = {"subnet": "10.87.1.0/24", "gateway": "10.87.1.1", "range_start": "10.87.1.2", "range_end": "10.87.1.254"}
    said = {**head, "host_id": 1, "multihost": True, "allocations": allocations}
    wsl.space.write(ALLOCATIONS, json.dumps(said, indent=2))


def look(wsl: Distribution) -> tuple[Allocation, ...]:
    return LookForOrphans().parse([as_program(call(wsl, "ipam", "look"))]).orphans


def test_an_address_whose_container_is_gone_is_found_and_removed(wsl: Distribution) -> None:
    """Containers of other networks and what is no id of a container are left alone. The file as it was is kept."""
    known = wsl.sh("podman ps --all --quiet --no-trunc").split()
    kept = {each: f"10.87.1.{number}" for number, each in enumerate(known, 20)} | {"a-build": "10.87.1.100"}
    write_allocations(wsl, {**kept, GONE: "10.87.1.11"})
    orphan = Allocation(container=GONE, address=IPv4Address("10.87.1.11"))
    assert (orphan,) == look(wsl)
    old = Allocation(container=known[0], address=IPv4Address("10.87.1.20"))
    action = RemoveOrphans(orphans=(orphan, old))
    removed = action.parse([as_program(call(wsl, "ipam", "clean", given=action.input))])
    assert ((orphan,), (old,)) == (removed.removed, removed.kept)
    assert kept == json.loads(wsl.sh(f"cat {ALLOCATIONS}"))["allocations"]
    assert {GONE: "10.87.1.11", **kept} == json.loads(wsl.sh(f"cat {removed.copy_file}"))["allocations"]
    assert () == look(wsl)
    again = action.parse([as_program(call(wsl, "ipam", "clean", given=action.input))])
    assert ((), (old,), "") == (again.removed, again.kept, again.copy_file)


@pytest.mark.parametrize(
    "given", ["", "../x 10.87.1.11\n", f"{GONE}\n", f"{GONE} 10.87.1.11 x\n", f"{GONE} 10.87.1.11\n--all\n"]
)
def test_what_is_no_list_of_addresses_removes_nothing(given: str, wsl: Distribution) -> None:
    write_allocations(wsl, {GONE: "10.87.1.11"})
    assert 2 == call(wsl, "ipam", "clean", given=given.encode()).code
    assert 1 == len(look(wsl))


@pytest.mark.parametrize("verb", ["look", "clean"])
def test_a_file_of_another_format_is_not_touched(verb: str, wsl: Distribution) -> None:
    wsl.space.write(ALLOCATIONS, '{"allocations":{}}')
    assert_failed(call(wsl, "ipam", verb, given=f"{GONE} 10.87.1.11\n".encode()), "is not as Flatnet's plug-in writes it")
    assert '{"allocations":{}}' == wsl.sh(f"cat {ALLOCATIONS}")
