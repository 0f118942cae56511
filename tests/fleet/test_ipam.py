"""Addresses through the WSL2 helper, with the real podman, as the bot's user calls it."""

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

import pytest

from adapters.wsl.ipam import Allocation, LookForOrphans, RemoveOrphans
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import RealFleet
from tests.fleet.helper_inside import assert_failed, call

ALLOCATIONS = "/var/lib/flatnet/ipam/allocations.json"
GONE = "7" * 64


@pytest.fixture(scope="module")
def wsl(fleet: RealFleet) -> Iterator[Distribution]:
    """The prepared WSL2 side with the helper. Each test writes the plug-in's file anew."""
    assert 0 == fleet.wsl.prepare("--manage", "ipam", "--id", "1").returncode
    yield fleet.wsl
    fleet.wsl.prepare("--manage", "none")
    fleet.wsl.sh("rm -rf /var/lib/flatnet/ipam /var/lib/flatnet-bot")


def write_allocations(wsl: Distribution, allocations: Mapping[str, str]) -> None:
    """Writes the file as the plug-in does."""
    head = {"subnet": "10.87.1.0/24", "gateway": "10.87.1.1", "range_start": "10.87.1.2", "range_end": "10.87.1.254"}
    said = {**head, "host_id": 1, "multihost": True, "allocations": allocations}
    wsl.space.write(ALLOCATIONS, json.dumps(said, indent=2))


def look(wsl: Distribution) -> tuple[Allocation, ...]:
    return LookForOrphans().parse([call(wsl, "ipam", "look").as_program()]).orphans


def test_an_address_whose_container_is_gone_is_found_and_removed(wsl: Distribution) -> None:
    """Containers of other networks and what is no id of a container are left alone. The file as it was is kept."""
    known = wsl.sh("podman ps --all --quiet --no-trunc").split()
    kept = {each: f"10.87.1.{number}" for number, each in enumerate(known, 20)} | {"a-build": "10.87.1.100"}
    write_allocations(wsl, {**kept, GONE: "10.87.1.11"})
    orphan = Allocation(container=GONE, address=IPv4Address("10.87.1.11"))
    assert (orphan,) == look(wsl)
    old = Allocation(container=known[0], address=IPv4Address("10.87.1.20"))
    action = RemoveOrphans(orphans=(orphan, old))
    removed = action.parse([call(wsl, "ipam", "clean", given=action.input).as_program()])
    assert ((orphan,), (old,)) == (removed.removed, removed.kept)
    assert kept == json.loads(wsl.sh(f"cat {ALLOCATIONS}"))["allocations"]
    assert {GONE: "10.87.1.11", **kept} == json.loads(wsl.sh(f"cat {removed.copy_file}"))["allocations"]
    assert () == look(wsl)
    again = action.parse([call(wsl, "ipam", "clean", given=action.input).as_program()])
    assert ((), (old,), "") == (again.removed, again.kept, again.copy_file)


NO_LISTS = ("", "../x 10.87.1.11\n", f"{GONE}\n", f"{GONE} 10.87.1.11 x\n", f"{GONE} 10.87.1.11\n--all\n")


def test_what_is_no_list_of_addresses_removes_nothing(wsl: Distribution) -> None:
    write_allocations(wsl, {GONE: "10.87.1.11"})
    codes = {given: call(wsl, "ipam", "clean", given=given.encode()).code for given in NO_LISTS}
    assert (dict.fromkeys(NO_LISTS, 2), 1) == (codes, len(look(wsl)))


def test_a_file_of_another_format_is_not_touched(wsl: Distribution) -> None:
    wsl.space.write(ALLOCATIONS, '{"allocations":{}}')
    for verb in ("look", "clean"):
        assert_failed(
            call(wsl, "ipam", verb, given=f"{GONE} 10.87.1.11\n".encode()), "is not as Flatnet's plug-in writes it"
        )
    assert '{"allocations":{}}' == wsl.sh(f"cat {ALLOCATIONS}")
