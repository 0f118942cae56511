"""`disk` says of real file systems what df, du and podman say."""

import json
import re
from collections.abc import Mapping

from tests.fleet.conftest import Ask
from tests.fleet.containers import FOLDER, FOLDER_FILES
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import HOST

STORAGE = "/var/lib/containers/storage"


def percents(value: object) -> Mapping[str, int]:
    """The used percentages of the cell `file_systems`, by place."""
    return {place: int(percent) for place, percent in re.findall(r"(/\S*)=(\d+)%", str(value))}


def df(wsl: Distribution, place: str, column: str = "pcent") -> int:
    """What df prints in a column."""
    return int(wsl.sh(f"df --output={column} {place}").split("\n")[1].strip(" %"))


async def test_used_percentages_are_those_of_df(ask: Ask, wsl: Distribution) -> None:
    """Root keeps a fifth of podman's file system: to everyone else it is fuller than its plain numbers say."""
    report = await ask("disk")
    used = percents(report.cells_by_host[HOST]["file_systems"].value)
    assert {place: df(wsl, place) for place in ("/", FOLDER, STORAGE)} == used


async def test_a_full_store_is_full_to_podman_s_users(ask: Ask, wsl: Distribution) -> None:
    """Filled as far as an ordinary program can; root's reserve is left."""
    full = f"{STORAGE}/full"
    wsl.sh(
        f"install -d -m 1777 {STORAGE}/spare; fallocate -l $(($(df -B1 --output=avail {STORAGE} | tail -1) - 4096)) {full}"
    )
    try:
        report = await ask("disk")
        assert df(wsl, STORAGE) == percents(report.cells_by_host[HOST]["file_systems"].value)[STORAGE]
        assert [True] == [f"WSL2 {STORAGE} is 100% full" in str(finding.why) for finding in report.findings]
    finally:
        wsl.sh(f"rm {full}; rmdir {STORAGE}/spare")


async def test_inodes_that_are_used_up_are_seen(ask: Ask, wsl: Distribution) -> None:
    """Nothing can be written there any more, although nearly all of the space is free."""
    wsl.sh(f"mkdir {FOLDER}/small; cd {FOLDER}/small; seq {FOLDER_FILES} | xargs touch 2>/dev/null || :")
    try:
        assert (100, True) == (df(wsl, FOLDER, "ipcent"), df(wsl, FOLDER) < 50)
        report = await ask("disk")
        assert [True] == [f"{FOLDER} has used 100% of its inodes" in str(finding.why) for finding in report.findings]
    finally:
        wsl.sh(f"rm -r {FOLDER}/small")
    assert () == (await ask("disk")).findings


async def test_folders_are_as_large_as_du_says(ask: Ask, wsl: Distribution) -> None:
    """The whole, and each folder in it."""
    cells = (await ask("disk")).cells_by_host[HOST]
    sizes = {path: size for size, path in re.findall(r"(\d+)\t(.+)", wsl.sh(f"du -B1 -d1 {FOLDER}"))}
    assert int(sizes.pop(FOLDER)) == cells["flatnet"].value
    assert {path.removeprefix(f"{FOLDER}/"): size for path, size in sizes.items()} == dict(
        re.findall(r"(\S+)=(\d+)", str(cells["folders"].value))
    )


async def test_podman_s_share_is_podman_s(ask: Ask, wsl: Distribution) -> None:
    """`podman system df` in bytes. What containers take changes while one restarts."""
    cell = (await ask("disk")).cells_by_host[HOST]["podman_uses"]
    uses = {use["Type"]: use["RawSize"] for use in json.loads(wsl.sh("podman system df --format json"))}
    said = {kind.replace("-", " "): int(size) for kind, size in re.findall(r"(\S+)=(\d+)/", str(cell.value))}
    assert (uses["Images"], uses["Local Volumes"]) == (said["Images"], said["Local Volumes"])
    assert set(uses) == set(said)
