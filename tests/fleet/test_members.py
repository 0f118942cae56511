"""A host is added and removed by the bot, and real Nebulas refuse it afterwards with every certificate that it ever had."""

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path, PureWindowsPath

from tests.fleet.stand_ins import PATHS, run_stand_ins
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import built
from tests.scenarios.joining import equip, prepare_alone
from tests.scenarios.rotating import HURRY, must_run

NEW = "host-b"

CERTIFICATE = PureWindowsPath(PATHS.host_certificate)

MEMBERS = ("lighthouse", "host-a")


async def test_a_host_that_was_added_renewed_and_removed_is_refused_with_all_that_it_ever_had(tmp_path: Path) -> None:
    """With its previous pair, too, which lay on its disk. Its disk was copied whenever its Nebula started."""
    async with built(tmp_path / "t", hosts=1, lighthouse=True, newcomers=1) as t:
        equip(t)
        with run_stand_ins(tmp_path / "members", t.fleet) as real:
            member = t.fleet.mesh.members[NEW]
            async with t.bot(hurried(t.fleet, HURRY)) as house:
                await must_run(house, "host rehearse all")
                await prepare_alone(house, t.fleet[NEW])
                await must_run(house, f"host add {NEW}")
                assert all(real.reaches(*pair) for pair in permutations((*MEMBERS, NEW), 2))
                await must_run(house, f"cert renew {NEW}", f"host remove {NEW}")
                assert set(MEMBERS) == real.running
            assert 2 == len({copy[CERTIFICATE] for copy in member.copies})
            for copy in tuple(member.copies):
                before = [real.count_refusals(name) for name in MEMBERS]
                member.come_back(copy, datetime.now(UTC))
                assert [] == [name for name in MEMBERS if real.reaches(NEW, name) or real.reaches(name, NEW)]
                after = [real.count_refusals(name) for name in MEMBERS]
                assert all(later > earlier for earlier, later in zip(before, after, strict=True))
            assert all(real.reaches(*pair) for pair in permutations(MEMBERS, 2))
