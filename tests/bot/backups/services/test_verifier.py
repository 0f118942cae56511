"""Backups are verified where they are: on hosts of the lab and in a real folder, several at once, each result on record."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from adapters.action import Action, Answer, SideName
from adapters.errors import ActionFailed, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from bot.audit_log.log import EventKind
from bot.backups.model import VerificationRequest
from bot.backups.services.verifier import CONCURRENT_HOSTS, BackupVerifier
from bot.store.audit_chain import AuditKeys
from commands.backups.verdict import JudgedBackup
from commands.model.backup import Backup, KnownBackups, PlaceState
from commands.model.operation import ReadProgress
from tests.adapters.windows.archives import pack as pack_tar
from tests.bot.audit_log.files import KEY, OTHER, Files
from tests.bot.backups.archive import copy_database, pack
from tests.commands.backups.examples import PATHS, backup_of
from tests.commands.canned import NOW, host
from tests.lab.windows.nginx import PROXY_PARAMETERS, lay_configuration
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import answer


@dataclass
class LabSide:
    """Windows of a lab host, whose scripts are answered by their twins; `meet` is called while one runs."""

    state: WindowsState
    meet: Callable[[], Any]
    silent: bool = False

    async def perform(self, action: Action[Answer]) -> Answer:
        assert isinstance(action, WindowsAction)
        await self.meet()
        if self.silent:
            raise Unreachable(Phrase("silent"))
        try:
            said: Answer = action.parse(answer(action.script, action.build_arguments(), self.state, NOW))
        except ScriptError as error:
            raise action.explain(ActionFailed(Phrase("failed"), code=error.id)) from error
        return said

    async def aclose(self) -> None:
        pass


@dataclass
class Bench:
    """Hosts of the lab with backups at both places, the rows of these, and what was recorded."""

    folder: Path
    names: tuple[str, ...] = ("host-a", "host-b")
    sides: dict[str, LabSide] = field(default_factory=dict)
    backups: list[Backup] = field(default_factory=list)
    recorded: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    checked: dict[str, Backup] = field(default_factory=dict)
    shown: list[ReadProgress] = field(default_factory=list)
    running: int = 0
    most: int = 0
    together: int = 1
    """Hosts that must be read at once before the first of them answers."""
    all_here: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        for name in self.names:
            state = WindowsState.healthy(1, name)
            lay_configuration(state, 1, ["http://10.100.2.1:8080"], NOW)
            self.sides[name] = LabSide(state, self.meet)
            main = PureWindowsPath(PATHS.gateway_config)
            files = {"conf.d/proxy-params.conf": state.bytes_of(PROXY_PARAMETERS), "nginx.conf": state.bytes_of(main)}
            backup, contents = backup_of(name, {"openresty": pack_tar(files), "cni": b"any bytes"})
            for file, content in contents.items():
                state.write_bytes(PureWindowsPath(PATHS.backups) / backup.id / file, content, NOW)
            self.add(backup, contents)

    def add(self, backup: Backup, contents: Mapping[str, bytes]) -> None:
        """A backup at the second place."""
        place = self.folder / backup.id
        place.mkdir(parents=True)
        for name, content in contents.items():
            (place / name).write_bytes(content)
        self.backups.append(backup)

    async def meet(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        if self.running >= self.together:
            self.all_here.set()
        await self.all_here.wait()
        self.running -= 1

    async def read_known(self) -> KnownBackups:
        return KnownBackups(tuple(self.backups))

    async def record_check(self, checked: Backup) -> None:
        assert checked.id in {data["backup"] for _, data in self.recorded}
        self.checked[checked.id] = checked

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        assert EventKind.BACKUP is kind
        self.recorded.append((actor, data))

    async def verify(self) -> dict[str, JudgedBackup]:
        """Verify all; the results by host."""
        hosts = tuple(host(name, number + 1) for number, name in enumerate(self.names))

        def connect(of: Host, side: SideName) -> LabSide:
            return self.sides[of.name]

        fleet = Fleet(Inventory(hosts=hosts), connect)
        verifier = BackupVerifier(
            self, self, AuditKeys(KEY), lambda: self.folder, self.folder.parent, lambda: NOW, asyncio.Lock()
        )
        request = VerificationRequest("ana", "op-ffffffffffff", fleet, self.shown.append)
        judged = await verifier.verify(self.backups, request)
        await fleet.aclose()
        return {each.backup.host: each for each in judged}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "backups")


async def test_whole_backups_are_verified_and_that_is_on_record(bench: Bench) -> None:
    judged = await bench.verify()
    assert {"host-a": None, "host-b": None} == {name: each.fault or each.unverified for name, each in judged.items()}
    assert {NOW} == {each.verified_at for each in bench.checked.values()}
    expected = {"backup": bench.backups[0].id, "verified": True, "first": "whole", "second": "whole", "fault": ""}
    assert ("ana", expected) in bench.recorded
    assert [2, 1, 0] == [len(each.awaited) for each in bench.shown]


async def test_a_configuration_that_only_the_backup_has_is_tested(bench: Bench) -> None:
    files = {"nginx.conf": b'include "F:/flatnet/config/conf.d/*.conf"; bogus on;'}
    backup, contents = backup_of("host-b", {"openresty": pack_tar(files)}, operation="op-bbbbbbbbbbbb")
    for file, content in contents.items():
        bench.sides["host-b"].state.write_bytes(PureWindowsPath(PATHS.backups) / backup.id / file, content, NOW)
    bench.backups.clear()
    bench.add(backup, contents)
    assert 'nginx refuses the configuration in the backup: unknown directive "bogus"' in str(
        (await bench.verify())["host-b"].fault
    )


async def test_a_silent_host_delays_and_hides_no_other(bench: Bench) -> None:
    bench.sides["host-a"].silent = True
    judged = await bench.verify()
    assert ("silent", True) == (str(judged["host-a"].unverified), judged["host-b"].verified)
    assert PlaceState.UNREACHABLE is bench.checked[bench.backups[0].id].first


async def test_a_host_that_is_not_configured_any_more_is_unreachable(bench: Bench) -> None:
    bench.names = ("host-b",)
    judged = await bench.verify()
    assert "host-a is not in the configuration any more" == str(judged["host-a"].unverified)


async def test_a_backup_that_is_gone_from_its_host_has_a_fault(bench: Bench) -> None:
    state = bench.sides["host-a"].state
    for path in [path for path in state.files if bench.backups[0].id in path.parts]:
        state.remove(path)
    judged = await bench.verify()
    assert "copy on the host: the backup is not on this host" in str(judged["host-a"].fault)


def rename(place: Path) -> None:
    (place / "cni.tar").rename(place / "cni-old.tar")


def change(place: Path) -> None:
    (place / "cni.tar").write_bytes(b"Any bytes")


def link(place: Path) -> None:
    (place / "cni.tar").unlink()
    (place / "cni.tar").symlink_to("/etc/passwd")


def exchange(place: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(place.with_name("host-b-0123456789ab"), place)


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "one byte": (change, "second place: cni.tar was changed: the SHA-256 is not that of the manifest"),
    "cut": (lambda place: (place / "cni.tar").write_bytes(b"any"), "second place: cni.tar is cut short: 3 of 9 bytes"),
    "renamed": (rename, "second place: cni.tar was renamed to cni-old.tar"),
    "a link": (link, "second place: cni.tar is missing"),
    "of another host": (exchange, "second place: a backup of another host: host-b"),
    "of a newer version": (
        lambda place: (place / "manifest.json").write_text('{"format": 9, "id": "x", "host": "y", "new": {}}'),
        "second place: made by a newer version (format 9). Install that version of flatnet-bot to use it",
    ),
    "the folder": (shutil.rmtree, "second place: host-a-0123456789ab was not found in the second place"),
}


@pytest.mark.parametrize("story", DAMAGES)
async def test_damage_of_the_second_place_is_told_as_what_it_is(bench: Bench, story: str) -> None:
    damage, words = DAMAGES[story]
    damage(bench.folder / bench.backups[0].id)
    judged = await bench.verify()
    assert (words, True) == (str(judged["host-a"].fault), judged["host-b"].verified)


async def test_a_second_place_that_is_not_mounted_is_unreachable_and_no_fault(bench: Bench) -> None:
    bench.folder.rename(bench.folder.with_name("elsewhere"))
    judged = await bench.verify()
    assert {None} == {each.fault for each in judged.values()}
    assert f"the second place {bench.folder} cannot be read (not found)" == str(judged["host-a"].unverified)
    assert {PlaceState.UNREACHABLE} == {each.second for each in bench.checked.values()}


async def test_thirty_hosts_are_verified_at_once_within_the_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "backups", tuple(f"host-{number:02d}" for number in range(30)), together=CONCURRENT_HOSTS)
    judged = await bench.verify()
    assert [True] * 30 == [each.verified for each in judged.values()]
    assert CONCURRENT_HOSTS == bench.most


async def back_up_bot(bench: Bench, **contents: bytes) -> None:
    file = pack(bench.folder.parent / "bot.tar", **contents)
    bench.backups.clear()
    bench.add(*backup_of("flatnet-bot", {"bot": file.read_bytes()}))


async def test_the_database_of_the_bot_is_verified_with_its_audit_log(bench: Bench, tmp_path: Path) -> None:
    files = Files(tmp_path)
    await files.record("one", "two")
    database = copy_database(files.database, tmp_path / "copy")
    await back_up_bot(bench, head_jsonl=files.heads.read_bytes(), flatnet_sqlite3=database)
    judged = (await bench.verify())["flatnet-bot"]
    assert (True, PlaceState.NONE, PlaceState.WHOLE) == (judged.verified, judged.backup.first, judged.backup.second)


async def test_a_database_that_another_key_signed_has_a_fault(bench: Bench, tmp_path: Path) -> None:
    files = Files(tmp_path)
    await files.record("one", key=OTHER)
    await back_up_bot(bench, flatnet_sqlite3=copy_database(files.database, tmp_path / "copy"))
    assert "audit log in the backup: audit event 1 is signed with the unknown key" in str(
        (await bench.verify())["flatnet-bot"].fault
    )


async def test_a_database_that_is_none_has_a_fault(bench: Bench) -> None:
    await back_up_bot(bench, flatnet_sqlite3=b"SQLite format 3\0" + b"x" * 4096)
    assert "is damaged or is not a flatnet-bot database" in str((await bench.verify())["flatnet-bot"].fault)


async def test_what_could_not_be_recorded_is_not_claimed(bench: Bench) -> None:
    async def fail(kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        raise OSError("no room")

    bench.record = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no room"):
        await bench.verify()
    assert {} == bench.checked
