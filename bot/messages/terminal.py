"""Answers in a terminal: a table where it fits, a list where the terminal is narrow, then what was found.

Every piece is a `Text` of one clean line, so neither rich's markup nor an escape code can come
from a host. Colour only repeats what signs and words say already.
"""

from collections.abc import Callable, Sequence

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapters.phrase import Phrase, Texts
from bot.messages.foreign import one_line
from bot.messages.sheet import Field, Line, Sheet, sheet
from bot.messages.words import DID_YOU_MEAN, FAILURES, NEXT, SIGNS, marked
from bot.request import Answer, Failure
from commands.findings import Severity
from commands.report import Mark, Report

_SEVERITIES: dict[Severity | None, str] = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    None: "green",
}
_MARKS = {Mark.WELL: "green", Mark.BAD: "red", Mark.UNKNOWN: "yellow", Mark.ABSENT: "dim", Mark.PLAIN: ""}
_ANY_WIDTH = 10_000


def print_answer(console: Console, answer: Answer, texts: Texts) -> None:
    """Print an answer; where all is well, one line."""
    match answer.body:
        case Failure() as failure:
            _print_failure(console, failure, answer.understood, texts)
        case Report() as report:
            _print_report(console, report, texts)


def _print_report(console: Console, report: Report, texts: Texts) -> None:
    shown = sheet(report, texts)
    console.print(_text(shown.summary, f"bold {_SEVERITIES[shown.worst]}" if shown.judged else "bold"))
    if any(line.fields for line in shown.lines):
        _print_lines(console, shown, texts)
    for line in shown.lines:
        _print_findings(console, line)
    known = {words for line in shown.lines for words in line.next}
    _print_commands(console, NEXT, [words for words in report.next if words not in known], texts)


def _print_lines(console: Console, shown: Sheet, texts: Texts) -> None:
    """The widest form that fits: a table in words, a table in which only what is bad speaks, paragraphs."""
    for cell in (_in_words, _in_signs):
        table = _table(shown, cell, texts)
        if console.measure(table, options=console.options.update(max_width=_ANY_WIDTH)).maximum <= console.width:
            console.print(Padding(table, (1, 0), expand=False))
            return
    for line in shown.lines:
        _print_paragraph(console, line)


def _table(shown: Sheet, cell: Callable[[Field], Text], texts: Texts) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    states = [Phrase("State").render(texts)] if shown.judged else []
    for heading in (shown.subject, *states, *shown.headings):
        table.add_column(_text(heading))
    for line in shown.lines:
        state = [_state(line)] if shown.judged else []
        table.add_row(_text(line.name, "bold"), *state, *map(cell, line.fields))
    return table


def _in_words(field: Field) -> Text:
    return _text(f"{SIGNS[field.mark]} {field.text}", _MARKS[field.mark])


def _in_signs(field: Field) -> Text:
    speaks = field.mark in (Mark.BAD, Mark.PLAIN)
    return _in_words(field) if speaks else _text(SIGNS[field.mark], _MARKS[field.mark])


def _print_paragraph(console: Console, line: Line) -> None:
    """A line of the table, where the terminal is too narrow for it."""
    console.print(_text(line.name, "bold"), _state(line))
    cells = [_text(f"{SIGNS[field.mark]} {field.heading}: {field.text}", _MARKS[field.mark]) for field in line.fields]
    console.print(Padding.indent(Columns(cells, padding=(0, 2)), 2))


def _print_findings(console: Console, line: Line) -> None:
    """Why a host needs somebody, and what to type."""
    for why in line.whys:
        console.print(_text(f"{line.name}:", f"bold {_SEVERITIES[line.severity]}"), _text(why))
    for words in line.next:
        _print_command(console, words)


def _print_failure(console: Console, failure: Failure, understood: str, texts: Texts) -> None:
    console.print(_text(f"{FAILURES[failure.kind].render(texts)}:", "bold red"), _text(failure.phrase.render(texts)))
    if failure.span is not None:
        before, wrong, after = marked(understood, failure.span)
        read = Text(" ").join([_text(before), _text(f"▸ {wrong or '?'} ◂", "bold red"), _text(after)])
        console.print(Padding.indent(read, 2))
    _print_commands(console, DID_YOU_MEAN, failure.suggestions, texts)


def _print_commands(console: Console, label: Phrase, commands: Sequence[str], texts: Texts) -> None:
    if commands:
        console.print(_text(label.render(texts)))
    for words in commands:
        _print_command(console, words)


def _print_command(console: Console, words: str) -> None:
    console.print(Padding.indent(_text(words, "bold blue"), 2))


def _state(line: Line) -> Text:
    return _text(line.state, _SEVERITIES[line.severity])


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style)
