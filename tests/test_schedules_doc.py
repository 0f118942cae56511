"""The pages of schedules, in both languages, say what is built in, what lines mean, and how long things are kept."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.alerts.tables import history as alert_history
from bot.config.schedules import BUILT_IN
from bot.digests import tables as digests
from bot.model import schedule
from bot.schedules.services.scheduler import MAX_RUN_SECONDS, ON_TIME_TOLERANCE
from bot.slack.outbound.sender import MESSAGE_LIFETIME, REFUSAL_MEMORY
from bot.store import answers, daily_rows
from commands.values.cron import FIELD_COUNT, MIN_INTERVAL, parse_cron
from tests.bot.config.test_settings import GOOD, settings

PAGES = {"en": Path("docs/schedules.md"), "ja": Path("docs/schedules.ja.md")}

both = pytest.mark.parametrize("page", [file.read_text(encoding="utf-8") for file in PAGES.values()], ids=PAGES)


@both
def test_what_is_built_in_is_listed_as_it_is(page: str) -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `([^`]+)` \| `([^`]+)` \| (\w+) \|", page, re.MULTILINE)
    assert [(name, each.cron, each.words, each.missed) for name, each in BUILT_IN.items()] == rows


@both
def test_the_lines_that_are_shown_are_cron_lines(page: str) -> None:
    lines = re.findall(r"`([\d*/,#L-]+(?: [\d*/,#L-]+){4})`", page) + re.findall(r'"([\d*/,-]+(?: [\d*/,-]+){4})"', page)
    assert len(lines) > 10
    assert lines == [parse_cron(line) for line in lines]


@both
def test_the_example_is_a_configuration(page: str, tmp_path: Path) -> None:
    example = page.partition("```toml\n")[2].partition("```")[0].replace('owner = "tanaka"', 'owner = "ana"')
    assert {"notices", "schedules"} == set(tomllib.loads(example))
    assert ["digest", "weekly", "evening-disks"] == [each.name for each in settings(tmp_path, GOOD + example).schedules]


@both
def test_what_is_kept_is_kept_for_as_long_as_it_says(page: str) -> None:
    kept = (
        daily_rows.DETAIL_RETENTION,
        daily_rows.DETAIL_RETENTION,
        daily_rows.RETENTION,
        schedule.RETENTION,
        digests.RETENTION,
        alert_history.RETENTION,
        answers.RETENTION,
    )
    rows = re.findall(r"^\| .* \| (\d+) (?:days|日) \|$", page, re.MULTILINE)
    assert [str(each.days) for each in kept] == rows


SAID: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Up to ten minutes late",
        "After 15 minutes",
        "every five minutes",
        "Five fields",
        "25 hours",
        "24 hours",
    ),
    "ja": ("10 分までの遅れ", "15 分かかっても", "5 分に 1 回まで", "5 つです", "25 時間", "24 時間"),
}


@pytest.mark.parametrize("language", PAGES)
def test_other_spans_are_those_of_the_code(language: str) -> None:
    """Whoever changes one finds its words here."""
    minutes = [span / timedelta(minutes=1) for span in (ON_TIME_TOLERANCE, timedelta(seconds=MAX_RUN_SECONDS), MIN_INTERVAL)]
    hours = [span / timedelta(hours=1) for span in (REFUSAL_MEMORY, MESSAGE_LIFETIME)]
    assert ([10, 15, 5], 5, [25, 24]) == (minutes, FIELD_COUNT, hours)
    page = PAGES[language].read_text(encoding="utf-8")
    assert [] == [each for each in SAID[language] if each not in page]
