"""One check of the watch, as signals: the same verdicts as `health`, and nothing of what is unknown."""

from collections.abc import Sequence
from typing import Any

import pytest

from adapters.errors import AuthenticationFailed, DeadlineExceeded, NotAsked, Unreachable
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import SyncStatus
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.wsl.podman import UnreadPart
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.alerts.watch import HELD, FleetSight, WatchAnswers, check_host
from commands.alerts.watch_fleet import judge_blindness, judge_own_clock, map_peer_names, survey_peers
from commands.health.causes import find_outage
from commands.health.host_checks import judge_host, list_known_peers
from commands.model.thresholds import Thresholds
from tests.commands.canned import NOW, container, gateway, host, windows, wsl

A, B, C, D = (host(f"host-{name}", number) for number, name in enumerate("abcd", start=1))
LIGHTHOUSE = host("lighthouse", 0)
FLEET = (LIGHTHOUSE, A, B, C, D)
LIMITS = Thresholds()
NOTHING_KNOWN = FleetSight()
LOST = Unreachable(Phrase("no connection"))
LATE = DeadlineExceeded(Phrase("no response"))
REFUSED = AuthenticationFailed(Phrase("login rejected"))
SHORT_OF_FILES = NotAsked(Phrase("too many open files"))
FORBIDDEN = UnusableAnswer(phrase=Phrase("not allowed"), forbidden=True)
BAD_GATEWAY = UnusableAnswer(phrase=Phrase("error 502"), bad_gateway=True)
OTHERS = frozenset({Condition.LIGHTHOUSE})
"""Conditions that a host with all three sides cannot have."""
ALL = OTHERS | frozenset(
    {
        Condition.NEBULA,
        Condition.GATEWAY,
        Condition.API,
        Condition.SILENT,
        Condition.PEERS,
        Condition.CONTAINER,
        Condition.CLOCK,
    }
)


def answers(of: Any = A, **given: Any) -> WatchAnswers:
    """Answers of a host that is well, but for those that are given."""
    sides = (
        {"windows": windows(), "wsl": None, "gateway": None}
        if of.lighthouse
        else {"windows": windows(), "wsl": wsl(of), "gateway": gateway(of)}
    )
    return WatchAnswers(of, **({**sides, "ahead": 0.0} | given))


def check(looked: WatchAnswers, sight: FleetSight = NOTHING_KNOWN) -> HostChecked:
    known = list_known_peers(Inventory(hosts=FLEET))
    return check_host(looked, judge_host(looked, known, LIMITS), sight, NOW)


def brief(signals: Sequence[Signal]) -> list[tuple[str, str, str, str]]:
    """Subject, condition, severity and the few words of each signal."""
    return [(each.subject, each.condition.value, each.severity.value, str(each.short)) for each in signals]


def test_a_host_that_is_well_has_no_signals_and_everything_is_judged() -> None:
    checked = check(answers())

    assert ((), ALL) == (checked.signals, checked.judged)


