"""`host remove`: which hosts are refused, why, and what the operator can do."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import PureWindowsPath

import pytest

from adapters.inventory import Inventory, RemovedHost
from adapters.phrase import Phrase
from commands.hosts.remove.operation import HostRemove
from commands.model.certificates import KnownIdentities
from commands.model.operation import CannotPlan, UnknownChange
from tests.commands.canned import NOW
from tests.commands.canned_certs import host
from tests.commands.hosts.remove.played_removals import PATHS, World, remove

Change = Callable[[World], None]


def without(*names: str) -> Change:
    """The inventory has these hosts no more."""

    def change(world: World) -> None:
        world.hosts = tuple(each for each in world.hosts if each.name not in names)

    return change


def runs(*containers: str) -> Change:
    def change(world: World) -> None:
        world.running = containers

    return change


def away(*names: str) -> Change:
    return lambda world: world.away.update(names)


def over_overlay(world: World) -> None:
    reached = host("host-c", 3, "http://10.100.3.1:5985/wsman")
    world.hosts = tuple(reached if each.name == "host-c" else each for each in world.hosts)


def own_machine(world: World) -> None:
    world.own_address = ("10.100.3.1",)


def ledger_gone(world: World) -> None:
    world.known = KnownIdentities(available=False)


def tombstone(world: World) -> None:
    without("host-c")(world)
    world.removed = (RemovedHost(name="host-c", id=3, since=NOW, by="alice"),)


def nebula_stopped(*names: str) -> Change:
    def change(world: World) -> None:
        for name in names:
            world.stage.states[name].stop_service("Nebula", NOW)

    return change


def edited(old: str, new: str) -> Change:
    """A person has edited the lighthouse's config.yaml."""

    def change(world: World) -> None:
        state, path = world.stage.states["lighthouse"], PATHS.nebula_config
        text = world.text("lighthouse", path).replace(old, new)
        state.write(next(each for each in state.files if str(each) == path), text, NOW)

    return change


misspelt = edited("pki:\n", "pki:\n  blocklst: []\n")
silent = edited("level: info", "level: Warning")


def copied_disk(world: World) -> None:
    """host-b was set up from a copy of the disk of host-c."""
    state = world.stage.states["host-b"]
    for path in (PATHS.host_certificate, PATHS.host_key):
        state.write(PureWindowsPath(path), world.text("host-c", path), NOW)


REFUSED: tuple[tuple[str, HostRemove, Change, str], ...] = (
    ("the lighthouse", remove("lighthouse"), runs(), "is the lighthouse"),
    ("the last witness", remove(), without("host-a", "host-b"), "is the last host beside the lighthouse"),
    ("a fleet without a lighthouse", remove(), without("lighthouse"), "no lighthouse configured"),
    ("the bot's own host", remove(), own_machine, "the bot itself runs on host-c"),
    ("the bot's own host, lost", remove(lost=True), own_machine, "the bot itself runs on host-c"),
    ("a host that is reached through Nebula", remove(), over_overlay, "reaches host-c through Nebula"),
    ("containers that are not named", remove(lose=("db",)), runs("db", "web"), "web run on host-c. Move them"),
    ("a host that is away", remove(), away("host-c"), "If it is gone for good, add --lost"),
    ("a lighthouse that is away", remove(), away("lighthouse"), "the lighthouse must refuse the host first"),
    ("no witness that answers", remove(), away("host-a", "host-b"), "no other host is reachable with Nebula running"),
    ("no witness whose Nebula runs", remove(), nebula_stopped("host-a", "host-b"), "no other host is reachable"),
    ("a ledger that cannot be read", remove(), ledger_gone, "the ledger of certificates could not be read"),
    ("a misspelt key at the lighthouse", remove(), misspelt, "blocklst may be a misspelling of blocklist"),
    ("a misspelt key, another host's share", remove(on="host-a"), misspelt, "blocklst may be a misspelling of blocklist"),
    ("a lighthouse that logs nothing of it", remove(), silent, "logging.level is Warning, so Nebula logs nothing"),
    ("a host that was removed", remove(), tombstone, "host-c was removed already"),
    ("another host's share, before the lighthouse's", remove(on="host-a"), runs(), "does not refuse host-c yet"),
    (
        "a host whose certificate another one has",
        remove(lost=True),
        copied_disk,
        "host-b takes part with a certificate of host-c",
    ),
    ("a password that is not due", remove(password_changed=True), runs(), "shares no password that must be changed"),
)


@pytest.mark.parametrize(("request_", "change", "why"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_these_hosts_are_not_removed(request_: HostRemove, change: Change, why: str) -> None:
    world = World.of()
    change(world)

    with pytest.raises(CannotPlan) as refused:
        world.plan(request_)
    assert why in str(refused.value.phrase)


def test_a_changed_password_is_confirmed_by_those_who_may_remove_the_host_by_its_labels() -> None:
    removed = RemovedHost(name="host-c", id=3, labels=("osaka",), since=NOW, by="alice")
    (judged,) = remove(password_changed=True).resolve_hosts(Inventory(hosts=(host("host-a", 1),), removed=(removed,)))

    assert ("host-c", ("osaka",)) == (judged.name, judged.labels)


def test_a_host_whose_last_critical_change_is_unknown_is_not_removed() -> None:
    world = World.of()
    unknown = {"op-000000000001": UnknownChange("ca rotation next", ("host-c",))}
    seen = replace(world.view(), critical_unknown=unknown)

    with pytest.raises(CannotPlan) as refused:
        asyncio.run(remove().plan(seen))
    assert str(
        Phrase(
            "the outcome of {command} on {host} is unknown. Check the host, then run {words}",
            command="ca rotation next",
            host="host-c",
            words="op resolve op-000000000001",
        )
    ) == str(refused.value.phrase)


def test_a_lost_host_without_a_known_certificate_is_not_removed() -> None:
    """Nothing would be blocked, and the plan would say that it was."""
    world = World.of()
    log = next(each for each in world.stage.states["lighthouse"].files if str(each) == PATHS.nebula_log)
    world.stage.states["lighthouse"].write(log, "", NOW)

    with pytest.raises(CannotPlan, match="no certificate of host-c is known"):
        world.plan(remove(lost=True))
