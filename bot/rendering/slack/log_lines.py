"""Renders log lines as a Slack message: the newest that fit, in the order of time, with notes. Pure.

    :warning: *nebula of 3 hosts: 120 lines, 4 of them errors*
    :grey_question: *host-b* — Windows was not reached: …
    ┌ 18:26:47 host-a  time="2026-11-25T09:26:47Z" level=error msg=…        the newest twenty; with dates if any line
    └ 18:26:48 host-c  …                                                    is from another day than the message
    lines 101–120 of 120 · times in JST · the clock of host-c is 2.4 s ahead; its times are shown corrected
    [◀ Older] [Newer ▶] [Only errors] [Filter] [As a file]
    `/flatnet log nebula` · 25 Nov 18:27                                    the time of reading

Lines are untrusted: they are in a preformatted block, which has no mentions, links or commands.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Listing, Phrase, Texts
from bot.model.request import Answer
from bot.rendering.labels import COMMAND
from bot.rendering.slack.blocks import CHARACTERS, TEXT, Block, Message, context, escape, section
from bot.rendering.slack.buttons import FILTER, SHOW, View, button, file, row
from bot.rendering.slack.paragraphs import SYMBOLS, UNKNOWN_SIGN, footing
from bot.security.untrusted_text import CUT, cut, one_line
from commands.loglines.excerpt import EVERY, Excerpt, Pick, Picked, picked
from commands.loglines.formats import Level
from commands.loglines.lines import Line
from commands.loglines.merge import filtered
from commands.loglines.patterns import finder
from commands.logs.text_file import as_text
from commands.logs.text_file import summary as span
from commands.model.finding import worst
from commands.model.report import Report

_LINE = 220
"""Maximum characters of one line: a few lines on a phone. The file has all of it."""
_END = 90
"""Characters kept of the end of a longer line: nginx names the upstream there, Nebula the host."""
_HEAD, _LEAD, _SOUGHT = 110, 15, 40
"""If the match is in the middle of such a line: characters kept of its beginning (nginx states the reason there) and before
the match, and characters of the match that must be visible."""
_FINDINGS = 4
_WHY = 300
_NOTES = 6
"""Maximum number of notes, notes on missing lines first. The file has all of them."""
_NOTE = 240
_SPOKEN = 5
"""Newest lines in the plain text. A notification shows only its beginning."""


def render(report: Report, excerpt: Excerpt, understood: str, view: View, texts: Texts) -> Message:
    """Renders the message for one view."""
    page = picked(excerpt, view.pick)
    hosts = {*(row.host for row in report.rows), *(line.host for line in excerpt.lines)}
    sources = {line.source for line in excerpt.lines}
    beside = _Beside(len(hosts) > 1, len(sources) > 1, _of_another_day(page.lines, report.taken_at, texts))
    found = finder(view.pattern or excerpt.sought, fixed=False, case=False)
    lines = [_shortened(_before(line, beside, texts), one_line(line.text), found) for line in page.lines]
    summary = escape(report.summary.render_sentence(texts), 900)
    gravest = worst(None, (finding.severity for finding in report.findings))
    headline = (
        f"{SYMBOLS[gravest]} *{summary}*"
        if gravest is not None
        else f"*{escape(report.title.render_sentence(texts), 100)}* — {summary}"
    )
    blocks = (
        section(headline),
        *map(section, _unread(report, texts)),
        *_preformatted(lines, excerpt, texts),
        context(*_notes(excerpt, page, view, texts)),
        *row(_buttons(view, page, texts)),
        context(footing(understood, report.taken_at, texts)),
    )
    assert sum(map(len, lines)) <= CHARACTERS
    spoken = [summary, *(escape(line, _LINE) for line in lines[-_SPOKEN:])]
    return Message(text=cut("\n".join(spoken), TEXT), blocks=blocks)


@dataclass(frozen=True)
class _Beside:
    """Parts of the prefix of each line besides its time: host and log if the answer has several, and the date.

    Host and log are the same on every page.
    """

    host: bool
    source: bool
    date: bool


def all_of(answer: Answer, texts: Texts, pick: Pick = EVERY) -> str:
    """Renders every line that the filter leaves for a file, below a heading; "" without lines.

    The heading has the command, the summary, the filter, the time zone and the notes. Raises `BadArgument` if the search
    takes too long.
    """
    report = answer.body
    if not isinstance(report, Report) or report.excerpt is None:
        return ""
    brought = report.excerpt.lines
    lines = filtered(brought, pick.level, pick.pattern)
    asked = Phrase("{words}", words=f"{COMMAND} {answer.understood}")
    heading = (asked, report.summary, *_left(pick, len(lines), len(brought), texts), span(lines, texts.zone))
    return as_text(lines, (*heading, *report.excerpt.notes), texts, texts.zone)


def _left(pick: Pick, fitting: int, total: int, texts: Texts) -> Iterable[Phrase]:
    """Describes the filter of a file, because a reader elsewhere does not know that lines are missing."""
    if pick.told:
        how = (part.render(texts) for part in (*pick.told, _of(fitting, total)))
        yield Phrase("filtered: {how}", how=" · ".join(how))


def _of(fitting: int, total: int) -> Phrase:
    return Phrase("{fitting} of {n} line", plural="{fitting} of {n} lines", fitting=fitting, n=total)


def _of_another_day(lines: Iterable[Line], taken_at: datetime | None, texts: Texts) -> bool:
    """Returns whether a line is from another day than the reading, in the reader's zone."""
    days = {line.at.astimezone(texts.zone).date() for line in lines if line.at is not None}
    return bool(days - ({taken_at.astimezone(texts.zone).date()} if taken_at is not None else set()))


