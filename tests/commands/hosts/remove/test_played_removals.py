"""`host remove` on simulated hosts: in which order it goes, what is left afterwards, and how it goes on later."""

import asyncio
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath

import pytest

from adapters.gateway.containers import Registration
from adapters.inventory import JoiningHost, RemovedHost
from adapters.nebula.certificates import parse_pem
from commands.configuration.nebula import read_blocklist
from commands.hosts.remove.operation import HostRemove
from commands.model.certificates import KnownIdentities, make_identity
from commands.model.operation import CannotPlan
from commands.model.owed import KnownOwed, Matter, OwedNote
from tests.commands.canned import NOW
from tests.commands.hosts.remove.played_removals import PATHS, World, describe, describe_left, remove
from tests.lab.windows.disks import Disk, renew
from tests.lab.windows.state import EVERY

TOMBSTONE = RemovedHost(name="host-c", id=3, since=NOW, by="alice")
BLOCKING = ["lighthouse blocklist/stage", "host-a blocklist/stage", "host-b blocklist/stage"]
PEERS = ["host-a peers/stage", "host-b peers/stage"]


def registration(name: str, number: int) -> Registration:
    return Registration.model_validate({"id": name * 64, "ip": f"10.87.{number}.9", "hostname": name, "host_id": number})


def blocked(world: World, name: str) -> tuple[str, ...]:
    return read_blocklist(world.text(name, PATHS.nebula_config).encode())


def bury(world: World) -> None:
    """The bot has read its configuration with the tombstone."""
    written = tomllib.loads(world.written["host-c/host-file"])["removed"]["fingerprints"]
    world.hosts = tuple(each for each in world.hosts if each.name != "host-c")
    world.removed = (TOMBSTONE.model_copy(update={"fingerprints": tuple(written)}),)


def test_a_host_that_responds_is_removed_in_this_order() -> None:
    world = World.of()
    world.registered = (registration("b", 2), registration("c", 3))

    assert [
        *PEERS,
        "host-c openresty/begin",
        *BLOCKING,
        "host-c nebula/note/lighthouse",
        "host-c wipe",
        f"host-a forget/{'c' * 64}/delete",
        "flatnet-bot host-file",
    ] == describe(world.plan(remove()))


def test_a_lost_host_is_not_touched_and_refused_before_all_else() -> None:
    world = World.of()
    world.away.add("host-c")
    plan = world.plan(remove(lost=True))

    assert [*BLOCKING, *PEERS, "flatnet-bot host-file"] == describe(plan)
    assert "host-c" not in {step.host for step in plan.steps}
    assert [] == world.run(remove(lost=True))
    assert {"lighthouse": False, "host-a": False, "host-b": False} == world.reaches("host-c")
    assert "lost = true\npassword_due = true" in world.written["host-c/host-file"]


def test_afterwards_no_certificate_of_the_host_is_accepted_and_no_key_is_left() -> None:
    world = World.of()
    state, lighthouse = world.stage.states["host-c"], world.stage.states["lighthouse"]
    previous = parse_pem(world.text("host-c", PATHS.host_certificate))[0]
    key, lost = world.text("host-c", PATHS.host_key), world.stage.states
    renew(Disk(3, "host-c", state), Disk(0, "lighthouse", lost["lighthouse"]), timedelta(days=90), world.stage.now)
    old = r"F:\flatnet\operations\op-00000000000a\host"
    for text, ends in ((key, ".key.old"), (world.text("host-c", PATHS.host_certificate), ".crt")):
        state.write(type(next(iter(state.files)))(old + ends), text, NOW)
    lighthouse.write(type(next(iter(state.files)))(r"F:\flatnet\nebula\host-c-new.key"), key, NOW)
    world.known = KnownIdentities((make_identity(previous),))
    newest = world.fingerprint("host-c")

    assert [] == world.run(remove())
    for name in ("lighthouse", "host-a", "host-b"):
        assert {previous.fingerprint, newest} == set(blocked(world, name))
    assert [] == [str(path) for each in world.stage.states.values() for path, text in each.files.items() if key in text]
    assert ("Stopped", "Disabled", "Stopped", "Disabled") == tuple(
        value for each in ("Nebula", "OpenResty") for value in (state.services[each].status, state.services[each].start_type)
    )
    assert "10.100.3.1" not in world.text("host-a", PATHS.gateway_config)
    assert 'by = "alice"\noperation = "op-000000000001"' in world.written["host-c/host-file"]


