"""Looks: the hosts that words meant, and looks folded for a reader."""

import pytest

from bot.audit_log.log import MAX_RECORDED_LENGTH
from bot.incidents.rules.reads import FoldedLooks, LookReader, fold_looks
from bot.model.incident import EntryKind, TimelineEntry
from commands.catalogue import CATALOGUE
from tests.bot.incidents.recorded import entry
from tests.bot.world import HOSTS, inventory

INVENTORY = inventory("tokyo")


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ("disk host-a", ("host-a",)),
        ("disk host-a,host-b --here", ("host-a", "host-b")),
        ("health", HOSTS),
        ("log access tokyo --since 30m", HOSTS),
        ("log collect host-b", ("host-b",)),
        ("cert show host-a", ("host-a",)),
        ("container show host-a/web", ("host-a",)),
        ("backup host-a", ()),
        ("alert", ()),
        ("alert show 3", ()),
        ("op", ()),
        ("host", ()),
        ("service restart nebula host-a --dry-run", ()),
        ("incident", ()),
        ("disk gone", ()),
        ("frobnicate host-a", ()),
        ("disk 'host-a", ()),
        ("", ()),
        ("disk host-a" + " " * (MAX_RECORDED_LENGTH - 11), ()),
    ],
)
def test_a_look_is_at_the_hosts_that_its_words_meant(words: str, hosts: tuple[str, ...]) -> None:
    assert hosts == LookReader(CATALOGUE).find_hosts(words, INVENTORY)


def test_words_mean_the_hosts_of_the_inventory_of_that_moment() -> None:
    reader = LookReader(CATALOGUE)
    assert () == reader.find_hosts("disk osaka", INVENTORY)
    assert HOSTS == reader.find_hosts("disk osaka", inventory("osaka"))


def _show(folded: tuple[TimelineEntry | FoldedLooks, ...]) -> list[str]:
    return [
        f"{each.author} {len(each.entries)}x {', '.join(each.words)}" if isinstance(each, FoldedLooks) else each.source
        for each in folded
    ]


def _look(author: str, words: str, minutes: int = 0) -> TimelineEntry:
    return entry(source=f"{author} {words}", author=author, words=words, hosts=("host-a",), minutes=minutes)


NOTE = entry(EntryKind.NOTE, source="note")


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        ((), []),
        ((_look("ana", "disk"),), ["ana disk"]),
        ((_look("ana", "disk"), _look("ana", "cert"), _look("ana", "disk")), ["ana 3x disk, cert"]),
        ((_look("ana", "disk"), _look("ben", "cert"), _look("ana", "health")), ["ana 2x disk, health", "ben cert"]),
        ((_look("ana", "disk"), NOTE, _look("ana", "cert")), ["ana disk", "note", "ana cert"]),
        ((NOTE, NOTE), ["note", "note"]),
    ],
    ids=["none", "one", "one person", "two persons", "a note between", "no look"],
)
def test_adjacent_looks_are_folded_for_each_person(entries: tuple[TimelineEntry, ...], shown: list[str]) -> None:
    assert shown == _show(fold_looks(entries))


def test_folded_looks_have_a_begin_an_end_and_hosts() -> None:
    first, last = _look("ana", "disk"), _look("ana", "cert", minutes=5)
    [folded] = fold_looks((first, last))
    assert isinstance(folded, FoldedLooks)
    assert (first.happened_at, last.happened_at, ("host-a",)) == (folded.began_at, folded.ended_at, folded.hosts)
