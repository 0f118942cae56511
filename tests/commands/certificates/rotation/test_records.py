"""What the steps of a plan say that it does for a rotation."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.phrase import Phrase
from adapters.windows.nebula import ForgetFolder
from commands.certificates.rotation.records import Mark, RotationStart, find_start, list_marks, make_key, parse_left
from commands.model.plan import Part, Plan, PlannedAction, Premise, Step
from tests.commands.canned_certs import CA
from tests.commands.canned_rotation import FOLDER, rotation_authority

START = RotationStart(
    old=rotation_authority(CA, "ca"), certificate_file=rf"{FOLDER}\next.crt", key_file=rf"{FOLDER}\next.key"
)


def part(*keys: str) -> Part:
    deed = PlannedAction.of(ForgetFolder(folder=r"F:\flatnet\operations\op-1"))
    return Part(host="host-a", steps=tuple(Step(key=key, host="host-a", deed=deed, phrase=Phrase("x")) for key in keys))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("host-a/keys", "host-a/sign", "host-a/confirm"), {Mark.SIGN}),
        (("host-a/trust/stage", "host-a/trust/begin", "host-a/sign"), {Mark.TRUST, Mark.SIGN}),
        (("host-a/drop",), {Mark.DROP}),
        (("host-a/take-back/begin",), {Mark.TAKE_BACK}),
        (("host-a/trusted", "host-a/begin/trust", "host-b/trust"), set()),
    ],
)
def test_the_marks_of_a_part_are_the_first_words_of_its_keys(keys: tuple[str, ...], expected: set[Mark]) -> None:
    assert expected == list_marks(part(*keys))


def test_a_key_begins_with_its_host_and_its_mark() -> None:
    assert "host-a/sign" == make_key("host-a", Mark.SIGN)
    assert "host-a/take-back/stage" == make_key("host-a", Mark.TAKE_BACK, "stage")


def test_a_start_is_read_from_its_plan() -> None:
    plan = Plan(parts=(), premises=(START.build_premise("lighthouse"),))

    assert START == find_start(Plan.model_validate_json(plan.model_dump_json()))


@pytest.mark.parametrize("value", [None, "ca", {"old": {}}])
def test_another_plan_starts_no_rotation(value: Any) -> None:
    premise = Premise(host="lighthouse", what="rotation", value=value, phrase=Phrase("x"))

    assert find_start(Plan(parts=(), premises=(premise,))) is None
    assert find_start(Plan(parts=())) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"leave": {"parts": ["host-a", "host-b"]}}, ("host-a", "host-b")),
        ({"leave": ["host-a"]}, ("host-a",)),
        ({"leave": None}, ()),
        ({}, ()),
    ],
)
def test_the_hosts_that_a_round_leaves_are_in_its_arguments(arguments: Mapping[str, Any], expected: tuple[str, ...]) -> None:
    assert expected == parse_left(arguments)
