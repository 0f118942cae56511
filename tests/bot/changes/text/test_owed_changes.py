"""A change that is owed to a host is never shown as plain done, on any surface and in either language."""

from zoneinfo import ZoneInfo

import pytest

from bot.answers.output import render_output
from bot.changes.reports.listing import list_recent_changes
from bot.changes.slack.card import choose_symbol, render
from bot.changes.slack.updates import list_milestones, render_for_thread
from bot.changes.text.details import build_document, describe_details
from bot.locale.texts import get_texts
from bot.model.change import Change, ChangeState
from bot.model.output import Terminal
from bot.model.request import Answer, ExitCode
from commands.model.plan import Result
from tests.bot.rendering.changes import ENDED_AT, change, plan, result

TEXTS = {language: get_texts(language, ZoneInfo("UTC")) for language in ("en", "ja")}
STATES = {"en": "Done, except host-z (owed)", "ja": "完了 (host-z は未実施)"}

both = pytest.mark.parametrize("language", TEXTS)


def ended(state: ChangeState = ChangeState.DONE, *, owed: bool = True, done: bool = True) -> Change:
    """A renewal of host-a that left out host-z."""
    made = plan("host-a")
    (left,) = made.left_out
    made = made.model_copy(update={"left_out": (left.model_copy(update={"owed": owed}),)})
    became = Result.DONE if done else Result.SKIPPED
    results = tuple(result(step.key, became, second) for second, step in enumerate(made.steps))
    return change(state, "host-a").model_copy(update={"plan": made, "results": results, "ended_at": ENDED_AT})


@both
def test_the_card_the_thread_and_the_details_name_the_host(language: str) -> None:
    texts, said = TEXTS[language], STATES[language]
    card = render(ended(), texts)
    assert (said in str(card.blocks), said in card.text, ":warning:") == (True, True, choose_symbol(ended()))
    assert said in render_for_thread(list_milestones(ended())[-1], ended(), texts).text
    assert said in describe_details(ended(), texts)[0].lines


@both
def test_the_terminal_names_the_host_and_its_exit_code_is_not_that_of_success(language: str) -> None:
    answer = Answer(operation="op-0123456789ab", understood="op show op-0123456789ab", body=ended())
    printed = render_output(answer, "table", Terminal(columns=46), TEXTS[language]).stdout.decode()
    assert STATES[language].replace(" ", "") in "".join(printed.split())
    assert ExitCode.FINDINGS == answer.exit_code


def test_json_has_a_state_of_its_own_and_the_hosts() -> None:
    document = build_document(ended(), TEXTS["en"])
    assert ("done_except_owed", ["host-z"]) == (document["state"], document["owed"])
    assert [{"host": "host-z", "why": "Windows was unreachable", "owed": True}] == document["left_out"]


def test_the_list_of_changes_names_the_host() -> None:
    row = list_recent_changes((ended(),), ENDED_AT).rows[0]
    assert ("done, except host-z (owed)", "done_except_owed") == (str(row.cells[1].text), row.cells[1].value)


@pytest.mark.parametrize(
    ("made", "owed"),
    [
        (ended(), ("host-z",)),
        (ended(ChangeState.FAILED), ("host-z",)),
        (ended(ChangeState.FAILED, done=False), ()),
        (ended(ChangeState.UNDONE), ()),
        (ended(ChangeState.UNKNOWN), ()),
        (ended(ChangeState.WAITING), ()),
        (ended(owed=False), ()),
        (ended().model_copy(update={"dry_run": True}), ()),
    ],
)
def test_it_is_owed_once_something_was_done(made: Change, owed: tuple[str, ...]) -> None:
    assert owed == made.owed_hosts


def test_a_change_without_owed_hosts_is_plain_done() -> None:
    document = build_document(ended(owed=False), TEXTS["en"])
    answer = Answer(operation="op-1", understood="op", body=ended(owed=False))
    assert ("done", [], ":white_check_mark:", ExitCode.WELL) == (
        document["state"],
        document["owed"],
        choose_symbol(ended(owed=False)),
        answer.exit_code,
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ChangeState.WAITING, "Owed, requested again when the host responds:"),
        (ChangeState.DONE, "Owed when it ended (run owed to see what still is):"),
    ],
)
def test_approvers_see_before_what_will_be_owed_and_everyone_after(state: ChangeState, said: str) -> None:
    assert said in str(render(ended(state), TEXTS["en"]).blocks)
