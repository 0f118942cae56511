"""The nginx of a lab host: what it takes of a configuration, and what a reload does to its workers and its answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

import pytest
import pytest_asyncio

from tests.lab.fleet import LabFleet, LabHost, run_fleet
from tests.lab.gateway.state import Lua, ReloadFault, Workers
from tests.lab.windows.guard import GuardFailed
from tests.lab.windows.nginx import NO_FILE, PATHS, NotLoaded, check_configuration, load
from tests.lab.windows.state import WindowsState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIG = PureWindowsPath(PATHS.gateway_config)
SAID = "F:/flatnet/config/nginx.conf"
WELL = Workers(1, ("http://10.100.2.1:8080",), Lua.WORKS)


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[LabHost]:
    fleet: LabFleet
    async with run_fleet(tmp_path, 2) as fleet:
        yield fleet["host-a"]


def state(host: LabHost) -> WindowsState:
    return host.windows.state


def edit(host: LabHost, old: str, new: str) -> None:
    """Somebody edits nginx.conf on the host."""
    text = state(host).files[CONFIG]
    assert old in text
    state(host).write(CONFIG, text.replace(old, new, 1), NOW)


def workers(host: LabHost) -> Workers:
    """What the gateway's workers answer with."""
    assert host.gateway is not None
    return host.gateway.state.workers


def answers(host: LabHost) -> Workers:
    """What an answer has."""
    assert host.gateway is not None
    return host.gateway.state.answering


def processes(host: LabHost) -> list[int]:
    return [process.pid for process in state(host).processes if process.name == "nginx"]


def emergencies(host: LabHost) -> list[str]:
    return [line for line in state(host).files[PureWindowsPath(PATHS.error_log)].splitlines() if "[emerg]" in line]


def meet(host: LabHost, fault: ReloadFault) -> None:
    """Let the next reload do that."""
    assert host.gateway is not None
    host.gateway.state.reloads = [fault]


def test_a_host_begins_with_the_configuration_by_which_its_gateway_answers(host: LabHost) -> None:
    loaded = load(state(host), PATHS.gateway_config)
    assert (1, WELL.peers, True) == (loaded.host_id, loaded.peers, loaded.lua_works)
    assert 0 == check_configuration(state(host), PATHS.gateway_config)[0]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("worker_processes", "worker_proceses", 'unknown directive "worker_proceses" in {file}:1'),
        (
            "worker_processes  1",
            "worker_processes 1 2",
            'invalid number of arguments in "worker_processes" directive in {file}:1',
        ),
        ("worker_processes", "\ufeffworker_processes", 'unknown directive "\ufeffworker_processes" in {file}:1'),
        ("events {", "}\nevents {", 'unexpected "}}" in {file}:4'),
        ("events {", "server", 'unexpected "}}" in {file}:6'),
        ("conf.d/*.conf", "none.conf", 'CreateFile() "F:/flatnet/config/none.conf" failed ({no_file}) in {file}:12'),
    ],
)
def test_a_configuration_that_nginx_refuses_has_a_place(host: LabHost, old: str, new: str, why: str) -> None:
    why = why.format(file=SAID, no_file=NO_FILE)
    edit(host, old, new)
    with pytest.raises(NotLoaded) as failed:
        load(state(host), PATHS.gateway_config)
    assert why == str(failed.value)
    assert (1, f"nginx: [emerg] {why}\nnginx: configuration file {SAID} test failed\n") == check_configuration(
        state(host), PATHS.gateway_config
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sync.start()", "sync.start() -- } not the end\n"),
        ("sync.start()", 'local text = "} { (" sync.start()'),
        ("    events", "# peers = { \n events"),
        ("\n", "\r\n"),
    ],
)
def test_strings_and_comments_of_lua_end_no_block(host: LabHost, old: str, new: str) -> None:
    text = state(host).files[CONFIG]
    state(host).write(CONFIG, text.replace(old, new), NOW)
    assert WELL.peers == load(state(host), PATHS.gateway_config).peers


