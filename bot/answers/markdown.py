"""Renders answers as Markdown (CommonMark with GitHub's tables): a whole report in one file, for later readers. Pure.

    # Monthly report 2026-02                              the title
    the summary
    `/flatnet report monthly` · 2026-03-01 09:10 JST      the command as parsed, and the time of reading
    ## Changes                                            news, and all sections that are no table
    - 12 done
    ## Needs attention                                    findings, equal ones together
    - **host-b** high: why → `/flatnet update host-b`
    ## All entries                                        a table with a line for each

Untrusted text is escaped: it has no markup, no link and no second line.
"""

import re
from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase, Texts
from bot.model.request import Answer
from bot.rendering.report_text import ReportField, ReportLine, ReportText, build_report_text, group_lines, list_commands
from bot.rendering.text import COMMAND, MARK_SIGNS
from bot.security.untrusted_text import to_one_line
from commands.model.lanes import describe_drawing
from commands.model.report import Report, Section

_MAX_COMMANDS = 3
"""Maximum number of commands after one reason."""

_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~&@]|^[#+-]|:(?=//)|(?<=www)\.")
"""Characters that could start emphasis, code, HTML, a cell, a heading, a list or a link (addresses link by themselves)."""

_LIST_NUMBER = re.compile(r"^(\d+)([.)])(?= |$)")
"""Beginning of a line that could become a numbered list."""


def render_markdown(answer: Answer, texts: Texts) -> str:
    """Renders the whole report of an answer; "" if there is none."""
    report = answer.body
    if not isinstance(report, Report):
        return ""
    shown = build_report_text(report.model_copy(update={"brief": False}), texts)
    news = () if report.news is None else (report.news,)
    parts = [
        [f"# {escape_markdown(shown.title)}"],
        [escape_markdown(shown.summary)],
        [_render_origin(answer, report, texts)],
        *(_render_section(section, texts) for section in (*news, *report.sections)),
        [] if report.chart is None else [escape_markdown(describe_drawing(report.chart).render_sentence(texts))],
        _render_findings(shown, texts),
        _render_table(shown, texts),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def escape_markdown(text: str) -> str:
    """Escapes a text to one line that every Markdown renderer shows as plain text."""
    return _LIST_NUMBER.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", to_one_line(text)))


def _render_origin(answer: Answer, report: Report, texts: Texts) -> str:
    words = _render_code(f"{COMMAND} {answer.understood}")
    return words if report.taken_at is None else f"{words} · {texts.moment(report.taken_at)}"


def _render_code(text: str) -> str:
    """Renders a code span. Backticks are replaced, because they would end it."""
    return f"`{to_one_line(text).replace('`', chr(39))}`"


def _render_section(section: Section, texts: Texts) -> list[str]:
    lines = [
        f"- {_render_code(line.render(texts)) if section.code else escape_markdown(line.render_sentence(texts))}"
        for line in section.lines
    ]
    return [f"## {escape_markdown(section.heading.render_sentence(texts))}", "", *lines] if lines else []


def _render_findings(shown: ReportText, texts: Texts) -> list[str]:
    same = group_lines((line for line in shown.lines if line.reasons), lambda line: (line.state, line.reasons))
    rows = [row for lines in same for row in _render_finding_group(lines, texts)]
    return [f"## {escape_markdown(Phrase('Needs attention').render(texts))}", "", *rows] if rows else []


def _render_finding_group(lines: Sequence[ReportLine], texts: Texts) -> Iterator[str]:
    """Yields the lines for hosts with the same findings: names, reasons and commands."""
    first = lines[0]
    names = texts.series([escape_markdown(line.name) for line in lines])
    typed = [_render_code(f"{COMMAND} {words}") for words in list_commands(lines, _MAX_COMMANDS)]
    asks = list(dict.fromkeys(escape_markdown(ask) for line in lines for ask in line.asks))[:_MAX_COMMANDS]
    after = "".join(f" → {each}" for each in [*([" ".join(typed)] if typed else []), *asks])
    head = f"- **{names}** {escape_markdown(first.state)}".rstrip()
    if len(first.reasons) == 1:
        yield f"{head}: {escape_markdown(first.reasons[0])}{after}"
        return
    yield f"{head}{after}"
    for why in first.reasons:
        yield f"  - {escape_markdown(why)}"


def _render_table(shown: ReportText, texts: Texts) -> list[str]:
    lines = [line for line in shown.lines if line.fields]
    if not lines:
        return []
    states = [Phrase("State").render(texts)] if shown.judged else []
    head = [shown.subject, *states, *shown.headings]
    rows = [[line.name, *([line.state] if shown.judged else []), *map(_render_cell, line.fields)] for line in lines]
    ruler = f"|{' --- |' * len(head)}"
    return [
        f"## {escape_markdown(Phrase('All entries').render(texts))}",
        "",
        _render_row(head),
        ruler,
        *map(_render_row, rows),
    ]


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escape_markdown, cells))} |"


def _render_cell(field: ReportField) -> str:
    """Renders a cell with its sign, so that its mark is not lost."""
    return f"{MARK_SIGNS[field.mark]} {field.text}".strip()
