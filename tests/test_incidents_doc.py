"""The pages of incidents, in both languages, say what can be typed, who may do it, and what the code does by itself."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.config.incidents import IncidentSettings
from bot.incidents.handlers.report import RECENT_PERIOD as REPORT_PERIOD
from bot.incidents.reports.timeline import MAX_SHOWN_ENTRIES
from bot.incidents.rules import likely_causes as likely
from bot.incidents.rules import quiet
from bot.incidents.rules.requests import describe_update
from bot.incidents.services import collector, registry, status
from bot.incidents.services.announcements import SETTLING_PERIOD as PROPOSAL_DELAY
from bot.incidents.slack.messages import make_status_buttons
from bot.locale.texts import get_texts
from bot.model.incident import LOOKBACK_PERIOD, Incident
from bot.model.incident_notice import AlertCounts, make_notice
from bot.slack.client.preflight import OPTIONAL_SCOPES
from commands.about import DECIDER_ROLES
from commands.catalogue import CATALOGUE
from commands.incidents import acts
from commands.incidents.operations import SINCE_PERIOD, IncidentOpen
from commands.language.grammar import parse_operation
from commands.language.help import list_arguments
from commands.model.finding import GRADE_NAMES, Grade, Severity
from commands.model.operation import Role
from commands.values.arguments import Positional
from commands.values.normalize import normalize_text
from tests.bot.config.test_settings import GOOD, settings

PAGES = {"en": Path("docs/incidents.md"), "ja": Path("docs/incidents.ja.md")}
WORDS = {" ".join(each.words): each for each in CATALOGUE if each.words[0] == "incident"}
INCIDENT = Incident("op-0123456789ab", "C0OPS", "502", "host-a", "ana", datetime(2026, 1, 31, tzinfo=UTC), number=3)
DECIDERS = {"en": "deciders", "ja": "対応者"}

both = pytest.mark.parametrize("page", [file.read_text(encoding="utf-8") for file in PAGES.values()], ids=PAGES)
each_language = pytest.mark.parametrize("language", PAGES)


def read_page(language: str) -> str:
    return PAGES[language].read_text(encoding="utf-8")


def read_table(page: str, heading: int) -> list[list[str]]:
    """The cells of the rows of a chapter's tables that begin with code."""
    chapter = page.split("\n## ")[heading]
    return [line.strip("| ").split(" | ") for line in chapter.splitlines() if line.startswith("| `")]


def find_words(cell: str) -> str:
    """The command in the first cell of a row, without arguments."""
    return re.split(r" (?=[\[\"])", cell.strip("`"))[0]


@both
def test_the_first_incident_is_understood(page: str) -> None:
    block = page.partition("```\n")[2].partition("```")[0]
    examples = [re.split(r" {2,}", line)[0] for line in block.splitlines()]
    assert 10 == len(examples)
    understood = [parse_operation(normalize_text(example), CATALOGUE, CATALOGUE) for example in examples]
    assert IncidentOpen is type(understood[0])
    assert acts.IncidentFollowUp is type(understood[-1])


PLACEHOLDERS: Mapping[str, str] = {
    "[target]": "host-a",
    "[HOSTS or ALERT]": "host-a",
    "[critical, high, medium, low]": "high",
    "add …": "add host-a",
    "PERSON": "alice",
    "NUMBER": "3",
    "ENTRY": "3",
    "DAY": "friday",
    "[": "",
    "]": "",
}
"""What people type in place of the words of the page."""

COMPLETE = {"incident open": 'incident open "502"', "incident invite": "incident invite alice"}
"""Commands that the page names without what they need."""


@both
def test_every_command_of_the_page_is_understood(page: str) -> None:
    typed = re.findall(r"`(incident [^`]+)`", page)
    for placeholder, example in PLACEHOLDERS.items():
        typed = [each.replace(placeholder, example) for each in typed]
    assert len(set(typed)) > 25
    for each in typed:
        parse_operation(normalize_text(COMPLETE.get(each, each)), CATALOGUE, CATALOGUE)


@each_language
def test_every_command_is_listed_with_those_who_may_run_it(language: str) -> None:
    listed = {find_words(cells[0]): cells[2] == DECIDERS[language] for cells in read_table(read_page(language), 1)}
    assert listed == {words: each.roles == DECIDER_ROLES for words, each in WORDS.items()}


def test_deciders_are_the_roles_that_the_pages_name() -> None:
    assert {Role.OPERATOR, Role.DEVELOPER, Role.ADMINISTRATOR, Role.SECURITY} == set(DECIDER_ROLES)


@both
def test_every_option_is_named_and_exists(page: str) -> None:
    arguments = [each for operation in WORDS.values() for each in list_arguments(operation)]
    options = {each.option for each in arguments if not isinstance(each.kind, Positional)} | {"--here"}
    named = set(re.findall(r"(?<![\w-])--[a-z-]*[a-z]", page))
    assert named - options == {"--until", "--dry-run"}  # of other commands
    assert options - named == set()


def test_commands_that_take_no_number_of_an_incident_as_an_option_are_those_that_the_pages_name() -> None:
    without = {words for words, each in WORDS.items() if "incident" not in each.model_fields}
    assert {"incident", "incident open", "incident show", "incident merge"} == without


