"""A rotation begins and ends by the real plans of `ca rotation start` and `ca rotation finish`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.certificates.rules.rotation import derive_move, derive_start
from commands.certificates.reading import read_certificates
from commands.certificates.rotation.finish import RotationFinish
from commands.certificates.rotation.records import FINISH_WORDS, START_WORDS, find_start
from commands.certificates.rotation.rounds import Round, find_round, find_states
from commands.model.plan import Plan
from commands.model.rotation import Rotation, RotationStage
from tests.bot.certificates.runs import make_record, make_trail
from tests.commands.canned import NOW
from tests.commands.certificates.rotation import test_finish as finishing
from tests.commands.certificates.rotation import test_start as starting
from tests.commands.certificates.rotation.played import Stage
from tests.commands.certificates.rotation.round_cases import AWAY, HOSTS, Said, dropped, old, parts, sight

LATER = NOW + timedelta(hours=1)


async def start() -> tuple[Rotation, Plan]:
    """The rotation after a start whose steps a simulated lighthouse answered."""
    plan, on = await starting.planned(), Stage.of("lighthouse", "host-a")
    answers = {
        key: on.perform("lighthouse", starting.find(plan, key).deed) for key in ("lighthouse/make", "lighthouse/canary")
    }
    record = make_record(START_WORDS, plan=plan)
    begun = find_start(plan)
    assert begun is not None
    made = derive_start(record, begun, make_trail(record, answers), 1)
    assert made is not None
    return made, plan


async def test_a_start_leaves_a_rotation_that_names_the_files_of_both_cas() -> None:
    made, _ = await start()

    assert (RotationStage.MADE, "Flatnet CA", "Flatnet CA 2") == (made.stage, made.old.name, made.new.name)
    assert rf"{starting.HOME}\ca.key" == made.new.key_file
    assert made.signer == made.old


async def test_after_a_start_every_host_must_trust_the_new_ca() -> None:
    made, _ = await start()
    seen = sight(made, {each.name: old(each) for each in HOSTS})
    states = find_states(made, await read_certificates(HOSTS, seen))

    assert (Round.TRUST, 4) == ((due := find_round(made, states)).round, len(due.change))


@pytest.mark.parametrize(
    ("operation", "said", "stage"),
    [
        pytest.param(RotationFinish(), finishing.ALL_SIGNED, RotationStage.DONE, id="all hosts"),
        pytest.param(RotationFinish(lazy=True), finishing.ALL_SIGNED, RotationStage.DONE, id="lazily"),
        pytest.param(RotationFinish(), finishing.ALL_DROPPED, RotationStage.DONE, id="what a crash left"),
        pytest.param(
            RotationFinish(), finishing.ALL_SIGNED | {"host-c": AWAY}, RotationStage.DROPPING, id="one that is away"
        ),
    ],
)
async def test_a_finish_is_the_end_only_with_the_last_host(
    operation: RotationFinish, said: Said, stage: RotationStage
) -> None:
    of = finishing.SIGNING.model_copy(update={"members": (finishing.SINCE,)})
    plan = (await operation.plan(finishing.ready(of, said))).plan
    record = make_record(FINISH_WORDS, plan=plan, arguments={"lazy": operation.lazy})
    after = derive_move(of, record, make_trail(record, at=LATER))

    assert (stage, stage is RotationStage.DONE) == (after.stage, after.ended_at is not None)


async def test_a_finish_that_stops_at_the_second_host_goes_on_later() -> None:
    of = finishing.SIGNING
    plan = (await RotationFinish().plan(finishing.ready(of, finishing.ALL_SIGNED))).plan
    record = make_record(FINISH_WORDS, plan=plan)
    after = derive_move(of, record, make_trail(record, failed="host-b/begin", undone="host-b", at=LATER))

    assert (RotationStage.DROPPING, LATER, None) == (
        after.stage,
        after.find_member("host-a").dropped_at,
        after.find_member("host-b").dropped_at,
    )
    rest = finishing.ALL_SIGNED | {"host-a": dropped(HOSTS[1])}
    again = (await RotationFinish().plan(replace(finishing.ready(of, rest), rotation=after))).plan
    assert ["host-b", "host-c", "lighthouse", "lighthouse"] == parts(again)
