"""One argument: targets against an inventory, near names, hostile words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.inventory import GatewaySide, Host, Inventory, JoiningHost, RemovedHost
from commands.values.arguments import ALL_HOSTS, MAX_TARGET_PARTS, BadArgument, NoSuchHost, Target

INVENTORY = Inventory(
    hosts=tuple(
        Host(name=name, id=number, labels=labels, gateway=GatewaySide(url=f"http://10.100.{number}.1:8080"))
        for number, (name, labels) in enumerate(
            [("host-b", ("tokyo",)), ("host-a", ("tokyo", "rack-1")), ("osaka", ()), ("edge", ("osaka", "rack-1"))], start=1
        )
    )
)


def meant(text: str) -> list[str]:
    return [host.name for host in Target.parse((text,)).resolve(INVENTORY)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ["host-b", "host-a", "osaka", "edge"]),
        ("host-a", ["host-a"]),
        ("HOST-A", ["host-a"]),
        ("host-a,host-b", ["host-b", "host-a"]),
        ("host-a, host-a host-a", ["host-a"]),
        ("host-*", ["host-b", "host-a"]),
        ("?dge", ["edge"]),
        ("*", ["host-b", "host-a", "osaka", "edge"]),
        ("tokyo", ["host-b", "host-a"]),
        ("rack-1,host-b", ["host-b", "host-a", "edge"]),
        ("osaka", ["osaka"]),
    ],
)
def test_a_target_means_hosts_in_the_inventorys_order_each_once(text: str, names: list[str]) -> None:
    """A name is taken before a label of the same name: fewer hosts."""
    assert names == meant(text)


@pytest.mark.parametrize(
    ("text", "part", "nearest"),
    [
        ("hots-a", "hots-a", ("host-a", "host-b")),
        ("host-b,tokio", "tokio", ("tokyo",)),
        ("zzz", "zzz", ()),
        ("db-*", "db-*", ()),
        ("all-hosts", "all-hosts", ()),
    ],
)
def test_a_part_that_names_nothing_is_said_with_the_nearest_names(text: str, part: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(NoSuchHost) as caught:
        meant(text)

    assert (part, nearest) == (caught.value.part, caught.value.nearest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "host-a,",
        ",host-a",
        "host-a,,host-b",
        "--all",
        "-rf",
        "host/a",
        "../etc",
        "ホスト",
        "a;b",
        "[a-z]",
        "a" + "\x00",
    ],
)
def test_what_cannot_be_a_host_is_refused_before_any_inventory_is_asked(text: str) -> None:
    with pytest.raises(BadArgument):
        Target.parse((text,))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("host-x", "host-x is being added, and is not a member yet. Run host show host-x for what it waits for"),
        ("host-y", "host-y was removed 2026-11-30 02:00:00 UTC"),
    ],
)
def test_a_host_that_comes_or_goes_is_no_target_and_that_is_the_reason(text: str, says: str) -> None:
    at = datetime(2026, 11, 30, 2, tzinfo=UTC)
    joining = (JoiningHost(name="host-x", id=8, since=at, by="ana"),)
    inventory = INVENTORY.model_copy(
        update={"joining": joining, "removed": (RemovedHost(name="host-y", id=9, since=at, by="ana"),)}
    )

    with pytest.raises(NoSuchHost) as refused:
        Target.parse((text,)).resolve(inventory)
    assert says == str(refused.value.phrase)


def test_as_many_parts_as_the_limit_and_no_more() -> None:
    assert MAX_TARGET_PARTS == len(Target.parse((",".join(["a"] * MAX_TARGET_PARTS),)).parts)
    with pytest.raises(BadArgument, match="you can list up to 100 hosts by name"):
        Target.parse((",".join(["a"] * (MAX_TARGET_PARTS + 1)),))


def test_all_of_an_empty_inventory_is_nobody() -> None:
    assert () == ALL_HOSTS.resolve(Inventory())


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5).map(tuple))
def test_any_words_are_a_target_that_reads_back_or_a_bad_argument(words: tuple[str, ...]) -> None:
    try:
        target = Target.parse(words)
    except BadArgument:
        return

    assert target == Target.parse((str(target),))
