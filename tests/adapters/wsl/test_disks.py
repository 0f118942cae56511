"""What is made of df, du and podman: room in WSL2, and why a part of it is not known."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.disks import FileSystem, Folder, Folders, PodmanUse, ReadDisks, WslDisks
from adapters.wsl.podman import UnreadPart
from adapters.wsl.shell import build_shell_line, parse_frames
from tests.adapters.wsl.conftest import Connect
from tests.lab.wsl.programs import CGROUPS_WARNING
from tests.lab.wsl.programs_disks import STORAGE
from tests.lab.wsl.server import SshServer
from tests.lab.wsl.state import GB, MB, Disk, WslState

READ = ReadDisks(folder="/var/lib/flatnet")

INFO = {
    "host": {"security": {"rootless": False}, "arch": "amd64"},
    "store": {"graphRoot": STORAGE, "graphRootAllocated": 1000, "graphRootUsed": 250},
}
USES = (
    '[\n    {"Type":"Images","Total":2,"Active":1,"RawSize":300,"RawReclaimable":100,"TotalCount":2,"Size":"300B",'
    '"Reclaimable":"100B (33%)"},\n    {"Type":"Containers","Total":0,"Active":0,"RawSize":0,"RawReclaimable":0,'
    '"TotalCount":0,"Size":"0B","Reclaimable":"0B (0%)"}\n]\n'
)
WELL = {
    "root": CompletedProgram(
        0, "    1B-blocks        Used       Avail IUsed IFree\n         1000         250         700    90      10\n", ""
    ),
    "flatnet": CompletedProgram(
        0, "    1B-blocks        Used       Avail IUsed IFree\n         2000         100        1900    0      0\n", ""
    ),
    "containers": CompletedProgram(
        1,
        "    1B-blocks        Used       Avail IUsed IFree\n         1000         250         700    90      10\n",
        f"df: {STORAGE}: Permission denied\n",
    ),
    "storage": CompletedProgram(0, json.dumps(INFO), CGROUPS_WARNING),
    "folders": CompletedProgram(
        0, "10\t/var/lib/flatnet/ipam\x0030\t/var/lib/flatnet/odd\tname\n\x0044\t/var/lib/flatnet\x00", ""
    ),
    "podman": CompletedProgram(0, USES, CGROUPS_WARNING),
}
PARTS = tuple(name for name in WELL if name != "containers")


def read(**changes: CompletedProgram) -> WslDisks:
    """The disks where all is well but for the named programs."""
    return READ.parse(list((WELL | changes).values()))


@pytest.mark.parametrize(
    ("counted", "inodes"),
    [
        pytest.param("100 0", (100, 0), id="none left"),
        pytest.param("0 100", (0, 100), id="none used"),
        pytest.param("0 0", (None, None), id="a file system that makes them as it needs them"),
        pytest.param("- -", (None, None), id="unknown to df"),
    ],
)
def test_inodes_are_read_where_they_are_limited(counted: str, inodes: tuple[int | None, int | None]) -> None:
    root = read(root=CompletedProgram(0, f"heading\n 1000 250 700 {counted}\n", "")).root
    assert isinstance(root, FileSystem)
    assert inodes == (root.inodes_used, root.inodes_free)


def info(**store: Any) -> CompletedProgram:
    return CompletedProgram(0, json.dumps(INFO | {"store": store}), "")


def said(part: object) -> str:
    """The words of a problem."""
    assert isinstance(part, UnreadPart)
    return str(part.phrase)


def test_sizes_folders_and_shares_are_read() -> None:
    assert (
        WslDisks(
            root=FileSystem(place="/", size=1000, used=250, free=700, inodes_used=90, inodes_free=10),
            flatnet=FileSystem(place="/var/lib/flatnet", size=2000, used=100, free=1900),
            storage=FileSystem(place=STORAGE, size=1000, used=250, free=700, inodes_used=90, inodes_free=10),
            folders=Folders(
                whole=Folder(path="/var/lib/flatnet", size=44),
                parts=(
                    Folder(path="/var/lib/flatnet/odd\tname\n", size=30),
                    Folder(path="/var/lib/flatnet/ipam", size=10),
                ),
            ),
            podman=(
                PodmanUse(kind="Images", size=300, reclaimable=100),
                PodmanUse(kind="Containers", size=0, reclaimable=0),
            ),
        )
        == read()
    )


HEADING = "    1B-blocks        Used       Avail IUsed IFree\n"


@pytest.mark.parametrize(
    ("table", "free"),
    [
        pytest.param(f"{HEADING} 5000 900 3600 - -\n", 3600, id="its folder is on that file system"),
        pytest.param(f"{HEADING} 9000 100 8000 1 2\n 5000 901 3599 0 0\n", 3599, id="it is a file system of its own"),
        pytest.param(f"{HEADING} 9000 100 8000 1 2\n", 4100, id="it is one that df may not ask for"),
        pytest.param("", 4100, id="no word of df"),
    ],
)
def test_podman_s_storage_has_the_free_space_that_df_reports(table: str, free: int) -> None:
    """podman does not know what root keeps for itself; a file may have been written between the two."""
    store = info(graphRoot=STORAGE, graphRootAllocated=5000, graphRootUsed=900)
    storage = read(storage=store, containers=CompletedProgram(1, table, "")).storage
    assert isinstance(storage, FileSystem)
    assert (STORAGE, 5000, free) == (storage.place, storage.size, storage.free)


NOT_ROOT = CompletedProgram(0, json.dumps(INFO | {"host": {"security": {"rootless": True}}}), "")
REFUSED = CompletedProgram(1, "", "sudo: a password is required\n")

TROUBLES: list[tuple[str, str, CompletedProgram, str]] = [
    (
        "no such folder",
        "flatnet",
        CompletedProgram(1, "", "df: /var/lib/flatnet: No such file or directory\n"),
        "No such file",
    ),
    (
        "df of a file system without a size",
        "root",
        CompletedProgram(0, " 1B-blocks Used Avail IUsed IFree\n - - - - -\n", ""),
        "could not read the usage",
    ),
    ("df hangs", "root", CompletedProgram(124, "", ""), "exit code 124"),
    ("no df", "root", CompletedProgram(127, "", "timeout: failed to run command 'df'\n"), "failed to run command"),
    ("a size beyond all bounds", "root", CompletedProgram(0, f"h\n {'9' * 30} 1 1 1 1\n", ""), "could not read the usage"),
    ("du refused", "folders", REFUSED, "could not run du with sudo: sudo: a password is required"),
    ("du takes too long", "folders", CompletedProgram(124, "10\t/var/lib/flatnet/ipam\0", ""), "longer than 8 s"),
    (
        "du finds no folder",
        "folders",
        CompletedProgram(1, "", "du: cannot access '/var/lib/flatnet': No such file or directory\n"),
        "WSL2 has no folder",
    ),
    (
        "du cannot read all",
        "folders",
        CompletedProgram(1, "44\t/var/lib/flatnet\0", "du: cannot read directory 'x': Input/output error\n"),
        "Input/output error",
    ),
    ("du says no whole", "folders", CompletedProgram(0, "10\t/var/lib/flatnet/ipam\0", ""), "could not parse"),
    ("du says no number", "folders", CompletedProgram(0, "10K\t/var/lib/flatnet\0", ""), "could not parse"),
    (
        "du says too much",
        "folders",
        CompletedProgram(0, "".join(f"1\t/var/lib/flatnet/{n}\0" for n in range(1001)) + "1\t/var/lib/flatnet\0", ""),
        "could not parse",
    ),
    ("podman's share refused", "podman", REFUSED, "could not run podman with sudo"),
    ("podman's share takes too long", "podman", CompletedProgram(124, "", ""), "did not finish"),
    ("podman's share fails", "podman", CompletedProgram(125, "", "Error: boom\n"), "boom"),
    ("podman's share is a text", "podman", CompletedProgram(0, "json\n", ""), "could not parse"),
    ("podman's share is empty", "podman", CompletedProgram(0, "[]", ""), "could not parse"),
    (
        "podman's share is of no kind",
        "podman",
        CompletedProgram(0, USES.replace("Images", "Pods"), ""),
        "could not parse",
    ),
    (
        "podman's share is below nothing",
        "podman",
        CompletedProgram(0, USES.replace("300,", "-1,"), ""),
        "could not parse",
    ),
    ("podman tells no sizes", "storage", info(graphRoot=STORAGE), "does not report the size"),
]


@pytest.mark.parametrize(("part", "answer", "words"), [case[1:] for case in TROUBLES], ids=[case[0] for case in TROUBLES])
def test_a_part_that_cannot_be_read_says_why_and_hides_no_other(part: str, answer: CompletedProgram, words: str) -> None:
    disks = read(**{part: answer})
    assert words in said(getattr(disks, part))
    assert {name: getattr(read(), name) for name in PARTS if name != part} == {
        name: getattr(disks, name) for name in PARTS if name != part
    }


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(NOT_ROOT, "not running as root", id="rootless"),
        pytest.param(REFUSED, "a password is required", id="refused"),
        pytest.param(CompletedProgram(0, "{}", ""), "could not parse", id="no word on root"),
        pytest.param(CompletedProgram(0, "[" * 10_000, ""), "could not parse", id="deep"),
        pytest.param(info(graphRoot="", graphRootAllocated=1, graphRootUsed=1), "could not parse", id="no place"),
        pytest.param(info(graphRoot="/s", graphRootAllocated="1 GB"), "could not parse", id="a size in words"),
    ],
)
def test_podman_s_share_is_never_believed_without_proof_that_root_asked(answer: CompletedProgram, words: str) -> None:
    disks = read(storage=answer)
    assert words in said(disks.storage)
    assert disks.storage == disks.podman


def test_files_that_vanish_while_du_walks_are_no_failure() -> None:
    gone = "du: cannot access '/var/lib/flatnet/ipam/x': No such file or directory\n"
    assert read().folders == read(folders=CompletedProgram(1, WELL["folders"].stdout, gone)).folders


def test_an_older_podman_tells_bytes_under_other_names_and_may_say_less_than_nothing() -> None:
    old = '[{"Type":"Images","Total":5,"Active":0,"Size":400,"Reclaimable":-7}]'
    assert (PodmanUse(kind="Images", size=400, reclaimable=0),) == read(podman=CompletedProgram(0, old, "")).podman


def test_what_walks_a_tree_as_root_is_ended_by_root_s_own_timeout() -> None:
    """Nobody else can end it, and it would go on after its asker has gone."""
    walking = [argv for argv in READ.build_commands() if "du" in argv or argv[-3:-2] == ("df",)]
    assert [("sudo", "-n", "timeout", "8")] * 2 == [argv[:4] for argv in walking]


def test_a_real_df_and_du_are_understood(tmp_path: Path) -> None:
    """In a real shell, as the user of this test and without sudo."""
    (tmp_path / "ipam").mkdir()
    (tmp_path / "ipam" / "file").write_bytes(b"x" * 100_000)
    folder = os.path.realpath(tmp_path)
    commands = [argv[4:] if argv[:1] == ("sudo",) else argv for argv in ReadDisks(folder="/d").build_commands()]
    real = [tuple(folder if word == "/d" else word for word in argv) for argv in (commands[0], commands[1], commands[4])]
    ran = subprocess.run(["sh", "-c", build_shell_line(real, 10.0, "nonce")], capture_output=True, timeout=30, check=False)
    root, flatnet, du = parse_frames(ran.stdout, ran.stderr, "nonce", 3)

    disks = ReadDisks.model_construct(folder=folder).parse(
        [root, flatnet, WELL["containers"], WELL["storage"], du, WELL["podman"]]
    )

    assert isinstance(disks.root, FileSystem)
    assert isinstance(disks.flatnet, FileSystem)
    assert isinstance(disks.folders, Folders)
    assert disks.root.used + disks.root.free <= disks.root.size
    assert [f"{folder}/ipam"] == [part.path for part in disks.folders.parts]
    assert 100_000 <= disks.folders.parts[0].size < disks.folders.whole.size


def full(state: WslState) -> None:
    state.disks["/var/lib/flatnet"] = Disk(size=100 * GB, used=91 * GB, inodes=None)


def no_folder(state: WslState) -> None:
    state.folders = None


LAB: list[tuple[str, Callable[[WslState], object], dict[str, str]]] = [
    ("healthy", lambda state: None, {}),
    ("a file system of its own", full, {}),
    ("sudo refused", lambda state: setattr(state, "sudo", False), dict.fromkeys(PARTS[2:], "a password is required")),
    ("rootless", lambda state: setattr(state, "sudo_becomes_root", False), dict.fromkeys(("storage", "podman"), "as root")),
    ("no podman", lambda state: state.missing.add("podman"), dict.fromkeys(("storage", "podman"), "command not found")),
    ("no folder", no_folder, {"flatnet": "No such file", "folders": "WSL2 has no folder"}),
    ("a slow du", lambda state: state.hanging.add("du"), {"folders": "longer than 8 s"}),
    ("an old podman", lambda state: setattr(state, "old_podman", True), {"storage": "does not report the size"}),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in LAB], ids=[case[0] for case in LAB])
async def test_the_disks_of_a_lab_host(
    change: Callable[[WslState], object], words: dict[str, str], connect: Connect, server: SshServer
) -> None:
    """In one round trip."""
    change(server.state)
    disks = await connect().perform(READ)
    unread = {part: said(getattr(disks, part)) for part in PARTS if isinstance(getattr(disks, part), UnreadPart)}
    assert words.keys() == unread.keys()
    assert not [part for part, word in words.items() if word not in unread[part]]
    assert server.lines == 1


async def test_the_storage_of_a_lab_host_is_as_full_as_df_says(connect: Connect, server: SshServer) -> None:
    server.state.disks["/var/lib/containers"] = Disk(size=100 * GB, used=60 * GB)
    disks = await connect().perform(READ)
    inodes = {"inodes_used": 385_059, "inodes_free": 66_723_805}
    assert FileSystem(place=STORAGE, size=100 * GB, used=60 * GB, free=35 * GB, **inodes) == disks.storage


async def test_the_numbers_of_a_lab_host(connect: Connect, server: SshServer) -> None:
    full(server.state)
    disks = await connect().perform(READ)
    assert FileSystem(place="/var/lib/flatnet", size=100 * GB, used=91 * GB, free=4 * GB) == disks.flatnet
    assert isinstance(disks.folders, Folders)
    assert [180 * MB, 4096] == [part.size for part in disks.folders.parts]
    assert isinstance(disks.podman, tuple)
    assert [(3 * GB, GB), (200 * MB, 0), (2 * GB, 0)] == [(use.size, use.reclaimable) for use in disks.podman]
