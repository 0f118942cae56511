"""Requests worth typing instead: repaired part by part, over the hosts that there are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.inventory import Inventory
from commands.about import Help, Version
from commands.catalogue import CATALOGUE
from commands.certificates.operations import CertList
from commands.changes.operations import ApprovalList
from commands.hosts.operations import HostList
from commands.language.form_filling import must_ask_first
from commands.language.grammar import parse_operation
from commands.language.help import JAPANESE_NOUNS, OperationClasses, find_operation, list_arguments
from commands.language.suggestions import Suggester
from commands.logs.collection import LOG_SOURCES
from commands.logs.operations import LogRead
from commands.model.operation import Operation
from commands.services.operations import ServiceList
from commands.values.arguments import Target
from commands.values.errors import GrammarError
from commands.values.normalize import MAX_REQUEST_LENGTH, normalize_text
from tests.commands.canned import host
from tests.commands.made_up import MADE_UP

INVENTORY = Inventory(hosts=(host("host-a", 1, labels=("tokyo",)), host("host-b", 2, labels=("osaka",))))


def suggested(text: str, permitted: OperationClasses = CATALOGUE, inventory: Inventory = INVENTORY) -> tuple[str, ...]:
    """What is suggested in place of a text of which the grammar, or else its target, complains."""
    suggester = Suggester(permitted, inventory)
    offered: tuple[str, ...] = ()
    try:
        parse_operation(normalize_text(text), CATALOGUE, permitted)
    except GrammarError as error:
        offered = error.suggestions
    return suggester.suggest(text, suggester.correct_verb(normalize_text(text)) or offered)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("helth", "health"),
        ("helth hsot-b", "health host-b"),
        ("helth hsot-b,tokio --detials", "health host-b,tokyo --details"),
        ("healht host-a", "health host-a"),
        ("host rehears", "host rehearse"),
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


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("cert renw host-b", ("cert renew host-b",)),
        ("cert renw hsot-b --dry-run", ("cert renew host-b --dry-run",)),
        ("service stat nebula host-a", ("service start nebula host-a", "service restart nebula host-a")),
        ("sevrice start nebula host-a", ("service start nebula host-a", "service restart nebula host-a")),
        ("lcok add host-a 2h why", ("lock add host-a 2h why",)),
        ("log nebla host-a", ("log nebula host-a",)),
        ("log colect host-a", ("log collect host-a",)),
        ("op contineu", ("op continue",)),
        ("ca", ("ca show", "ca rotation", "help ca")),
        ("ca の切り替え", ("ca rotation",)),
        ("backup 復元", ("backup restore",)),
        ("ホスト 一時停止", ("host suspend",)),
        ("ホスト 休止", ("host suspend",)),
        ("host 再開", ("host resume",)),
        ("report", ("report weekly", "report monthly", "help report")),
        ("schedule start digest", ("schedule", "help schedule")),
        ("cert rotate host-a", ("help cert",)),
        ("backup creat host-a", ("backup create host-a",)),
        ("photograph host-a", ("help",)),
        ("image create host-a", ("help",)),
        ("silence ad host-a", ("silence add host-a",)),
        ("サイレンス 一覧", ("サイレンス", "help silence")),
        ("メンテナンス add host-c", ()),
        ("証明書 更新 host-b", ("cert renew host-b",)),
        ("サービス 起動 nebula host-a", ("service start nebula host-a",)),
        ("ロック 削除", ("lock remove",)),
        ("スケジュール 一時停止 digest", ("schedule pause digest",)),
        ("承認 一覧", ("承認", "help approval")),
        ("再起動", ("help",)),
    ],
)
def test_a_known_noun_lists_its_verbs_and_a_mistyped_verb_keeps_its_arguments(
    text: str, suggestions: tuple[str, ...]
) -> None:
    assert suggestions == suggested(text)


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("証明書 host-a", CertList(target=Target(parts=("host-a",)))),
        ("ログ nebula host-a", LogRead(source="nebula", target=Target(parts=("host-a",)))),
        ("サービス", ServiceList()),
        ("ホスト", HostList()),
        ("承認", ApprovalList()),
        ("ヘルプ 証明書", Help(about=("証明書",))),
    ],
)
def test_a_noun_typed_in_japanese_is_the_noun(text: str, operation: Operation) -> None:
    assert operation == parse_operation(normalize_text(text), CATALOGUE, CATALOGUE)


def test_every_noun_in_japanese_is_one_of_the_catalogue() -> None:
    assert set(JAPANESE_NOUNS.values()) <= {operation.words[0] for operation in CATALOGUE}


TYPED = [
    "cert",
    "certt",
    "renew",
    "renw",
    "op",
    "continue",
    "lock",
    "lok",
    "add",
    "silence",
    "証明書",
    "更新",
    "host-a",
    "hsot-b",
]
TYPED += ["tokyo", "nebula", "op-aaaaaaaaaaaa", "2h", "--here", "--since", "--reasn", "日本", '"x y"', "schedule", "service"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TYPED), min_size=1, max_size=5))
def test_a_suggestion_has_only_typed_words_real_hosts_and_words_of_the_grammar(pieces: list[str]) -> None:
    """Never an ID or a host of an example; and one that changes something opens its form at a tap."""
    grammar = {word for operation in CATALOGUE for word in operation.words} | {"nebula", "openresty", *LOG_SOURCES}
    grammar |= {argument.option for operation in CATALOGUE for argument in list_arguments(operation)}
    known = grammar | {"help", "--help", *INVENTORY.names, *INVENTORY.labels} | set(" ".join(pieces).split())
    for suggestion in suggested(" ".join(pieces)):
        assert set(suggestion.replace(",", " ").split()) <= known
        found = find_operation([token.text for token in normalize_text(suggestion).tokens], CATALOGUE)
        assert found is None or found[0].runs_at_a_tap() or must_ask_first(suggestion, CATALOGUE)


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
