"""The id of a new host: the wanted one or the next free one, else the reason why there is none."""

from dataclasses import replace

import pytest

from adapters.errors import Refused
from bot.hosts.rules.joining import Wish
from bot.hosts.services.joining import choose_claim, choose_id
from tests.commands.canned import view
from tests.commands.hosts.add.test_ids import LIGHTHOUSE, A, joining, member, peering, survey

WISH = Wish("host-d", "192.0.2.14:5986", "", None, (), adopt=False)
FULL = survey(joining=tuple(joining(f"host-{number}", number) for number in range(2, 255)))


@pytest.mark.parametrize(("wanted", "expected"), [(None, 2), (9, 9)])
def test_the_wanted_id_or_the_next_free_one_is_chosen(wanted: int | None, expected: int) -> None:
    assert expected == choose_claim(replace(WISH, id=wanted), survey()).number


def test_an_adopted_host_may_be_a_peer_already() -> None:
    known = survey(member(gateway=peering("http://10.100.4.1:8080")))
    assert 4 == choose_claim(replace(WISH, id=4, adopt=True), known).number
    with pytest.raises(Refused, match="has the peer"):
        choose_claim(replace(WISH, id=4), known)


@pytest.mark.parametrize(
    ("wish", "seen", "expected"),
    [
        (replace(WISH, id=1), survey(), "ID 1 is taken by host-a"),
        (replace(WISH, name="host-a"), survey(), "host-a is a member already"),
        (replace(WISH, name="tokyo"), survey(), "tokyo is a label of hosts"),
        (WISH, FULL, "no ID is free"),
    ],
)
def test_the_reason_is_that_of_the_name_or_the_id(wish: Wish, seen: object, expected: str) -> None:
    with pytest.raises(Refused, match=expected):
        choose_claim(wish, seen)  # type: ignore[arg-type]


async def test_a_member_is_refused_without_asking_any_host() -> None:
    with pytest.raises(Refused, match=r"host-a is a member already. Run host show host-a"):
        await choose_id(replace(WISH, name="host-a"), view(LIGHTHOUSE, A))
