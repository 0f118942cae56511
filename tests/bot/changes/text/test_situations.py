"""Where a container runs, on every surface: while its move waits and runs, at its end, and where that is not known."""

import pytest

from adapters.phrase import Phrase, Texts
from bot.changes.slack.card import render, render_in_full
from bot.changes.text import details as change_details
from bot.changes.text import details as change_json
from bot.changes.text.progress import build_host_progress
from bot.model.change import Change, ChangeState, TransferProgress, describe_report
from commands.model.plan import Plan, Result
from tests.bot.answers.test_terminal import printed
from tests.bot.rendering.changes import change, plan, result
from tests.bot.rendering.examples import ENGLISH, JAPANESE

HERE, NOWHERE = Phrase("{name} runs on {host}", name="web", host="host-a"), Phrase("{name} runs nowhere", name="web")


def moving() -> Plan:
    """A plan whose third step stops the container."""
    (part,) = plan("host-a").parts
    steps = (*part.steps[:2], part.steps[2].model_copy(update={"situation": NOWHERE}), part.steps[3])
    return plan("host-a").model_copy(update={"parts": (part.model_copy(update={"steps": steps}),), "situation": HERE})


def build(state: ChangeState, *results: Result, **more: object) -> Change:
    keys = [step.key for step in moving().steps]
    told = tuple(result(key, what, 60.0 * number) for number, (key, what) in enumerate(zip(keys, results, strict=False)))
    return change(state, "host-a", plan=moving(), results=told, **more)


DONE, UNKNOWN = Result.DONE, Result.UNKNOWN


@pytest.mark.parametrize(
    ("shown", "texts", "expected"),
    [
        pytest.param(build(ChangeState.WAITING), ENGLISH, "*Now:* web runs on host-a", id="it waits"),
        pytest.param(
            build(ChangeState.RUNNING, DONE, DONE, DONE),
            ENGLISH,
            "*Now:* web runs nowhere, since 2026-03-01 17:57 JST",
            id="it runs",
        ),
        pytest.param(
            build(ChangeState.FAILED, DONE, DONE, DONE, Result.FAILED),
            ENGLISH,
            "*When it ended:* web runs nowhere, since 2026-03-01 17:57 JST",
            id="it failed",
        ),
        pytest.param(
            build(ChangeState.UNKNOWN, DONE, DONE, UNKNOWN),
            ENGLISH,
            "*When it ended:* unknown: web runs on host-a, or web runs nowhere. Check the hosts",
            id="it is not known",
        ),
        pytest.param(
            build(ChangeState.DONE, DONE, DONE, UNKNOWN, why=describe_report("bob", "it does not run")),
            ENGLISH,
            "*When it ended:* web runs nowhere, since 2026-03-01 17:57 JST",
            id="a person reported it as done",
        ),
        pytest.param(build(ChangeState.CLOSED), ENGLISH, None, id="it was denied"),
        pytest.param(change(ChangeState.RUNNING, "host-a"), ENGLISH, None, id="a change that moves nothing"),
        pytest.param(
            build(ChangeState.RUNNING, DONE, DONE, DONE),
            JAPANESE,
            "*現在:* web はどのホストでも稼働していません (2026-03-01 17:57 JST から)",
            id="in Japanese",
        ),
    ],
)
def test_the_card_says_where_it_is_below_the_command(shown: Change, texts: Texts, expected: str | None) -> None:
    for message in (render(shown, texts), render_in_full(shown, texts)):
        lines = message.blocks[0]["text"]["text"].splitlines()
        assert ([] if expected is None else [expected]) == lines[2:]


def test_every_other_surface_says_it_too() -> None:
    shown = build(ChangeState.RUNNING, DONE, DONE, DONE)
    sentence = "web runs nowhere, since 2026-03-01 17:57 JST"
    details = {section.heading: section.lines for section in change_details.describe_details(shown, ENGLISH)}
    assert (sentence,) == details["Now:"]
    assert f"Now: {sentence}" in render(shown, ENGLISH).text.splitlines()
    assert sentence in " ".join(line.strip() for line in printed(shown))
    expected = {"now": "web runs nowhere", "since": "2026-03-01T08:57:02+00:00", "or_else": ""}
    assert expected == change_json.build_document(shown, ENGLISH)["situation"]


@pytest.mark.parametrize(
    ("moved", "size", "expected"),
    [
        pytest.param(1_572_864, 4_194_304, "1.5 of 4.0 MB transferred", id="size known"),
        pytest.param(0, 0, "0.0 MB transferred", id="nothing yet"),
        pytest.param(1_572_864, 0, "1.5 MB transferred", id="size not known"),
        pytest.param(4_194_304, 4_194_304, "4.0 MB transferred, waiting for the target to finish", id="all of it"),
        pytest.param(4_718_592, 4_194_304, "4.5 MB transferred", id="more than estimated"),
    ],
)
def test_a_transfer_shows_what_has_moved(moved: int, size: int, expected: str) -> None:
    shown = build(ChangeState.RUNNING, running="host-a.pair", transfer=TransferProgress(moved=moved, size=size))
    (leg,) = build_host_progress(shown, ENGLISH, None)
    assert expected == leg.lines[0].detail
