"""The next round of a rotation: a table of what hosts have, and what is due for which of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.windows.nebula import NebulaFiles
from commands.certificates.reading import HostCertificates, read_certificates
from commands.certificates.rotation.rounds import MemberState, NextRound, Round, find_round, find_states
from commands.certificates.rotation.states import Progress
from commands.model.rotation import Rotation, RotationMember, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, host, view
from tests.commands.canned_rotation import NEXT_CA, held, rotation

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
AWAY = Unreachable(Phrase("connection refused"))
LATER = NOW - timedelta(days=1)
"""A time after the start of Nebula."""

OLD = {"trusts_new": False, "trusts_old": True, "signed_by_new": False, "lists_new": False, "lists_old": True}
TRUSTS = OLD | {"trusts_new": True, "lists_new": True}
SIGNED = TRUSTS | {"signed_by_new": True}
NEW = SIGNED | {"trusts_old": False, "lists_old": False}
UNKNOWN: Mapping[str, Any] = dict.fromkeys(OLD)
GONE = UNKNOWN
"""A host that does not answer, and of which no row has anything."""
STALE = TRUSTS | {"trusts_new": None, "trusts_old": None}
"""Both CAs are in the file, but Nebula has not started since."""


def state(name: str, facts: Mapping[str, Any], *, away: bool = False, left: bool = False) -> MemberState:
    at = host(name, 0 if name == "lighthouse" else ord(name[-1]) - 96)
    read = HostCertificates(at, AWAY if away else held(at, CA))
    return replace(MemberState(read, None, None, None), **facts, left=left)


def members(lighthouse: Mapping[str, Any], a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[MemberState, ...]:
    return state("lighthouse", lighthouse), state("host-a", a), state("host-b", b)


def away(facts: Mapping[str, Any] = GONE, *, left: bool = False) -> MemberState:
    """A third host, which does not answer; its row has these facts."""
    return state("host-c", facts, away=True, left=left)


def found(due: NextRound) -> tuple[Round, str, str]:
    """What is due, who changes and who is missing."""
    return due.round, " ".join(each.host for each in due.change), " ".join(each.host for each in due.missing)


TRUSTING, SIGNING, DROPPING, ABORTING = (
    RotationStage.TRUSTING,
    RotationStage.SIGNING,
    RotationStage.DROPPING,
    RotationStage.ABORTING,
)


@pytest.mark.parametrize(
    ("stage", "states", "expected"),
    [
        (RotationStage.MADE, members(OLD, OLD, OLD), (Round.TRUST, "lighthouse host-a host-b", "")),
        (TRUSTING, members(TRUSTS, OLD, TRUSTS), (Round.TRUST, "host-a", "")),
        (TRUSTING, members(TRUSTS, STALE, TRUSTS), (Round.TRUST, "host-a", "")),
        (TRUSTING, members(TRUSTS, UNKNOWN, TRUSTS), (Round.TRUST, "host-a", "")),
        (TRUSTING, (*members(TRUSTS, OLD, OLD), away()), (Round.TRUST, "host-a host-b", "host-c")),
        (TRUSTING, (*members(TRUSTS, TRUSTS, TRUSTS), away()), (Round.TRUST, "", "host-c")),
        (TRUSTING, (*members(TRUSTS, TRUSTS, TRUSTS), away(left=True)), (Round.SIGN, "host-a host-b lighthouse", "host-c")),
        (
            TRUSTING,
            (*members(TRUSTS, TRUSTS, TRUSTS), away({"trusts_new": True})),
            (Round.SIGN, "host-a host-b lighthouse", "host-c"),
        ),
        (SIGNING, members(TRUSTS, SIGNED, TRUSTS), (Round.SIGN, "host-b lighthouse", "")),
        (SIGNING, members(TRUSTS, SIGNED, OLD), (Round.RETURN, "host-b", "")),
        (SIGNING, (*members(TRUSTS, SIGNED, TRUSTS), away()), (Round.RETURN, "", "host-c")),
        (SIGNING, (*members(TRUSTS, SIGNED, TRUSTS), away(left=True)), (Round.SIGN, "host-b lighthouse", "host-c")),
        (SIGNING, (*members(SIGNED, SIGNED, SIGNED), away(left=True)), (Round.SIGN, "", "host-c")),
        (SIGNING, (*members(SIGNED, SIGNED, SIGNED), state("host-c", OLD, left=True)), (Round.RETURN, "host-c", "")),
        (SIGNING, members(SIGNED, SIGNED, SIGNED), (Round.NONE, "", "")),
        (DROPPING, members(SIGNED, NEW, SIGNED), (Round.DROP, "host-b lighthouse", "")),
        (DROPPING, (*members(NEW, NEW, NEW), away()), (Round.DROP, "", "host-c")),
        (DROPPING, (*members(NEW, SIGNED, NEW), state("host-c", OLD)), (Round.RETURN, "host-c", "")),
        (DROPPING, (*members(NEW, NEW, NEW), away({"trusts_old": False})), (Round.NONE, "", "")),
        (ABORTING, members(TRUSTS, SIGNED, TRUSTS), (Round.TAKE_BACK_SIGNATURE, "host-a", "")),
        (
            ABORTING,
            (*members(TRUSTS, TRUSTS, OLD), away({"signed_by_new": True})),
            (Round.TAKE_BACK_SIGNATURE, "", "host-c"),
        ),
        (ABORTING, (*members(TRUSTS, TRUSTS, OLD), away()), (Round.TAKE_BACK_TRUST, "host-a lighthouse", "host-c")),
        (
            ABORTING,
            (*members(TRUSTS, OLD, OLD), state("host-c", SIGNED, left=True)),
            (Round.TAKE_BACK_SIGNATURE, "host-c", ""),
        ),
        (ABORTING, members(OLD, OLD, OLD), (Round.NONE, "", "")),
        (RotationStage.DONE, members(OLD, OLD, OLD), (Round.NONE, "", "")),
        (RotationStage.ABORTED, members(OLD, OLD, OLD), (Round.NONE, "", "")),
    ],
)
def test_the_next_round(stage: RotationStage, states: tuple[MemberState, ...], expected: tuple[Round, str, str]) -> None:
    assert expected == found(find_round(rotation(stage), states))


@pytest.mark.parametrize(
    ("stage", "third", "expected"),
    [
        (TRUSTING, away(), (Round.SIGN, "host-a host-b lighthouse", "")),
        (TRUSTING, state("host-c", OLD), (Round.SIGN, "host-a host-b lighthouse", "")),
        (SIGNING, away(), (Round.SIGN, "host-a host-b lighthouse", "")),
        (ABORTING, away({"signed_by_new": True}), (Round.TAKE_BACK_TRUST, "host-a host-b lighthouse", "")),
        (ABORTING, state("host-c", SIGNED), (Round.TAKE_BACK_TRUST, "host-a host-b lighthouse", "")),
        (DROPPING, state("host-c", UNKNOWN), (Round.RETURN, "lighthouse host-a host-b", "")),
    ],
)
def test_it_goes_on_without_a_host_that_is_named(
    stage: RotationStage, third: MemberState, expected: tuple[Round, str, str]
) -> None:
    states = (*members(TRUSTS, TRUSTS, TRUSTS), third)

    assert expected == found(find_round(rotation(stage), states, frozenset({"host-c"})))


@pytest.mark.parametrize("stage", [RotationStage.MADE, TRUSTING, SIGNING])
def test_where_the_old_ca_is_lost_each_host_gets_trust_and_certificate_in_one_restart(stage: RotationStage) -> None:
    lost = rotation(stage, lost=True)

    assert (Round.RETURN, "lighthouse host-a", "host-c") == found(find_round(lost, (*members(OLD, TRUSTS, NEW), away())))
    assert (Round.NONE, "", "") == found(find_round(lost, members(NEW, NEW, NEW)))


def test_a_lazy_rotation_changes_files_and_waits_for_no_restart() -> None:
    unloaded = NEW | {"trusts_new": None, "trusts_old": None, "lists_old": False}
    states = members(unloaded, SIGNED, NEW)

    assert (Round.DROP, "host-a", "") == found(find_round(rotation(DROPPING, lazy=True), states))
    assert (Round.RETURN, "lighthouse", "") == found(find_round(rotation(DROPPING), states))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (held(A, CA), (False, True, False)),
        (held(A, CA, NEXT_CA), (True, True, False)),
        (held(A, NEXT_CA, CA), (True, True, False)),
        (held(A, CA, NEXT_CA, signed=NEXT_CA), (True, True, True)),
        (held(A, NEXT_CA, signed=NEXT_CA), (True, False, True)),
        (held(A, CA, NEXT_CA, ca_written_at=LATER), (None, None, False)),
        (held(A, CA, NEXT_CA, ca_written_at=LATER, running_since=None), (True, True, False)),
        (held(A, CA, NEXT_CA, signed=NEXT_CA, written_at=LATER), (True, True, None)),
        (held(A, CA, NEXT_CA, configured_ca=r"F:\other\ca.crt"), (None, None, False)),
        (held(A, CA, NEXT_CA, configured_ca="inline", configured_certificate="inline"), (None, None, None)),
        (held(A, CA, ca="junk"), (None, None, False)),
        (held(A, CA, certificate="junk"), (False, True, None)),
    ],
)
async def test_what_a_host_has_is_read_from_its_files_and_the_start_of_its_nebula(
    said: NebulaFiles, expected: tuple[bool | None, ...]
) -> None:
    (only,) = await find_all(rotation(TRUSTING), said)

    assert expected == (only.trusts_new, only.trusts_old, only.signed_by_new)


async def find_all(changing: Rotation, said: object) -> tuple[MemberState, ...]:
    seen = await read_certificates([A], view(A, said={("host-a", "windows"): said}))
    return find_states(changing, seen)


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (RotationMember(host="host-b", trusts_at=NOW), (None, None, None, False)),
        (RotationMember(host="host-a"), (None, None, None, False)),
        (RotationMember(host="host-a", trusts_at=NOW), (True, None, None, False)),
        (RotationMember(host="host-a", trusts_at=NOW, signed_at=NOW, dropped_at=NOW), (True, False, True, False)),
        (RotationMember(host="host-a", left_at=NOW), (None, None, None, True)),
    ],
)
async def test_the_row_answers_for_a_host_that_does_not(member: RotationMember, expected: tuple[bool | None, ...]) -> None:
    (only,) = await find_all(rotation(SIGNING, member), AWAY)

    assert (*expected, False) == (only.trusts_new, only.trusts_old, only.signed_by_new, only.left, only.answered)


async def test_what_a_host_says_counts_more_than_its_row() -> None:
    row = RotationMember(host="host-a", trusts_at=NOW, signed_at=NOW, dropped_at=NOW)
    (only,) = await find_all(rotation(SIGNING, row), held(A, CA))

    assert (False, True, False) == (only.trusts_new, only.trusts_old, only.signed_by_new)


async def test_a_certificate_that_only_names_the_new_ca_is_not_of_it() -> None:
    """The text of the row is damaged, so no signature can be checked."""
    changing = rotation(SIGNING)
    damaged = changing.model_copy(update={"new": changing.new.model_copy(update={"certificate": "junk"})})
    (only,) = await find_all(damaged, held(A, CA, NEXT_CA, signed=NEXT_CA))

    assert only.signed_by_new is None


async def test_a_certificate_of_the_new_ca_for_another_address_proves_nothing_of_a_host() -> None:
    """A host was given the canary to prove its trust. If it shows that as its own, no other host is signed any earlier."""
    canary, _ = NEXT_CA.sign("canary", "10.100.255.254/16", 2000)
    (only,) = await find_all(rotation(TRUSTING), held(A, CA, NEXT_CA, certificate=canary))

    assert (None, Progress.UNKNOWN) == (only.signed_by_new, only.progress)


async def test_a_host_without_a_windows_side_takes_no_part() -> None:
    bare = A.model_copy(update={"windows": None})
    seen = await read_certificates([bare, B], view(bare, B))

    assert ["host-b"] == [each.host for each in find_states(rotation(TRUSTING), seen)]


def test_a_round_waits_if_only_hosts_are_missing() -> None:
    assert find_round(rotation(TRUSTING), (*members(TRUSTS, TRUSTS, TRUSTS), away())).waits
    assert not find_round(rotation(TRUSTING), (*members(TRUSTS, TRUSTS, OLD), away())).waits
    assert not find_round(rotation(SIGNING), members(SIGNED, SIGNED, SIGNED)).waits
