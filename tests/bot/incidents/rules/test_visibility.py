"""Who may know of an incident: in its channel all, elsewhere those who belong to it."""

from dataclasses import replace

import pytest

from bot.incidents.rules.visibility import IncidentReader, find_shown_place
from bot.model.incident import Incident
from commands.model.operation import Role
from tests.bot.clockwork import at

OPERATORS, ADMINISTRATORS, SECURITY = (frozenset({role}) for role in (Role.OPERATOR, Role.ADMINISTRATOR, Role.SECURITY))
PRIVATE = Incident(
    "op-1", "C0INC", "key", "host-a", "ana", at("2026-01-31T03:00"), private=True, lead="ben", invited=("kim", "lee")
)


@pytest.mark.parametrize(
    ("reader", "seen"),
    [
        (IncidentReader("ana", OPERATORS, "C0OPS"), True),
        (IncidentReader("ben", OPERATORS, "C0OPS"), True),
        (IncidentReader("lee", OPERATORS, ""), True),
        (IncidentReader("dora", OPERATORS, "C0OPS"), False),
        (IncidentReader("dora", ADMINISTRATORS, "C0OPS"), True),
        (IncidentReader("dora", SECURITY, ""), True),
        (IncidentReader("dora", OPERATORS, "C0INC"), True),
        (IncidentReader("dora", OPERATORS, "C0INC", in_public=True), True),
        (IncidentReader("dora", OPERATORS, "C0INC", movable=True), False),
        (IncidentReader("ana", ADMINISTRATORS, "C0OPS", in_public=True), False),
        (IncidentReader("", OPERATORS, ""), False),
    ],
    ids=lambda value: str(value) if isinstance(value, bool) else f"{value.name}-{value.channel}-{value.in_public}",
)
def test_who_may_know_of_a_private_incident(reader: IncidentReader, seen: bool) -> None:
    assert seen is reader.may_see(PRIVATE)
    assert seen is reader.may_see(replace(PRIVATE, private=None)), "unknown counts as private"
    assert reader.may_see(replace(PRIVATE, private=False))


def test_an_incident_without_a_channel_is_not_at_home_in_every_terminal() -> None:
    """Nor does one of before, which has no lead, belong to a reader without a name."""
    told_by_message = replace(PRIVATE, channel="", lead="")
    assert not IncidentReader("dora", OPERATORS, "").may_see(told_by_message)
    assert not IncidentReader("", frozenset(), "").may_see(told_by_message)
    assert IncidentReader("ana", OPERATORS, "").may_see(told_by_message)


@pytest.mark.parametrize(
    ("channel", "private", "place"),
    [
        ("C0OPS", True, "C0OPS"),
        ("C0OPS", None, "C0OPS"),
        ("", False, "C0NOTICES"),
        ("", True, ""),
        ("", None, ""),
        ("D0ANA", True, ""),
    ],
)
def test_an_incident_is_shown_in_its_place_and_a_private_one_without_a_place_nowhere(
    channel: str, private: bool | None, place: str
) -> None:
    assert place == find_shown_place(replace(PRIVATE, channel=channel, private=private), "C0NOTICES")
