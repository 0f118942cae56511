"""Answers as data, for programs: `do --json` and `do --csv`.

JSON is one document; every key is always present. `text`, `title`, `summary`, `heading`, `lines`, `why`, `what`,
`ask` and `message` are in the reader's language; everything else is the same in every language:

    operation    the operation's id, in the audit log too
    understood   the command in its canonical form
    exit         well | findings | usage | refused | not_reached | internal
    taken_at     when the hosts were read, ISO 8601 in UTC, or null
    report       null after a failure or a change, else
        title, summary
        news      {heading, lines}: changes since the last such report, or null
        columns   [{key, heading}]
        rows      [{host, severity, cells: {key: {value, mark, text}}}]   worst first; host "" if it is about none
        findings  [{severity, host, subject, why, next, reached, ask, checked_at, cause}]    worst first
        sections  [{heading, lines}]: everything that is no table
        lines     [{host, source, at, level, text}]: lines of logs, oldest first, `at` in UTC or null
        notes     [text]: notes on these lines
        unreached [host]
        next      [words]
        chart     null, or days [ISO 8601], hosts [{host, days: [null or {well, troubled, unreached}]}] with one for each
                  day, certificates [{name, authority, days}]; of an incident began, ended, lanes [{host, spans
                  [{began, ended, state}], marks [{at, kind}]}], milestones [{milestone, at}]
        document  null, or the same with a schema of its own: the report of an incident (docs/incident-report.md)
    change       null unless it is about one, else the document of `bot.changes.text.details`
    failure      null after a report or a change, else
        kind      usage | refused | internal
        message
        span      [start, end] in `understood`, or null
        suggestions [words]
        reference ties an unexpected error to the log, or null

`severity` is critical | high | medium | low | null; `mark` is well | bad | unknown | absent | plain.

CSV (RFC 4180, UTF-8) is the report's table: `host`, then one column for each key, values as in JSON. An empty value is
written as unknown or absent. A change is a table of its steps; a failure is the table `failure,message,reference`. Text that
a spreadsheet would run as a formula gets an apostrophe.

Files of an answer, in the reader's language. Pure.

Archives are packed at the very end (`pack_bundle`). Until then their members are texts, from which secrets are redacted like
from any other text.
"""

import csv
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any

from adapters.phrase import Texts
from bot.answers.markdown import render_markdown
from bot.changes.text import details as change_data
from bot.logs.slack import lines as log_lines
from bot.model.change import Change
from bot.model.request import Answer, Failure
from bot.rendering.report_text import get_cell_text
from bot.security.untrusted_text import to_one_line
from commands.log_lines.excerpt import PAGE_LINES
from commands.log_lines.lines import LogLine
from commands.model.finding import Finding
from commands.model.report import Bundle, Cell, Column, FileFormat, Mark, Report, ReportFile, Row, Section, TextFile

_UNSAFE_CHARACTERS = re.compile(r"[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""Characters that JSON may carry raw, but that would manipulate a terminal or cannot be encoded as UTF-8."""

_FORMULA_PREFIXES = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""First characters of a formula in a spreadsheet (OWASP, CSV injection). Tab and CR are removed before."""

LINE_COLUMNS = ("at", "host", "source", "level", "text")
"""Columns of the table of log lines."""

Scalar = str | int | float | bool | None


def render_json(answer: Answer, texts: Texts) -> str:
    """Renders an answer as JSON that is safe to print."""
    report = answer.body.initial if isinstance(answer.body, Report) else None
    failure = answer.body if isinstance(answer.body, Failure) else None
    document = {
        "operation": answer.operation,
        "understood": answer.understood,
        "exit": answer.exit_code.name.lower(),
        "taken_at": report.taken_at.astimezone(UTC).isoformat() if report and report.taken_at else None,
        "report": report and _build_report(report, texts),
        "change": change_data.build_document(answer.body, texts) if isinstance(answer.body, Change) else None,
        "failure": failure and _build_failure(failure, texts),
    }
    return _format_json(document)


def render_document(answer: Answer) -> str:
    """Renders the document of a report as JSON that is safe to print; "" if it has none."""
    report = answer.body
    return _format_json(report.document) if isinstance(report, Report) and report.document is not None else ""


def _format_json(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    return _UNSAFE_CHARACTERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def render_csv(answer: Answer, texts: Texts) -> str:
    """Renders an answer as CSV with a header line: the table as it is shown at first. Lines end with CRLF."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    match answer.body:
        case Failure() as failure:
            writer.writerow(("failure", "message", "reference"))
            writer.writerow(_escape_values((failure.kind, failure.phrase.render(texts), failure.reference or "")))
        case Change() as change:
            writer.writerow(change_data.STEP_COLUMNS)
            for step in change_data.build_steps(change, texts):
                writer.writerow(_escape_values(step[key] for key in change_data.STEP_COLUMNS))
        case Report(excerpt=excerpt) if excerpt is not None:
            writer.writerow(LINE_COLUMNS)
            for line in excerpt.lines:
                fields = _build_line(line)
                writer.writerow(_escape_values(fields[key] for key in LINE_COLUMNS))
        case Report(initial=report):
            keys = [column.key for column in report.columns]
            host_is_a_column = "host" in keys
            writer.writerow(keys if host_is_a_column else ["host", *keys])
            for row in report.rows:
                values = [_get_value_or_mark(cell) for cell in row.cells]
                writer.writerow(_escape_values(values if host_is_a_column else [row.host, *values]))
    return table.getvalue()


def _build_report(report: Report, texts: Texts) -> dict[str, Any]:
    return {
        "title": report.title.render(texts),
        "summary": report.summary.render(texts),
        "news": None if report.news is None else _build_section(report.news, texts),
        "columns": [{"key": column.key, "heading": column.heading.render(texts)} for column in report.columns],
        "rows": [_build_row(row, report.columns, texts) for row in report.rows],
        "findings": [_build_finding(finding, texts) for finding in report.findings],
        "sections": [_build_section(section, texts) for section in report.sections],
        "unreached": list(report.unreached_hosts),
        "next": list(report.next),
        "lines": [] if report.excerpt is None else [_build_line(line) for line in report.excerpt.lines],
        "notes": [] if report.excerpt is None else [note.render(texts) for note in report.excerpt.notes],
        "chart": report.chart and report.chart.model_dump(mode="json"),
        "document": report.document,
    }


def _build_line(line: LogLine) -> dict[str, Any]:
    return line.model_dump(mode="json", exclude={"order", "part_of"})


def _build_section(section: Section, texts: Texts) -> dict[str, Any]:
    return {"heading": section.heading.render(texts), "lines": [line.render(texts) for line in section.lines]}


def _build_row(row: Row, columns: Iterable[Column], texts: Texts) -> dict[str, Any]:
    cells = {
        column.key: {"value": _get_value(cell), "mark": cell.mark, "text": get_cell_text(cell, texts)}
        for column, cell in zip(columns, row.cells, strict=True)
    }
    return {"host": row.host, "severity": row.severity, "cells": cells}


def _build_finding(finding: Finding, texts: Texts) -> dict[str, Any]:
    asked = None if finding.ask is None else finding.ask.render(texts)
    known = finding.model_dump(mode="json", exclude={"parts", "short"})
    return {**known, "why": finding.why.render(texts), "ask": asked}


def _build_failure(failure: Failure, texts: Texts) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "message": failure.phrase.render(texts),
        "span": failure.span,
        "suggestions": list(failure.suggestions),
        "reference": failure.reference,
    }


