"""Alerts in the monthly report: how many, and for how long within the month."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from adapters.phrase import Phrase
from bot.alerts.reports.monthly import MAX_NAMED, build_alert_cells, build_alert_file, build_alert_section
from bot.answers.data import write_files
from bot.model.alert import Alert, AlertEpisode
from bot.model.month import Month
from bot.model.request import Answer
from commands.alerts.conditions import Condition
from commands.model.report import Mark, Report, TextFile
from tests.bot.alert_examples import FIRING, change
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.reported import OCTOBER, TOKYO
from tests.commands.canned import NOW

BEGIN, END = OCTOBER.begin, OCTOBER.end
HOUR = timedelta(hours=1)
WEB = change(number=8, subject="container/web", condition=Condition.CONTAINER)
NO_HOST = change(number=9, host="", subject="digest", condition=Condition.DIGEST)


def episode(begin: datetime, end: datetime | None, alert: Alert = FIRING) -> AlertEpisode:
    return AlertEpisode(alert, begin, end)


def cells(*episodes: AlertEpisode, checked: bool = True, month: Month = OCTOBER) -> list[tuple[str, object, Mark]]:
    made = build_alert_cells({"host-a": episodes}, "host-a", month, checked=checked)
    return [(str(cell.text), cell.value, cell.mark) for cell in made]


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([(BEGIN + HOUR, BEGIN + 2 * HOUR)], 3600),
        ([(BEGIN - HOUR, BEGIN + HOUR)], 3600),
        ([(END - HOUR, END + HOUR)], 3600),
        ([(END - HOUR, None)], 3600),
        ([(BEGIN + HOUR, BEGIN + 3 * HOUR), (BEGIN + 2 * HOUR, BEGIN + 4 * HOUR)], 3 * 3600),
        ([(BEGIN + HOUR, BEGIN + 4 * HOUR), (BEGIN + 2 * HOUR, BEGIN + 3 * HOUR)], 3 * 3600),
        ([(BEGIN + HOUR, BEGIN + 2 * HOUR), (BEGIN + 5 * HOUR, BEGIN + 6 * HOUR)], 2 * 3600),
        ([(BEGIN + HOUR, BEGIN + HOUR)], 0),
    ],
)
def test_the_time_is_that_within_the_month_and_counts_once(
    spans: Sequence[tuple[datetime, datetime | None]], seconds: int
) -> None:
    number, time = cells(*(episode(begin, end) for begin, end in spans))
    assert (str(len(spans)), len(spans), Mark.PLAIN) == number
    assert seconds == time[1]


def test_a_host_without_alerts_has_none_only_where_it_was_checked() -> None:
    assert [("0", 0, Mark.PLAIN), ("none", 0, Mark.PLAIN)] == cells()
    unknown = ("unknown", None, Mark.UNKNOWN)
    assert [unknown, unknown] == cells(checked=False)
    assert [unknown, unknown] == cells(month=Month.from_name("2025-09", TOKYO, NOW))
    hidden = build_alert_cells(None, "host-a", OCTOBER, checked=True)
    assert {Mark.UNKNOWN} == {cell.mark for cell in hidden}


def lines(**found: tuple[AlertEpisode, ...]) -> list[str]:
    by_host = {name.replace("_", "-"): episodes for name, episodes in found.items()}
    return [str(line) for line in build_alert_section(by_host, OCTOBER).lines]


def test_problems_are_named_the_longest_first() -> None:
    assert [
        "host-a: container with problems (web): 1 time, 7200 s. Still open at the end",
        "host-a: Nebula stopped: 2 times, 3600 s in total",
    ] == lines(
        host_a=(
            episode(BEGIN + HOUR, BEGIN + HOUR * 1.5),
            episode(BEGIN + 3 * HOUR, BEGIN + HOUR * 3.5),
            episode(END - 2 * HOUR, None, WEB),
        )
    )


def test_one_of_the_bot_itself_names_no_host() -> None:
    section = build_alert_section({"": (episode(BEGIN, BEGIN + HOUR, NO_HOST),)}, OCTOBER)
    assert ["digest not delivered: 1 time, 3600 s"] == [str(line) for line in section.lines]


def test_many_problems_are_counted() -> None:
    found = {f"host_{n}": (episode(BEGIN, BEGIN + HOUR * n, change(host=f"host-{n}")),) for n in range(1, 14)}
    told = lines(**found)
    assert MAX_NAMED + 1 == len(told)
    assert ("host-13: Nebula stopped: 1 time, 46800 s", "… and 3 more") == (told[0], told[-1])


def test_what_was_not_recorded_is_not_said_to_have_been_well() -> None:
    assert ["no alert was recorded"] == lines()
    old = build_alert_section({}, Month.from_name("2025-09", TOKYO, NOW))
    assert ["unknown: alerts are kept for 400 days"] == [str(line) for line in old.lines]


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_the_file_has_every_episode_and_is_the_same_in_every_language(texts: object) -> None:
    found = {
        "host-a": (episode(BEGIN + HOUR, BEGIN + 2 * HOUR), episode(END - HOUR, None, WEB)),
        "": (episode(BEGIN - HOUR, BEGIN + HOUR, NO_HOST),),
    }
    report = Report(title=Phrase("x"), summary=Phrase("x"), files=tuple(build_alert_file(found, OCTOBER)))
    written = write_files(Answer(operation="op-1", understood="report monthly", body=report), texts)  # type: ignore[arg-type]
    table = next(file for file in written if isinstance(file, TextFile))
    assert "flatnet-2026-10-alerts.csv" == table.name
    assert [
        "host,alert,number,severity,fired_at,ended_at,seconds",
        ",digest,9,critical,2026-09-30T14:00:00+00:00,2026-09-30T16:00:00+00:00,3600",
        "host-a,nebula,7,critical,2026-09-30T16:00:00+00:00,2026-09-30T17:00:00+00:00,3600",
        "host-a,container/web,8,critical,2026-10-31T14:00:00+00:00,,3600",
    ] == table.text.splitlines()


def test_without_alerts_there_is_no_file() -> None:
    assert [] == list(build_alert_file({}, OCTOBER))
    assert [] == list(build_alert_file(None, OCTOBER))
