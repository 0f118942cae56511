"""Answers as data: one stable document, and a table that no spreadsheet runs."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given

from adapters.phrase import Phrase
from bot.answers.data import render_csv, render_json
from bot.model.change import Change
from bot.model.request import Failure, FailureKind
from commands.model.report import Cell, Column, Mark, Report, Row
from tests.bot.rendering import changes
from tests.bot.rendering.anything import WHATEVER, any_changes, reports
from tests.bot.rendering.examples import ALL_WELL, DIGEST, ENGLISH, HELP, JAPANESE, MIXED, answer
from tests.commands.model.test_chart import certificate, chart, host

FAILURE = Failure(
    kind=FailureKind.USAGE, phrase=Phrase("no such host"), span=(7, 13), suggestions=("health host-b",), reference=None
)


def document(body: Report | Failure | Change) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(render_json(answer(body), ENGLISH))
    return loaded


def shape(value: Any) -> Any:
    """The keys of a document, and the first of every list."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case [first, *_]:
            return [shape(first)]
        case _:
            return type(value).__name__


def test_a_chart_is_its_values() -> None:
    charted = ALL_WELL.model_copy(
        update={"chart": chart(host("host-a", None), certificates=(certificate("flatnet", -0.5, authority=True),))}
    )
    drawn = document(charted)["report"]["chart"]
    assert {"days", "hosts", "certificates"} == drawn.keys()
    assert ("2026-11-12", "host-a") == (drawn["days"][0], drawn["hosts"][0]["host"])
    assert [{"well": 48, "troubled": 0, "unreached": 0}, None] == drawn["hosts"][0]["days"][-2:]
    assert [{"name": "flatnet", "authority": True, "days": -0.5}] == drawn["certificates"]


def test_the_document_of_a_report_has_this_shape() -> None:
    cell = {"value": "str", "mark": "str", "text": "str"}
    checks = ("host", "nebula", "gateway", "api", "containers", "bridge", "forwarding")
    assert {
        "operation": "str",
        "understood": "str",
        "exit": "str",
        "taken_at": "str",
        "report": {
            "title": "str",
            "summary": "str",
            "news": {"heading": "str", "lines": ["str"]},
            "columns": [{"key": "str", "heading": "str"}],
            "rows": [{"host": "str", "severity": "str", "cells": dict.fromkeys(checks, cell)}],
            "findings": [
                {
                    "severity": "str",
                    "host": "str",
                    "subject": "str",
                    "why": "str",
                    "next": "str",
                    "reached": "bool",
                    "ask": "NoneType",
                    "checked_at": "NoneType",
                    "cause": "str",
                }
            ],
            "sections": [{"heading": "str", "lines": ["str"]}],
            "unreached": ["str"],
            "next": ["str"],
            "chart": "NoneType",
            "document": "NoneType",
            "lines": "list",
            "notes": "list",
        },
        "change": "NoneType",
        "failure": "NoneType",
    } == shape(document(DIGEST))


def test_the_document_of_a_failure_has_this_shape() -> None:
    assert {
        "operation": "01K",
        "understood": "health all",
        "exit": "usage",
        "taken_at": None,
        "report": None,
        "change": None,
        "failure": {
            "kind": "usage",
            "message": "no such host",
            "span": [7, 13],
            "suggestions": ["health host-b"],
            "reference": None,
        },
    } == document(FAILURE)


def test_the_document_says_when_and_how_it_ended() -> None:
    assert ("2026-11-25T09:10:00+00:00", "not_reached") == (document(MIXED)["taken_at"], document(MIXED)["exit"])
    assert "well" == document(ALL_WELL)["exit"]


def test_a_brief_report_keeps_its_rows_as_data() -> None:
    assert 3 == len(document(ALL_WELL)["report"]["rows"])


def test_only_sentences_change_with_the_language() -> None:
    english, japanese = (json.loads(render_json(answer(MIXED), texts)) for texts in (ENGLISH, JAPANESE))
    assert english["report"]["rows"] == japanese["report"]["rows"]
    assert english["exit"] == japanese["exit"]


def one(cell: Cell, host: str = "host-a") -> Report:
    column = Column(key="said", heading=Phrase("Said"))
    return Report(title=Phrase("t"), summary=Phrase("s"), columns=(column,), rows=(Row(host=host, cells=(cell,)),))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have_are_null(number: float) -> None:
    assert document(one(Cell(text="odd", value=number)))["report"]["rows"][0]["cells"]["said"]["value"] is None


def test_the_document_carries_no_character_that_a_terminal_obeys() -> None:
    text = render_json(answer(one(Cell(text="a\x1b[2J\x9b\u202e\ud800日本", value="x"))), ENGLISH)
    assert "\\u001b[2J\\u009b\\u202e\\ud800日本" in text
    assert 1 == text.count('"said": {')


