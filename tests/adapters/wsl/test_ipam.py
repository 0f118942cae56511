"""Addresses of the network plug-in: what is handed out, and two looks at what has no container."""

from ipaddress import IPv4Address

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.ipam import Allocation, LookForOrphans, OrphanLook, ReadAllocations

GONE, OTHER = (
    Allocation(container=digit * 64, address=IPv4Address(f"10.87.1.{last}")) for digit, last in (("a", 10), ("b", 11))
)


def answered(text: str) -> list[CompletedProgram]:
    return [CompletedProgram(0, text, "")]


def look(at: int, *orphans: Allocation, **action: object) -> tuple[OrphanLook, str]:
    """A look that finds these orphans, and what it says of them."""
    performed = LookForOrphans.model_validate(action)
    answer = performed.parse(answered(OrphanLook(uptime=at, orphans=orphans).model_dump_json()))
    return answer, str(performed.explain_answer(answer) or "")


@pytest.mark.parametrize(
    ("at", "orphans", "settled", "missing", "says"),
    [
        (160, (GONE, OTHER), True, 0, ""),
        (159, (GONE,), False, 0, "60 s have not passed since the first check"),
        (160, (OTHER,), True, 1, "podman has a container again for 1 of these addresses"),
        (30, (GONE,), False, 0, "60 s have not passed since the first check"),  # WSL2 has started again
    ],
)
def test_a_second_look_counts_a_minute_after_the_first_one(
    at: int, orphans: tuple[Allocation, ...], settled: bool, missing: int, says: str
) -> None:
    answer, words = look(at, *orphans, expected=(GONE,), since=100, settling=60)
    assert (answer.settled, answer.missing, words) == (settled, missing, says)


def test_a_first_look_expects_nothing_and_waits_for_nothing() -> None:
    answer, _ = look(3, GONE)
    assert (answer.settled, answer.missing, answer.orphans) == (True, 0, (GONE,))


@pytest.mark.parametrize(
    ("more", "ends"),
    [("", (None, None)), (',"range_start":"10.87.1.2","range_end":"10.87.1.99"', ("10.87.1.2", "10.87.1.99"))],
)
def test_the_range_is_known_if_the_file_has_it(more: str, ends: tuple[str | None, str | None]) -> None:
    read = ReadAllocations().parse(answered(f'{{"subnet":"10.87.1.0/24","allocations":{{}}{more}}}'))
    assert tuple(None if end is None else str(end) for end in (read.first, read.last)) == ends
