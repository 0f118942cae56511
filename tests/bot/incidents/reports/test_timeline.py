"""The answer of `incident show`: what each entry says in one line, on a phone, too."""

from dataclasses import replace

import pytest

from adapters.phrase import Phrase
from bot.incidents.reports.timeline import Timeline, compose_timeline
from bot.model.incident import EntryKind
from bot.rendering.report_text import build_report_text
from bot.rendering.slack.paragraphs import render_values
from tests.bot.incidents.recorded import NOW, entry, incident
from tests.bot.rendering.examples import ENGLISH


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EntryKind.CHANGE, "service restart nebula host-a: started"),
        (EntryKind.LOOK, "service restart nebula host-a: started"),
        (EntryKind.NOTE, "started"),
    ],
)
def test_a_change_and_a_look_are_told_with_their_command(kind: EntryKind, said: str) -> None:
    told = replace(entry(kind, text=Phrase("started"), words="service restart nebula host-a"), incident=1, number=2)
    report = compose_timeline(Timeline(incident(), (told,)), "C1", NOW)
    at = [column.key for column in report.columns].index("entry")
    assert [said] == [str(row.cells[at].text) for row in report.rows]


def test_on_a_phone_an_entry_has_no_headings() -> None:
    told = replace(entry(EntryKind.NOTE, text=Phrase("started"), author="ana"), incident=1, number=2)
    text = build_report_text(compose_timeline(Timeline(incident(), (told,)), "C1", NOW), ENGLISH)
    assert [" — 2 · ana · started"] == [render_values(line, " — ") for line in text.lines]
