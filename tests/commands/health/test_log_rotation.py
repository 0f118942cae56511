"""Which logs are rotated as they should be, and which are not."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.windows.log_files import LogFile
from adapters.windows.system import WindowsSystem
from commands.health.assessment import HealthAnswers
from commands.health.log_rotation import COLUMN_KEY, judge_logs, judge_rotation
from commands.model.finding import Severity
from commands.model.report import Mark
from commands.model.thresholds import Thresholds
from commands.values.units import MB
from tests.commands.canned import NOW, host, log, windows

LIMITS = Thresholds()
NEVER: dict[str, Any] = {"rotated": 0, "rotated_size": 0, "rotated_at": None}
NOTHING: dict[str, Any] = {"size": 0, "written_at": None} | NEVER


def ago(days: float) -> Any:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="rotated yesterday"),
        pytest.param(NEVER, id="small and never rotated"),
        pytest.param({"size": 0, "rotated_at": ago(400)}, id="empty for a year"),
        pytest.param({"size": 100 * MB}, id="as large as is allowed"),
        pytest.param({"size": 10 * MB} | NEVER, id="a tenth of what is allowed and never rotated"),
        pytest.param({"size": 10 * MB, "rotated_at": ago(400)}, id="quiet for a year: a small one need not be rotated"),
        pytest.param({"size": 50 * MB, "rotated_at": ago(8)}, id="rotated on this day of last week"),
        pytest.param({"size": 50 * MB, "rotated_at": ago(60), "written_at": ago(55)}, id="not written any more"),
        pytest.param({"size": 50 * MB, "rotated_at": ago(-3)}, id="rotated in the future, by a wrong clock"),
    ],
)
def test_a_log_that_is_well(given: dict[str, Any]) -> None:
    assert () == judge_logs([log("access", **given)], LIMITS)


@pytest.mark.parametrize(
    ("given", "short", "why"),
    [
        pytest.param(
            {"size": 100 * MB + 1} | NEVER,
            "access.log too large",
            r"F:\flatnet\logs\access.log is 100 MB, over the limit of 100 MB. To fix this, rename it weekly on the host, "
            r"then run nginx -s reopen in the gateway's folder",
            id="too large",
        ),
        pytest.param(
            {"size": 11 * MB} | NEVER,
            "access.log not rotated",
            r"F:\flatnet\logs\access.log has grown to 11 MB without rotation. To fix this, rename it weekly on the host, "
            r"then run nginx -s reopen in the gateway's folder",
            id="never rotated",
        ),
        pytest.param(
            {"size": 11 * MB, "rotated_at": ago(8.1)},
            "access.log not rotated",
            r"F:\flatnet\logs\access.log was last rotated at 2026-11-17 06:46:00 UTC and has grown to 11 MB. To fix this, "
            r"rename it weekly on the host, then run nginx -s reopen in the gateway's folder",
            id="rotated too long ago",
        ),
        pytest.param(
            {"state": "absent"} | NOTHING,
            "access.log missing",
            r"log F:\flatnet\logs\access.log not found. Write the log there, or fix its path in the configuration",
            id="missing",
        ),
        pytest.param(
            {"state": "unknown"} | NOTHING,
            "access.log unavailable",
            r"could not read the size of F:\flatnet\logs\access.log from Windows. Run on the host: Get-Item "
            r"F:\flatnet\logs\access.log",
            id="not told of",
        ),
    ],
)
def test_a_log_that_somebody_should_know_of(given: dict[str, Any], short: str, why: str) -> None:
    (remark,) = judge_logs([log("access", **given)], LIMITS)
    assert ("logs", Severity.LOW, short, why) == (remark.subject, remark.severity, str(remark.short), str(remark.why))


def test_nebula_s_log_is_rotated_by_nssm() -> None:
    (remark,) = judge_logs([log("nebula", size=200 * MB)], LIMITS)
    assert "run nssm set Nebula with AppRotateFiles 1, AppRotateOnline 1 and AppRotateBytes" in str(remark.why)


def test_limits_are_the_operators_own() -> None:
    old = log("error", size=2 * MB, rotated_at=ago(3))
    large = log("access", size=6 * MB)
    assert [] == [str(remark.short) for remark in judge_logs([old, large], LIMITS)]
    strict = Thresholds(log_limit_mb=5, rotation_days=2)
    assert ["error.log not rotated", "access.log too large"] == [
        str(remark.short) for remark in judge_logs([old, large], strict)
    ]


A, LIGHTHOUSE = host("host-a", 1), host("lighthouse", 0)
LOST = Unreachable(Phrase("connection refused"))


def looked(*logs: LogFile, at: Any = A) -> HealthAnswers:
    return HealthAnswers(at, windows(logs=logs), None, None)


@pytest.mark.parametrize(
    ("seen", "mark", "text"),
    [
        pytest.param(looked(log("nebula")), Mark.WELL, "nebula.log 1.9 MB (and 3 rotated)", id="well"),
        pytest.param(
            looked(log("nebula", **NEVER)), Mark.PLAIN, "nebula.log 1.9 MB", id="small: nothing shows that it is rotated"
        ),
        pytest.param(
            looked(log("nebula"), log("access", **NEVER)),
            Mark.PLAIN,
            "nebula.log 1.9 MB (and 3 rotated), access.log 1.9 MB",
            id="one of two was never rotated",
        ),
        pytest.param(
            looked(log("nebula"), log("access", size=200 * MB), log("error", state="absent", **NOTHING)),
            Mark.BAD,
            "access.log too large, error.log missing",
            id="two are not",
        ),
        pytest.param(
            looked(log("nebula", state="absent", **NOTHING)), Mark.UNKNOWN, "nebula.log missing", id="nothing is known"
        ),
        pytest.param(
            looked(log("nebula"), log("access", state="absent", **NOTHING), at=LIGHTHOUSE),
            Mark.WELL,
            "nebula.log 1.9 MB (and 3 rotated)",
            id="the lighthouse has no gateway, and so none of its logs",
        ),
        pytest.param(HealthAnswers(A, LOST, None, None), Mark.UNKNOWN, "unknown", id="Windows does not answer"),
        pytest.param(HealthAnswers(A, None, None, None), Mark.ABSENT, "N/A", id="no Windows side"),
    ],
)
def test_the_cell_of_a_host(seen: HealthAnswers, mark: Mark, text: str) -> None:
    judged = judge_rotation(seen, LIMITS)
    assert (mark, text) == (judged.cells[COLUMN_KEY].mark, str(judged.cells[COLUMN_KEY].text))


def test_a_side_that_does_not_answer_has_its_remark_elsewhere() -> None:
    assert () == judge_rotation(HealthAnswers(A, LOST, None, None), LIMITS).remarks


def test_as_data_the_cell_has_every_log_s_bytes() -> None:
    seen = looked(log("nebula", size=7), log("access", state="absent", **NOTHING), log("error", state="unknown", **NOTHING))
    assert isinstance(seen.windows, WindowsSystem)
    assert "nebula=7 access=absent error=unknown" == judge_rotation(seen, LIMITS).cells[COLUMN_KEY].value
