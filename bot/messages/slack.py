"""Answers as Slack messages, for a person with a phone at three in the morning: state first, then why, then what to type.

    :red_circle: *2 of 4 hosts need attention: host-b Nebula stopped, and host-c not reached*     the summary
    :red_circle: *host-b* critical — the service Nebula is stopped                    each bad host and why,
    ✗ Nebula  ✓ Gateway, API, Containers, Bridge, Forwarding                          its checks,
    → `/flatnet health host-b --details`                                              what to type
    :grey_question: *host-c* unknown — Windows was not reached: …
    → `/flatnet health host-c --details`
    :large_green_circle: 2 well: host-a, host-d                                       the well ones in one line
    `/flatnet health all` · 25 Nov 18:10                                  how it was understood, when it was read

Hosts of which the same is to be said share a paragraph. Where many are bad, the worst are shown like
this, and the others by name in one line for each state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from adapters.phrase import Phrase, Texts
from bot.messages.blocks import BLOCKS, CHARACTERS, Block, code, context, escape, section
from bot.messages.sheet import Field, Line, Sheet, alike, sheet
from bot.messages.words import DID_YOU_MEAN, FAILURES, NEXT, SIGNS, marked
from bot.request import Answer, Failure, FailureKind
from commands.findings import Severity
from commands.report import Mark, Report

COMMAND = "/flatnet"

_SYMBOLS: dict[Severity | None, str] = {
    Severity.CRITICAL: ":red_circle:",
    Severity.HIGH: ":large_orange_circle:",
    Severity.MEDIUM: ":large_yellow_circle:",
    Severity.LOW: ":large_blue_circle:",
    None: ":large_green_circle:",
}
_UNKNOWN = ":grey_question:"
_FAILED = {FailureKind.USAGE: ":warning:", FailureKind.REFUSED: ":no_entry:", FailureKind.INTERNAL: ":boom:"}

_FULL = 10
"""Hosts that are shown with their checks: more are not read on a phone."""
_NAMED = 10
"""Well hosts that are named; more are only counted."""
_SUGGESTED = 3
_BATCH = 8
"""Entries of a list in one section: eight of the longest stay below Slack's limit for a section."""
_ROWS = _BATCH * (BLOCKS - 6)
"""Entries of a list; six blocks stay free for what stands around them."""

# The most characters of each part.
_HEADLINE = 900
_WHY = 500
_VALUE = 1_000
_TAIL = 200
"""Characters that follow a name in a one-line entry."""
_GROUP = 2_100
"""Characters of one host in full; with the words to type it stays below Slack's limit for a section."""
_NAMES = 500
"""Names of hosts in one state that are not shown in full; more are counted."""
_FOLDED = 4_500
"""All that is said of hosts that are not shown in full: seven states at the most, and that it is shortened."""
_COUNTED = 100
"""Characters kept free for a sentence of our own: the rest that is counted, or that it is shortened."""
_SHORT = 1_000
"""Characters of lines in a message's `text`; a notification shows only its beginning."""


@dataclass(frozen=True)
class Message:
    """One message.

    `text` alone is complete and short, in plain words: for notifications, screen readers, and where
    Slack refuses the blocks.
    """

    text: str
    blocks: tuple[Block, ...]


def render(answer: Answer, texts: Texts) -> Message:
    """An answer as a message that stays inside our budgets of blocks and characters, whatever its size."""
    match answer.body:
        case Failure() as failure:
            return _failure(failure, answer.understood, texts)
        case Report() as report:
            return _report(report, answer.understood, texts)


def _report(report: Report, understood: str, texts: Texts) -> Message:
    shown = sheet(report, texts)
    headline, origin = _headline(shown), _origin(understood, report.taken_at, texts)
    room = CHARACTERS - sum(map(len, [headline, origin, *_typed(NEXT, report.next, texts)]))
    body = _judged(shown, room, texts) if shown.judged else _listed(shown.lines, room, texts)
    said = "\n".join(body)
    left = _typed(NEXT, [words for words in report.next if _command(words) not in said], texts)
    return Message(
        text="\n".join([*_spoken(shown, texts), *_spoken_commands(NEXT, report.next, texts)]) or COMMAND,
        blocks=(*map(section, [headline, *body, *left]), context(origin)),
    )


