"""Restores between the fake Slack and the lab: a bad edit is taken back whole, Nebula keeps its identity, addresses stay."""

from pathlib import PureWindowsPath

import pytest

from bot.model.change import ChangeState
from tests.lab.gateway.state import GatewayState, Lua, ReloadFault, Workers
from tests.lab.windows.nginx import PATHS
from tests.lab.wsl.programs_backup import CONFLIST, GOOD_PLUGIN, PLUGIN
from tests.lab.wsl.state import Helper
from tests.scenarios.changing import ADMIN, OPERATOR, Card, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
ONE_APPROVER = '[[approvals.rules]]\nrisk = "critical"\napprovers = 1\n'
CONFIG, BASE = PureWindowsPath(PATHS.gateway_config), PureWindowsPath(PATHS.gateway_config).parent
NEBULA = PureWindowsPath(PATHS.nebula_config)
MISTAKE, KEY = BASE / "conf.d" / "mistake.conf", BASE / "conf.d" / "tls.key"
KEY_TEXT = "-----BEGIN RSA PRIVATE KEY-----\nnot one\n-----END RSA PRIVATE KEY-----\n"
TWO, THREE = "http://10.100.2.1:8080", "http://10.100.3.1:8080"
BLOCKED, LATER = "a1" * 32, "b2" * 32


def gateway(s: Shift) -> GatewayState:
    found = s.fleet["host-a"].gateway
    assert found is not None
    return found.state


def write(s: Shift, path: PureWindowsPath, text: str, host: str = "host-a") -> None:
    s.state(host).write(path, text, s.fleet.mesh.now())


def replace(s: Shift, path: PureWindowsPath, old: str, new: str, host: str = "host-a") -> None:
    """Somebody edits a file on a host."""
    text = s.state(host).files[path]
    assert old in text
    write(s, path, text.replace(old, new, 1), host)


async def backed_up(s: Shift) -> str:
    """A fleet that may change critical things; the id of a backup of host-a."""
    await s.ruled(ONE_APPROVER)
    assert DONE == await s.ended(await s.approved("host rehearse host-a"))
    card = await s.approved("backup create host-a")
    assert DONE == await s.ended(card), s.outcomes(card)
    return f"host-a-{card.operation.removeprefix('op-')}"


async def restored(s: Shift, backup: str, part: str) -> Card:
    """A restore that alice approves where she reads its plan."""
    card = await s.asked(f'backup restore {backup} {part} --on host-a --reason "a bad edit"')
    await s.fills(ADMIN, card, "plan.approve", "name", "host-a")
    return card


def spoil(s: Shift) -> None:
    """A bad edit: a wrong peer, and a file that nobody wanted. nginx has loaded it."""
    replace(s, CONFIG, TWO, "http://10.100.99.1:8080")
    write(s, MISTAKE, "server { listen 81; }\n")
    s.state("host-a").reload_nginx(s.fleet.mesh.now())


async def test_a_bad_edit_is_taken_back_whole_with_its_diff(town: Build) -> None:
    """The file that was the mistake goes, the key of the host stays, and the bad state is backed up first."""
    async with shift(town, hosts=3, hurry=3) as s:
        before = s.state("host-a").files[CONFIG]
        backup = await backed_up(s)
        write(s, KEY, KEY_TEXT)
        spoil(s)
        s.state("host-a").write_bytes(BASE / "conf.d" / "codec.dll", b"MZ\0\1", s.fleet.mesh.now())
        card = await restored(s, backup, "openresty")
        assert any("codec.dll" in str(each) and "not text" in str(each) for each in (await s.known(card)).plan.warnings)
        [edit, removed] = (await s.known(card)).plan.edits[::-1]
        assert {str(CONFIG), str(MISTAKE)} == {edit.file, removed.file}
        ended = await s.ended(card)
        assert DONE == ended, (ended, s.outcomes(card))
        files = s.state("host-a").files
        assert (before, True, KEY_TEXT) == (files[CONFIG], MISTAKE not in files, files[KEY])
        assert Workers(1, (TWO, THREE), Lua.WORKS) == gateway(s).answering
        assert [] == s.left("host-a")
        saved = f"host-a-{card.operation.removeprefix('op-')}"
        assert saved in await s.types(OPERATOR, "backup")


