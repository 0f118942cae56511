"""Requests worth typing instead: repaired part by part, over the hosts that there are."""

import pytest

from adapters.inventory import Inventory
from commands.bot_state.about import Help, Version
from commands.bot_state.hosts import HostList
from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation
from commands.language.signature import OperationClasses
from commands.language.suggestions import Suggester
from commands.values.errors import GrammarError
from commands.values.normalize import MAX_REQUEST_LENGTH, normalize_text
from tests.commands.canned import host
from tests.commands.made_up import MADE_UP

INVENTORY = Inventory(hosts=(host("host-a", 1, labels=("tokyo",)), host("host-b", 2, labels=("osaka",))))


def suggested(text: str, permitted: OperationClasses = CATALOGUE, inventory: Inventory = INVENTORY) -> tuple[str, ...]:
    """What is suggested in place of a text of which the grammar, or else its target, complains."""
    offered: tuple[str, ...] = ()
    try:
        parse_operation(normalize_text(text), CATALOGUE, permitted)
    except GrammarError as error:
        offered = error.suggestions
    return Suggester(permitted, inventory).suggest(text, offered)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("helth", "health"),
        ("helth hsot-b", "health host-b"),
        ("helth hsot-b,tokio --detials", "health host-b,tokyo --details"),
        ("healht host-a", "health host-a"),
        ("host rehears", "host rehearse host-a"),
        ("host rehersal host-a", "host rehearse host-a"),
        ("op shwo op-0123456789ab", "op show op-0123456789ab"),
        ("host-b", "health host-b"),
        ("HOST-B --details", "health HOST-B --details"),
        ("host-a,host-b", "health host-a,host-b"),
        ("tokyo", "health tokyo"),
        ("all", "health all"),
        ("host-*", "health host-*"),
        ("tokyoo", "health tokyo"),
        ("hosst", "host"),
        ("helth web", "health web"),
        ("reboot everything", "help"),
        ("😀😀", "help"),
    ],
)
def test_the_first_suggestion_is_what_was_meant(text: str, first: str) -> None:
    assert first == suggested(text)[0]


@pytest.mark.parametrize("text", ["health host-a,", "health all,extra", "whoami", "health host/a"])
def test_where_no_word_is_near_nothing_is_suggested(text: str) -> None:
    """The complaint says it all; a suggestion of something else would only mislead."""
    assert () == suggested(text)


def test_every_wrong_host_is_put_right() -> None:
    assert ("health host-a,host-b",) == Suggester(CATALOGUE, INVENTORY).suggest(
        "health hots-a,hsot-b", ("health host-a,hsot-b",)
    )


@pytest.mark.parametrize("text", ["host-b", "hsot-b", "tokyoo", "helth hsot-b"])
def test_who_may_not_ask_of_hosts_is_shown_none(text: str) -> None:
    assert not [word for word in suggested(text, permitted=(HostList, Help, Version)) if "host-" in word or "tokyo" in word]
    assert () == suggested(text, permitted=())


def test_hosts_are_put_only_where_an_operation_begins_with_them() -> None:
    """`log SOURCE [target]` would take a host for a log."""
    assert ("help",) == suggested("host-b", permitted=MADE_UP)


@pytest.mark.parametrize("text", ["x" * MAX_REQUEST_LENGTH, "health " + "hots-a," * 500 + "a", "a,b " * 1000])
def test_a_long_request_gets_short_suggestions(text: str) -> None:
    """How long that takes is measured in `tests.bench.texts`."""
    fleet = Inventory(hosts=tuple(host(f"host-{number:03}", number) for number in range(1, 255)))

    assert all(len(suggestion) <= 200 for suggestion in suggested(text, inventory=fleet))
