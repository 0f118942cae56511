"""The pages of checks, in both languages, say what the code does: every finding, with its severity, words and limits."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import HostError
from adapters.phrase import Phrase
from bot.digests.reports.daily import CHART_DAYS
from bot.doctor.examination import CHECK_TIMEOUT
from bot.locale.texts import get_texts
from commands.certificates.assessment import (
    CA_EXPIRY_LIMITS,
    CA_WARNING_TIMES,
    HOST_EXPIRY_LIMITS,
    HOST_WARNING_TIMES,
    ExpiryLimits,
    judge_time_left,
)
from commands.certificates.reading import CLOCK_OFFSET_LIMIT
from commands.health.log_rotation import LOG_SUBJECT
from commands.health.updates import MAX_AGE, WINDOWS_SIDE, WSL_SIDE
from commands.model.finding import GRADE_NAMES, Grade
from commands.model.thresholds import Thresholds
from tests.findings_made import Made, findings_made

SECTIONS = {
    "health": {"commands/health/host_checks", "commands/health/wsl_checks"},
    "health --details": {"commands/health/log_rotation"},
    "service": {"commands/services/operations"},
    "peer": {"commands/gateways/peer_report"},
    "container": {"commands/containers/assessment"},
    "ipam": {"commands/containers/addresses"},
    "escalation": {"commands/gateways/escalation"},
    "route": {"commands/gateways/routes"},
    "cert": {
        "commands/certificates/assessment",
        "commands/certificates/further",
        "commands/certificates/rotation/states",
        "commands/certificates/reading",
    },
    "disk": {"commands/health/disks"},
    "update": {"commands/health/updates"},
    "gateway": {"commands/gateways/overview"},
    "gateway test": {"commands/gateways/configuration_tests"},
    "forwarding": {"commands/gateways/forwarding/assessment"},
    "host discover": {"commands/hosts/discover/comparison"},
    "host": {"commands/health/assessment"},
}
"""The chapter of each module that makes findings. What does not answer has one chapter for all of them."""

SILENCE = frozenset({"make_unanswered_checks", "merge_silent_sides"})

UNREAD = "make_unread_check"
"""What makes findings of what could not be read, all of the same severity and text."""

CONTAINER = re.compile(r"`container/[^`]*`")
"""Subject of one container, with its name in the language of the page."""

COMPUTED = {
    "commands/containers/assessment": {"container/…", "podman", "sync", "helper"},
    "commands/health/log_rotation": {LOG_SUBJECT},
    "commands/health/wsl_checks": set(),
    "commands/health/updates": {
        subject
        for side in (WINDOWS_SIDE, WSL_SIDE)
        for subject in (side.key, side.age_key.replace("_", "-"), f"{side.key}-restart")
    },
    "bot/doctor/examination": set(),
    "bot/doctor/host_checks": {"<side>.secret"}
    | {f"<side>.{kind.kind}" for kind in HostError.__subclasses__()}
    | {f"wsl.{part}" for part in ("podman", "bridge", "forwarding", "disks", "updates", "cni", "journal", "containers")},
}
"""Subjects that stand nowhere as they are; a part of `doctor` that cannot be used has its own name. Those of single
containers are alerts alone."""


@dataclass(frozen=True)
class Page:
    """One language."""

    language: str
    file: Path

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def chapter(self, name: str) -> str:
        return self.text.partition(f"\n## `{name}`")[2].partition("\n## ")[0]

    def rows(self, name: str) -> list[tuple[str, ...]]:
        """The rows of findings in a chapter: those that begin with a subject in backticks."""
        lines = re.findall(r"^\| (`.*) \|$", self.chapter(name), re.MULTILINE)
        named = [CONTAINER.sub("`container/…`", line) for line in lines]
        return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)) for line in named]

    def say(self, template: str) -> str:
        """A text of the bot's as it is shown here, with … for what it is about."""
        names = re.findall(r"{(\w+)}", template)
        return Phrase(template, **dict.fromkeys(names, "…")).render(get_texts(self.language, ZoneInfo("UTC")))

    def grave(self, severity: str) -> str:
        return GRADE_NAMES[Grade[severity]].render(get_texts(self.language, ZoneInfo("UTC")))


PAGES = (Page("en", Path("docs/checks.md")), Page("ja", Path("docs/checks.ja.md")))

both = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.language)

ALERTS_ALONE = "commands/alerts/watch"
"""What is found by the watch alone is in no answer. The page of alerts has it."""

REMARKS = [made for made in findings_made(Path("commands").rglob("*.py"), {"Remark": 0}) if made.module != ALERTS_ALONE]
DOCTOR = findings_made(Path("bot/doctor").glob("*.py"), {"make_problem": 1, "make_unknown": 1})


