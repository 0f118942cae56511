"""The samples that Slack checks are every kind of message and view, and within the limits that are known."""

import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FrameType, ModuleType
from typing import Any

import pytest
from hypothesis import given

import bot
from adapters.inventory import Inventory
from adapters.phrase import Texts
from bot.answers.slack import render
from bot.changes.slack import card as change
from bot.changes.slack.updates import list_milestones
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.request import FailureKind
from bot.rendering.slack import form
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS, SlackMessage
from bot.slack.samples.changes import list_changes
from bot.slack.samples.messages import SAMPLE_FILE, list_messages
from bot.slack.samples.views import list_views
from commands.catalogue import CATALOGUE
from commands.model.report import Report
from tests.bot.rendering import changes, examples
from tests.bot.rendering.anything import WHATEVER, any_changes, reports
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.commands.canned import host
from tests.lab.workspace.blocks import characters
from tests.lab.workspace.limits import check_update
from tests.lab.workspace.message import Content
from tests.lab.workspace.view import checked

LANGUAGES = pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
RENDERERS = re.compile(r"bot\.(\w+)\.slack(\..*)?")
"""Names of the modules that render for Slack: the shared ones, those of answers, and one floor of each wing."""

MESSAGES = tuple(list_messages(CATALOGUE, ENGLISH))
VIEWS = tuple(list_views(CATALOGUE, ENGLISH))


def shape(value: Any, at: str = "") -> Iterator[str]:
    """Every path in a block, by types and names: what Slack's schema can be about, whatever the words are."""
    if isinstance(value, list):
        for item in value:
            yield from shape(item, at)
    elif isinstance(value, dict):
        kind = f"{at}/{value.get('type', '')}"
        for name, item in value.items():
            yield f"{kind}.{name}"
            yield from shape(item, f"{kind}.{name}")


SHAPES = {path for sample in MESSAGES for path in shape(list(sample.message.blocks))}
VIEW_SHAPES = {path for sample in VIEWS for path in shape(dict(sample.view))}


def list_modules() -> list[ModuleType]:
    """Imports every module that renders for Slack."""
    found = (info.name for info in pkgutil.walk_packages(bot.__path__, "bot.") if RENDERERS.fullmatch(info.name))
    return [import_module(name) for name in found]


def list_renderers() -> Iterator[Callable[..., Any]]:
    """Every public function of the package that makes a whole message or view."""
    for module in list_modules():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != module.__name__:
                continue
            returned = inspect.signature(function).return_annotation
            if returned is SlackMessage or name in ("build_modal", "render_home", "render_closed_home"):
                yield function


def test_every_renderer_makes_a_sample() -> None:
    called = set()

    def notice_call(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(notice_call)
    try:
        list(list_messages(CATALOGUE, ENGLISH))
        list(list_views(CATALOGUE, ENGLISH))
    finally:
        sys.setprofile(before)
    renderers = {f"{each.__module__}.{each.__name__}": each for each in list_renderers()}
    assert {"bot.answers.slack.render", "bot.home.slack.render_home"} <= renderers.keys()
    assert [] == [name for name, each in renderers.items() if each.__code__ not in called]


def test_every_view_function_is_known_as_one() -> None:
    """A new one that makes a modal or a home tab must not escape the test above by its name."""
    made = {view["type"] for view in (sample.view for sample in VIEWS)}
    assert {"modal", "home"} == made
    sources = {
        function.__name__
        for module in list_modules()
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and any(f'"type": "{kind}"' in inspect.getsource(function) for kind in made)
    }
    assert {"build_modal", "_make_view"} == sources


def test_every_state_has_a_sample() -> None:
    shown = [sample.change for sample in list_changes()]
    assert set(ChangeState) == {each.state for each in shown}
    assert set(ApprovalState) == {each.approval.state for each in shown if each.approval is not None}
    kinds = {sample.kind for sample in MESSAGES}
    assert {f"failure.{kind.value}" for kind in FailureKind} <= kinds
    known = {milestone.key.partition(".")[0] for each in changes.ALL.values() for milestone in list_milestones(each)}
    assert {f"change.thread.{key}" for key in known} <= kinds


def test_every_kind_has_one_name() -> None:
    names = [*(sample.kind for sample in MESSAGES), *(sample.kind for sample in VIEWS)]
    assert sorted(set(names)) == sorted(names)


@WHATEVER
@given(report=reports())
def test_no_report_has_a_shape_without_a_sample(report: Report) -> None:
    assert set() == set(shape(list(render(examples.answer(report), ENGLISH).blocks))) - SHAPES


@WHATEVER
@given(shown=any_changes())
def test_no_change_has_a_shape_without_a_sample(shown: Change) -> None:
    assert set() == set(shape(list(change.render(shown, ENGLISH).blocks))) - SHAPES


def test_no_example_of_the_other_tests_has_a_shape_without_a_sample() -> None:
    shown = [
        *(change.render(each, ENGLISH) for each in changes.ALL.values()),
        *(render(examples.answer(body), ENGLISH) for body in vars(examples).values() if isinstance(body, Report)),
    ]
    assert set() == {path for message in shown for path in shape(list(message.blocks))} - SHAPES


@LANGUAGES
def test_no_form_has_a_shape_without_a_sample(texts: Texts) -> None:
    fleet = Inventory(hosts=(host("host-a", 1, labels=("tokyo",)),))
    for operation in CATALOGUE:
        view = form.build_modal(form.FormNote(), operation, CATALOGUE, fleet, texts)
        assert set() == set(shape(view)) - VIEW_SHAPES


@LANGUAGES
def test_every_sample_is_within_the_limits_that_are_known(texts: Texts) -> None:
    for sample in list_messages(CATALOGUE, texts):
        check_update(Content(sample.message.text, sample.message.blocks))
    for view in list_views(CATALOGUE, texts):
        checked(view.view, view.view["type"])


def test_samples_come_near_the_limits() -> None:
    """Else Slack would not say what is too much."""
    longest = max(characters(list(sample.message.blocks)) for sample in MESSAGES)
    assert longest > MAX_CHARACTERS * 0.8
    assert max(len(sample.message.blocks) for sample in MESSAGES) > MAX_BLOCKS * 0.8
    assert any(block.get("slack_file") == {"id": SAMPLE_FILE} for sample in MESSAGES for block in sample.message.blocks)
