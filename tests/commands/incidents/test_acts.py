"""The words by which people work on an incident: what they mean, and that each is rendered as it can be typed again."""

from datetime import date, timedelta

import pytest

from adapters.phrase import Phrase
from commands.incidents import acts as incident_acts
from commands.incidents.acts import (
    MAX_TEXT_LENGTH,
    IncidentAdd,
    IncidentCorrect,
    IncidentFollowUp,
    IncidentFollowUpDone,
    IncidentInvite,
    IncidentLater,
    IncidentLead,
    IncidentMerge,
    IncidentMitigated,
    IncidentNote,
    IncidentReopen,
    IncidentScope,
    IncidentSeverity,
    IncidentUpdate,
)
from commands.incidents.operations import IncidentResolve
from commands.language.grammar import parse_operation, render_operation
from commands.model.finding import Severity
from commands.model.operation import Operation, OwnOperation, Role
from commands.values.arguments import Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from commands.values.units import find_day, parse_day

ACTS: tuple[type[Operation], ...] = tuple(
    each
    for each in vars(incident_acts).values()
    if isinstance(each, type) and issubclass(each, OwnOperation) and each.__module__ == incident_acts.__name__
)
WORDS: tuple[type[Operation], ...] = (*ACTS, IncidentResolve)

TYPED: dict[str, Operation] = {
    'incident note "it is back"': IncidentNote(text="it is back"),
    "incident note it is back --at 30m": IncidentNote(text="it is back", at=timedelta(minutes=30)),
    'incident update "we are on it" --next 1h --announce': IncidentUpdate(
        text="we are on it", next=timedelta(hours=1), announce=True
    ),
    "incident severity HIGH --incident 3": IncidentSeverity(severity=Severity.HIGH, incident=3),
    "incident lead": IncidentLead(),
    "incident lead @Alice": IncidentLead(person="alice"),
    "incident invite <@U0ALICE|alice>": IncidentInvite(person="@U0ALICE"),
    "incident add host-b, host-c": IncidentAdd(what=IncidentScope(target=Target(parts=("host-b", "host-c")))),
    "incident add 12": IncidentAdd(what=IncidentScope(alert=12)),
    "incident add alert #12": IncidentAdd(what=IncidentScope(alert=12)),
    'incident correct 4 "it was host-b"': IncidentCorrect(entry=4, text="it was host-b"),
    "incident mitigated --incident #7": IncidentMitigated(incident=7),
    'incident resolve "a full disk" --although "host-c is being replaced"': IncidentResolve(
        was="a full disk", although="host-c is being replaced"
    ),
    'incident reopen "502 again"': IncidentReopen(why="502 again"),
    "incident later": IncidentLater(),
    "incident later 2h --incident 3": IncidentLater(duration=timedelta(hours=2), incident=3),
    "incident merge 4 --into 3": IncidentMerge(number=4, into=3),
    'incident followup "add a check" --who alice --by friday': IncidentFollowUp(
        text="add a check", who="alice", by="friday"
    ),
    "incident followup done 2": IncidentFollowUpDone(number=2),
}

REFUSED = {
    f'incident note "{"x" * (MAX_TEXT_LENGTH + 1)}"': Phrase("a text can have up to {n} characters", n=MAX_TEXT_LENGTH),
    'incident note ""': Phrase("enter a text"),
    "incident lead !here": Phrase("{part} is not a person. Use a configured name or a mention", part="!here"),
    "incident followup x --by someday": Phrase(
        "{part} is not a day. Use for example {example}", part="someday", example="tomorrow, friday, 7d, 2026-01-31"
    ),
    "incident later 2d": Phrase("{part} is out of range. Use {least} to {most}", part="2d", least="5m", most="1d"),
    "incident correct 0 x": Phrase("{part} is not a number. Run {words} for the list", part="0", words="incident show"),
    "incident update x --next 1m": Phrase("{part} is out of range. Use {least} to {most}", part="1m", least="5m", most="1d"),
}


@pytest.mark.parametrize(("typed", "meant"), TYPED.items())
def test_words_mean_an_act_and_are_rendered_as_they_can_be_typed_again(typed: str, meant: Operation) -> None:
    assert parse_operation(normalize_text(typed), WORDS, WORDS) == meant
    assert parse_operation(normalize_text(render_operation(meant)), WORDS, WORDS) == meant


@pytest.mark.parametrize(("typed", "reason"), REFUSED.items())
def test_what_cannot_be_meant_is_refused_with_its_reason(typed: str, reason: Phrase) -> None:
    with pytest.raises(GrammarError) as refused:
        parse_operation(normalize_text(typed), WORDS, WORDS)
    assert refused.value.phrase == reason


def test_each_example_can_be_run_as_it_is() -> None:
    parsed = {type(parse_operation(normalize_text(each.example), WORDS, WORDS)) for each in WORDS}
    assert set(WORDS) == parsed


def test_only_notes_are_for_all_readers() -> None:
    assert [IncidentNote] == [each for each in WORDS if Role.VIEWER in each.roles]


def test_a_merge_needs_the_incident_that_goes_on() -> None:
    assert [True, False] == [IncidentMerge(number=4).incomplete, IncidentMerge(number=4, into=3).incomplete]


@pytest.mark.parametrize(
    ("typed", "due"),
    [
        ("today", date(2026, 11, 30)),
        ("明日", date(2026, 12, 1)),
        ("monday", date(2026, 12, 7)),
        ("Friday", date(2026, 12, 4)),
        ("2w", date(2026, 12, 14)),
        ("2026/12/24", date(2026, 12, 24)),
    ],
)
def test_a_day_is_counted_from_a_monday(typed: str, due: date) -> None:
    assert due == find_day(parse_day(typed), date(2026, 11, 30))