def subjects(rows: Iterable[tuple[str, ...]]) -> set[str]:
    return {subject for row in rows for subject in re.findall(r"`([^`]+)`", row[0])}


def chapter_of(made: Made) -> str:
    if made.maker in SILENCE:
        return "host"
    return next(name for name, modules in SECTIONS.items() if made.module in modules)


def test_every_module_that_makes_findings_has_a_chapter() -> None:
    assert {module for modules in SECTIONS.values() for module in modules} == {made.module for made in REMARKS}
    assert set(COMPUTED) == {made.module for made in (*REMARKS, *DOCTOR) if made.computed}


@both
@pytest.mark.parametrize("chapter", SECTIONS)
def test_a_chapter_names_the_subjects_that_are_made_and_no_others(page: Page, chapter: str) -> None:
    here = [made for made in REMARKS if chapter_of(made) == chapter]
    computed = {subject for module in SECTIONS[chapter] for subject in COMPUTED.get(module, ())}
    made = {made.subject for made in here if not made.computed} | computed
    assert made == subjects(page.rows(chapter))


@both
@pytest.mark.parametrize("made", REMARKS, ids=lambda made: f"{made.module}:{made.line}")
def test_every_finding_has_a_row_with_its_words_and_severity(page: Page, made: Made) -> None:
    words = [page.say(text) for text in made.texts]
    severities = [page.grave(severity) for severity in made.severities]
    if made.maker == UNREAD:
        words, severities = [*words, page.say("unavailable")], [page.grave("MEDIUM")]
    fitting = [
        row
        for row in page.rows(chapter_of(made))
        if (made.computed or made.subject in subjects([row]))
        and all(word in row[0] for word in words)
        and all(severity in row[1] for severity in severities)
    ]
    assert fitting, (made.subject, words, severities)
    assert all(len(row) == 4 and all(row) for row in fitting)


@both
def test_what_doctor_finds_is_named_with_a_remedy(page: Page) -> None:
    written = {made.subject for made in DOCTOR if not made.computed}
    rows = page.rows("doctor")
    assert written | COMPUTED["bot/doctor/host_checks"] | COMPUTED["bot/doctor/host_checks"] == subjects(rows)
    assert all(len(row) == 4 and all(row) for row in rows)


@both
def test_what_a_digest_finds_by_itself_is_named(page: Page) -> None:
    found = set(
        re.findall(r'Finding\(.*subject="([\w-]+)"', Path("bot/digests/reports/daily.py").read_text(encoding="utf-8"))
    )
    assert {"audit"} == found == subjects(page.rows("digest"))


@both
def test_limits_are_those_of_the_code(page: Page) -> None:
    usual = {name: f"{field.default:g}" for name, field in Thresholds.model_fields.items()}
    assert usual == dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", page.text, re.MULTILINE))


@both
def test_days_left_are_as_grave_as_the_code_has_it(page: Page) -> None:
    limits = {limit.days for limit, _ in (*HOST_EXPIRY_LIMITS, *CA_EXPIRY_LIMITS)} | {0}
    expected = [
        (str(n), _grave(n, HOST_EXPIRY_LIMITS, page.grave), _grave(n, CA_EXPIRY_LIMITS, page.grave)) for n in sorted(limits)
    ]
    assert expected == re.findall(r"^\| (\d+) \| (\S+) \| (\S+) \|$", page.text, re.MULTILINE)


def _grave(days: int, limits: ExpiryLimits, say: Callable[[str], str]) -> str:
    severity = judge_time_left(timedelta(days=days), limits)
    return "–" if severity is None else say(severity.name)


SENTENCES = {
    "en": (
        f"fresh for {MAX_AGE.days} days",
        f"(in `cert`: {CLOCK_OFFSET_LIMIT:g}",
        f"each host over {CHART_DAYS} days",
        f"within {CHECK_TIMEOUT:g} seconds",
    ),
    "ja": (
        f"{MAX_AGE.days} 日以内なら新しい",
        f"（`cert` では {CLOCK_OFFSET_LIMIT:g}",
        f"ホストごとに {CHART_DAYS} 日分",
        f"{CHECK_TIMEOUT:g} 秒以内",
    ),
}


@both
def test_other_numbers_are_those_of_the_code(page: Page) -> None:
    listed = {
        "en": (_days(HOST_WARNING_TIMES, ", ", " and "), _days(CA_WARNING_TIMES, ", ", " and ")),
        "ja": (_days(HOST_WARNING_TIMES, "、", "、"), _days(CA_WARNING_TIMES, "、", "、")),
    }
    assert [] == [each for each in (*SENTENCES[page.language], *listed[page.language]) if each not in page.text]


def _days(limits: Iterable[timedelta], comma: str, last: str) -> str:
    """The widest first."""
    days = [str(limit.days) for limit in sorted(limits, reverse=True)]
    return last.join((comma.join(days[:-1]), days[-1]))