def _headline(shown: Sheet) -> str:
    summary = escape(shown.summary, _HEADLINE)
    if not shown.judged:
        return f"*{escape(shown.title, 100)}* — {summary}"
    return f"{_SYMBOLS[shown.worst]} *{summary}*"


def _judged(shown: Sheet, room: int, texts: Texts) -> list[str]:
    """The worst lines in full, the others folded; well ones in full only where details were asked for or nothing is bad."""
    in_full = shown.detailed or not shown.bad
    wanted, others = ((*shown.bad, *shown.others), ()) if in_full else (shown.bad, shown.others)
    checks = _in_words if in_full else _in_signs
    same = alike(wanted, lambda line: (_symbol(line), line.state, line.whys, *checks(line)))
    groups = [_group(lines, checks(lines[0]), texts) for lines in same[:_FULL]]
    fitting = sum(size <= room - _FOLDED for size in accumulate(map(len, groups)))
    left = [line for lines in same[fitting:] for line in lines]
    folded = alike((*left, *others), lambda line: (_symbol(line), line.state))
    hint = Phrase("This is shortened; ask for fewer hosts at once to see every check.")
    shortened = [escape(hint.render(texts), _COUNTED)] if left else []
    return [*groups[:fitting], *(_counted(lines, texts) for lines in folded), *shortened]


def _group(lines: Sequence[Line], checks: Sequence[str], texts: Texts) -> str:
    """Hosts of which the same is to be said; mostly one."""
    first = lines[0]
    whys = [escape(why, _WHY) for why in first.whys]
    head = _counted(lines, texts) if len(lines) > 1 else f"{_symbol(first)} *{_name(first)}* {escape(first.state, 30)}"
    rows = [f"{head} — {whys[0]}"] if len(lines) == len(whys) == 1 else [head, *(f"• {why}" for why in whys)]
    commands = [_command(words) for line in lines for words in line.next][:_SUGGESTED]
    typed = [f"→ {'  '.join(commands)}"] if commands else []
    return "\n".join([*_fitting([rows[0], *checks, *rows[1:]], _GROUP, texts), *typed])


def _counted(lines: Sequence[Line], texts: Texts) -> str:
    """Hosts in the same state: `:large_green_circle: 2 well: host-a, host-d`."""
    symbol = _symbol(lines[0])
    count = f"{symbol} {escape(Phrase('{n} {state}', n=len(lines), state=lines[0].state).render(texts), 60)}"
    if symbol == _SYMBOLS[None] and len(lines) > _NAMED:
        return count
    return f"{count}: {_names(lines, _NAMES, texts)}"


def _in_words(line: Line) -> list[str]:
    """The checks in words, what is not known or not there only by its signs, then what is only information."""
    checks = [_in_word(field) for field in line.fields if field.mark in (Mark.BAD, Mark.WELL)]
    more = [_in_word(field) for field in line.fields if field.mark is Mark.PLAIN and field.text]
    rows = [" · ".join(checks), _signs(line, (Mark.UNKNOWN, Mark.ABSENT)), " · ".join(more)]
    return [row for row in rows if row]


def _in_word(field: Field) -> str:
    return f"{_sign(field.mark)}{escape(field.heading, 60)}: {escape(field.text, _VALUE)}"


def _in_signs(line: Line) -> list[str]:
    """Nothing where nothing is known, for the state says that already."""
    unknown = all(field.mark is Mark.UNKNOWN for field in line.fields)
    return [] if unknown else [_signs(line, (Mark.BAD, Mark.UNKNOWN, Mark.WELL, Mark.ABSENT))]


def _signs(line: Line, marks: Sequence[Mark]) -> str:
    """`✗ Nebula  ✓ Gateway, API`."""
    headings = {mark: [escape(field.heading, 60) for field in line.fields if field.mark is mark] for mark in marks}
    return "  ".join(f"{_sign(mark)}{', '.join(same)}" for mark, same in headings.items() if same)


def _sign(mark: Mark) -> str:
    return f"{SIGNS[mark]} " if SIGNS[mark] else ""


