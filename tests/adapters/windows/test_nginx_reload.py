"""The proof of a reload on a Windows host: what its processes and its error.log say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.inventory import WindowsSide
from adapters.windows.nginx import NginxProcess
from adapters.windows.nginx_reload import FindReload

CLOCK = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_AGO = CLOCK - timedelta(days=3)


def process(pid: int, seconds: float | None) -> dict[str, Any]:
    """A process that was started so many seconds ago."""
    return {"pid": pid, "started_at": None if seconds is None else (CLOCK - timedelta(seconds=seconds)).isoformat()}


OLD = {"pid": 2404, "started_at": LONG_AGO.isoformat()}
PROOF = FindReload(
    program=r"F:\flatnet\openresty\nginx.exe",
    log=r"F:\flatnet\logs\error.log",
    after=100,
    before=(NginxProcess(pid=2404, started_at=LONG_AGO),),
)
EMERG = "2026/03/01 12:00:00 [emerg] 2400#2408: bind() to 10.100.1.1:8080 failed (10049)"


def reading(*workers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "version": "openresty/1.25.3.1",
        "master": {"pid": 2400, "started_at": LONG_AGO.isoformat()},
        "workers": workers,
        "clock": CLOCK.isoformat(),
        "position": 100,
        "emergencies": 0,
        "emergency_lines": [],
    } | fields


@pytest.mark.parametrize(
    ("said", "state"),
    [
        pytest.param(reading(process(2412, 1)), "reloaded", id="new workers alone"),
        pytest.param(reading(process(2404, 1)), "reloaded", id="a new worker with the number of an old one"),
        pytest.param(reading(OLD), "unchanged", id="the worker from before"),
        pytest.param(reading(), "unchanged", id="no worker"),
        pytest.param(reading(OLD, process(2412, 5)), "handing over", id="both listen for a moment"),
        pytest.param(reading(OLD, process(2412, 6)), "reloaded", id="the old one only ends its last visits"),
        pytest.param(reading(OLD, process(2412, 60), process(2416, 1)), "handing over", id="the newest one counts"),
        pytest.param(reading(OLD, process(2412, None)), "handing over", id="a start that Windows does not report"),
        pytest.param(
            reading(process(2412, 1), emergencies=2, emergency_lines=["earlier", EMERG]), "refused", id="an [emerg] since"
        ),
        pytest.param(reading(master=None), "stopped", id="nginx has ended"),
    ],
)
def test_a_reload_is_proven_by_new_workers_and_a_quiet_log(said: dict[str, Any], state: str) -> None:
    found = PROOF.parse(said)
    assert (state, state == "reloaded") == (found.state, PROOF.explain_answer(found) is None)


def test_the_words_of_nginx_say_why_it_did_not_reload() -> None:
    found = PROOF.parse(reading(OLD, emergencies=1, emergency_lines=[EMERG]))
    assert f"nginx did not reload: {EMERG}. It runs on with its old workers" == str(PROOF.explain_answer(found))


@pytest.mark.parametrize(("after", "expected"), [(100, 100), (None, 0)])
def test_a_log_that_was_not_there_is_read_from_its_beginning(after: int | None, expected: int) -> None:
    proof = FindReload.of(WindowsSide(url="http://192.0.2.1:5985/wsman", user="bot", allow_http=True))
    assert expected == proof.model_copy(update={"after": after}).build_arguments()["after"]