@pytest.mark.parametrize("fault", [ReloadFault.LUA_DIES, ReloadFault.REFUSED])
async def test_a_restore_that_does_not_work_is_taken_back_and_the_backup_before_it_stays(
    town: Build, fault: ReloadFault
) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        spoil(s)
        bad = s.state("host-a").files[CONFIG]
        gateway(s).reloads = [fault]
        card = await restored(s, backup, "openresty")
        state, why = await s.ended(card)
        files = s.state("host-a").files
        assert (bad, True) == (files[CONFIG], MISTAKE in files), why
        assert ChangeState.UNDONE is state, why
        assert f"host-a-{card.operation.removeprefix('op-')}" in await s.types(OPERATOR, "backup")


async def test_the_copy_on_the_bot_is_taken_where_that_on_the_host_was_changed(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        before = s.state("host-a").files[CONFIG]
        backup = await backed_up(s)
        place = PureWindowsPath(PATHS.backups) / backup / "openresty.tar"
        content = s.state("host-a").bytes_of(place)
        s.state("host-a").write_bytes(place, content[:-700] + b"x" + content[-699:], s.fleet.mesh.now())
        spoil(s)
        card = await restored(s, backup, "openresty")
        ended = await s.ended(card)
        assert DONE == ended, (ended, s.outcomes(card))
        assert (before, "done") == (s.state("host-a").files[CONFIG], s.outcomes(card)["host-a/return"])


async def test_a_backup_that_changes_between_plan_and_run_is_not_taken(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        spoil(s)
        bad = s.state("host-a").files[CONFIG]
        card = await s.asked(f'backup restore {backup} openresty --on host-a --reason "a bad edit"')
        s.state("host-a").write_bytes(PureWindowsPath(PATHS.backups) / backup / "openresty.tar", b"x", s.fleet.mesh.now())
        await s.fills(ADMIN, card, "plan.approve", "name", "host-a")
        state, _ = await s.ended(card)
        assert (ChangeState.CLOSED, bad) == (state, s.state("host-a").files[CONFIG])


async def test_the_host_that_dies_after_the_swap_has_its_folders_of_before_again(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        spoil(s)
        bad = s.state("host-a").files[CONFIG]
        host = s.fleet["host-a"]
        hold = host.windows.hold("keep-good", "before")
        card = await restored(s, backup, "openresty")
        await hold.reached()
        assert MISTAKE not in s.state("host-a").files
        host.cut()
        s.state("host-a").reboot(s.fleet.mesh.now())
        hold.release()
        host.mend()
        state, why = await s.ended(card)
        files = s.state("host-a").files
        assert (bad, True) == (files[CONFIG], MISTAKE in files), why
        assert ChangeState.UNDONE is state, why


async def test_a_file_that_is_open_in_a_folder_leaves_everything_as_it_was(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        spoil(s)
        bad = s.state("host-a").files[CONFIG]
        hold = s.fleet["host-a"].windows.hold("begin-change", "before")
        card = await restored(s, backup, "openresty")
        await hold.reached()
        s.state("host-a").locked.append(MISTAKE)
        hold.release()
        state, why = await s.ended(card)
        files = s.state("host-a").files
        assert (bad, True) == (files[CONFIG], MISTAKE in files), (state, why)
        assert ChangeState.UNDONE is state, why


async def test_a_full_disk_ends_it_before_anything_is_swapped(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        spoil(s)
        bad = s.state("host-a").files[CONFIG]
        hold = s.fleet["host-a"].windows.hold("stage-restore", "before")
        card = await restored(s, backup, "openresty")
        await hold.reached()
        s.state("host-a").disk_full = True
        hold.release()
        state, why = await s.ended(card)
        files = s.state("host-a").files
        assert (bad, True) == (files[CONFIG], MISTAKE in files), (state, why)
        assert ChangeState.UNDONE is state, why


async def test_nebula_keeps_its_pair_and_every_blocked_fingerprint(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        block(s, "host-a", BLOCKED)
        backup = await backed_up(s)
        running = s.runs("host-a")
        good = s.state("host-a").files[NEBULA]
        write(s, NEBULA, good.replace(BLOCKED, LATER).replace("4242", "4343"))
        block(s, "lighthouse", "c3" * 32)
        card = await restored(s, backup, "nebula")
        ended = await s.ended(card)
        assert DONE == ended, (ended, s.outcomes(card))
        text = s.state("host-a").files[NEBULA]
        assert [True] * 4 == [BLOCKED in text, LATER in text, "c3" * 32 in text, "4242" in text]
        assert running == s.runs("host-a")
        assert [] == s.left("host-a")


def block(s: Shift, host: str, fingerprint: str) -> None:
    replace(s, NEBULA, "pki:\n", f'pki:\n  blocklist:\n    - "{fingerprint}"\n', host)


async def test_the_network_plug_in_comes_back_and_containers_keep_their_addresses(town: Build) -> None:
    async with shift(town, hosts=2, hurry=3) as s:
        wsl = s.fleet["host-a"].wsl
        assert wsl is not None
        wsl.state.helper = Helper()
        await s.edited("[hosts.wsl]\n", '[hosts.wsl]\nmanage = ["backup"]\n')
        backup = await backed_up(s)
        good = dict(wsl.state.plugin.files)
        wsl.state.plugin.files = {PLUGIN: b"broken", CONFLIST: good[CONFLIST].replace(b"1300", b"9000")}
        card = await restored(s, backup, "cni")
        [edit] = (await s.known(card)).plan.edits
        assert CONFLIST == edit.file
        ended = await s.ended(card)
        assert DONE == ended, (ended, s.outcomes(card))
        assert (good, {}) == (wsl.state.plugin.files, wsl.state.plugin.staged)
        assert GOOD_PLUGIN == wsl.state.plugin.files[PLUGIN]


async def test_a_plug_in_that_does_not_run_after_the_restore_is_replaced_by_the_one_before(town: Build) -> None:
    async with shift(town, hosts=2, hurry=3) as s:
        wsl = s.fleet["host-a"].wsl
        assert wsl is not None
        wsl.state.helper = Helper()
        await s.edited("[hosts.wsl]\n", '[hosts.wsl]\nmanage = ["backup"]\n')
        good = dict(wsl.state.plugin.files)
        wsl.state.plugin.files = {**good, PLUGIN: b"was broken then"}
        backup = await backed_up(s)
        wsl.state.plugin.files = dict(good)
        card = await restored(s, backup, "cni")
        state, why = await s.ended(card)
        assert ChangeState.UNDONE is state, why
        assert (good, {}) == (wsl.state.plugin.files, wsl.state.plugin.staged)


async def test_a_gateway_that_does_not_run_is_started_with_the_earlier_configuration(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        spoil(s)
        assert DONE == await s.ended(await s.approved("service stop openresty host-a"))
        card = await restored(s, backup, "openresty")
        ended = await s.ended(card)
        assert DONE == ended, (ended, s.outcomes(card))
        assert Workers(1, (TWO, THREE), Lua.WORKS) == gateway(s).answering


async def test_another_host_s_backup_and_an_unknown_one_are_refused_with_the_reason(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        backup = await backed_up(s)
        said = await s.types(OPERATOR, f'backup restore {backup} openresty --on host-b --reason "x"')
        assert f"{backup} は host-b ではなく host-a のファイルです" in said
        unknown = await s.types(OPERATOR, 'backup restore host-a-ffffffffffff openresty --on host-a --reason "x"')
        assert "host-a-ffffffffffff" in unknown
        assert "backup" in await s.types(OPERATOR, f'backup restore {backup} openresty --on host-a --reason "x" --dry-run')
