"""Words to operations and back, over made-up operations: the grammar knows none of them."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.phrase import Phrase
from commands.about import Help, Version
from commands.language.grammar import identify_operation, locate_error, parse_operation, render_operation
from commands.language.help import list_arguments
from commands.model.operation import Operation
from commands.values.arguments import ALL_HOSTS, BadArgument, Target
from commands.values.errors import GrammarError
from commands.values.normalize import MAX_REQUEST_LENGTH, normalize_text
from tests.commands.made_up import MADE_UP, LogCollect, LogRead


def understood(text: str) -> Operation:
    return parse_operation(normalize_text(text), MADE_UP, MADE_UP)


def misunderstood(text: str, permitted: Sequence[type[Operation]] = MADE_UP) -> GrammarError:
    with pytest.raises(GrammarError) as caught:
        parse_operation(normalize_text(text), MADE_UP, permitted)
    return caught.value


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("", Help()),
        ("--here", Help(here=True)),
        ("help", Help()),
        ("help log collect", Help(about=("log", "collect"))),
        ("--help", Help()),
        ("log --help", Help(about=("log",))),
        ("log nebula host/a --newest-first --x --help", Help(about=("log",))),
        ("logs collect host-a —help --here", Help(about=("log", "collect"), here=True)),
        ("version", Version()),
        ("Version --here", Version(here=True)),
        ("--here version", Version(here=True)),
        ("log nebula", LogRead(source="nebula")),
        ("logs nebula", LogRead(source="nebula")),
        ("LOG Nebula", LogRead(source="Nebula")),
        ('log "nebula or so"', LogRead(source="nebula or so")),
        ('log "--here"', LogRead(source="--here")),
        ("log --newest-first nebula", LogRead(source="nebula", newest_first=True)),
        ("log nebula --newest-first --newest-first", LogRead(source="nebula", newest_first=True)),
        ("log nebula host-a,Host-B", LogRead(source="nebula", target=Target(parts=("host-a", "host-b")))),
        ("log nebula host-a, host-b", LogRead(source="nebula", target=Target(parts=("host-a", "host-b")))),
        ("log nebula host-a　host-b", LogRead(source="nebula", target=Target(parts=("host-a", "host-b")))),
        ("log nebula host-a、host-b", LogRead(source="nebula", target=Target(parts=("host-a", "host-b")))),
        ("log collect", LogCollect()),
        ("logs gather", LogCollect()),
    ],
)
def test_words_become_an_operation(text: str, operation: Operation) -> None:
    assert operation == understood(text)


@pytest.mark.parametrize(
    ("text", "span", "suggestions"),
    [
        ("lgo nebula host-a", (0, 3), ("log nebula host-a",)),
        ("log_collect now", (0, 11), ("log collect",)),
        ("verzion --here", (0, 7), ("version --here",)),
        ("😀😀", (0, 2), ()),
        ("host-a", (0, 6), ()),
        ("log nebula --newest", (11, 19), ("log nebula --newest-first",)),
        ("log nebula --n", (11, 14), ("log nebula --newest-first",)),
        ("log nebula -h", (11, 13), ("log nebula --help", "log nebula --here")),
        ("log nebula --tail=5", (11, 19), ()),
        ("log nebula --here=yes", (11, 21), ("log nebula --here",)),
        ("version host-a now", (8, 18), ("version",)),
        ("log", None, ()),
        ("log nebula host-a,,host-b", (11, 25), ()),
        ("log nebula host/a", (11, 17), ()),
        ('log nebula "--host"', (12, 18), ()),
        ('log "nebula or so', (4, 17), ('log "nebula or so"',)),
        ("log 'nebula or so --newest-first", (4, 32), ("log 'nebula or so' --newest-first",)),
        ('log nebula "', (11, 12), ()),
        ('log nebula " --newest-first', (11, 27), ()),
    ],
)
def test_an_error_says_where_and_offers_whole_requests(
    text: str, span: tuple[int, int] | None, suggestions: tuple[str, ...]
) -> None:
    error = misunderstood(text)

    assert (span, suggestions) == (error.span, error.suggestions)


def test_nothing_is_suggested_that_is_not_permitted() -> None:
    assert () == misunderstood("lgo", permitted=(Help, Version)).suggestions
    assert () == tuple(word for word in misunderstood("log_collect", (LogRead, Help)).suggestions if "collect" in word)


@pytest.mark.parametrize("text", ["log collect", "logs gather now --tail=5", "LOG Collect --here=yes"])
def test_what_is_not_permitted_is_named_so_that_it_can_be_refused_whatever_follows(text: str) -> None:
    """Its arguments are looked at only once it is allowed: a complaint about them would teach them."""
    assert LogCollect is identify_operation(normalize_text(text), MADE_UP, (Help,)).operation


def test_an_open_quote_is_named_before_the_words_that_fall_out_of_it() -> None:
    said = 'unclosed quote: "Handshake timed. Close it or remove it'
    assert said == str(misunderstood('log nebula --grep "Handshake timed'))


def test_more_than_the_limit_is_refused_and_never_cut_in_silence() -> None:
    assert "a command can have up to 4000 characters" == str(misunderstood("log " * MAX_REQUEST_LENGTH))


def outcome(text: str) -> Operation | GrammarError:
    try:
        return understood(text)
    except GrammarError as error:
        return error


@pytest.mark.parametrize(
    "text",
    [
        "a" * MAX_REQUEST_LENGTH,
        "log " + "a," * 1900,
        "log x " + "a," * 90,
        "\u202e\u200f",
        "\x00log\x00",
        '"',
        "'log'",
        "-",
        "--",
        "- -",
    ],
)
def test_strange_text_is_an_operation_or_a_short_complaint(text: str) -> None:
    match outcome(text):
        case GrammarError() as error:
            assert len(str(error)) < 500
            assert all(len(suggestion) <= 200 for suggestion in error.suggestions)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["log", "collect", "help", "--here", "--x", "host-a", "a,b", '"', "'", " ", "-", "é", "😀"]))
)
@example(["log", '"', '"', '"', '"'])
def test_any_text_is_an_operation_or_a_complaint_about_some_place(pieces: list[str]) -> None:
    match outcome(" ".join(pieces)):
        case GrammarError(span=(start, end)):
            assert start < end


def test_a_field_that_does_not_say_how_it_is_typed_is_a_bug_and_not_left_out() -> None:
    class Silent(Operation):
        words: ClassVar = ("silent",)
        count: int = 0

    with pytest.raises(TypeError, match=r"Silent\.count"):
        list_arguments(Silent)


PARTS = st.from_regex(r"[a-z0-9*?][a-z0-9_.*?-]{0,8}", fullmatch=True)
TARGETS = st.builds(Target, parts=st.lists(PARTS, min_size=1, max_size=5).map(tuple))
SOURCES = (
    st.text(min_size=1, max_size=20)
    .map(lambda text: normalize_text(text).text)
    .filter(lambda text: text and "&" not in text)
)
OPERATIONS = st.one_of(
    st.builds(LogRead, source=SOURCES, target=st.just(ALL_HOSTS) | TARGETS, newest_first=st.booleans(), here=st.booleans()),
    st.builds(LogCollect, here=st.booleans()),
    st.builds(Help, about=st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=3).map(tuple), here=st.booleans()),
)


@settings(deadline=None)
@given(OPERATIONS)
def test_the_canonical_words_of_an_operation_give_it_back(operation: Operation) -> None:
    assert operation == understood(render_operation(operation))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LOGS nebula --here host-b , host-a --newest-first", "log nebula host-b,host-a --newest-first --here"),
        ("log 'my log'", 'log "my log"'),
        ("logs gather", "log collect"),
        ("log collect --help", "help log collect"),
    ],
)
def test_the_canonical_words_are_short_and_in_one_order(text: str, words: str) -> None:
    assert words == render_operation(understood(text))


def test_a_class_and_a_line_in_the_catalogue_are_all_that_a_new_operation_needs() -> None:
    """`made_up.LogRead` says everything by its fields: what is typed, in which order, and what for."""
    assert ["source", "target", "newest_first", "here"] == [argument.field for argument in list_arguments(LogRead)]
    assert [True, False, False, False] == [argument.required for argument in list_arguments(LogRead)]


def test_an_argument_that_fails_later_is_found_in_the_text_as_a_whole_word() -> None:
    error = BadArgument(Phrase("no such host"), part="host", nearest=("host-a",))

    assert (5, 9) == locate_error(error, "host host,host-b").span
    assert ("host host-a,host-b",) == locate_error(error, "host host,host-b").suggestions
    assert None is locate_error(error, "host-b").span