def _listed(lines: Sequence[Line], room: int, texts: Texts) -> list[str]:
    """Paragraphs of one-line entries, as many as fit."""
    entries = _fitting([f"*{_name(line)}*{_told(line, ' — ')}" for line in lines], room, texts)
    return ["\n".join(entries[start : start + _BATCH]) for start in range(0, len(entries), _BATCH)]


def _told(line: Line, after: str) -> str:
    several = len(line.fields) > 1
    told = " · ".join(f"{field.heading}: {field.text}" if several else field.text for field in line.fields if field.text)
    return f"{after}{escape(told, _TAIL)}" if told else ""


def _name(line: Line) -> str:
    return escape(line.name, 64)


def _names(lines: Sequence[Line], room: int, texts: Texts) -> str:
    return ", ".join(_fitting([_name(line) for line in lines], room, texts))


def _symbol(line: Line) -> str:
    return _SYMBOLS[line.severity] if line.known else _UNKNOWN


def _fitting(rows: Sequence[str], room: int, texts: Texts) -> list[str]:
    """The first rows that fit into `room` characters and our blocks; where that is not all, a last one counts the rest."""
    sizes = list(accumulate(len(row) + 2 for row in rows))
    if len(rows) <= _ROWS and max(sizes, default=0) <= room:
        return list(rows)
    fitting = sum(size <= room - _COUNTED for size in sizes[: _ROWS - 1])
    more = Phrase("… and {n} more", n=len(rows) - fitting)
    return [*rows[:fitting], escape(more.render(texts), _COUNTED - 1)]


def _spoken(shown: Sheet, texts: Texts) -> list[str]:
    """The summary, then what is wrong with which hosts, or the entries of a list: plain words, no signs."""
    if shown.judged:
        same = alike(shown.bad, lambda line: (line.state, line.whys[:1]))
        said = [f"{_names(lines, _TAIL, texts)} {escape(lines[0].state, 30)}{_why(lines[0])}" for lines in same]
    else:
        said = [f"{_name(line)}{_told(line, ': ')}" for line in shown.lines]
    return [escape(shown.summary, _HEADLINE), *_fitting(said, _SHORT, texts)]


def _why(line: Line) -> str:
    return f": {escape(line.whys[0], _TAIL)}" if line.whys else ""


def _failure(failure: Failure, understood: str, texts: Texts) -> Message:
    state = escape(FAILURES[failure.kind].render(texts))
    why = escape(failure.phrase.render(texts), _HEADLINE)
    headline = f"{_FAILED[failure.kind]} *{state}* — {why}"
    mended = _typed(DID_YOU_MEAN, failure.suggestions, texts)
    origin = _origin(understood, None, texts) if failure.span is None else _marked(understood, failure.span, texts)
    return Message(
        text="\n".join([f"{state}: {why}", *_spoken_commands(DID_YOU_MEAN, failure.suggestions, texts)]),
        blocks=(*map(section, [headline, *mended]), context(origin)),
    )


def _marked(understood: str, span: tuple[int, int], texts: Texts) -> str:
    before, wrong, after = marked(understood, span)
    read = f"{code(before)} ▸ *{code(wrong) or '?'}* ◂ {code(after)}".strip()
    return f"{escape(Phrase('I read:').render(texts))} {read}"


def _typed(label: Phrase, words: Sequence[str], texts: Texts) -> list[str]:
    if not words:
        return []
    return [f"{escape(label.render(texts))} {'  '.join(map(_command, words[:_SUGGESTED]))}"]


def _spoken_commands(label: Phrase, words: Sequence[str], texts: Texts) -> list[str]:
    if not words:
        return []
    return [f"{escape(label.render(texts))} {', '.join(escape(f'{COMMAND} {each}', 150) for each in words[:_SUGGESTED])}"]


def _command(words: str) -> str:
    return code(f"{COMMAND} {words}")


def _origin(understood: str, taken_at: datetime | None, texts: Texts) -> str:
    """How it was understood, and when the hosts were read, in the reader's own time."""
    if taken_at is None:
        return _command(understood)
    fallback = escape(texts.moment(taken_at))
    return f"{_command(understood)} · <!date^{int(taken_at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"