def test_the_same_command_goes_on_where_it_stopped() -> None:
    world = World.of()
    world.stage.states["host-b"].services["Nebula"].refusals = EVERY

    assert "host-b/blocklist/begin" == world.run(remove())[0]
    world.stage.states["host-b"].services["Nebula"].refusals = 0
    world.stage.states["host-b"].settle(world.stage.now + timedelta(hours=1))
    world.stage.now += timedelta(hours=1)
    again = describe(world.plan(remove()))
    assert ["host-b blocklist/stage", "host-c nebula/note/lighthouse", "host-c wipe", "flatnet-bot host-file"] == again
    assert [] == world.run(remove())


def test_a_host_that_is_away_is_owed_its_share_and_does_it_later() -> None:
    world = World.of()
    world.away.add("host-b")
    plan = world.plan(remove())
    share = remove(on="host-b")

    assert {"host-b": True} == describe_left(plan)
    assert [
        "0 of 3 hosts refuse host-c",
        "1 of 3 hosts refuse host-c",
        "2 of 3 hosts refuse host-c",
        "host-c is removed: 2 of 3 hosts refuse host-c",
    ] == [str(plan.situation), *(str(step.situation) for step in plan.steps if step.situation is not None)]
    assert share == remove().restrict_to(("host-b",))
    assert [] == world.run(remove())
    bury(world)
    world.away.clear()
    assert ["host-b peers/stage", "host-b blocklist/stage"] == describe(world.plan(share))
    assert [] == world.run(share)
    assert len(blocked(world, "host-b")) == 1
    assert [] == describe(world.plan(share))


def test_a_removed_host_that_returns_is_refused_and_its_unknown_certificate_is_blocked_next() -> None:
    world = World.of()
    world.run(remove(lost=True))
    bury(world)
    state = world.stage.states["host-c"]
    state.stop_service("Nebula", world.stage.now)
    state.start_service("Nebula", world.stage.now)
    assert not any(world.reaches("host-c").values())
    renew(
        Disk(3, "host-c", state), Disk(0, "lighthouse", world.stage.states["lighthouse"]), timedelta(days=9), world.stage.now
    )
    assert all(world.reaches("host-c").values())

    assert [] == world.run(remove(on="all"))
    assert not any(world.reaches("host-c").values())


def test_a_host_that_has_the_id_by_now_keeps_its_peers_and_its_registrations() -> None:
    world = World.of("lighthouse", "host-a", "host-b", "host-d")
    world.removed = (TOMBSTONE.model_copy(update={"fingerprints": ("c0" * 32,)}),)
    world.registered = (registration("d", 3),)

    plan = world.plan(remove(on="all"))
    assert ([*BLOCKING, "host-d blocklist/stage"], ()) == (describe(plan), plan.follow_ups)
    assert [] == world.run(remove(on="all"))
    assert {"lighthouse": True, "host-a": True, "host-b": True} == world.reaches("host-d")


def test_what_is_owed_is_done_although_the_log_of_the_lighthouse_was_rotated_since() -> None:
    world = World.of()
    world.away.add("host-b")
    world.run(remove())
    bury(world)
    world.away.clear()
    world.stage.states["lighthouse"].write(PureWindowsPath(PATHS.nebula_log), "", NOW)

    assert ["host-b peers/stage", "host-b blocklist/stage"] == describe(world.plan(remove(on="host-b")))
    assert [] == world.run(remove(on="host-b"))
    assert not world.reaches("host-c")["host-b"]


def test_a_nebula_that_does_not_run_gets_the_file_alone() -> None:
    world = World.of()
    world.stage.states["host-b"].stop_service("Nebula", NOW)
    world.stage.states["host-b"].stop_service("OpenResty", NOW)
    plan = world.plan(remove())
    (part,) = [part for part in plan.parts if part.host == "host-b"]

    assert ["stage", "test", "begin", "file", "confirm", "tidy"] == [step.key.split("/")[2] for step in part.steps]
    assert ["peer remove http://10.100.3.1:8080 --on host-b"] == [each.words for each in plan.follow_ups]
    assert [] == world.run(remove())


