"""Answers as Slack messages, for a person with a phone at three in the morning: state first, then why, then what to type.

    :red_circle: *1 of 3 hosts needs attention: host-b: …*     the summary
    :red_circle: *host-b* critical — Nebula: stopped           for each bad host what is bad,
    ✗ Nebula  ✓ Gateway  ✓ API  ✓ Containers  …                all its checks,
    • the service Nebula is stopped                            why,
    → `/flatnet health host-b --details`                       and what to type
    :large_green_circle: 2 well: host-a, host-c                the well ones folded into one line
    `/flatnet health all` · 25 Nov 18:10                       how it was understood, when it was read

Where the bad hosts do not fit like this, each gets one line, and the message says that it is
shortened; where even that is too much, the worst are shown and the rest is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from adapters.phrase import Phrase, Texts
from bot.messages.blocks import BLOCKS, CHARACTERS, Block, code, context, escape, section
from bot.messages.sheet import Line, Sheet, sheet
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

# The most characters of each part.
_HEADLINE = 900
_WHY = 500
_VALUE = 1_000
_TAIL = 200
"""Characters that follow a name in a one-line entry."""
_RESERVE = 6
"""Blocks kept free for what stands around the lines."""
_BATCH = 8
"""One-line entries in one section: eight of the longest stay below Slack's limit for a section."""
_ROWS = _BATCH * (BLOCKS - _RESERVE)
_GROUP = 2_100
"""Characters of one host in full; with the words to type it stays below Slack's limit for a section."""
_COUNTED = 100
"""Characters kept free for the line that counts what is not shown."""
_SHORT = 1_400
"""Characters of lines in a message's `text`, which is read aloud and shown where blocks cannot be."""
_NAMED = 10
"""Well hosts that are named; more are only counted."""
_SUGGESTED = 5