def test_a_reload_brings_new_workers_that_answer_when_the_old_ones_have_ended(host: LabHost) -> None:
    before = processes(host)
    edit(host, '"http://10.100.2.1:8080",', '"http://10.100.2.1:8080", "http://10.100.3.1:8080",')
    assert "" == state(host).reload_nginx(NOW)
    assert ([*before, before[-1] + 4], WELL) == (processes(host), answers(host))
    state(host).settle(NOW)
    assert ([before[0], before[-1] + 4], workers(host)) == (processes(host), answers(host))
    assert 2 == len(workers(host).peers)


def test_a_mistake_in_lua_passes_the_test_and_ends_the_lua_side(host: LabHost) -> None:
    edit(host, "sync.start()", 'error("no")')
    assert (0, "") == (check_configuration(state(host), PATHS.gateway_config)[0], state(host).reload_nginx(NOW))
    assert Workers(1, (), Lua.INIT_FAILED) == workers(host)
    edit(host, 'error("no")', "sync.start()")
    assert "" == state(host).reload_nginx(NOW)
    assert WELL == workers(host)


async def test_without_the_overlay_a_reload_returns_0_and_changes_nothing(host: LabHost) -> None:
    """The test fails, a start fails, and what runs goes on."""
    before = processes(host)
    state(host).stop_service("Nebula", NOW)
    code, said = check_configuration(state(host), PATHS.gateway_config)
    assert (1, True) == (code, "syntax is ok" in said and "bind() to 10.100.1.1:8080 failed (10049:" in said)
    assert ("", before) == (state(host).reload_nginx(NOW), processes(host))
    assert 1 == len(emergencies(host))
    state(host).stop_service("OpenResty", NOW)
    with pytest.raises(GuardFailed, match="bind"):
        state(host).start_service("OpenResty", NOW)


def test_a_broken_configuration_is_refused_by_the_call_and_what_runs_goes_on(host: LabHost) -> None:
    before = processes(host)
    edit(host, "worker_processes", "worker_proceses")
    assert f'nginx: [emerg] unknown directive "worker_proceses" in {SAID}:1' == state(host).reload_nginx(NOW)
    assert (before, [], WELL) == (processes(host), emergencies(host), workers(host))


async def test_a_gateway_that_does_not_run_cannot_reload(host: LabHost) -> None:
    state(host).stop_service("OpenResty", NOW)
    assert "(2: The system cannot find the file specified)" in state(host).reload_nginx(NOW)


def test_a_fault_is_that_of_the_next_reload_alone(host: LabHost) -> None:
    meet(host, ReloadFault.LUA_DIES)
    assert "" == state(host).reload_nginx(NOW)
    assert Lua.INIT_FAILED is workers(host).lua
    assert "" == state(host).reload_nginx(NOW)
    assert WELL == workers(host)


def test_old_workers_may_answer_on(host: LabHost) -> None:
    before = processes(host)
    meet(host, ReloadFault.STALE)
    edit(host, '"http://10.100.2.1:8080",', "")
    assert "" == state(host).reload_nginx(NOW)
    state(host).settle(NOW)
    assert ([*before, before[-1] + 4], WELL) == (processes(host), answers(host))


def test_a_refused_reload_is_seen_in_the_log_alone(host: LabHost) -> None:
    before = processes(host)
    meet(host, ReloadFault.REFUSED)
    assert ("", before, 1) == (state(host).reload_nginx(NOW), processes(host), len(emergencies(host)))


async def test_what_was_turned_by_hand_stays_where_the_same_configuration_is_loaded(host: LabHost) -> None:
    assert host.gateway is not None
    host.gateway.state.peers = []
    state(host).stop_service("OpenResty", NOW)
    state(host).start_service("OpenResty", NOW)
    assert () == workers(host).peers