@both
def test_the_example_is_a_configuration_and_names_every_key(page: str, tmp_path: Path) -> None:
    example = page.partition("```toml\n")[2].partition("```")[0]
    known = settings(tmp_path, GOOD + example.replace("tanaka", "ana")).incidents
    assert set(tomllib.loads(example)["incidents"]) == set(IncidentSettings.model_fields)
    assert (known.channel, known.announce, known.reaction) == ("C0123ABCD", "C0456EFGH", "memo")
    keys = [cells[0].strip("`") for cells in read_table(page, 11)][: len(IncidentSettings.model_fields)]
    assert list(IncidentSettings.model_fields) == keys


@both
def test_scopes_are_optional_ones(page: str) -> None:
    named = {scope for cells in read_table(page, 11) for scope in re.findall(r"`([a-z]+:[a-z]+)`", cells[0])}
    assert {"pins:write", "groups:write", "channels:manage", "reactions:read"} < named <= set(OPTIONAL_SCOPES)


@each_language
def test_reminders_have_their_severities_and_times(language: str) -> None:
    texts, page = get_texts(language, ZoneInfo("UTC")), read_page(language)
    for severity, period in quiet.QUIET_PERIODS.items():
        name = GRADE_NAMES[Grade.of(severity)].render(texts)
        row = next(line for line in page.splitlines() if line.startswith(f"| {name}"))
        assert f"{period // timedelta(minutes=1)} " in row.split(" | ")[1]
    assert set(Severity) - set(quiet.QUIET_PERIODS) == {Severity.LOW}


@each_language
def test_buttons_have_the_names_that_the_page_gives(language: str) -> None:
    texts, page = get_texts(language, ZoneInfo("UTC")), read_page(language)
    buttons = make_status_buttons(make_notice(INCIDENT, AlertCounts(), INCIDENT.opened_at), texts)
    names = [button["text"]["text"] for button in buttons]
    quotes = {"en": "*{}*", "ja": "「{}」"}[language]
    assert [] == [name for name in names if quotes.format(name) not in page]


@each_language
def test_an_update_is_announced_as_the_page_shows_it(language: str) -> None:
    texts, page = get_texts(language, ZoneInfo("UTC")), read_page(language)
    [typed] = re.findall(r'^incident update "([^"]+)"', page, re.MULTILINE)
    shown = describe_update(replace(INCIDENT, severity=Severity.HIGH), typed).render_sentence(texts)
    assert f"```\n{shown}\n```" in page


def test_both_pages_have_the_same_chapters_and_rows() -> None:
    marks = [re.findall(r"^(#+|\*|\d\.|\|) ", read_page(language), re.MULTILINE) for language in PAGES]
    assert marks[0] == marks[1]


SAID: Mapping[str, tuple[str, ...]] = {
    "en": (
        "resolved in the last 7 days",
        "the newest 1,000 entries",
        "in the last 7 days, up to 2,000 characters",
        "when the problem began, in the last 7 days",
        "at least 3 hosts within 5 minutes",
        "in the hour before the problem began",
        "start half an hour before it was opened",
        "at most every 10 seconds",
        "again within 5 minutes",
        "resolved** for 2 minutes",
        "begins 30 minutes before",
        "to their result, for a day",
        "after 2,000 characters",
        "5 minutes to 24 hours",
        "`incident later [30m]`",
        "After 30 min at critical",
        "30 min after the button",
        "becomes private within 5 minutes",
        "within the last hour",
    ),
    "ja": (
        "この 7 日間に解決",
        "最新の 1,000 件",
        "7 日前まで）に追加する。2,000 文字まで",
        "問題が始まった時刻。7 日前まで",
        "5 分以内に 3 台以上",
        "問題が始まる前の 1 時間",
        "の 30 分前からを対象",
        "10 秒に 1 回まで",
        "5 分以内に再び投稿",
        "解決**して 2 分",
        "の 30 分前から、解決まで",
        "1 日間追います",
        "2,000 文字で切られ",
        "5 分から 24 時間",
        "`incident later [30m]`",
        "緊急のまま 30 分",
        "時刻からも 30 分",
        "5 分以内に非公開",
        "解決から 1 時間以内",
    ),
}


@each_language
def test_numbers_are_those_of_the_code(language: str) -> None:
    """Whoever changes one finds its words here."""
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    assert (7 * day, 7 * day, 7 * day) == (registry.RECENT_PERIOD, acts.NOTE_PERIOD, SINCE_PERIOD)
    assert (1_000, 2_000) == (MAX_SHOWN_ENTRIES, acts.MAX_TEXT_LENGTH)
    assert (3, 5 * minute, hour) == (likely.MIN_STORM_HOSTS, likely.STORM_PERIOD, likely.CHANGE_PERIOD)
    assert (30 * minute, day) == (LOOKBACK_PERIOD, collector.SETTLING_PERIOD)
    assert (timedelta(seconds=10), 5 * minute) == (status.EDIT_INTERVAL, status.REFRESH_INTERVAL)
    assert (2 * minute, 5 * minute, hour) == (PROPOSAL_DELAY, registry.PRIVACY_CACHE, REPORT_PERIOD)
    assert (5 * minute, day, 30 * minute) == (acts.MIN_UPDATE_PERIOD, acts.MAX_UPDATE_PERIOD, acts.DEFAULT_DELAY)
    assert (30 * minute, 2, 2) == (quiet.OFFER_AFTER, quiet.LEAD_REMINDERS, quiet.IGNORED_OFFERS)
    assert 30 * minute == quiet.IGNORED_OFFERS * quiet.QUIET_PERIODS[Severity.CRITICAL]
    page = read_page(language).replace("\n", " ")
    assert [] == [each for each in SAID[language] if each not in page]
