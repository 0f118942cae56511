"""Prints answers in a terminal: the summary, one line for each host, then findings and commands to type.

    1 of 2 hosts needs attention: host-b Nebula stopped

    Host    State     Nebula     Gateway  API  Containers  Bridge  Forwarding
    ─────────────────────────────────────────────────────────────────────────
    host-b  critical  ✗ stopped  ✓        ✓    ✓           ✓       ✓
    host-a  healthy   ✓          ✓        ✓    ✓           ✓       ✓

    host-b: service Nebula is stopped  → service start nebula host-b

Facts on one thing are a list in two columns.

Every piece is a `Text` of one clean line, so a host cannot inject rich's markup or an escape code. Color only repeats the
signs and words.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from adapters.phrase import Phrase, Texts
from bot.changes.slack import buttons as change_buttons
from bot.changes.text import details as change_details
from bot.changes.text import facts as change_facts
from bot.changes.text import progress as change_progress
from bot.changes.text.progress import HostProgress, ProgressLine, Stage
from bot.logs.text import list_log_lines
from bot.model.change import Change, ChangeState
from bot.model.request import Answer, Failure
from bot.rendering import text as layout
from bot.rendering.report_text import ReportField, ReportLine, ReportText, build_report_text, group_lines, list_commands
from bot.security.untrusted_text import clean_lines, to_one_line
from commands.log_lines.excerpt import Excerpt
from commands.model.finding import Grade
from commands.model.lanes import describe_drawing
from commands.model.report import Mark, Report, Section, TextFile

_GRADE_STYLES = {
    Grade.CRITICAL: "bold red",
    Grade.HIGH: "red",
    Grade.UNKNOWN: "magenta",
    Grade.MEDIUM: "yellow",
    Grade.LOW: "cyan",
    Grade.WELL: "green",
}
_MARK_STYLES = {Mark.WELL: "green", Mark.BAD: "red", Mark.UNKNOWN: "yellow", Mark.ABSENT: "dim", Mark.PLAIN: ""}
_STATE_STYLES = {
    ChangeState.PLANNED: "",
    ChangeState.WAITING: "yellow",
    ChangeState.READY: "cyan",
    ChangeState.RUNNING: "cyan",
    ChangeState.DONE: "green",
    ChangeState.UNDONE: "yellow",
    ChangeState.FAILED: "red",
    ChangeState.UNKNOWN: "red",
    ChangeState.CLOSED: "yellow",
}
_STAGE_STYLES = {
    Stage.RUNNING: "cyan",
    Stage.DONE: "green",
    Stage.UNCHANGED: "green",
    Stage.FAILED: "red",
    Stage.UNREACHABLE: "red",
    Stage.UNKNOWN: "yellow",
    Stage.REPORTED: "yellow",
    Stage.UNDONE: "yellow",
}
_COMMAND_STYLE = "bold cyan"
_DIFF_STYLES = {"+": "green", "-": "red", "@": "dim"}
_MAX_COMMANDS = 3
"""Maximum number of commands after one reason."""
_MIN_FOLDED_WIDTH, _MAX_FOLDED_LINES = 12, 3
"""Minimum width of a folded column, and maximum lines of a folded row."""
_MIN_WIDTH = 20
"""Minimum width; a narrower terminal breaks the lines itself."""

TableRows = Sequence[Sequence[Text]]


def print_answer(console: Console, answer: Answer, texts: Texts) -> None:
    """Prints an answer; a healthy fleet takes one line."""
    match answer.body:
        case Failure() as failure:
            _print_failure(console, failure, answer.understood, texts)
        case Change() as change:
            _print_change(console, change, answer.understood, texts)
        case Report() as report:
            _print_report(console, report, texts)


def _print_report(console: Console, report: Report, texts: Texts) -> None:
    shown = build_report_text(report, texts)
    _print(console, [_make_text(shown.summary, f"bold {_GRADE_STYLES[shown.worst]}" if shown.judged else "bold")])
    if report.channel is not None and report.channel.name:
        _print(console, [_make_text(layout.describe_channel(f"#{report.channel.name}").render(texts))])
    if report.news is not None:
        _print_section(console, report.news, texts)
    if shown.facts:
        _print_fact_table(console, [(line.name, line.fields[0]) for line in shown.lines if line.fields])
    elif any(line.fields for line in shown.lines):
        _print_lines(console, shown, texts)
    for lines in group_lines(shown.lines, lambda line: (line.state, line.reasons)):
        _print_findings(console, lines, texts)
    for section in report.sections:
        _print_section(console, section, texts)
    if report.excerpt is not None:
        _print_excerpt(console, report, report.excerpt, texts)
    if report.chart is not None:
        if shown.lines or report.sections:
            _print_line(console, Text())
        _print(console, [_make_text(describe_drawing(report.chart).render_sentence(texts))])
    for file in report.files:
        if isinstance(file, TextFile):  # a copy repeats the report above
            for line in clean_lines(file.text).splitlines():
                _print_line(console, Text(line))
    known = {words for line in shown.lines for words in line.next}
    _print_commands(console, layout.NEXT, [words for words in report.initial.next if words not in known], texts)


def _print_excerpt(console: Console, report: Report, excerpt: Excerpt, texts: Texts) -> None:
    """Prints the log lines, and the notes on them."""
    for line in list_log_lines(report, excerpt, texts):
        _print_line(console, line)
    for note in excerpt.notes:
        _print(console, [_make_text(note.render_sentence(texts), "dim")])


def _print_lines(console: Console, shown: ReportText, texts: Texts) -> None:
    """Prints the fullest form that fits: a table in words, a table with words only for bad cells, or paragraphs."""
    for form in (_format_in_words, _format_in_signs):
        rows = _build_rows(shown, form, texts)
        if layout.measure_table(layout.measure_columns(rows)) <= console.width:
            _print_table(console, rows, layout.measure_columns(rows))
            return
    columns = (
        layout.narrow_columns(layout.measure_columns(rows), console.width, kept=2)
        if shown.judged and not shown.detailed
        else None
    )
    if columns is not None:
        _print_table(console, rows, columns)
        return
    folded = None if shown.judged else _fold_rows(rows, console.width)
    if folded is not None:
        _print_table(console, *folded)
        return
    _print_line(console, Text())
    for line in shown.lines:
        _print_paragraph(console, line, _format_in_signs if shown.judged and not shown.detailed else _format_in_words)
    _print_line(console, Text())


def _build_rows(shown: ReportText, form: Callable[[ReportField], Text], texts: Texts) -> TableRows:
    """Builds the header of the table, and its lines."""
    states = [Phrase("State").render(texts)] if shown.judged else []
    head = [_make_text(heading) for heading in (shown.subject, *states, *shown.headings)]
    return [head, *(_build_row(line, shown.judged, form, len(shown.headings)) for line in shown.lines)]


def _build_row(line: ReportLine, judged: bool, form: Callable[[ReportField], Text], width: int) -> list[Text]:
    cells = [_make_text(line.name, "bold"), *([_format_state(line)] if judged else []), *map(form, line.fields)]
    return cells + [Text()] * (width - len(line.fields))


def _fold_rows(rows: TableRows, width: int) -> tuple[TableRows, Sequence[int]] | None:
    """Folds the widest cells onto further lines until the table fits; None if the columns would become too narrow."""
    needed = layout.measure_columns(rows)
    columns = layout.narrow_columns(needed, width, kept=0)
    if columns is None or any(has < min(needs, _MIN_FOLDED_WIDTH) for has, needs in zip(columns, needed, strict=True)):
        return None
    lines: list[Sequence[Text]] = []
    for row in rows:
        cells = [layout.wrap(cell, room) for cell, room in zip(row, columns, strict=True)]
        if max(map(len, cells)) > _MAX_FOLDED_LINES:
            return None
        lines += zip_longest(*cells, fillvalue=Text())
    return lines, columns


def _print_table(console: Console, rows: TableRows, columns: Sequence[int]) -> None:
    head, *lines = (layout.build_table_line(row, columns) for row in rows)
    for line in (Text(), head, Text("─" * layout.measure_table(columns)), *lines, Text()):
        _print_line(console, line)


def _print_fact_table(console: Console, known: Sequence[tuple[str, ReportField]]) -> None:
    """Prints facts in two columns. A long value continues on the next line."""
    signs = any(layout.MARK_SIGNS[field.mark] for _, field in known)
    labels = [
        Text(f"{layout.MARK_SIGNS[field.mark] or ' '} " if signs else "") + _make_text(label) for label, field in known
    ]
    left = min(max((label.cell_len for label in labels), default=0), max(console.width, _MIN_WIDTH) // 2)
    room = max(console.width, _MIN_WIDTH) - left - len(layout.COLUMN_GAP)
    _print_line(console, Text())
    for label, (_, field) in zip(labels, known, strict=True):
        for number, part in enumerate(layout.wrap(_make_text(field.text or "–", _MARK_STYLES[field.mark]), room)):
            _print_line(console, layout.build_table_line((Text() if number else label, part), (left, room)))
    _print_line(console, Text())


def _format_in_words(field: ReportField) -> Text:
    return _make_text(f"{layout.MARK_SIGNS[field.mark]} {field.text}", _MARK_STYLES[field.mark])


def _format_in_signs(field: ReportField) -> Text:
    """Formats a field by its sign; only bad fields and plain information have words."""
    speaks = field.mark in (Mark.BAD, Mark.PLAIN)
    return _format_in_words(field) if speaks else _make_text(layout.MARK_SIGNS[field.mark], _MARK_STYLES[field.mark])


def _print_paragraph(console: Console, line: ReportLine, form: Callable[[ReportField], Text]) -> None:
    """Prints a line of the table as a paragraph, because the terminal is too narrow."""
    _print(console, [_make_text(line.name, "bold"), _format_state(line)])
    _print(console, [_format_with_heading(field, form) for field in line.fields if field.text], indent=2)


def _format_with_heading(field: ReportField, form: Callable[[ReportField], Text]) -> Text:
    """Formats a field as `✗ Nebula: stopped` or `✓ Gateway`."""
    said = form(field).plain.removeprefix(layout.MARK_SIGNS[field.mark]).strip()
    return _make_text(
        f"{layout.MARK_SIGNS[field.mark]} {field.heading}{': ' if said else ''}{said}", _MARK_STYLES[field.mark]
    )


def _print_findings(console: Console, lines: Sequence[ReportLine], texts: Texts) -> None:
    """Prints the findings of hosts and the commands to type. Hosts with the same findings share a paragraph."""
    first = lines[0]
    name = _make_text(f"{texts.series([line.name for line in lines])}:", f"bold {_GRADE_STYLES[first.grade]}")
    typed = [_make_text(f"→ {words}", _COMMAND_STYLE) for words in list_commands(lines, _MAX_COMMANDS)]
    asks = list(dict.fromkeys(ask for line in lines for ask in line.asks))[:_MAX_COMMANDS]
    typed += [_make_text(f"→ {ask}") for ask in asks]
    if len(first.reasons) == 1:
        _print(console, [Text(" ").join([name, _make_text(first.reasons[0])]), *typed], hanging=2)
    elif first.reasons:
        _print(console, [name])
        for why in first.reasons:
            _print(console, [_make_text(f"• {why}")], indent=2, hanging=2)
        _print(console, typed, indent=2)


def _print_section(console: Console, section: Section, texts: Texts) -> None:
    """Prints a heading, and each sentence below it."""
    _print_line(console, Text())
    _print(console, [_make_text(section.heading.render_sentence(texts), "bold")])
    for line in section.lines:
        if section.code:
            _print_line(console, Text(to_one_line(line.render(texts))))
        else:
            _print(console, [_make_text(f"• {line.render_sentence(texts)}")], indent=2, hanging=2)


def _print_change(console: Console, change: Change, understood: str, texts: Texts) -> None:
    """Prints a change: state, request, plan with its signs, facts, and commands to type. `op show` has every step."""
    said = (
        change_progress.describe_state(change),
        change_progress.describe_duration(change, None),
        change_progress.find_reason(change),
    )
    stands = [phrase.render(texts) for phrase in said if phrase is not None]
    _print(console, [_make_text(" — ".join(stands), f"bold {_STATE_STYLES[change.state]}")])
    _print(console, [_make_text(f"{layout.COMMAND} {change.words}", _COMMAND_STYLE), _make_text(change.operation, "dim")])
    for proven in change_facts.describe_evidence(change, texts):
        _print(console, [_make_text(proven)], hanging=2)
    for reach in change_facts.describe_reach(change, texts):
        _print(console, [_make_text(f"! {reach}", "bold yellow")], hanging=2)
    _print_facts(console, change_facts.describe_summary(change, texts))
    if change.state is not ChangeState.CLOSED or change.results:
        legs = change_progress.build_host_progress(change, texts, None)
        whole = len(legs) <= change_progress.MAX_HOSTS_IN_FULL or understood.startswith(change_facts.SHOW_COMMANDS)
        _print_progress(console, legs, legs if whole else change_progress.choose_opened(legs), texts)
    for edit in change_details.describe_edits(change, texts):
        _print_line(console, Text())
        _print(console, [_make_text(edit.heading, "bold")])
        for line in edit.lines:
            _print_line(console, Text(line, _DIFF_STYLES.get(line[:1], "")))
    _print_line(console, Text())
    _print_facts(console, change_facts.describe_grounds(change, texts))
    _print_commands(console, layout.NEXT, change_buttons.list_commands(change), texts)


def _print_progress(
    console: Console,
    legs: Sequence[HostProgress],
    opened: Sequence[HostProgress],
    texts: Texts,
) -> None:
    """Prints the steps of the opened hosts, and a line for each other host."""
    for leg in opened:
        _print_line(console, Text())
        _print(console, [_make_text(leg.host, "bold")])
        _print_stages(console, leg.lines, indent=2)
    others = [change_progress.fold_steps(leg, texts) for leg in legs if leg not in opened]
    if others:
        _print_line(console, Text())
        _print_stages(console, others, indent=0)


def _print_stages(console: Console, lines: Sequence[ProgressLine], indent: int) -> None:
    for line in lines:
        _print(console, [_make_text(str(line), _STAGE_STYLES.get(line.stage, ""))], indent=indent, hanging=2)


def _print_facts(console: Console, known: Sequence[change_facts.Fact]) -> None:
    for fact in known:
        if len(fact.items) == 1:
            _print(console, [Text(" ").join([_make_text(fact.label, "bold"), _make_text(fact.items[0])])], hanging=2)
            continue
        _print(console, [_make_text(fact.label, "bold")])
        for item in fact.items:
            _print(console, [_make_text(f"• {item}")], indent=2, hanging=2)


def _print_failure(console: Console, failure: Failure, understood: str, texts: Texts) -> None:
    kind = _make_text(f"{layout.FAILURE_LABELS[failure.kind].render(texts)}:", "bold red")
    _print(console, [Text(" ").join([kind, _make_text(failure.phrase.render_sentence(texts))])])
    if failure.span is not None:
        before, wrong, after = layout.split_at_span(understood, failure.span)
        read = [_make_text(before), _make_text(f"▸ {wrong or '?'} ◂", "bold red"), _make_text(after)]
        _print(console, [Text(" ").join(part for part in read if part)], indent=2)
    _print_commands(console, layout.choose_suggestion_label(failure.kind), failure.suggestions, texts)


def _print_commands(console: Console, label: Phrase, commands: Sequence[str], texts: Texts) -> None:
    if commands:
        _print(console, [_make_text(label.render(texts))])
    for words in commands:
        _print(console, [_make_text(words, _COMMAND_STYLE)], indent=2)


def _print(console: Console, atoms: Sequence[Text], indent: int = 0, hanging: int = 0) -> None:
    """Prints the atoms on as many lines as they need. Lines after the first are indented by `hanging` more cells."""
    room = max(console.width, _MIN_WIDTH) - indent - hanging
    for number, line in enumerate(layout.flow([atom for atom in atoms if atom], room)):
        _print_line(console, Text(" " * (indent + (hanging if number else 0))) + line)


def _print_line(console: Console, line: Text) -> None:
    """Prints one line, which rich neither breaks nor cuts."""
    console.print(line, soft_wrap=True)


def _format_state(line: ReportLine) -> Text:
    return _make_text(line.state, _GRADE_STYLES[line.grade])


def _make_text(text: str, style: str = "") -> Text:
    return Text(to_one_line(text), style)