@pytest.mark.parametrize(
    ("looked", "expected", "command"),
    [
        pytest.param(
            answers(windows=windows(nebula="Stopped")),
            ("nebula", "nebula", "critical", "Nebula stopped"),
            "service start nebula host-a",
            id="Nebula is stopped",
        ),
        pytest.param(
            answers(LIGHTHOUSE, windows=windows(nebula="Stopped")),
            ("nebula", "lighthouse", "critical", "Nebula stopped"),
            "service start nebula lighthouse",
            id="Nebula of the lighthouse is stopped",
        ),
        pytest.param(
            answers(windows=windows(gateway="Stopped", nginx=0)),
            ("gateway", "gateway", "high", "Gateway stopped"),
            "service start openresty host-a",
            id="the gateway is stopped",
        ),
        pytest.param(
            answers(gateway=gateway(A, healthy=False)),
            ("api", "api", "high", "API unhealthy"),
            "log error host-a --since 1h",
            id="the health page is not OK",
        ),
        pytest.param(
            answers(gateway=gateway(A, sync=SyncStatus(host_id=None, peers=()))),
            ("api", "api", "high", "API not initialized"),
            "log error host-a --since 1h",
            id="Lua did not initialize",
        ),
        pytest.param(
            answers(gateway=gateway(A, sync=SyncStatus(host_id=2, peers=()))),
            ("api", "api", "high", "API wrong host ID"),
            "health host-a --details",
            id="the gateway is another host's",
        ),
        pytest.param(
            answers(gateway=LATE),
            ("api", "api", "high", "gateway API unreachable"),
            "health host-a --details",
            id="the API does not answer though Windows does",
        ),
        pytest.param(
            answers(windows=LOST, wsl=LOST, gateway=LATE),
            ("host", "silent", "high", "unreachable"),
            "health host-a --details",
            id="no side answers",
        ),
        pytest.param(
            answers(gateway=gateway(A, sync=SyncStatus(host_id=1, peers=("http://10.100.99.1:8080",)))),
            ("peers", "peers", "low", "unknown peers"),
            "health host-a --details",
            id="a strange peer",
        ),
        pytest.param(
            answers(wsl=wsl(A, containers=(container("web", "exited", 137),))),
            ("container/web", "container", "medium", "web exited with code 137"),
            "container show host-a/web",
            id="a container exited with an error",
        ),
        pytest.param(
            answers(wsl=wsl(A, containers=(container("web", healthy=False),))),
            ("container/web", "container", "medium", "web is unhealthy"),
            "container show host-a/web",
            id="a container is unhealthy",
        ),
        pytest.param(
            answers(ahead=31.0),
            ("clock", "clock", "medium", "clock skew"),
            "health host-a --details",
            id="the clock is ahead",
        ),
    ],
)
def test_a_problem_is_a_signal_with_the_words_of_health(
    looked: WatchAnswers, expected: tuple[str, str, str, str], command: str
) -> None:
    checked = check(looked)

    assert [expected] == brief(checked.signals)
    assert [command] == [signal.next for signal in checked.signals]


@pytest.mark.parametrize(
    ("looked", "unknown"),
    [
        pytest.param(answers(windows=LOST), {Condition.NEBULA, Condition.GATEWAY}, id="Windows does not answer"),
        pytest.param(
            answers(windows=windows(nebula="Unknown", gateway="Unknown")),
            {Condition.NEBULA, Condition.GATEWAY},
            id="Windows does not report the services",
        ),
        pytest.param(answers(wsl=None), {Condition.CONTAINER}, id="WSL2 was not asked"),
        pytest.param(
            answers(wsl=wsl(A, containers=UnreadPart(phrase=Phrase("podman failed")))),
            {Condition.CONTAINER},
            id="podman could not be read",
        ),
        pytest.param(
            answers(gateway=gateway(A, sync=FORBIDDEN, status=FORBIDDEN)),
            {Condition.API, Condition.PEERS},
            id="the gateway does not allow the bot's address",
        ),
        pytest.param(answers(gateway=SHORT_OF_FILES), {Condition.API, Condition.PEERS}, id="the bot could not ask"),
        pytest.param(answers(ahead=None), {Condition.CLOCK}, id="no clock was read"),
    ],
)
def test_what_could_not_be_read_is_unknown(looked: WatchAnswers, unknown: set[Condition]) -> None:
    checked = check(looked)

    assert ([], ALL - unknown) == (brief(checked.signals), checked.judged)


def test_a_silent_host_hides_its_parts() -> None:
    checked = check(answers(windows=LOST, wsl=LOST, gateway=LOST))

    assert OTHERS | {Condition.SILENT} == checked.judged


def test_a_host_that_the_bot_could_not_ask_is_unknown() -> None:
    checked = check(answers(windows=SHORT_OF_FILES, wsl=SHORT_OF_FILES, gateway=SHORT_OF_FILES))

    assert ((), OTHERS) == (checked.signals, checked.judged)


WITHOUT_GATEWAY = frozenset({Condition.GATEWAY, Condition.API, Condition.PEERS, Condition.ERRORS})


