"""The result of the kit as Markdown that can be pasted into an issue."""

from collections import Counter
from collections.abc import Sequence

from tests.windows.kit import Row, Verdict
from tests.windows.scratch import Machine

_LIMIT = 400
"""Characters of one cell."""


def render_report(machine: Machine, rows: Sequence[Row]) -> str:
    """Renders the machine, the totals per script, and each trial that failed."""
    return (
        "\n\n".join(part for part in (_render_machine(machine), _render_totals(rows), _render_failures(rows)) if part) + "\n"
    )


def render_row(row: Row) -> str:
    """Renders a row as one line for a terminal."""
    mark = {"passed": "ok  ", "failed": "FAIL", "left out": "-   "}[row.verdict]
    return f"{mark} {row.name}" + (f" ({row.why})" if row.why else "")


def _render_machine(machine: Machine) -> str:
    language = f"{machine.culture}, display {machine.ui_culture}"
    shell = f"PowerShell {machine.powershell} {machine.edition}"
    return f"{machine.windows}, {shell}, {language}, {machine.zone}"


def _render_totals(rows: Sequence[Row]) -> str:
    counts: dict[str, Counter[Verdict]] = {}
    slowest: dict[str, float] = {}
    for row in rows:
        script = row.name.partition(":")[0]
        counts.setdefault(script, Counter())[row.verdict] += 1
        slowest[script] = max(slowest.get(script, 0.0), row.seconds)
    lines = ["| script | passed | failed | left out | slowest |", "| --- | --- | --- | --- | --- |"]
    for script, of in sorted(counts.items()):
        lines.append(f"| {script} | {of['passed']} | {of['failed']} | {of['left out']} | {slowest[script]:.1f} s |")
    return "\n".join(lines)


def _render_failures(rows: Sequence[Row]) -> str:
    failed = [row for row in rows if row.verdict == "failed"]
    if not failed:
        return ""
    lines = ["| failed | why |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {_cell(row.name)} | {_cell(row.why)} |" for row in failed)])


def _cell(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1] + "…"