def _before(line: Line, beside: _Beside, texts: Texts) -> str:
    """Renders the prefix of a line."""
    at = "---------- --:--:--" if line.at is None else f"{line.at.astimezone(texts.zone):%Y-%m-%d %H:%M:%S}"
    parts = [
        at if beside.date else at.split()[1],
        *([line.host] if beside.host else []),
        *([line.source] if beside.source else []),
    ]
    return "".join(f"{part} " for part in parts)


def _shortened(before: str, text: str, found: Callable[[str], tuple[int, int] | None]) -> str:
    """Shortens a long line to its beginning and its end, or to its beginning and the match if the match is in neither.

    Raises `BadArgument` if the search takes too long.
    """
    whole = before + text
    if len(whole) <= _LINE:
        return whole
    first, last = (len(before) + place for place in found(text) or (0, 0))
    head, tail = _LINE - _END - 1, len(whole) - _END
    if min(last, first + _SOUGHT) <= head or first >= tail:
        return f"{whole[:head]}{CUT}{whole[tail:]}"
    begin = first - _LEAD
    end = begin + _LINE - _HEAD - 2
    return f"{whole[:_HEAD]}{CUT}{whole[begin:end]}{CUT if end < len(whole) else ''}"


def _preformatted(lines: Sequence[str], excerpt: Excerpt, texts: Texts) -> Iterable[Block]:
    if not lines:
        if excerpt.lines:  # else the headline says it
            yield section(escape(Phrase("No line fits.").render(texts)))
        return
    text = "\n".join(lines)
    yield {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}],
    }


def _unread(report: Report, texts: Texts) -> list[str]:
    """Lists the hosts whose logs could not be read, with the reasons."""
    told = [
        f"{SYMBOLS[finding.severity] if finding.reached else UNKNOWN_SIGN} *{escape(finding.host, 60)}* — "
        f"{escape(finding.why.render_sentence(texts), _WHY)}"
        for finding in report.findings[:_FINDINGS]
    ]
    if (more := len(report.findings) - _FINDINGS) > 0:
        told.append(escape(Phrase("and {n} more", n=more).render(texts)))
    return ["\n".join(told)] if told else []


def _notes(excerpt: Excerpt, page: Picked, view: View, texts: Texts) -> list[str]:
    said = (
        escape(_counted(page, view.pick, len(excerpt.lines)).render_sentence(texts), _NOTE),
        *_told(view.pick.told, texts),
        *_chosen_by(view, texts),
        *_told(_zones(page.lines, texts), texts),
    )
    notes = [escape(note.render_sentence(texts), _NOTE) for note in excerpt.notes[:_NOTES]]
    if (more := len(excerpt.notes) - _NOTES) > 0:
        notes.append(escape(Phrase("and {n} more", n=more).render(texts)))
    return [" · ".join(said), *notes]


def _told(phrases: Iterable[Phrase], texts: Texts) -> Iterable[str]:
    return (escape(phrase.render(texts), _NOTE) for phrase in phrases)


def _chosen_by(view: View, texts: Texts) -> Iterable[str]:
    """Renders the person who chose the filter, for the other readers: Slack shows no author of an edit."""
    if view.by:
        yield Phrase("filtered by {person}", person=f"<@{view.by}>").render(texts)


def _zones(lines: Iterable[Line], texts: Texts) -> Iterable[Phrase]:
    """Describes the zone of the times by its short names, of which some zones have two in a year.

    In a channel it need not be the reader's zone.
    """
    names = dict.fromkeys(line.at.astimezone(texts.zone).tzname() or "" for line in lines if line.at is not None)
    if names:
        yield Phrase("times in {zone}", zone=Listing(tuple(names)))


def _counted(page: Picked, pick: Pick, total: int) -> Phrase:
    """Describes the range of these lines, and their number."""
    if not pick.told:
        return Phrase("lines {first}–{last} of {n}", first=page.first, last=page.last, n=total)
    if page.pages == 1:
        return _of(page.fitting, total)
    return Phrase(
        "lines {first}–{last} of {fitting} that fit, of {n}",
        first=page.first,
        last=page.last,
        fitting=page.fitting,
        n=total,
    )


def _buttons(view: View, page: Picked, texts: Texts) -> list[Block]:
    """Makes the buttons for other views of the same lines."""
    return [
        *_turns(view, page, texts),
        *_narrower(view, page, texts),
        button(Phrase("Filter").render(texts), FILTER, view.turned().value),
        file(view, texts),
    ]


def _narrower(view: View, page: Picked, texts: Texts) -> list[Block]:
    """Makes the buttons to all lines, and to errors alone if these are some but fewer lines than now."""
    ways = []
    if view.pick.told:
        ways.append(button(Phrase("All lines").render(texts), f"{SHOW}.lines", view.narrowed().value))
    if 0 < page.grave < page.fitting:
        ways.append(
            button(Phrase("Only errors").render(texts), f"{SHOW}.errors", view.narrowed(Level.ERROR, view.pattern).value)
        )
    return ways


def _turns(view: View, page: Picked, texts: Texts) -> list[Block]:
    """Makes the buttons to older and newer lines."""
    turns = []
    if page.page < page.pages - 1:
        older = Phrase("Older").render(texts)
        turns.append(button(f"◀ {older}", f"{SHOW}.older", view.turned(page=page.page + 1).value))
    if page.page > 0:
        newer = Phrase("Newer").render(texts)
        turns.append(button(f"{newer} ▶", f"{SHOW}.newer", view.turned(page=page.page - 1).value))
    return turns