def _get_value(cell: Cell) -> Scalar:
    """Returns the value of a cell; None for a number that JSON cannot represent."""
    return None if isinstance(cell.value, float) and not math.isfinite(cell.value) else cell.value


def _get_value_or_mark(cell: Cell) -> Scalar:
    value = _get_value(cell)
    return str(cell.mark) if value is None and cell.mark in (Mark.UNKNOWN, Mark.ABSENT) else value


def _escape_values(values: Iterable[Scalar]) -> list[str]:
    """Escapes values, so that neither a spreadsheet nor a terminal interprets them."""
    return [
        "" if value is None else _escape_formula(value) if isinstance(value, str) else json.dumps(value) for value in values
    ]


def _escape_formula(value: str) -> str:
    line = to_one_line(value)
    return f"'{line}" if line.startswith(_FORMULA_PREFIXES) else line


MEMBER_TIME = (2026, 1, 1, 0, 0, 0)
"""Time of every member of an archive, so that equal contents give equal bytes. The contents have their own times."""


def write_files(answer: Answer, texts: Texts) -> tuple[TextFile | Bundle, ...]:
    """Writes the requested files, in order, including the members of bundles. Returns () if no file was requested."""
    if not isinstance(answer.body, Report):
        return ()
    return tuple(_write_file(each, answer, texts) for each in answer.body.files)


def write_public_files(answer: Answer, texts: Texts) -> tuple[TextFile | Bundle, ...]:
    """Writes the files of an answer in a channel: the requested ones, or all its lines if the message has no room for them.

    The file of lines has a name of its own, by which an interrupted upload is recognized.
    """
    files, report = write_files(answer, texts), answer.body
    if files or not isinstance(report, Report) or report.excerpt is None or len(report.excerpt.lines) <= PAGE_LINES:
        return files
    return (TextFile(name=f"flatnet-{answer.operation}-all.txt", text=log_lines.render_file(answer, texts)),)


def remove_files(answer: Answer) -> Answer:
    """Returns the answer without its files, and without the document that one of them contains."""
    if not isinstance(answer.body, Report):
        return answer
    return answer.model_copy(update={"body": answer.body.model_copy(update={"files": (), "document": None})})


def pack_bundle(bundle: Bundle, clean: Callable[[str], str]) -> bytes:
    """Packs a bundle with written members as a ZIP archive; `clean` redacts secrets in each text."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in bundle.members:
            assert isinstance(member, TextFile)
            info = zipfile.ZipInfo(member.name, MEMBER_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, clean(member.text))
    return content.getvalue()


def _write_file(each: TextFile | ReportFile | Bundle, answer: Answer, texts: Texts) -> TextFile | Bundle:
    match each:
        case TextFile():
            return each
        case ReportFile():
            return _write_copy(each, answer, texts)
        case Bundle(name=name, members=members):
            made = tuple(
                member if isinstance(member, TextFile) else _write_copy(member, answer, texts) for member in members
            )
            return Bundle(name=name, members=made)


def _write_copy(copy: ReportFile, answer: Answer, texts: Texts) -> TextFile:
    if copy.of is not None:
        answer = answer.model_copy(update={"body": copy.of, "understood": copy.words or answer.understood})
    match copy.form:
        case FileFormat.MARKDOWN:
            return TextFile(name=copy.name, text=render_markdown(answer, texts))
        case FileFormat.CSV:
            return TextFile(name=copy.name, text=render_csv(answer, texts))
        case FileFormat.LINES:
            return TextFile(name=copy.name, text=log_lines.render_file(answer, texts))
        case FileFormat.JSON:
            return TextFile(name=copy.name, text=render_document(answer))
