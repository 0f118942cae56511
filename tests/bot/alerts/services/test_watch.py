"""The watch by simulated time: when it reads which host, and what it applies."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.errors import AuthenticationFailed
from adapters.gateway.answers import UnusableAnswer
from adapters.phrase import Phrase
from bot.model.change import HostClaim
from bot.store.database import Database
from bot.store.errors import DatabaseError
from commands.alerts.conditions import Condition
from commands.alerts.traffic import WINDOW
from tests.bot.alerts.watched import LOST, NOW, Station, make_hosts
from tests.commands.canned import gateway, windows

MINUTE = 60.0
BUSY = DatabaseError(Phrase("the database is busy"))
FORBIDDEN = UnusableAnswer(phrase=Phrase("not allowed"), forbidden=True)
Build = Callable[..., Station]


@pytest.fixture
async def build(database: Database) -> AsyncIterator[Build]:
    stations: list[Station] = []

    def make(count: int = 3) -> Station:
        stations.append(Station(database, make_hosts(count)))
        return stations[-1]

    yield make
    for station in stations:
        await station.end()


async def test_hosts_are_spread_over_the_interval_and_keep_their_places(build: Build) -> None:
    station = build(90)
    await station.begin()
    await station.wait(2 * MINUTE)

    first, second = ([at for at, _ in station.reads if begin <= at < begin + MINUTE] for begin in (0, MINUTE))
    per_second = Counter(int(at) for at in first)
    assert (90, 90) == (len(first), len(second))
    assert max(per_second.values()) <= 3
    assert [pytest.approx(at + MINUTE) for at in first] == second


async def test_each_host_is_read_once_in_an_interval(build: Build) -> None:
    station = build(3)
    await station.begin()
    await station.wait(10 * MINUTE - 1)

    assert {"host-001": 10, "host-002": 10, "host-003": 10} == Counter(request.host.name for _, request in station.reads)


async def test_a_slow_host_delays_no_other_and_is_not_read_twice_at_once(build: Build) -> None:
    station = build(3)
    station.busy["host-002"] = 2.5 * MINUTE
    await station.begin()
    await station.wait(9 * MINUTE - 1)

    assert {"host-001": 9, "host-002": 3, "host-003": 9} == Counter(request.host.name for _, request in station.reads)
    assert 4 == station.watch.overruns


async def test_wsl2_is_read_every_five_minutes(build: Build) -> None:
    station = build(1)
    await station.begin()
    await station.wait(11 * MINUTE - 1)

    assert [0, 5 * MINUTE, 10 * MINUTE] == [at for at, request in station.reads if request.wsl]


async def test_nothing_is_applied_before_the_first_whole_check(build: Build) -> None:
    station = build(3)
    station.busy["host-003"] = 1.5 * MINUTE
    station.said["host-001", "windows"] = windows(nebula="Stopped")
    await station.begin()
    await station.wait(1.7 * MINUTE)
    assert ([], False) == (station.applied, station.watch.ready)

    await station.wait(MINUTE)
    assert ["", "host-001", "host-002", "host-003"] == [each.checked.host for each in station.applied][:4]
    assert ["nebula"] == station.subjects("host-001")[0]


async def test_a_host_whose_check_never_ends_does_not_stop_the_alerts_of_others(build: Build) -> None:
    station = build(3)
    station.busy["host-003"] = 3600.0
    station.said["host-001", "windows"] = windows(nebula="Stopped")
    await station.begin()
    await station.wait(4.5 * MINUTE)

    assert ["nebula"] == station.subjects("host-001")[0]
    assert not station.watch.healthy


async def test_a_watch_whose_outcomes_move_no_alerts_is_not_healthy(build: Build) -> None:
    station = build()
    await station.begin()
    station.refused = "host-002"
    healthy = []
    for minutes in (2, 3):
        await station.wait(minutes * MINUTE)
        healthy.append(station.watch.healthy)
    station.refused = ""
    await station.wait(MINUTE)

    assert ([True, False], True) == (healthy, station.watch.healthy)


async def test_an_outcome_that_moves_no_alerts_does_not_hold_up_those_of_other_hosts(build: Build) -> None:
    station = build()
    station.refused = "host-001"
    await station.begin()
    await station.wait(MINUTE)

    assert {"", "host-002", "host-003"} == {each.checked.host for each in station.applied}


async def test_a_failing_host_that_left_does_not_count(build: Build) -> None:
    station = build()
    await station.begin()
    station.refused = "host-002"
    await station.wait(600)
    await station.reload(make_hosts(1))
    await station.wait(120)

    assert station.watch.healthy


async def test_a_bot_without_hosts_still_watches_itself(build: Build) -> None:
    station = build(0)
    await station.begin()
    await station.wait(MINUTE)

    assert [""] == list({each.checked.host for each in station.applied})


@pytest.mark.parametrize("jump", [timedelta(hours=3), -timedelta(hours=3)], ids=["forward", "backward"])
async def test_a_clock_that_jumps_moves_no_check_and_blames_no_host(build: Build, jump: timedelta) -> None:
    station = build(3)
    await station.begin()
    await station.wait(3 * MINUTE)
    station.time.jump(jump)
    station.ahead = -jump
    await station.wait(3 * MINUTE - 1)

    assert {"host-001": 6, "host-002": 6, "host-003": 6} == Counter(request.host.name for _, request in station.reads)
    assert ["clock"] == station.subjects("")[-1]
    for name in ("host-001", "host-002", "host-003"):
        assert 1 >= sum("clock" in subjects for subjects in station.subjects(name))


async def test_a_blind_bot_explains_every_silent_host(build: Build) -> None:
    station = build(4)
    await station.begin()
    await station.wait(2 * MINUTE)
    for name in ("host-001", "host-002", "host-003"):
        station.said |= {(name, side): LOST for side in ("windows", "wsl", "gateway")}
    await station.wait(2 * MINUTE)

    assert ["blind"] == station.subjects("")[-1]
    last = {each.checked.host: each.checked for each in station.applied}
    assert ["blind"] * 3 == [last[f"host-00{n}"].signals[0].cause for n in (1, 2, 3)]
    assert () == last["host-004"].signals


async def test_where_gateways_reject_the_bot_for_good_a_silent_host_is_a_problem_of_its_own(build: Build) -> None:
    station = build(4)
    for other in station.hosts:
        station.said[other.name, "gateway"] = gateway(other, sync=FORBIDDEN)
    station.said |= {("host-001", side): LOST for side in ("windows", "wsl", "gateway")}
    await station.begin()
    await station.wait(2 * MINUTE)

    assert ["blind"] == station.subjects("")[-1]
    last = {each.checked.host: each.checked for each in station.applied}
    assert [""] == [signal.cause for signal in last["host-001"].signals]


@pytest.mark.parametrize("error", [BUSY, ValueError("a bug")], ids=["database is busy", "bug"])
@pytest.mark.parametrize("part", ["apply", "claims", "own state", "host-002"])
async def test_a_part_that_fails_ends_no_other_and_is_done_again(build: Build, part: str, error: Exception) -> None:
    station = build(3)
    await station.begin()
    await station.wait(2 * MINUTE)
    station.failing[part] = error
    with capture_logs():
        await station.wait(2 * MINUTE)
    del station.failing[part]
    station.applied.clear()
    station.said |= {(other.name, side): LOST for other in station.hosts for side in ("windows", "wsl", "gateway")}
    await station.wait(2 * MINUTE)

    found = {name: station.subjects(name)[-1] for name in ("", "host-001", "host-002", "host-003")}
    assert {"": ["blind"], "host-001": ["host"], "host-002": ["host"], "host-003": ["host"]} == found


async def test_a_bot_that_cannot_check_itself_still_finds_that_it_is_blind(build: Build) -> None:
    station = build(3)
    await station.begin()
    await station.wait(2 * MINUTE)
    station.failing["own state"] = ValueError("a bug")
    station.said |= {(other.name, side): LOST for other in station.hosts for side in ("windows", "wsl", "gateway")}
    with capture_logs():
        await station.wait(2 * MINUTE)

    last = [each.checked for each in station.applied if not each.checked.host][-1]
    assert (["blind"], frozenset({Condition.BLIND, Condition.CLOCK})) == (
        [each.subject for each in last.signals],
        last.judged,
    )


async def test_two_silent_hosts_of_four_are_two_problems(build: Build) -> None:
    station = build(4)
    for name in ("host-001", "host-002"):
        station.said |= {(name, side): LOST for side in ("windows", "wsl", "gateway")}
    await station.begin()
    await station.wait(2 * MINUTE)

    assert [] == station.subjects("")[-1]
    assert [""] == [signal.cause for signal in station.applied[1].checked.signals]


async def test_a_host_that_flaps_at_the_rhythm_of_the_checks_is_found_every_other_time(build: Build) -> None:
    station = build(1)
    await station.begin()
    for minute in range(6):
        station.said["host-001", "windows"] = windows(nebula="Running" if minute % 2 else "Stopped")
        await station.wait(MINUTE)

    assert [[], ["nebula"], [], ["nebula"], [], ["nebula"], []] == station.subjects("host-001")


async def test_a_reload_starts_hosts_that_joined_and_ends_those_that_left(build: Build) -> None:
    station = build(3)
    await station.begin()
    await station.wait(MINUTE)
    await station.reload((*make_hosts(2), *make_hosts(4)[3:]))
    await station.wait(MINUTE)
    before = len(station.reads)
    await station.wait(2 * MINUTE)

    assert {"host-001": 2, "host-002": 2, "host-004": 2} == Counter(
        request.host.name for _, request in station.reads[before:]
    )
    assert station.watch.ready


async def test_a_reload_with_another_interval_begins_anew(build: Build) -> None:
    station = build(2)
    await station.begin()
    await station.wait(100 * MINUTE)
    await station.reload(make_hosts(2), interval_seconds=600)
    await station.wait(MINUTE)
    before = len(station.reads)
    await station.wait(20 * MINUTE)

    assert {"host-001": 2, "host-002": 2} == Counter(request.host.name for _, request in station.reads[before:])
    assert (True, True) == (station.watch.ready, station.watch.healthy)


async def test_while_alerts_are_switched_off_hosts_are_only_checked_for_the_record(build: Build) -> None:
    station = build(2)
    await station.begin()
    await station.wait(MINUTE)
    await station.reload(make_hosts(2), enabled=False)
    await station.wait(MINUTE)
    reads, applied = len(station.reads), len(station.applied)
    await station.wait(120 * MINUTE)

    assert [True] * 8 == [request.wsl for _, request in station.reads[reads:]]
    assert (applied, True, True) == (len(station.applied), station.watch.ready, station.watch.healthy)
    seen = await station.observations.sum_by_host(NOW + timedelta(minutes=30), NOW + timedelta(hours=2))
    assert {"host-001": 3, "host-002": 3} == {host: each.well for host, each in seen.items()}


async def test_a_bot_that_starts_with_alerts_switched_off_checks_no_host_at_once(build: Build) -> None:
    station = build(2)
    await station.reload(make_hosts(2), enabled=False)
    await station.begin()
    await station.wait(5 * MINUTE)

    assert [] == station.reads


async def test_a_running_change_hides_what_it_may_cause(build: Build) -> None:
    station = build(1)
    station.claims["host-001"] = HostClaim("op-1", unknown=False)
    station.said["host-001", "windows"] = windows(nebula="Stopped")
    await station.begin()
    await station.wait(14 * MINUTE)
    assert [] == [subjects for subjects in station.subjects("host-001") if subjects]

    await station.wait(3 * MINUTE)
    assert ["nebula"] == station.subjects("host-001")[-1]


async def test_a_change_that_ran_during_the_check_hides_what_it_may_cause(build: Build) -> None:
    station = build(1)
    station.busy["host-001"] = 10.0
    station.said["host-001", "windows"] = windows(nebula="Stopped")
    await station.begin()
    await station.wait(5.0)
    station.claims["host-001"] = HostClaim("op-1", unknown=False)
    await station.wait(10.0)
    station.claims.clear()

    assert [[]] == station.subjects("host-001")


async def test_a_claim_of_unknown_outcome_hides_nothing(build: Build) -> None:
    station = build(1)
    station.claims["host-001"] = HostClaim("op-1", unknown=True)
    station.said["host-001", "windows"] = windows(nebula="Stopped")
    await station.begin()

    assert [["nebula"]] == station.subjects("host-001")


async def test_a_login_that_was_rejected_is_tried_again_after_half_an_hour_or_a_reload(build: Build) -> None:
    station = build(1)
    station.said["host-001", "windows"] = AuthenticationFailed(Phrase("login rejected"))
    await station.begin()
    await station.wait(35 * MINUTE)
    assert [0.0, 30 * MINUTE] == [at for at, request in station.reads if request.rejected is None]

    await station.reload(make_hosts(1))
    await station.wait(2 * MINUTE)
    assert 3 == len([at for at, request in station.reads if request.rejected is None])


async def test_full_checks_become_sums_of_half_an_hour(build: Build) -> None:
    station = build(2)
    await station.begin()
    await station.wait(19 * MINUTE)
    station.said["host-001", "gateway"] = LOST
    await station.wait(50 * MINUTE)

    seen = await station.observations.sum_by_host(NOW, NOW + timedelta(hours=1))
    assert (4, 8, {}) == (seen["host-001"].well, seen["host-001"].troubled, seen["host-001"].failed)
    assert (12, 12, 12 * 12) == (seen["host-002"].well, seen["host-002"].answers, seen["host-002"].answer_ms)


async def test_traffic_is_stored_and_judged_once_a_window(build: Build) -> None:
    station = build(1)
    station.requests = {"requests": 100, "errors": 1}
    await station.begin()
    await station.wait(60 * MINUTE)
    station.requests = {"requests": 100, "errors": 30}
    await station.wait(11 * MINUTE)

    checks = [each.checked for each in station.applied if Condition.ERRORS in each.checked.judged]
    assert ["errors"] == [signal.subject for signal in checks[-1].signals]
    assert sorted({each.at for each in checks}) == [each.at for each in checks]
    windows_of_host = (await station.traffic.list_windows(NOW, NOW + timedelta(hours=2)))["host-001"]
    assert (500, 5) == (windows_of_host[5].requests, windows_of_host[5].errors)
    assert WINDOW == windows_of_host[5].ends - windows_of_host[5].begins


async def test_only_a_whole_check_in_which_every_side_responds_counts_as_an_answer_of_the_host(build: Build) -> None:
    """What is owed to a host is requested then, so a host that is still starting must not count."""
    station = build(3)
    station.said["host-002", "windows"] = LOST
    await station.begin()
    await station.wait(MINUTE)

    assert {"host-001", "host-003"} == set(station.answered)
    del station.said["host-002", "windows"]
    await station.wait(6 * MINUTE)
    assert {"host-001", "host-002", "host-003"} == set(station.answered)
