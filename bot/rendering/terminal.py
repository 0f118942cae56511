"""Prints answers in a terminal: the summary, one line for each host, then findings and commands to type.

    1 of 2 hosts needs attention: host-b Nebula stopped

    Host    State     Nebula     Gateway  API  Containers  Bridge  Forwarding
    ─────────────────────────────────────────────────────────────────────────
    host-b  critical  ✗ stopped  ✓        ✓    ✓           ✓       ✓
    host-a  well      ✓          ✓        ✓    ✓           ✓       ✓

    host-b: the service Nebula is stopped  → service start nebula host-b

Facts on one thing are a list in two columns.

Every piece is a `Text` of one clean line, so a host cannot inject rich's markup or an escape code. Color only repeats the
signs and words.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from adapters.phrase import Phrase, Texts
from bot.model.change import Change, State
from bot.model.request import Answer, Failure
from bot.rendering import change_facts as facts
from bot.rendering import change_progress as course
from bot.rendering.change_facts import Fact
from bot.rendering.change_progress import Leg, Stage
from bot.rendering.labels import COMMAND, FAILURES, NEXT, SIGNS, marked, offering, onward
from bot.rendering.report_text import Field, Line, Sheet, alike, sheet
from bot.rendering.slack import change_buttons as decisions
from bot.rendering.text_width import GAP, flowed, narrowed, table_line, taken, widths, wrapped
from bot.security.untrusted_text import lines_of, one_line
from commands.loglines.excerpt import Excerpt
from commands.logs.text_file import as_text
from commands.model.chart import alt_text
from commands.model.finding import Severity
from commands.model.report import File, Mark, Report, Section

_SEVERITIES: dict[Severity | None, str] = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    None: "green",
}
_MARKS = {Mark.WELL: "green", Mark.BAD: "red", Mark.UNKNOWN: "yellow", Mark.ABSENT: "dim", Mark.PLAIN: ""}
_STATES = {
    State.PLANNED: "",
    State.WAITING: "yellow",
    State.READY: "cyan",
    State.RUNNING: "cyan",
    State.DONE: "green",
    State.UNDONE: "yellow",
    State.FAILED: "red",
    State.UNKNOWN: "red",
    State.CLOSED: "yellow",
}
_STAGES = {
    Stage.RUNNING: "cyan",
    Stage.DONE: "green",
    Stage.UNCHANGED: "green",
    Stage.FAILED: "red",
    Stage.UNREACHABLE: "red",
    Stage.UNKNOWN: "yellow",
    Stage.UNDONE: "yellow",
}
_COMMAND = "bold cyan"
_SUGGESTED = 3
"""Maximum number of commands after one reason."""
_FOLD, _DEEP = 12, 3
"""Minimum width of a folded column, and maximum lines of a folded row."""
_NARROWEST = 20
"""Minimum width; a narrower terminal breaks the lines itself."""

Rows = Sequence[Sequence[Text]]


def print_answer(console: Console, answer: Answer, texts: Texts) -> None:
    """Prints an answer; a healthy fleet takes one line."""
    match answer.body:
        case Failure() as failure:
            _print_failure(console, failure, answer.understood, texts)
        case Change() as change:
            _print_change(console, change, texts)
        case Report() as report:
            _print_report(console, report, texts)


def _print_report(console: Console, report: Report, texts: Texts) -> None:
    shown = sheet(report, texts)
    _print(console, [_text(shown.summary, f"bold {_SEVERITIES[shown.worst]}" if shown.judged else "bold")])
    if report.channel is not None and report.channel.name:
        _print(console, [_text(onward(f"#{report.channel.name}").render(texts))])
    if report.news is not None:
        _print_section(console, report.news, texts)
    if shown.facts:
        _print_known(console, [(line.name, line.fields[0]) for line in shown.lines if line.fields])
    elif any(line.fields for line in shown.lines):
        _print_lines(console, shown, texts)
    for lines in alike(shown.lines, lambda line: (line.state, line.whys)):
        _print_findings(console, lines, texts)
    for section in report.sections:
        _print_section(console, section, texts)
    if report.excerpt is not None:
        _print_excerpt(console, report.excerpt, texts)
    if report.chart is not None:
        if shown.lines or report.sections:
            _put(console, Text())
        _print(console, [_text(alt_text(report.chart).render_sentence(texts))])
    for file in report.files:
        if isinstance(file, File):  # a copy repeats the report above
            for line in lines_of(file.text).splitlines():
                _put(console, Text(line))
    known = {words for line in shown.lines for words in line.next}
    _print_commands(console, NEXT, [words for words in report.first.next if words not in known], texts)


def _print_excerpt(console: Console, excerpt: Excerpt, texts: Texts) -> None:
    """Prints every log line as in the file, and the notes on them."""
    for line in lines_of(as_text(excerpt.lines, (), texts, texts.zone)).splitlines():
        _put(console, Text(line))
    for note in excerpt.notes:
        _print(console, [_text(note.render_sentence(texts), "dim")])


def _print_lines(console: Console, shown: Sheet, texts: Texts) -> None:
    """Prints the fullest form that fits: a table in words, a table with words only for bad cells, or paragraphs."""
    for form in (_in_words, _in_signs):
        rows = _rows(shown, form, texts)
        if taken(widths(rows)) <= console.width:
            _print_table(console, rows, widths(rows))
            return
    columns = narrowed(widths(rows), console.width, kept=2) if shown.judged and not shown.detailed else None
    if columns is not None:
        _print_table(console, rows, columns)
        return
    folded = None if shown.judged else _folded(rows, console.width)
    if folded is not None:
        _print_table(console, *folded)
        return
    _put(console, Text())
    for line in shown.lines:
        _print_paragraph(console, line, _in_signs if shown.judged and not shown.detailed else _in_words)
    _put(console, Text())


def _rows(shown: Sheet, form: Callable[[Field], Text], texts: Texts) -> Rows:
    """Builds the header of the table, and its lines."""
    states = [Phrase("State").render(texts)] if shown.judged else []
    head = [_text(heading) for heading in (shown.subject, *states, *shown.headings)]
    return [head, *(_row(line, shown.judged, form, len(shown.headings)) for line in shown.lines)]


def _row(line: Line, judged: bool, form: Callable[[Field], Text], width: int) -> list[Text]:
    cells = [_text(line.name, "bold"), *([_state(line)] if judged else []), *map(form, line.fields)]
    return cells + [Text()] * (width - len(line.fields))


def _folded(rows: Rows, width: int) -> tuple[Rows, Sequence[int]] | None:
    """Folds the widest cells onto further lines until the table fits; None if the columns would become too narrow."""
    needed = widths(rows)
    columns = narrowed(needed, width, kept=0)
    if columns is None or any(has < min(needs, _FOLD) for has, needs in zip(columns, needed, strict=True)):
        return None
    lines: list[Sequence[Text]] = []
    for row in rows:
        cells = [wrapped(cell, room) for cell, room in zip(row, columns, strict=True)]
        if max(map(len, cells)) > _DEEP:
            return None
        lines += zip_longest(*cells, fillvalue=Text())
    return lines, columns


def _print_table(console: Console, rows: Rows, columns: Sequence[int]) -> None:
    head, *lines = (table_line(row, columns) for row in rows)
    for line in (Text(), head, Text("─" * taken(columns)), *lines, Text()):
        _put(console, line)


def _print_known(console: Console, known: Sequence[tuple[str, Field]]) -> None:
    """Prints facts in two columns. A long value continues on the next line."""
    signs = any(SIGNS[field.mark] for _, field in known)
    labels = [Text(f"{SIGNS[field.mark] or ' '} " if signs else "") + _text(label) for label, field in known]
    left = min(max((label.cell_len for label in labels), default=0), max(console.width, _NARROWEST) // 2)
    room = max(console.width, _NARROWEST) - left - len(GAP)
    _put(console, Text())
    for label, (_, field) in zip(labels, known, strict=True):
        for number, part in enumerate(wrapped(_text(field.text or "–", _MARKS[field.mark]), room)):
            _put(console, table_line((Text() if number else label, part), (left, room)))
    _put(console, Text())


def _in_words(field: Field) -> Text:
    return _text(f"{SIGNS[field.mark]} {field.text}", _MARKS[field.mark])


def _in_signs(field: Field) -> Text:
    """Formats a field by its sign; only bad fields and plain information have words."""
    speaks = field.mark in (Mark.BAD, Mark.PLAIN)
    return _in_words(field) if speaks else _text(SIGNS[field.mark], _MARKS[field.mark])


def _print_paragraph(console: Console, line: Line, form: Callable[[Field], Text]) -> None:
    """Prints a line of the table as a paragraph, because the terminal is too narrow."""
    _print(console, [_text(line.name, "bold"), _state(line)])
    _print(console, [_headed(field, form) for field in line.fields if field.text], indent=2)


def _headed(field: Field, form: Callable[[Field], Text]) -> Text:
    """Formats a field as `✗ Nebula: stopped` or `✓ Gateway`."""
    said = form(field).plain.removeprefix(SIGNS[field.mark]).strip()
    return _text(f"{SIGNS[field.mark]} {field.heading}{': ' if said else ''}{said}", _MARKS[field.mark])


def _print_findings(console: Console, lines: Sequence[Line], texts: Texts) -> None:
    """Prints the findings of hosts and the commands to type. Hosts with the same findings share a paragraph."""
    first = lines[0]
    name = _text(f"{texts.series([line.name for line in lines])}:", f"bold {_SEVERITIES[first.severity]}")
    typed = [_text(f"→ {words}", _COMMAND) for line in lines for words in line.next][:_SUGGESTED]
    if len(first.whys) == 1:
        _print(console, [Text(" ").join([name, _text(first.whys[0])]), *typed], hanging=2)
    elif first.whys:
        _print(console, [name])
        for why in first.whys:
            _print(console, [_text(f"• {why}")], indent=2, hanging=2)
        _print(console, typed, indent=2)


def _print_section(console: Console, section: Section, texts: Texts) -> None:
    """Prints a heading, and each sentence below it."""
    _put(console, Text())
    _print(console, [_text(section.heading.render_sentence(texts), "bold")])
    for line in section.lines:
        _print(console, [_text(f"• {line.render_sentence(texts)}")], indent=2, hanging=2)


def _print_change(console: Console, change: Change, texts: Texts) -> None:
    """Prints a change: state, request, plan with its signs, facts, and commands to type."""
    said = (course.state(change), course.took(change, None), course.why(change))
    stands = [phrase.render(texts) for phrase in said if phrase is not None]
    _print(console, [_text(" — ".join(stands), f"bold {_STATES[change.state]}")])
    _print(console, [_text(f"{COMMAND} {change.words}", _COMMAND), _text(change.operation, "dim")])
    _print_facts(console, (*facts.asking(change, texts), *facts.dangers(change, texts), *facts.deciders(change, texts)))
    if change.state is not State.CLOSED or change.results:
        _print_course(console, course.legs(change, texts, None), texts)
    _put(console, Text())
    _print_facts(console, facts.grounds(change, texts))
    _print_commands(console, NEXT, decisions.words(change), texts)


def _print_course(console: Console, legs: Sequence[Leg], texts: Texts) -> None:
    """Prints the steps; with many hosts only those of hosts with notable steps, and a line for each other host."""
    opened = legs if len(legs) <= course.IN_FULL else course.opened(legs)
    for leg in opened:
        _put(console, Text())
        _print(console, [_text(leg.host, "bold")])
        _print_stages(console, leg.lines, indent=2)
    others = [course.fold(leg, texts) for leg in legs if leg not in opened]
    if others:
        _put(console, Text())
        _print_stages(console, others, indent=0)


def _print_stages(console: Console, lines: Sequence[course.Line], indent: int) -> None:
    for line in lines:
        _print(console, [_text(str(line), _STAGES.get(line.stage, ""))], indent=indent, hanging=2)


def _print_facts(console: Console, known: Sequence[Fact]) -> None:
    for fact in known:
        if len(fact.items) == 1:
            _print(console, [Text(" ").join([_text(fact.label, "bold"), _text(fact.items[0])])], hanging=2)
            continue
        _print(console, [_text(fact.label, "bold")])
        for item in fact.items:
            _print(console, [_text(f"• {item}")], indent=2, hanging=2)


def _print_failure(console: Console, failure: Failure, understood: str, texts: Texts) -> None:
    kind = _text(f"{FAILURES[failure.kind].render(texts)}:", "bold red")
    _print(console, [Text(" ").join([kind, _text(failure.phrase.render_sentence(texts))])])
    if failure.span is not None:
        before, wrong, after = marked(understood, failure.span)
        read = [_text(before), _text(f"▸ {wrong or '?'} ◂", "bold red"), _text(after)]
        _print(console, [Text(" ").join(part for part in read if part)], indent=2)
    _print_commands(console, offering(failure.kind), failure.suggestions, texts)


def _print_commands(console: Console, label: Phrase, commands: Sequence[str], texts: Texts) -> None:
    if commands:
        _print(console, [_text(label.render(texts))])
    for words in commands:
        _print(console, [_text(words, _COMMAND)], indent=2)


def _print(console: Console, atoms: Sequence[Text], indent: int = 0, hanging: int = 0) -> None:
    """Prints the atoms on as many lines as they need. Lines after the first are indented by `hanging` more cells."""
    room = max(console.width, _NARROWEST) - indent - hanging
    for number, line in enumerate(flowed([atom for atom in atoms if atom], room)):
        _put(console, Text(" " * (indent + (hanging if number else 0))) + line)


def _put(console: Console, line: Text) -> None:
    """Prints one line, which rich neither breaks nor cuts."""
    console.print(line, soft_wrap=True)


def _state(line: Line) -> Text:
    return _text(line.state, _SEVERITIES[line.severity])


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style)
