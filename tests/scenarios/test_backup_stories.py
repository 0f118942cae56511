"""Backups, between the fake Slack and the lab: what is kept at both places, and what a host or a place that fails costs."""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import pytest

from bot.audit_log.log import EventKind
from bot.model.change import ChangeState
from bot.model.request import BotIdentity, Request, Surface
from bot.runtime.clock import read_utc_time
from commands.model.backup import Backup, BackupManifest, BackupPart, PlaceState
from tests.lab.faults import Fault
from tests.lab.windows.mesh import PATHS
from tests.lab.windows.state import Drive
from tests.lab.wsl.state import Helper
from tests.scenarios.changing import ADMIN, OPS, Card, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
CREATE = "backup create all --bot"
PLACE = PureWindowsPath(PATHS.backups)
WAIVER = '[[approvals.rules]]\noperations = ["backup create"]\napprovers = 0\n'


def second(s: Shift) -> Path:
    """The second place."""
    return s.town.settings.backup_folder.path


def on_host(s: Shift, host: str) -> dict[str, bytes]:
    """Files at the first place of a host, by their paths there."""
    state = s.state(host)
    return {path.relative_to(PLACE).as_posix(): state.bytes_of(path) for path in state.files if path.is_relative_to(PLACE)}


def on_bot(s: Shift) -> dict[str, bytes]:
    """Files at the second place, by their paths there."""
    folder = second(s)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def name(card: Card, host: str) -> str:
    return f"{host}-{card.operation.removeprefix('op-')}"


async def known(s: Shift) -> dict[str, Backup]:
    """The backups that the bot knows, by host."""
    return {backup.host: backup for backup in (await s.house.wings.changes.backups.read_known()).backups}


async def manage(s: Shift, host: str) -> None:
    """The helper on a host may pack what a backup holds."""
    port = f"port = {s.fleet[host].ports['wsl']}\n"
    server = s.fleet[host].wsl
    assert server is not None
    server.state.helper = Helper(areas=("backup",))
    await s.edited(port, f'{port}manage = ["backup"]\n')


def add_secrets(s: Shift) -> None:
    """A gateway with a key, a password file and a certificate that it needs."""
    state, folder = s.state("host-a"), PureWindowsPath(PATHS.gateway_config).parent
    state.write(folder / "conf.d" / "tls.key", "anything", read_utc_time())
    state.write(folder / ".htpasswd", "ana:$apr1$x$y\n", read_utc_time())
    state.write(folder / "lualib" / "sync.lua", "return 1\n", read_utc_time())


async def test_a_backup_is_the_same_at_both_places_and_holds_no_key(town: Build) -> None:
    async with shift(town) as s:
        await manage(s, "host-a")
        add_secrets(s)
        card = await s.approved(CREATE)
        assert DONE == await s.ended(card)

        own, there, here = name(card, "host-a"), on_host(s, "host-a"), on_bot(s)
        assert {"nebula.tar", "openresty.tar", "cni.tar", "manifest.json"} == {
            path.partition("/")[2] for path in there if path.startswith(own)
        }
        assert there == {path: content for path, content in here.items() if path in there}
        manifest = BackupManifest.model_validate_json(here[f"{own}/manifest.json"])
        openresty = manifest.find_part(BackupPart.OPENRESTY)
        assert openresty is not None
        assert {("conf.d/tls.key", "key"), (".htpasswd", "password")} == {
            (each.path, each.why) for each in openresty.missing
        }
        assert {"nginx.conf", "lualib/sync.lua"} <= {each.path for each in openresty.files}
        assert [] == [path for path, content in here.items() if b"PRIVATE KEY" in content and "bot.tar" not in path]
        assert (s.lies("host-a"), "1.9.3") == (manifest.certificate, manifest.versions["nebula"])

        rows = await known(s)
        assert {"host-a", "host-b", "lighthouse", "flatnet-bot"} == rows.keys()
        assert hashlib.sha256(here[f"{own}/manifest.json"]).hexdigest() == rows["host-a"].manifest_sha256
        assert (PlaceState.WHOLE, PlaceState.WHOLE) == (rows["host-a"].first, rows["host-a"].second)
        assert (PlaceState.NONE, PlaceState.WHOLE) == (rows["flatnet-bot"].first, rows["flatnet-bot"].second)
        with tarfile.open(second(s) / name(card, "flatnet-bot") / "bot.tar") as archive:
            assert ["audit-head.jsonl", "flatnet.sqlite3"] == archive.getnames()
        assert [] == s.left("host-a")
        (event,) = [event for event in s.events(card) if event["kind"] == EventKind.BACKUP]
        assert {backup.id for backup in rows.values()} == {made["id"] for made in event["data"]["made"]}