@pytest.mark.parametrize(
    ("of", "absent"),
    [
        pytest.param(A, {Condition.LIGHTHOUSE}, id="no lighthouse"),
        pytest.param(LIGHTHOUSE, {*WITHOUT_GATEWAY, Condition.NEBULA, Condition.CONTAINER}, id="a lighthouse"),
        pytest.param(host("host-a", 1, wsl=None), {Condition.LIGHTHOUSE, Condition.CONTAINER}, id="no WSL2"),
        pytest.param(host("host-a", 1, gateway=None), {Condition.LIGHTHOUSE, *WITHOUT_GATEWAY}, id="no gateway"),
        pytest.param(
            host("host-a", 1, windows=None),
            {Condition.LIGHTHOUSE, Condition.NEBULA, Condition.GATEWAY, Condition.ERRORS, Condition.CLOCK},
            id="no Windows",
        ),
    ],
)
@pytest.mark.parametrize("error", [LOST, SHORT_OF_FILES], ids=["silent", "never asked"])
def test_what_a_host_does_not_have_is_well_so_that_no_alert_on_it_stays_open(
    of: Any, absent: set[Condition], error: Any
) -> None:
    sides = {name: None if of.get_side(name) is None else error for name in ("windows", "wsl", "gateway")}
    checked = check(answers(of, **sides, ahead=None))

    assert absent == checked.judged - {Condition.SILENT}


def test_a_silent_host_is_explained_by_a_blind_bot() -> None:
    checked = check(answers(windows=LOST, wsl=LOST, gateway=LOST), FleetSight(blind=True))

    assert ["blind"] == [signal.cause for signal in checked.signals]


def test_a_running_change_hides_what_it_may_cause_itself() -> None:
    troubled = answers(windows=windows(nebula="Stopped"), wsl=wsl(A, containers=(container("web", "exited", 1),)))
    checked = check(troubled, FleetSight(held=True))

    assert (["container/web"], ALL - HELD | OTHERS) == ([each.subject for each in checked.signals], checked.judged)


def test_a_host_that_a_change_has_cut_off_is_unknown() -> None:
    checked = check(answers(windows=LOST, wsl=LOST, gateway=LOST), FleetSight(held=True))

    assert ((), OTHERS) == (checked.signals, checked.judged)


@pytest.mark.parametrize(
    ("peers", "cause"),
    [(("http://10.100.2.1:8080",), "host-b/nebula"), (("http://10.100.3.1:8080",), "")],
    ids=["a peer", "no peer"],
)
def test_a_502_towards_a_stopped_nebula_names_it(peers: tuple[str, ...], cause: str) -> None:
    looked = answers(gateway=gateway(A, sync=SyncStatus(host_id=1, peers=peers), status=BAD_GATEWAY))
    stopped = answers(B, windows=windows(nebula="Stopped"))
    outage = find_outage(judge_host(stopped, frozenset(), LIMITS))
    assert outage is not None

    (signal,) = check(looked, FleetSight(outages={B: outage})).signals
    assert ("api", cause) == (signal.subject, signal.cause)


def test_an_api_that_does_not_answer_is_a_symptom_of_its_stopped_gateway() -> None:
    checked = check(answers(windows=windows(gateway="Stopped", nginx=0), gateway=LOST))

    assert [("gateway", ""), ("api", "host-a/gateway")] == [(each.subject, each.cause) for each in checked.signals]


@pytest.mark.parametrize(
    ("seen", "short"),
    [
        (container("web", "exited", 0), None),
        (container("web"), None),
        (container("web", "paused"), "web is paused"),
        (container("web", restarts=7, restarting=True), "web keeps restarting (7 restarts so far)"),
    ],
    ids=["exited without an error", "runs", "paused", "restarting"],
)
def test_a_container_by_itself(seen: Any, short: str | None) -> None:
    checked = check(answers(wsl=wsl(A, containers=(seen,))))

    assert ([] if short is None else [short]) == [str(each.short) for each in checked.signals]


@pytest.mark.parametrize(("restarts", "short"), [(2, []), (3, ["web restarted 3 times in 600 s"])])
def test_a_container_that_runs_at_every_look_is_found_by_its_restarts(restarts: int, short: list[str]) -> None:
    looked = answers(wsl=wsl(A, containers=(container("web", restarts=40),)))
    checked = check(looked, FleetSight(restarts={"web": restarts}))

    assert short == [str(each.short) for each in checked.signals]


def lost(of: Any) -> WatchAnswers:
    return answers(of, windows=LOST, wsl=LOST, gateway=LOST)


def refused(of: Any) -> WatchAnswers:
    return answers(of, windows=REFUSED)


def forbidden(of: Any) -> WatchAnswers:
    return answers(of, gateway=gateway(of, sync=FORBIDDEN))


CUT_OFF = ("critical", "3 of 4 hosts not responding")
REJECTED = ("high", "3 of 4 hosts reject the bot")


