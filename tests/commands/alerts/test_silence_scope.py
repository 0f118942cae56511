"""The scope of a silence: what its words mean, and that they never hide more than they say."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inventory import Inventory
from commands.alerts.conditions import Condition, make_key
from commands.alerts.mutes import SilenceAdd
from commands.alerts.silence_scope import AlertKey, SilenceScope, list_scope_words
from commands.language.grammar import parse_operation, render_operation
from commands.values.arguments import BadArgument
from commands.values.normalize import normalize_text
from tests.commands.canned import host

INVENTORY = Inventory(
    hosts=(
        host("lighthouse", 0),
        host("host-a", 1, labels=("tokyo",)),
        host("host-b", 2, labels=("tokyo", "lab")),
        host("peers", 3),
    )
)

ALERTS = {
    "nebula of host-a": AlertKey("host-a", "nebula", Condition.NEBULA),
    "disk of host-a": AlertKey("host-a", "disk/windows/F:", Condition.DISK),
    "container of host-a": AlertKey("host-a", "container/web", Condition.CONTAINER),
    "host-b silent": AlertKey("host-b", "host", Condition.SILENT),
    "peers of host-b": AlertKey("host-b", "peers", Condition.PEERS),
    "host peers": AlertKey("peers", "gateway", Condition.GATEWAY),
    "a host that left": AlertKey("host-z", "nebula", Condition.NEBULA),
    "bot blind": AlertKey("", "blind", Condition.BLIND),
    "unknown change": AlertKey("", "change/op-0123456789ab", Condition.CHANGE),
    "ca": AlertKey("", "ca/ab12cd34ef56", Condition.AUTHORITY),
}
EVERY_HOST = {name for name, key in ALERTS.items() if key.host}

COVERED = {
    "host-a": {"nebula of host-a", "disk of host-a", "container of host-a"},
    "HOST-A": {"nebula of host-a", "disk of host-a", "container of host-a"},
    "host-a/nebula": {"nebula of host-a"},
    "host-a/disk": {"disk of host-a"},
    "host-a/disk/windows/f:": {"disk of host-a"},
    "host-a/disk/windows": {"disk of host-a"},
    "host-a/disk/win": set(),
    "host-a/container/web": {"container of host-a"},
    "host-a/container/db": set(),
    "host-b/host": {"host-b silent"},
    "host-b/silent": {"host-b silent"},
    "label:tokyo": {"nebula of host-a", "disk of host-a", "container of host-a", "host-b silent", "peers of host-b"},
    "label:lab": {"host-b silent", "peers of host-b"},
    "label:tokyo/nebula": {"nebula of host-a"},
    "host-*": {
        "nebula of host-a",
        "disk of host-a",
        "container of host-a",
        "host-b silent",
        "peers of host-b",
        "a host that left",
    },
    "*": EVERY_HOST,
    "host-z": {"a host that left"},
    "disk": {"disk of host-a"},
    "nebula": {"nebula of host-a", "a host that left"},
    "peers": {"host peers"},
    "blind": {"bot blind"},
    "change": {"unknown change"},
    "change/op-0123456789ab": {"unknown change"},
    "change/op-ba9876543210": set(),
    "authority": {"ca"},
    "ca": {"ca"},
    "ca/ab12cd34ef56": {"ca"},
    "all": set(ALERTS) - {"unknown change"},
    "all/disk": {"disk of host-a"},
    "host-a/disk,blind": {"disk of host-a", "bot blind"},
    "host-a/disk、label:lab": {"disk of host-a", "host-b silent", "peers of host-b"},
    "tokyo": set(),
}


@pytest.mark.parametrize("words", COVERED)
def test_a_scope_covers_what_its_words_say_and_nothing_else(words: str) -> None:
    matches = SilenceScope.parse((words,)).make_matcher(INVENTORY)
    assert COVERED[words] == {name for name, key in ALERTS.items() if matches(key)}


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ("host-a", ("host-a",)),
        ("host-a/nebula", ("host-a",)),
        ("label:tokyo", ("host-a", "host-b")),
        ("label:tokyo,lighthouse", ("lighthouse", "host-a", "host-b")),
        ("host-*/disk", ("host-a", "host-b")),
        ("disk", INVENTORY.names),
        ("blind", INVENTORY.names),
        ("change/op-0123456789ab", INVENTORY.names),
        ("all", INVENTORY.names),
    ],
)
def test_a_scope_is_about_all_hosts_whose_alerts_it_may_hide(words: str, hosts: tuple[str, ...]) -> None:
    scope = SilenceScope.parse((words,))
    assert hosts == tuple(host.name for host in scope.resolve(INVENTORY))
    assert hosts == tuple(host.name for host in scope.find_hosts(INVENTORY))
    assert words == str(scope)


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("host-c", ("host-b", "host-a")),
        ("host-c/nebula", ("host-b/nebula", "host-a/nebula")),
        ("tokyo", ("label:tokyo",)),
        ("label:tokio", ("label:tokyo", "label:lab")),
        ("nebulla", ("nebula",)),
        ("host-a/nebulla", ("host-a/nebula",)),
        ("host-a,nebulla", ("nebula",)),
        ("host-a/containr/web", ("host-a/container/web", "host-a/rotation/web")),
        ("xyz-*", ()),
        ("qqqq", ()),
    ],
)
def test_words_that_mean_nothing_are_rejected_with_close_ones(words: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(BadArgument, match="no host, label or condition named") as failure:
        SilenceScope.parse((words,)).resolve(INVENTORY)
    assert nearest == failure.value.nearest
    for near in nearest:
        SilenceScope.parse((near,)).resolve(INVENTORY)


@pytest.mark.parametrize("words", ["audit", "host-a/audit", "AUDIT", "audit/log"])
def test_alerts_about_the_audit_log_cannot_be_silenced(words: str) -> None:
    with pytest.raises(BadArgument, match="audit alerts are never muted"):
        SilenceScope.parse((words,)).resolve(INVENTORY)


@pytest.mark.parametrize(
    "words",
    ["", ",", "host-a,", "host a", "-x", "host-a/", "host-a//x", "label:", "label:*", "../x", "a\nb", "host-a/x\x00", "é"],
)
def test_words_that_cannot_name_alerts_are_rejected(words: str) -> None:
    with pytest.raises(BadArgument, match="does not name alerts"):
        SilenceScope.parse((words,))


def test_a_scope_has_a_limit_of_parts() -> None:
    with pytest.raises(BadArgument, match="up to 100 parts"):
        SilenceScope.parse((",".join(["host-a"] * 101),))


def test_hosts_that_left_the_inventory_are_left_out_when_a_stored_scope_is_judged() -> None:
    scope = SilenceScope.parse(("host-z,host-a,label:gone",))
    assert ("host-a",) == tuple(host.name for host in scope.find_hosts(INVENTORY))


def test_completion_offers_all_that_a_scope_may_begin_with_but_what_is_never_hidden() -> None:
    offered = list_scope_words(INVENTORY)
    assert {"all", "host-a", "label:tokyo", "disk", "blind"} <= set(offered)
    assert "audit" not in offered


@given(st.text(alphabet="hostab-1*?/,、:label ZФ\"'\\\x00é", max_size=30))
def test_whatever_is_typed_is_rejected_or_stored_so_that_it_means_the_same_again(typed: str) -> None:
    try:
        scope = SilenceScope.parse((typed,))
    except BadArgument:
        return
    assert scope == SilenceScope.parse((str(scope),))
    words = render_operation(SilenceAdd(what=scope, lasts=timedelta(hours=2), why="why"))
    again = parse_operation(normalize_text(words), (SilenceAdd,), (SilenceAdd,))
    assert isinstance(again, SilenceAdd)
    assert scope == again.what


@pytest.mark.parametrize("name", [name for name, key in ALERTS.items() if key.host != "host-z"])
def test_the_key_of_an_alert_is_a_scope_that_covers_it(name: str) -> None:
    key = ALERTS[name]
    scope = SilenceScope.parse((make_key(key.host, key.subject),))
    assert scope.resolve(INVENTORY)
    assert scope.make_matcher(INVENTORY)(key)
