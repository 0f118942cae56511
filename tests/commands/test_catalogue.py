"""The one table of operations: no two are called alike, each has all it needs, and help shows it."""

from itertools import chain

import pytest

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation, render_operation
from commands.language.help import build_help, find_noun, find_operation, format_usage, list_arguments, list_names
from commands.model.operation import FleetChange, FleetRead, Operation, OwnOperation, Risk
from commands.values.arguments import Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands.canned import host
from tests.commands.cells import cell
from tests.commands.made_up import MADE_UP

NOUNS = {name[0] for operation in CATALOGUE for name in list_names(operation)}


def test_no_two_operations_share_a_name() -> None:
    """Plurals count: a noun that another noun's plural would mean is taken."""
    every = [name for operation in CATALOGUE for name in list_names(operation)]

    assert sorted(set(every)) == sorted(every)
    assert not [noun for noun in NOUNS if noun.removesuffix("s") != noun and noun.removesuffix("s") in NOUNS]


@pytest.mark.parametrize("operation", CATALOGUE)
class TestEveryOperation:
    def test_is_found_by_each_of_its_names_and_their_plurals(self, operation: type[Operation]) -> None:
        for noun, *rest in list_names(operation):
            assert (operation, 1 + len(rest)) == find_operation([noun, *rest], CATALOGUE)
            assert noun == find_noun(f"{noun}s", NOUNS)

    def test_has_an_example_that_works_as_it_stands(self, operation: type[Operation]) -> None:
        assert isinstance(parse_operation(normalize_text(operation.example), CATALOGUE, CATALOGUE), operation)

    def test_says_what_it_is_for_and_what_each_argument_means(self, operation: type[Operation]) -> None:
        assert isinstance(operation.summary, Phrase)
        assert operation.__doc__
        assert all(isinstance(argument.kind.meaning, Phrase) for argument in list_arguments(operation))

    def test_reads_hosts_changes_them_by_a_plan_or_is_the_bots_own(self, operation: type[Operation]) -> None:
        assert issubclass(operation, FleetRead | FleetChange | OwnOperation)
        if not issubclass(operation, OwnOperation):
            assert issubclass(operation, FleetChange) == (operation.risk > Risk.READ)

    def test_is_about_the_hosts_of_its_target(self, operation: type[Operation]) -> None:
        """Rights and rules are judged on them, so an operation that forgets them would be allowed everywhere."""
        if "target" not in operation.model_fields:
            return
        example = parse_operation(normalize_text(operation.example), CATALOGUE, CATALOGUE)
        named = example.model_copy(update={"target": Target(parts=("host-b",))})

        assert operation.is_about_hosts()
        resolved = named.resolve_hosts(Inventory(hosts=(host("host-a", 1), host("host-b", 2))))
        assert {"host-b"} == {each.name for each in resolved}

    def test_has_words_that_are_typed_without_shift_or_quotes(self, operation: type[Operation]) -> None:
        assert all(word.isascii() and word.isalpha() and word.islower() for word in chain(*list_names(operation)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("health", "health"),
        ("healths host-b , host-a ––details", "health host-b,host-a --details"),
        ("health all", "health"),
        ("Hosts", "host"),
        ("who am I", "whoami"),
        ("ｈｅａｌｔｈ　ｔｏｋｙｏ", "health tokyo"),
        ("health `host-a` —here", "health host-a --here"),
    ],
)
def test_what_people_type_is_understood_as_this(text: str, words: str) -> None:
    assert words == render_operation(parse_operation(normalize_text(text), CATALOGUE, CATALOGUE))


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("helth host-a", ("health host-a", "help host-a")),
        ("hosst", ("host", "host add")),
        ("halp", ("help", "health")),
        ("reboot everything", ()),
        ("health host-a --detials", ("health host-a --details",)),
    ],
)
def test_unknown_words_get_the_nearest_requests(text: str, suggestions: tuple[str, ...]) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_operation(normalize_text(text), CATALOGUE, CATALOGUE)

    assert suggestions == caught.value.suggestions


def test_help_names_where_to_start_and_the_nouns_that_are_permitted() -> None:
    report = build_help((), CATALOGUE[:4], ("health", "host"))

    assert "start with health, host. Run help TOPIC for the commands of a topic" == str(report.summary)
    assert ("health", "host") == report.next
    assert ["health", "host", "service"] == [cell(report, row, "topic").value for row in report.rows] == list(report.topics)


def test_the_help_of_a_noun_has_a_line_for_each_verb_and_examples() -> None:
    report = build_help(("services",), CATALOGUE)

    assert [
        "service [target]",
        "service start SERVICE TARGET",
        "service stop SERVICE TARGET",
        "service restart SERVICE TARGET",
    ] == [cell(report, row, "words").value for row in report.rows]
    assert ("service", "service start", "service stop", "service restart") == report.next
    assert "service start nebula host-a" == str(report.sections[0].lines[1])


def test_help_for_one_command_explains_each_part_of_it() -> None:
    report = build_help(("health",), CATALOGUE)

    assert "Help for health" == str(report.title)
    assert ["[target]", "[--details]", "[--here]"] == [cell(report, row, "part").value for row in report.rows]
    assert ("health",) == report.next


@pytest.mark.parametrize(
    ("about", "first"),
    [
        (("log",), ["log SOURCE [target]", "log collect"]),
        (("logs", "collect"), ["[--here]", "log gather", "roles"]),
        (("log", "nebula"), ["SOURCE", "[target]", "[--newest-first]", "[--here]"]),
    ],
)
def test_help_takes_the_beginning_of_names_and_more_than_a_name(about: tuple[str, ...], first: list[str]) -> None:
    assert first == [row.cells[0].value for row in build_help(about, MADE_UP).rows]


def test_help_for_what_is_not_permitted_is_help_for_what_does_not_exist() -> None:
    with pytest.raises(GrammarError) as caught:
        build_help(("health",), CATALOGUE[1:])

    assert "no command health available to you. Run help for the list" == str(caught.value)
    assert (5, 11) == caught.value.span


def test_a_required_argument_is_shown_in_capitals() -> None:
    assert "log SOURCE [target] [--newest-first] [--here]" == format_usage(MADE_UP[0])
