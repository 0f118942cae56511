"""The pages of logs, in both languages, say what can be asked, where it ends, and how long things are kept."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.inventory import WindowsPaths, WslSide
from adapters.logs import BYTES_LIMIT, LINE_LIMIT, LINE_READ_LIMIT, LINE_SEARCH_LIMIT, LINES_LIMIT, SEARCHED_LINES_LIMIT
from adapters.windows.logs import SEARCH_TIMEOUT
from adapters.wsl.log_search import SEARCH_BUDGET
from bot.logs import handlers as collecting
from bot.logs.reports import MAX_LOG_BYTES
from bot.logs.text import MAX_LISTED
from bot.model.incident import LOOKBACK_PERIOD
from bot.store.answers import RETENTION
from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation
from commands.language.help import list_arguments
from commands.log_lines.excerpt import CONTINUATION_LINES, PAGE_LINES
from commands.log_lines.formats import Level
from commands.log_lines.groups import GAP
from commands.log_lines.patterns import MATCH_TIMEOUT, MAX_PATTERN_LENGTH, MAX_REPETITIONS, parse_pattern
from commands.logs.collection import LOG_SOURCES
from commands.logs.operations import MAX_KEPT_BYTES, MAX_KEPT_LINES, LogCollect, LogRead
from commands.values.arguments import BadArgument, Positional
from commands.values.normalize import normalize_text

PAGES = {"en": Path("docs/logs.md"), "ja": Path("docs/logs.ja.md")}

both = pytest.mark.parametrize("page", [file.read_text(encoding="utf-8") for file in PAGES.values()], ids=PAGES)


def rows(page: str, heading: int) -> list[list[str]]:
    """What stands in the first column of the tables of a chapter, as code."""
    chapter = page.split("\n## ")[heading]
    return [re.findall(r"`([^`]+)`", line.split(" | ")[0]) for line in chapter.splitlines() if line.startswith("| `")]


@both
def test_the_examples_are_understood(page: str) -> None:
    block = page.partition("```\n")[2].partition("```")[0]
    examples = [re.split(r" {2,}", line)[0] for line in block.splitlines()]
    assert len(examples) > 5
    understood = [parse_operation(normalize_text(example), CATALOGUE, CATALOGUE) for example in examples]
    assert {LogRead, LogCollect} == set(map(type, understood))


@both
def test_every_source_and_option_is_listed(page: str) -> None:
    listed = [name for names in rows(page, 1) for name in names]
    options = {option.split()[0] for option in listed if option.startswith("--")}
    assert [*LOG_SOURCES, "container:NAME"] == [name for name in listed if not name.startswith("--")]
    assert {each.option for each in list_arguments(LogRead) if not isinstance(each.kind, Positional)} == options
    assert all(f"`{level}`" in page for level in Level)


@both
def test_logs_lie_where_it_says(page: str) -> None:
    paths = WindowsPaths.model_validate({})
    syslog = WslSide.model_fields["syslog"].default
    assert [] == [path for path in (paths.nebula_log, paths.access_log, paths.error_log, syslog) if f"`{path}`" not in page]


@both
def test_the_example_is_a_configuration_of_paths(page: str) -> None:
    example = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])
    assert set(example["hosts"][0]["windows"]["paths"]) <= set(WindowsPaths.model_fields)
    assert set(example["defaults"]["wsl"]) <= set(WslSide.model_fields)


@both
def test_patterns_are_allowed_and_refused_as_it_says(page: str) -> None:
    chapter = page.split("\n## ")[3]
    table, _, prose = chapter.partition("| --- | --- |")[2].partition("\n\n")
    allowed = [each.replace(r"\|", "|") for each in re.findall(r"`([^`]+)`", table)]
    refused = re.findall(r"`(\\1|\(\?=|\(\?<!)`", prose)
    assert len(allowed) > 15
    assert [] == [each for each in allowed if parse_pattern(f"a{each}") != f"a{each}"]
    assert [r"\1", "(?=", "(?<!"] == refused
    for each in refused:
        with pytest.raises(BadArgument):
            parse_pattern(f"(a){each}" if each == r"\1" else f"{each}a)")


@both
def test_the_archive_has_the_files_that_it_lists(page: str) -> None:
    """`tests/scenarios/test_log_stories.py` opens one."""
    names = [name for names in rows(page, 7) for name in names]
    assert ["summary.md", "timeline.txt", "logs/HOST/SOURCE.txt", "health.md", "health.csv", "changes.md"] == names


SAID: Mapping[str, tuple[str, ...]] = {
    "en": (
        "1 to 5,000 | 50 |",
        "| 512 KB |",
        "| 8 s |",
        "| 7 s |",
        "| 64 KB |",
        "| 4,000 |",
        "| 20,000, or 7 MB of them |",
        "At most 200 characters, repetitions up to 100",
        "at most 20 lines",
        "more than 15 minutes",
        "more than 2 s is given up",
        "kept for 7 days",
        "last 30 minutes",
        "50 to 1,000",
        "60,000 together, and 48 MB",
        "more than 5,024 characters",
        "half an hour before",
        "up to 366 days",
    ),
    "ja": (
        "1 から 5,000 | 50 |",
        "| 512 KB |",
        "| 8 秒 |",
        "| 7 秒 |",
        "| 64 KB |",
        "| 4,000 |",
        "| 20,000、または 7 MB 分 |",
        "200 文字まで、繰り返しは 100 回まで",
        "最大 20 行",
        "15 分を超える間隔",
        "2 秒を超える絞り込み",
        "7 日間保存し",
        "直近 30 分",
        "50 から 1,000 行",
        "合計 60,000 行",
        "5,024 文字を超える行",
        "30 分前から",
        "366 日まで",
    ),
}


@pytest.mark.parametrize("language", PAGES)
def test_numbers_are_those_of_the_code(language: str) -> None:
    """Whoever changes one finds its words here."""
    usual = [LogRead.model_fields["tail"].default, LogCollect.model_fields["since"].default]
    assert [50, timedelta(minutes=30)] == usual
    assert (5_000, 512 * 1024, 64 * 1024, 4_000) == (LINES_LIMIT, BYTES_LIMIT, LINE_SEARCH_LIMIT, LINE_LIMIT)
    assert (5_024, 100_000) == (LINE_READ_LIMIT, SEARCHED_LINES_LIMIT)
    assert (20_000, 7 * 2**20) == (MAX_KEPT_LINES, MAX_KEPT_BYTES)
    assert (8, 7, 200, 100, 2, 20) == (
        SEARCH_TIMEOUT,
        SEARCH_BUDGET,
        MAX_PATTERN_LENGTH,
        MAX_REPETITIONS,
        MATCH_TIMEOUT,
        PAGE_LINES,
    )
    assert (timedelta(minutes=15), 5, 2) == (GAP, CONTINUATION_LINES, MAX_LISTED)
    assert (50, 1_000, 60_000) == (collecting.MIN_LINES_PER_LOG, collecting.MAX_LINES_PER_LOG, collecting.MAX_LINES)
    assert 48 * 2**20 == MAX_LOG_BYTES
    assert [timedelta(days=7), timedelta(minutes=30)] == [RETENTION, LOOKBACK_PERIOD]
    assert parse_operation(normalize_text("log nebula --since 366d"), CATALOGUE, CATALOGUE)
    page = PAGES[language].read_text(encoding="utf-8")
    assert [] == [each for each in SAID[language] if each not in page]
