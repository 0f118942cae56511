"""What is known of one thing: a line for each fact, and apart from them what was found."""

import pytest
from hypothesis import given

from adapters.phrase import Phrase, Texts
from bot.answers.slack import render
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS
from bot.rendering.slack.buttons import AnswerView
from commands.model.finding import Finding
from commands.model.report import FACT_COLUMNS, Cell, Column, Mark, Report, Row
from tests.bot.answers.slack.test_answer import shown
from tests.bot.answers.test_terminal import printed
from tests.bot.rendering.anything import WHATEVER, reports
from tests.bot.rendering.examples import AT, ENGLISH, JAPANESE, answer, stopped
from tests.lab.workspace.blocks import characters

LATE = stopped("host-a", "the certificate expires in 20 days")[1]


def facts(*findings: Finding) -> Report:
    known = (
        (Phrase("Certificate"), Cell(text="20 days left", mark=Mark.BAD)),
        (Phrase("Issuer"), Cell(text="Flatnet CA", mark=Mark.WELL)),
        (Phrase("Fingerprint"), Cell(text="ab" * 32)),
    )
    return Report(
        title=Phrase("Certificate of {host}", host="host-a"),
        summary=Phrase("{host} ends soon", host="host-a"),
        columns=FACT_COLUMNS,
        rows=tuple(Row(cells=(Cell(text=what), value)) for what, value in known),
        findings=findings,
        taken_at=AT,
    )


def certificates(*days: int) -> Report:
    """Hosts that are well, each with something to tell, and what is no host."""
    hosts = [(f"host-{n}", left) for n, left in enumerate(days, 1)]
    yes = Cell(text="yes", mark=Mark.WELL)
    return Report(
        title=Phrase("Certificates"),
        summary=Phrase("all certificates are healthy"),
        columns=(
            Column(key="host", heading=Phrase("Host")),
            Column(key="days", heading=Phrase("Certificate")),
            Column(key="running", heading=Phrase("In use")),
        ),
        rows=(
            *(Row(host=name, cells=(Cell(text=name), Cell(text=f"{left} days"), yes)) for name, left in hosts),
            Row(cells=(Cell(text="Flatnet CA"), Cell(text="900 days"), Cell(text="N/A", mark=Mark.ABSENT))),
        ),
    )


def test_facts_stand_in_two_columns_and_long_values_go_on_below() -> None:
    assert [
        "host-a ends soon",
        "",
        "✗ Certificate  20 days left",
        "✓ Issuer       Flatnet CA",
        f"  Fingerprint  {('ab' * 32)[:25]}",
        f"               {('ab' * 32)[25:50]}",
        f"               {('ab' * 32)[50:]}",
        "",
    ] == printed(facts(), width=40)


def test_what_was_found_stands_apart_from_the_facts() -> None:
    assert [
        ":red_circle: *host-a ends soon*",
        ":red_circle: *host-a* critical — the certificate expires in 20 days\n→ `/flatnet health host-a --details`",
        f"*Certificate:* ✗ 20 days left\n*Issuer:* ✓ Flatnet CA\n*Fingerprint:* {'ab' * 32}",
    ] == shown(render(answer(facts(LATE)), ENGLISH))[:3]
    assert "host-a: the certificate expires in 20 days  → health host-a --details" == printed(facts(LATE))[-1]


def test_the_text_alone_holds_the_finding_and_the_facts() -> None:
    text = render(answer(facts(LATE)), ENGLISH).text
    assert "host-a critical: the certificate expires in 20 days" in text
    assert "Issuer: Flatnet CA" in text


def test_hosts_that_are_well_and_tell_something_have_a_line_each() -> None:
    assert [
        ":large_green_circle: *host-1* — 20 days",
        ":large_green_circle: *host-2* — 365 days",
        ":large_green_circle: *Flatnet CA* — 900 days",
    ] == shown(render(answer(certificates(20, 365)), ENGLISH))[1].splitlines()


def test_with_details_or_everything_nobody_is_told_of_twice() -> None:
    view = AnswerView(operation="op-1", everything=True)
    message = render(answer(certificates(20, 365)), ENGLISH, view)
    assert 1 == "\n".join(shown(message)).count("365 days")


def test_a_row_that_is_about_no_host_is_named_by_its_first_cell() -> None:
    assert "Flatnet CA           900 days     – N/A" in printed(certificates(20))


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_many_that_tell_something_stay_inside_the_budget(texts: Texts) -> None:
    message = render(answer(certificates(*range(1, 255))), texts)
    assert characters([dict(block) for block in message.blocks]) <= MAX_CHARACTERS
    assert len(message.blocks) <= MAX_BLOCKS


@WHATEVER
@given(reports())
def test_whatever_facts_hold_slack_takes_them(report: Report) -> None:
    rows = tuple(Row(cells=(row.cells * 2)[:2]) for row in report.rows[:60] if row.cells)
    message = render(answer(report.model_copy(update={"columns": FACT_COLUMNS, "rows": rows})), ENGLISH)
    assert characters([dict(block) for block in message.blocks]) <= MAX_CHARACTERS
    assert len(message.blocks) <= MAX_BLOCKS