def table(body: Report | Failure) -> list[list[str]]:
    return list(csv.reader(io.StringIO(render_csv(answer(body), ENGLISH), newline=""), strict=True))


def test_the_table_has_the_keys_as_header_and_values_as_data() -> None:
    assert [
        ["host", "nebula", "gateway", "api", "containers", "bridge", "forwarding"],
        ["host-b", "stopped", "running", "healthy", "3 running", "up", "on"],
        ["host-c", *["unreachable"] * 6],
        ["host-a", "running", "running", "healthy", "3 running", "up", "on"],
    ] == table(MIXED)


def test_the_host_comes_first_where_it_is_no_column() -> None:
    assert [["host", "said"], ["host-a", "7"]] == table(one(Cell(text="seven", value=7)))
    assert ["host", "words", "summary"] == table(HELP)[0]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (Cell(text="yes", value=True), "true"),
        (Cell(text="1.5 s", value=1.5), "1.5"),
        (Cell(text="minus", value=-3), "-3"),
        (Cell(text="N/A", mark=Mark.ABSENT), "absent"),
        (Cell(text="unknown", mark=Mark.UNKNOWN), "unknown"),
        (Cell(text="none"), ""),
        (Cell(text="odd", value=float("nan")), ""),
        (Cell(text="", value="=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0"),
        (Cell(text="", value="  @SUM(A1)"), "'@SUM(A1)"),
        (Cell(text="", value="\t-2+3"), "'-2+3"),
        (Cell(text="", value="\ufeff+1"), "'+1"),
        (Cell(text="", value="＝1"), "'＝1"),
        (Cell(text="", value='say "hi", then\r\nleave'), 'say "hi", then leave'),
        (Cell(text="", value="\x1b[2J\0"), "␛[2J␀"),
    ],
)
def test_a_value_in_the_table_is_data_and_never_an_instruction(cell: Cell, written: str) -> None:
    assert [["host", "said"], ["host-a", written]] == table(one(cell))


def test_lines_of_the_table_end_as_rfc_4180_says() -> None:
    assert 'host,said\r\nhost-a,"a,""b"""\r\n' == render_csv(answer(one(Cell(text="", value='a,"b"'))), ENGLISH)


def test_a_failure_is_a_table_of_its_own() -> None:
    assert [["failure", "message", "reference"], ["usage", "no such host", ""]] == table(FAILURE)


@WHATEVER
@given(reports())
def test_any_report_is_one_document_and_one_table(report: Report) -> None:
    loaded = json.loads(render_json(answer(report), ENGLISH))
    assert len(report.rows) == len(loaded["report"]["rows"])
    lines = table(report)
    assert 1 + len(report.rows) == len(lines)
    assert {len(report.columns) + 1} == {len(line) for line in lines}


def test_the_document_of_a_change_has_this_shape() -> None:
    read = document(changes.UNKNOWN)
    assert (None, None) == (read["report"], read["failure"])
    told = read["change"]
    assert ("op-0123456789ab", "unknown", "disrupt") == (told["operation"], told["state"], told["risk"])
    assert {
        "key": "host-a.sign",
        "host": "lighthouse",
        "what": "sign its public key",
        "result": "unknown",
        "why": "the answer was lost",
        "began_at": "2026-03-01T08:55:02+00:00",
        "ended_at": "2026-03-01T08:55:04+00:00",
    } == told["steps"][1]
    assert "awaited" == told["steps"][2]["result"]
    assert [{"host": "host-z", "why": "Windows was unreachable", "owed": False}] == told["left_out"]
    assert [] == told["owed"]
    assert ("used", 1, 1) == tuple(told["approval"][key] for key in ("state", "needed", "have"))


def test_the_keys_of_a_change_are_the_same_in_every_state() -> None:
    assert 1 == len({tuple(document(each)["change"]) for each in changes.ALL.values()})


def test_a_change_as_a_table_is_its_steps() -> None:
    rows = list(csv.reader(io.StringIO(render_csv(answer(changes.RUNNING), ENGLISH))))
    assert ["key", "host", "what", "result", "why", "began_at", "ended_at"] == rows[0]
    assert ["done", "running", "awaited", "awaited"] == [row[3] for row in rows[1:]]


@WHATEVER
@given(any_changes())
def test_whatever_a_change_holds_it_is_data(anything: Change) -> None:
    json.loads(render_json(answer(anything), ENGLISH))
    assert all(len(row) == 7 for row in csv.reader(io.StringIO(render_csv(answer(anything), ENGLISH))))
