"""The pages of alerts, in both languages, say what the code does: every condition with its rule, limits and times."""

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.wsl.podman import MIN_RESTARTS
from bot.config.alerts import DEFAULT_REPEATS, AlertSettings
from bot.locale.texts import get_texts
from commands.alerts import traffic
from commands.alerts.conditions import CONDITION_RULES, Condition
from commands.model.finding import Severity
from commands.model.thresholds import Thresholds


@dataclass(frozen=True)
class Page:
    """One language."""

    language: str
    file: Path

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @property
    def conditions(self) -> list[tuple[str, ...]]:
        """The cells of each row that begins with a condition and its name."""
        rows = re.findall(r"^\| (`\w+` [^|]+\|.*) \|$", self.text, re.MULTILINE)
        return [tuple(cell.strip() for cell in row.split("|")) for row in rows]

    def row(self, condition: Condition) -> str:
        """The row of one condition."""
        (found,) = [row for row in self.conditions if row[0].startswith(f"`{condition}` ")]
        return " ".join(found)


PAGES = (Page("en", Path("docs/alerts.md")), Page("ja", Path("docs/alerts.ja.md")))

both = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.language)


@both
def test_every_condition_has_a_row_with_its_name_and_its_numbers_of_checks(page: Page) -> None:
    texts = get_texts(page.language, ZoneInfo("UTC"))
    expected = [
        (f"`{condition}` {rule.heading.render(texts)}", f"{rule.fires_after} / {rule.resolves_after}")
        for condition, rule in CONDITION_RULES.items()
    ]
    assert expected == [(row[0], row[2]) for row in page.conditions]


@both
def test_every_condition_has_a_severity_a_reason_and_a_remedy(page: Page) -> None:
    assert len(Condition) == len(page.conditions)
    assert [] == [row for row in page.conditions if len(row) != 6 or not all(row)]


@both
def test_limits_are_those_of_the_code(page: Page) -> None:
    usual = Thresholds()
    assert f"{usual.disk_warning_percent:g} %" in page.row(Condition.DISK)
    assert f"{usual.disk_critical_percent:g} %" in page.row(Condition.DISK)
    assert f"{usual.clock_difference:g} " in page.row(Condition.CLOCK)
    assert f" {MIN_RESTARTS} " in page.row(Condition.CONTAINER)


@both
def test_the_limits_of_server_errors_are_those_of_the_code_and_clear_at_half(page: Page) -> None:
    limits = (traffic.LEAST_ERRORS, traffic.LEAST_PERCENT, traffic.LEAST_FACTOR)
    rows = re.findall(r"^\| [^|]+ \| (\d+) \| ([\d.]+) \|$", page.text, re.MULTILINE)
    assert [(str(limit), f"{limit / 2:g}") for limit in limits] == rows
    minutes, hours = traffic.WINDOW / timedelta(minutes=1), traffic.COMPARISON / timedelta(hours=1)
    assert (5, 1) == (minutes, hours)
    for number in (traffic.LEAST_REQUESTS, traffic.SAMPLE):
        assert f"{number} " in page.text


@both
def test_the_example_is_a_configuration(page: Page) -> None:
    example = page.text.partition("```toml\n")[2].partition("```")[0]
    settings = AlertSettings.model_validate(tomllib.loads(example)["alerts"])
    assert [2, 0] == [len(route.severities) for route in settings.routes]
    assert [DEFAULT_REPEATS[Severity.CRITICAL], None] == [route.repeat for route in settings.routes]
    assert settings.quiet_hours is not None


@both
def test_what_is_never_hidden_is_named_first(page: Page) -> None:
    """The conditions that the code cannot silence are a removed host that connects, and the audit log's."""
    hidden = [condition for condition, rule in CONDITION_RULES.items() if not rule.silenceable]
    assert [Condition.REMOVED, Condition.AUDIT] == hidden
    marks = {"en": "**Never hidden:** an inconsistent audit log", "ja": "**ミュートできないもの:** 監査ログの不整合"}
    assert marks[page.language] in page.text