@pytest.mark.parametrize(
    ("newest", "total", "blind"),
    [
        ([lost(A), lost(B)], 2, None),
        ([lost(A), lost(B), answers(C)], 3, None),
        ([lost(A), lost(B), lost(C), answers(D)], 4, CUT_OFF),
        ([lost(A), lost(B), lost(C)], 7, None),
        ([lost(A), lost(B), lost(C)], 6, ("critical", "3 of 6 hosts not responding")),
        ([refused(A), refused(B), refused(C)], 4, REJECTED),
        ([forbidden(A), forbidden(B), forbidden(C)], 4, REJECTED),
        ([lost(A), lost(B), forbidden(C)], 4, REJECTED),
        ([lost(A), lost(B), lost(C), forbidden(D)], 4, ("critical", "4 of 4 hosts not responding")),
        (
            [answers(each, windows=SHORT_OF_FILES, wsl=SHORT_OF_FILES, gateway=SHORT_OF_FILES) for each in (A, B, C)],
            3,
            None,
        ),
    ],
    ids=[
        "two",
        "two of three",
        "three of four",
        "fewer than half",
        "half",
        "login rejected",
        "403",
        "too few are silent",
        "403 of one that is left",
        "never asked",
    ],
)
def test_the_bot_is_blind_where_at_least_half_and_at_least_three_fail(
    newest: list[WatchAnswers], total: int, blind: tuple[str, str] | None
) -> None:
    """Silence is worse than a rejection, which may be so for good: an acknowledged rejection must not hide an outage."""
    signal = judge_blindness(newest, total)

    assert blind == (None if signal is None else (signal.severity.value, str(signal.short)))


@pytest.mark.parametrize(
    ("clocks", "suspected"),
    [
        ([40.0], False),
        ([40.0, 0.0], False),
        ([40.0, 41.0], True),
        ([40.0, 41.0, 0.0], True),
        ([40.0, 41.0, 0.0, 0.0], False),
        ([-3600.0, -3600.0, -3600.0, None], True),
        ([None, None], False),
    ],
)
def test_a_jump_of_the_bots_own_clock_is_one_signal(clocks: list[float | None], suspected: bool) -> None:
    signal = judge_own_clock([answers(ahead=ahead) for ahead in clocks], LIMITS)

    assert suspected == (signal is not None)


def test_no_host_is_blamed_for_the_bots_clock() -> None:
    checked = check(answers(ahead=3600.0), FleetSight(clocks_differ=True))

    assert ((), ALL - {Condition.CLOCK}) == (checked.signals, checked.judged)


def knows(of: Any, *peers: Any) -> WatchAnswers:
    addresses = tuple(f"http://{peer.overlay.ip}:8080" for peer in peers)
    return answers(of, gateway=gateway(of, sync=SyncStatus(host_id=of.id, peers=addresses)))


@pytest.mark.parametrize(
    ("newest", "lacking"),
    [
        ([knows(A, B, C, D), knows(B, A, C, D), knows(C, A, B, D), knows(D, A, B, C)], ()),
        ([knows(A, B, C), knows(B, A, C, D), knows(C, A, B, D), knows(D, A, B, C)], ("host-d",)),
        ([knows(A, B, C), knows(B, A, C, D), knows(C, A, B), lost(D)], ()),
        ([knows(A, B, C), knows(B, A, C, D), knows(C, A, B, D), lost(D)], ("host-d",)),
        ([knows(A), knows(B, A), lost(C), lost(D)], ()),
        ([answers(A, gateway=gateway(A, sync=SyncStatus(host_id=None, peers=()))), knows(B, C), knows(D, C)], ()),
    ],
    ids=["complete", "missing", "being added", "down but listed", "too few witnesses", "not initialized"],
)
def test_a_gateway_lacks_what_most_others_have(newest: list[WatchAnswers], lacking: tuple[str, ...]) -> None:
    names = map_peer_names(FLEET)
    survey = survey_peers(newest, names)

    assert lacking == survey.find_lacking(newest[0], names)
    assert [] == [each for looked in newest[1:] for each in survey.find_lacking(looked, names)]


def test_missing_peers_are_a_signal_and_no_fault_of_the_api() -> None:
    checked = check(answers(), FleetSight(lacking=("host-c", "host-d")))

    assert [("peers", "peers", "medium", "missing peers")] == brief(checked.signals)
    assert ["peer add host-c --on host-a"] == [each.next for each in checked.signals]