@dataclass(frozen=True)
class Message:
    """One message.

    `text` alone is complete and short: for notifications, screen readers, and where Slack refuses the blocks.
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
    folded = _folded(shown, texts)
    lines = shown.bad if folded else shown.lines
    headline, origin = _headline(shown), _origin(understood, report.taken_at, texts)
    after = [*folded, *_typed(NEXT, report.next, texts)]
    room = CHARACTERS - _COUNTED - sum(map(len, [headline, *after, origin]))
    if body := _groups(shown, lines, room, texts):
        said = {words for line in lines for words in line.next}
        rest = [*folded, *_typed(NEXT, [words for words in report.next if words not in said], texts)]
    else:
        body, rest = _shortened(shown, lines, room, texts), after
    return Message(
        text="\n".join([headline, *_entries(lines, _SHORT, texts), *after]),
        blocks=(*map(section, [headline, *body, *rest]), context(origin)),
    )


def _headline(shown: Sheet) -> str:
    summary = escape(shown.summary, _HEADLINE)
    if not shown.judged:
        return f"*{escape(shown.title, 100)}* — {summary}"
    return f"{_SYMBOLS[shown.worst]} *{summary}*"


def _groups(shown: Sheet, lines: Sequence[Line], room: int, texts: Texts) -> list[str]:
    """Each line with all that is known of it; nothing where that is too much, or where one line says it all."""
    if not shown.judged:
        return []
    in_words = len(lines) == 1 or shown.detailed or not shown.bad
    groups = [_group(line, _in_words(line) if in_words else _in_signs(line), texts) for line in lines]
    return groups if len(groups) <= BLOCKS - _RESERVE and sum(map(len, groups)) <= room else []


def _group(line: Line, checks: Sequence[str], texts: Texts) -> str:
    whys = [f"• {escape(why, _WHY)}" for why in line.whys]
    typed = [f"→ {'  '.join(map(_command, line.next[:_SUGGESTED]))}"] if line.next else []
    return "\n".join([*_fitting([_head(line), *checks, *whys], _GROUP, texts), *typed])


def _in_words(line: Line) -> list[str]:
    return [
        f"{_sign(field.mark)}{escape(field.heading, 60)}: {escape(field.text, _VALUE)}"
        for field in line.fields
        if field.text
    ]


def _in_signs(line: Line) -> list[str]:
    signs = "  ".join(f"{_sign(field.mark)}{escape(field.heading, 60)}" for field in line.fields)
    return [signs] if signs else []


def _sign(mark: Mark) -> str:
    return f"{SIGNS[mark]} " if SIGNS[mark] else ""


def _shortened(shown: Sheet, lines: Sequence[Line], room: int, texts: Texts) -> list[str]:
    """Paragraphs of one-line entries; where they leave out checks or details, the last one says so."""
    entries = _entries(lines, room, texts)
    paragraphs = ["\n".join(entries[start : start + _BATCH]) for start in range(0, len(entries), _BATCH)]
    if not (shown.judged and paragraphs):
        return paragraphs
    hint = Phrase("This is shortened; ask for fewer hosts at once to see every check.")
    return [*paragraphs, escape(hint.render(texts), _COUNTED)]


def _entries(lines: Sequence[Line], room: int, texts: Texts) -> list[str]:
    """One line of text each, as many as fit."""
    return _fitting([_entry(line) for line in lines], room, texts)


def _entry(line: Line) -> str:
    bad = any(field.mark is Mark.BAD for field in line.fields)
    return f"{_head(line)} — {escape(line.whys[0], _TAIL)}" if line.whys and not bad else _head(line)


def _head(line: Line) -> str:
    """Who, in what state, and what is bad there."""
    name = f"*{escape(line.name, 64)}*"
    if not line.state:
        several = len(line.fields) > 1
        told = " · ".join(f"{field.heading}: {field.text}" if several else field.text for field in line.fields if field.text)
        return f"{name} — {escape(told, _TAIL)}" if told else name
    bad = ", ".join(f"{field.heading}: {field.text}" for field in line.fields if field.mark is Mark.BAD)
    head = f"{_symbol(line)} {name} {escape(line.state, 30)}"
    return f"{head} — {escape(bad, _TAIL)}" if bad else head


def _symbol(line: Line) -> str:
    return _SYMBOLS[line.severity] if line.known else _UNKNOWN


def _folded(shown: Sheet, texts: Texts) -> list[str]:
    """The well hosts beside bad ones, in one line; nothing where details were asked for."""
    n = len(shown.others)
    if shown.detailed or not shown.bad or not n:
        return []
    count = escape(Phrase("{n} well", n=n).render(texts))
    names = ", ".join(escape(line.name, 64) for line in shown.others)
    return [f"{_SYMBOLS[None]} {count}: {names}" if n <= _NAMED else f"{_SYMBOLS[None]} {count}"]


def _fitting(rows: Sequence[str], room: int, texts: Texts) -> list[str]:
    """The first rows that fit into `room` characters and our blocks; where that is not all, a last one counts the rest."""
    if len(rows) <= _ROWS and sum(len(row) + 1 for row in rows) <= room:
        return list(rows)
    sizes = accumulate(len(row) + 1 for row in rows[: _ROWS - 1])
    fitting = sum(size <= room - _COUNTED for size in sizes)
    more = Phrase("… and {n} more", n=len(rows) - fitting)
    return [*rows[:fitting], escape(more.render(texts), _COUNTED - 1)]


def _failure(failure: Failure, understood: str, texts: Texts) -> Message:
    state = escape(FAILURES[failure.kind].render(texts))
    headline = f"{_FAILED[failure.kind]} *{state}* — {escape(failure.phrase.render(texts), _HEADLINE)}"
    mended = _typed(DID_YOU_MEAN, failure.suggestions, texts)
    origin = _origin(understood, None, texts) if failure.span is None else _marked(understood, failure.span, texts)
    return Message(
        text="\n".join([headline, *mended]),
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


def _command(words: str) -> str:
    return code(f"{COMMAND} {words}")


def _origin(understood: str, taken_at: datetime | None, texts: Texts) -> str:
    """How it was understood, and when the hosts were read, in the reader's own time."""
    if taken_at is None:
        return _command(understood)
    fallback = escape(texts.moment(taken_at))
    return f"{_command(understood)} · <!date^{int(taken_at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"