def test_a_file_that_was_edited_by_hand_is_loaded_by_a_restart() -> None:
    world = World.of()
    state = world.stage.states["host-a"]
    path = next(each for each in state.files if str(each) == PATHS.nebula_config)
    text = state.files[path].replace("pki:\n", f'pki:\n  blocklist: ["{world.fingerprint("host-c")}"]\n')
    state.write(path, text, NOW)

    assert "host-a blocklist/start" in describe(world.plan(remove()))
    assert [] == world.run(remove())


def test_what_an_earlier_start_has_logged_does_not_say_that_nebula_has_read_the_file() -> None:
    """It was taken back and restarted, then the file was edited by hand."""
    world = World.of()
    state = world.stage.states["host-a"]
    path = next(each for each in state.files if str(each) == PATHS.nebula_config)
    log = next(each for each in state.files if str(each) == PATHS.nebula_log)
    fingerprint = world.fingerprint("host-c")
    text = state.files[path].replace("pki:\n", f'pki:\n  blocklist: ["{fingerprint}"]\n')
    state.write(path, text, NOW)
    line = f'time="2020-01-01T00:00:00Z" level=info msg="Blocklisting cert" fingerprint={fingerprint}\n'
    state.write(log, line + state.files[log], NOW)

    assert "host-a blocklist/start" in describe(world.plan(remove()))


def test_a_host_that_was_only_reserved_frees_its_id() -> None:
    world = World.of("lighthouse", "host-a", "host-b")
    world.joining = (JoiningHost(name="host-d", id=4, since=NOW, by="alice"),)

    assert ["flatnet-bot host-file"] == describe(world.plan(remove("host-d")))
    assert [] == world.run(remove("host-d"))
    assert {"host-d/host-file": ""} == world.written


def test_a_removed_host_that_was_being_added_again_is_a_removed_one_again() -> None:
    """Its table in the configuration file stays hidden, also once all its certificates have ended."""
    world = World.of("lighthouse", "host-a", "host-b")
    world.joining = (JoiningHost(name="host-d", id=4, since=NOW, by="alice", again=True),)

    assert [] == world.run(remove("host-d"))
    assert "[removed]" in world.written["host-d/host-file"]


def test_a_reservation_can_be_given_up_although_no_host_could_prove_a_removal() -> None:
    world = World.of("lighthouse")
    world.joining = (JoiningHost(name="host-d", id=4, since=NOW, by="alice"),)

    assert [] == world.run(remove("host-d"))
    assert {"host-d/host-file": ""} == world.written


def test_a_host_that_was_being_added_with_a_signed_certificate_is_refused_everywhere() -> None:
    world = World.of()
    reserved, *hosts = reversed(world.hosts)
    world.hosts = tuple(reversed(hosts))
    world.joining = (JoiningHost(name="host-c", id=3, since=NOW, by="alice", host=reserved),)

    assert [*PEERS, "host-c openresty/begin", *BLOCKING] == describe(world.plan(remove()))[:6]


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        (("host-a",), remove(on="host-a")),
        (("host-a", "host-b"), remove(on="host-a,host-b")),
        (("host-a", "host-c"), remove(lost=True, lose=("web",))),
        (("flatnet-bot",), remove(lost=True, lose=("web",))),
    ],
)
def test_a_share_of_others_has_one_command_whatever_the_request_was(names: tuple[str, ...], shared: HostRemove) -> None:
    assert shared == remove(lost=True, lose=("web",)).restrict_to(names)


def test_named_containers_may_be_lost_and_are_a_premise() -> None:
    world = World.of()
    world.running = ("db", "web")

    with pytest.raises(CannotPlan):
        world.plan(remove(lose=("web",)))
    plan = world.plan(remove(lose=("web", "db")))
    assert [["db", "web"]] == [
        premise.value for premise in plan.premises if premise.what == "containers" and premise.host == "host-c"
    ]


def test_what_is_owed_to_the_host_itself_and_its_peer_at_others_are_given_up_with_it() -> None:
    world = World.of()
    note = OwedNote(number=4, host="host-c", words="host remove host-z --on host-c", matter=Matter.REVOCATION, since=NOW)
    other = note.model_copy(update={"number": 5, "host": "host-a"})
    peer = other.model_copy(update={"number": 6, "words": "peer add host-c --on host-a", "matter": Matter.CHANGE})
    plan = asyncio.run(remove().plan(replace(world.view(), owed=KnownOwed((note, other, peer))))).plan

    assert ["host-c/owed/4", "host-c/owed/6", "host-c/host-file"] == [step.key for step in plan.parts[-1].steps]
