"""Renders answers as Markdown (CommonMark with GitHub's tables): a whole report in one file, for later readers. Pure.

    # Monthly report 2026-02                              the title
    the summary
    `/flatnet report monthly` · 2026-03-01 09:10 JST      the command as parsed, and the time of reading
    ## Changes                                            news, and all sections that are no table
    - 12 done
    ## What needs somebody                                findings, equal ones together
    - **host-b** high: why → `/flatnet update host-b`
    ## Hosts                                              a table with a line for each

Untrusted text is escaped: it has no markup, no link and no second line.
"""

import re
from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase, Texts
from bot.model.request import Answer
from bot.rendering.labels import COMMAND, SIGNS
from bot.rendering.report_text import Field, Line, Sheet, alike, sheet
from bot.security.untrusted_text import one_line
from commands.model.chart import alt_text
from commands.model.report import Report, Section

_SUGGESTED = 3
"""Maximum number of commands after one reason."""

_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~&@]|^[#+-]|:(?=//)|(?<=www)\.")
"""Characters that could start emphasis, code, HTML, a cell, a heading, a list or a link (addresses link by themselves)."""

_NUMBERED = re.compile(r"^(\d+)([.)])(?= |$)")
"""Beginning of a line that could become a numbered list."""


def as_markdown(answer: Answer, texts: Texts) -> str:
    """Renders the whole report of an answer; "" if there is none."""
    report = answer.body
    if not isinstance(report, Report):
        return ""
    shown = sheet(report.model_copy(update={"brief": False}), texts)
    news = () if report.news is None else (report.news,)
    parts = [
        [f"# {plain(shown.title)}"],
        [plain(shown.summary)],
        [_origin(answer, report, texts)],
        *(_section(section, texts) for section in (*news, *report.sections)),
        [] if report.chart is None else [plain(alt_text(report.chart).render_sentence(texts))],
        _findings(shown, texts),
        _table(shown, texts),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Escapes a text to one line that every Markdown renderer shows as plain text."""
    return _NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", one_line(text)))


def _origin(answer: Answer, report: Report, texts: Texts) -> str:
    words = _code(f"{COMMAND} {answer.understood}")
    return words if report.taken_at is None else f"{words} · {texts.moment(report.taken_at)}"


def _code(text: str) -> str:
    """Renders a code span. Backticks are replaced, because they would end it."""
    return f"`{one_line(text).replace('`', chr(39))}`"


def _section(section: Section, texts: Texts) -> list[str]:
    lines = [f"- {plain(line.render_sentence(texts))}" for line in section.lines]
    return [f"## {plain(section.heading.render_sentence(texts))}", "", *lines] if lines else []


def _findings(shown: Sheet, texts: Texts) -> list[str]:
    same = alike((line for line in shown.lines if line.whys), lambda line: (line.state, line.whys))
    rows = [row for lines in same for row in _found(lines, texts)]
    return [f"## {plain(Phrase('What needs somebody').render(texts))}", "", *rows] if rows else []


def _found(lines: Sequence[Line], texts: Texts) -> Iterator[str]:
    """Yields the lines for hosts with the same findings: names, reasons and commands."""
    first = lines[0]
    names = texts.series([plain(line.name) for line in lines])
    typed = [_code(f"{COMMAND} {words}") for line in lines for words in line.next][:_SUGGESTED]
    after = f" → {' '.join(typed)}" if typed else ""
    head = f"- **{names}** {plain(first.state)}".rstrip()
    if len(first.whys) == 1:
        yield f"{head}: {plain(first.whys[0])}{after}"
        return
    yield f"{head}{after}"
    for why in first.whys:
        yield f"  - {plain(why)}"


def _table(shown: Sheet, texts: Texts) -> list[str]:
    lines = [line for line in shown.lines if line.fields]
    if not lines:
        return []
    states = [Phrase("State").render(texts)] if shown.judged else []
    head = [shown.subject, *states, *shown.headings]
    rows = [[line.name, *([line.state] if shown.judged else []), *map(_cell, line.fields)] for line in lines]
    ruler = f"|{' --- |' * len(head)}"
    return [f"## {plain(Phrase('Each by itself').render(texts))}", "", _row(head), ruler, *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(plain, cells))} |"


def _cell(field: Field) -> str:
    """Renders a cell with its sign, so that its mark is not lost."""
    return f"{SIGNS[field.mark]} {field.text}".strip()