async def test_people_read_what_was_backed_up(town: Build) -> None:
    async with shift(town) as s:
        assert "No backup was made yet" in await s.types(ADMIN, "backup")
        card = await s.approved("backup create host-a")
        plan = (await s.known(card)).plan
        assert ["host-a: backup of nebula, openresty"] == [str(each.phrase) for each in plan.premises]
        assert [True] == [str(each).startswith("the part cni of host-a is not backed up: ") for each in plan.warnings]
        assert DONE == await s.ended(card)
        told = await s.types(ADMIN, "backup")
        assert [] == [fact for fact in ("1 backup of host-a", name(card, "host-a")) if fact not in told], told
        shown = await s.types(ADMIN, f"backup show {name(card, 'host-a')}")
        facts = ("nebula.tar", "config.yaml", "host.key", "a private key, which never leaves its host", "1.9.3")
        assert [] == [fact for fact in facts if fact not in shown]
        assert "o backup host-a-000000000000" in await s.types(ADMIN, "backup show host-a-000000000000")


def fill_disk(s: Shift) -> None:
    s.state("host-a").drives["F:"] = Drive(500 * 2**30, 1_000)


def lock_file(s: Shift) -> None:
    s.state("host-a").locked.append(PureWindowsPath(PATHS.nebula_config))


@pytest.mark.parametrize(
    ("breaks", "why"),
    [(fill_disk, "bytes are needed on F: and 1000 are free"), (lock_file, "config.yaml cannot be read")],
)
async def test_a_host_whose_disk_is_full_or_whose_file_is_locked_costs_the_others_nothing(
    town: Build, breaks: Callable[[Shift], None], why: str
) -> None:
    async with shift(town) as s:
        breaks(s)
        card = await s.approved("backup create all")
        state, told = await s.ended(card)
        assert ChangeState.FAILED is state
        assert [] == [
            fact for fact in ("host-a: pack", why, "done on host-b, lighthouse", "host-a is back") if fact not in told
        ]
        assert {"host-b", "lighthouse"} == (await known(s)).keys()
        assert ({}, []) == (on_host(s, "host-a"), [path for path in on_bot(s) if path.startswith("host-a")])
        assert {name(card, "host-b"), name(card, "lighthouse")} == {path.partition("/")[0] for path in on_bot(s)}


async def test_a_host_that_is_dead_is_left_out_and_named(town: Build) -> None:
    async with shift(town) as s:
        s.fleet["host-b"].wire("windows").fault = Fault.REFUSE
        card = await s.approved("backup create all")
        assert "host-b" in s.card(card)
        assert DONE == await s.ended(card)
        assert {"host-a", "lighthouse"} == (await known(s)).keys()
        assert "not owed" not in s.card(card)
        assert () == (await s.house.wings.changes.owed.registry.list_open())


async def test_a_host_that_dies_while_it_is_backed_up_keeps_nothing_claimed(town: Build) -> None:
    async with shift(town, hurry=1) as s:
        hold = s.fleet["host-a"].windows.hold("read-spool", "before")
        card = await s.approved("backup create all")
        await hold.reached()
        s.fleet["host-a"].wire("windows").fault = Fault.REFUSE
        s.fleet["host-a"].windows.restart()
        hold.release()
        state, told = await s.ended(card)
        assert ChangeState.FAILED is state
        assert [] == [
            fact
            for fact in ("done on host-b, lighthouse", "host-a may still have files of it, which harm nothing")
            if fact not in told
        ]
        assert {"host-b", "lighthouse"} == (await known(s)).keys()
        again = await s.approved("backup create host-b")
        assert DONE == await s.ended(again)


async def test_a_second_place_that_is_not_there_is_said_before_anything_is_kept(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(f'[backups]\nfolder = "{s.town.settings.data_folder / "mount"}"')
        card = await s.approved("backup create all")
        state, told = await s.ended(card)
        assert ChangeState.UNDONE is state
        assert "is not there. Create it, or mount its disk, then try again" in told
        assert [{}, {}] == [on_host(s, host) for host in ("host-a", "host-b")]
        (s.town.settings.data_folder / "mount").mkdir()
        assert DONE == await s.ended(await s.approved("backup create all"))
        assert 3 == len(list((s.town.settings.data_folder / "mount").iterdir()))


async def test_a_rule_lets_it_run_without_approval(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(WAIVER)
        await s.shell("backup create host-a")
        [running, *_] = await s.house.wings.changes.lifecycle.list_recent(1)
        assert DONE == await s.ended(await s.find(running.operation))


async def ask_as_schedule(s: Shift) -> Card:
    """The card of the backup that the built-in schedule asks for."""
    request = Request(
        key="schedule:backup:1",
        identity=BotIdentity("backup"),
        text=CREATE,
        surface=Surface.SCHEDULE,
        at=read_utc_time(),
        channel=OPS,
        answered_in_public=True,
    )
    answer = await s.house.dispatcher.handle(request)
    return await s.find(answer.operation)


async def test_the_built_in_schedule_runs_alone_where_a_rule_names_its_operation(town: Build) -> None:
    async with shift(town) as s:
        await s.ruled(WAIVER)
        card = await ask_as_schedule(s)
        assert DONE == await s.ended(card)
        assert ["request", "plan", "waiver", "run", "end", "backup"] == s.trail(card)


async def test_the_built_in_schedule_waits_for_approval_without_such_a_rule(town: Build) -> None:
    async with shift(town) as s:
        card = await ask_as_schedule(s)
        assert ChangeState.WAITING is (await s.known(card)).state
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)
