"""Diffs of configuration files on every surface: whole where a decision is made in full, a few lines on a card."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from adapters.phrase import Texts
from bot.answers.terminal import print_answer
from bot.changes.slack import card
from bot.changes.slack.details import build_modal
from bot.changes.text.details import build_document, write_details
from bot.model.change import ChangeState
from commands.model.plan import FileEdit
from tests.bot.rendering.changes import STARTED, change, plan
from tests.bot.rendering.examples import ENGLISH, JAPANESE, answer

FILE = r"F:\flatnet\config\nginx.conf"
DIFF = (
    "@@ -11,4 +11,5 @@",
    "             peers = {",
    '-                "a"',
    '+                "a",',
    '+                "b"',
    "             },",
)
BLOCK = ["```", '-"a"', '+"a",', '+"b"', "```"]
"""The changed lines without the indentation that they share: a phone is narrow."""


def edited(*diffs: tuple[str, ...], state: ChangeState = ChangeState.WAITING, **more: Any) -> Any:
    edits = tuple(FileEdit(host=f"host-{number}", file=FILE, diff=diff) for number, diff in enumerate(diffs))
    return change(state, plan=plan("host-a").model_copy(update={"edits": edits}), **more)


def lines(message: Any) -> list[str]:
    return [row for block in message.blocks for row in block.get("text", {}).get("text", "").splitlines()]


@pytest.mark.parametrize(
    ("texts", "heading"),
    [(ENGLISH, rf"*Edit of {FILE} on host-0:*"), (JAPANESE, rf"*host-0 の {FILE} の変更内容:*")],
)
def test_a_card_has_the_changed_lines_below_the_name_of_the_file(texts: Texts, heading: str) -> None:
    shown = lines(card.render(edited(DIFF), texts))
    at = shown.index(heading)
    assert [heading, *BLOCK] == shown[at : at + 6]


def test_a_card_counts_what_it_leaves_to_the_details() -> None:
    shown = lines(card.render(edited(tuple(f"+{n}" for n in range(8)), DIFF, DIFF, DIFF), ENGLISH))
    assert "… and 2 more lines, in *Details*" in shown
    assert "… and 2 more files, in *Details*" in shown
    assert ("+5" in shown, "+6" in shown) == (True, False)


def test_a_card_of_a_change_that_runs_has_no_diff() -> None:
    running = edited(DIFF, state=ChangeState.RUNNING, started_at=STARTED)
    assert "```" not in lines(card.render(running, ENGLISH))


def test_the_answer_in_full_and_the_view_have_the_whole_diff_with_its_spaces() -> None:
    for shown in (
        lines(card.render_in_full(edited(DIFF), ENGLISH)),
        [row for block in build_modal(edited(DIFF), ENGLISH).view["blocks"] for row in block["text"]["text"].splitlines()],
    ):
        at = shown.index(f"*Edit of {FILE} on host-0:*")
        assert list(DIFF) == [row for row in shown[at + 1 :] if row != "```"][: len(DIFF)]


def test_a_view_counts_the_lines_of_a_diff_that_do_not_fit_and_the_file_has_them() -> None:
    long = edited(tuple(f"+{n:0400}" for n in range(300)))
    shown = build_modal(long, ENGLISH)
    fitting = [row for block in shown.view["blocks"] for row in block["text"]["text"].splitlines() if row.startswith("+0")]
    rest = len([row for row in write_details(long, ENGLISH).text.splitlines() if row])
    assert 300 - len(fitting) < shown.left_out < rest
    assert f"  +{299:0400}" in write_details(long, ENGLISH).text.splitlines()


def test_nothing_in_a_file_ends_its_code_block_or_mentions_anybody() -> None:
    shown = lines(card.render(edited(("+``` <!channel> *bold* \x1b[2K\u202e",)), ENGLISH))
    assert "+ˋˋˋ &lt;!channel&gt; *bold* ␛[2K" in shown


def test_a_terminal_prints_the_diff_as_it_is() -> None:
    file = io.StringIO()
    print_answer(Console(file=file, width=80), answer(edited(DIFF)), ENGLISH)
    shown = file.getvalue().splitlines()
    at = shown.index(f"Edit of {FILE} on host-0:")
    assert list(DIFF) == shown[at + 1 : at + 1 + len(DIFF)]


def test_programs_get_the_diff_as_a_list_of_lines() -> None:
    document = json.loads(json.dumps(build_document(edited(DIFF), ENGLISH)))
    assert [{"host": "host-0", "file": FILE, "diff": list(DIFF)}] == document["edits"]
