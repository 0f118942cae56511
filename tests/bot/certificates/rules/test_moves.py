"""What a run and a reading move of a rotation: only what is done whole, and what was read counts more."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.certificates.rules.rotation import MemberReading, apply_readings, derive_move, derive_start
from commands.certificates.rotation.records import ABORT_WORDS, FINISH_WORDS, NEXT_WORDS
from commands.certificates.rotation.states import Progress
from commands.model.rotation import Rotation, RotationMember, RotationStage
from tests.bot.certificates.runs import CANARY, START, STARTED, make_record, make_start, make_trail, signature
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA
from tests.commands.canned_rotation import NEXT_CA, rotation, rotation_authority

HOUR = timedelta(hours=1)
EARLIER = NOW - HOUR
MADE, TRUSTING, SIGNING, DROPPING, ABORTING = (
    RotationStage.MADE,
    RotationStage.TRUSTING,
    RotationStage.SIGNING,
    RotationStage.DROPPING,
    RotationStage.ABORTING,
)


def member(host: str = "host-a", **times: datetime | None) -> RotationMember:
    return RotationMember(host=host, **{f"{name}_at": at for name, at in times.items()})


def test_a_start_that_is_done_makes_a_rotation() -> None:
    record = make_start()
    made = derive_start(record, START, make_trail(record, STARTED), 3)

    expected = Rotation(
        number=3,
        stage=MADE,
        old=rotation_authority(CA, "ca"),
        new=rotation_authority(NEXT_CA, "rotation-1"),
        canary=CANARY,
        operation=record.operation,
        started_at=NOW,
    )
    assert expected == made


@pytest.mark.parametrize("lost", [True, False])
def test_a_start_says_if_the_old_ca_is_lost(lost: bool) -> None:
    start = START.model_copy(update={"lost": lost})
    record = make_start(start=start)
    made = derive_start(record, start, make_trail(record, STARTED), 1)

    assert made is not None
    assert lost is made.lost


@pytest.mark.parametrize(
    ("answers", "given"),
    [
        (STARTED, {"failed": "lighthouse/canary"}),
        (STARTED, {"undone": "lighthouse"}),
        (STARTED | {"lighthouse/make": {}}, {}),
        (STARTED | {"lighthouse/canary": {"certificate": "junk"}}, {}),
    ],
)
def test_a_start_that_is_not_done_makes_none(answers: dict[str, Any], given: dict[str, Any]) -> None:
    record = make_start()

    assert derive_start(record, START, make_trail(record, answers, **given), 1) is None


def moved(before: Rotation, words: str, *keys: str, **given: Any) -> Rotation:
    """The rotation after a run whose steps have these keys."""
    answers = given.pop("answers", {})
    record = make_record(words, *keys, arguments=given.pop("arguments", {}))
    trail = make_trail(record, answers, **given)
    after = derive_move(before, record, trail)
    assert after == derive_move(after, record, trail)
    return after


NEW_SIGNATURE = {"host-a/sign": signature(NEXT_CA)}
OLD_SIGNATURE = {"host-a/sign": signature(CA)}
BOTH = ("host-a/trust/stage", "host-a/sign", "host-a/confirm")


@pytest.mark.parametrize(
    ("before", "words", "keys", "given", "stage", "expected"),
    [
        (rotation(MADE), NEXT_WORDS, ("host-a/trust/begin",), {}, TRUSTING, member(trusts=NOW, seen=NOW)),
        (rotation(TRUSTING), NEXT_WORDS, ("host-a/trust/begin",), {"undone": "host-a"}, TRUSTING, member()),
        (
            rotation(TRUSTING),
            NEXT_WORDS,
            ("host-a/trust/a", "host-a/trust/b"),
            {"failed": "host-a/trust/b"},
            TRUSTING,
            member(),
        ),
        (
            rotation(TRUSTING, member(trusts=EARLIER)),
            NEXT_WORDS,
            ("host-a/sign",),
            {"answers": NEW_SIGNATURE},
            SIGNING,
            member(trusts=EARLIER, signed=NOW, seen=NOW),
        ),
        (
            rotation(SIGNING, member(left=EARLIER)),
            NEXT_WORDS,
            BOTH,
            {"answers": NEW_SIGNATURE},
            SIGNING,
            member(trusts=NOW, signed=NOW, seen=NOW),
        ),
        (
            rotation(SIGNING, member(trusts=EARLIER, signed=EARLIER)),
            "cert renew",
            ("host-a/sign",),
            {"answers": NEW_SIGNATURE},
            SIGNING,
            member(trusts=EARLIER, signed=EARLIER, seen=NOW),
        ),
        (rotation(TRUSTING), "cert renew", ("host-a/sign",), {"answers": OLD_SIGNATURE}, TRUSTING, member(seen=NOW)),
        (
            rotation(SIGNING, member(trusts=EARLIER, signed=EARLIER)),
            FINISH_WORDS,
            ("host-a/drop/begin",),
            {},
            DROPPING,
            member(trusts=EARLIER, signed=EARLIER, dropped=NOW, seen=NOW),
        ),
        (rotation(SIGNING), FINISH_WORDS, ("host-a/drop/begin",), {"undone": "host-a"}, SIGNING, member()),
        (
            rotation(SIGNING),
            FINISH_WORDS,
            ("host-a/drop/a", "host-a/drop/b"),
            {"failed": "host-a/drop/b"},
            DROPPING,
            member(),
        ),
        (
            rotation(SIGNING, member(trusts=EARLIER, signed=EARLIER)),
            ABORT_WORDS,
            ("host-a/sign",),
            {"answers": OLD_SIGNATURE},
            ABORTING,
            member(trusts=EARLIER, seen=NOW),
        ),
        (
            rotation(ABORTING, member(trusts=EARLIER)),
            ABORT_WORDS,
            ("host-a/take-back/begin",),
            {},
            ABORTING,
            member(seen=NOW),
        ),
        (rotation(ABORTING), ABORT_WORDS, ("host-a/settle",), {}, RotationStage.ABORTED, member()),
        (rotation(MADE), ABORT_WORDS, ("host-a/settle",), {}, RotationStage.ABORTED, member()),
        (rotation(DROPPING), FINISH_WORDS, ("host-a/settle",), {}, RotationStage.DONE, member()),
        (
            rotation(DROPPING),
            NEXT_WORDS,
            BOTH,
            {"answers": NEW_SIGNATURE},
            DROPPING,
            member(trusts=NOW, signed=NOW, seen=NOW),
        ),
    ],
)
def test_the_move_of_a_run(
    before: Rotation,
    words: str,
    keys: tuple[str, ...],
    given: dict[str, Any],
    stage: RotationStage,
    expected: RotationMember,
) -> None:
    after = moved(before, words, *keys, **given)

    assert (stage, expected) == (after.stage, after.find_member("host-a"))
    assert (NOW if stage.ended else None) == after.ended_at


def test_hosts_that_a_signing_round_leaves_are_marked_once() -> None:
    leave = {"leave": {"parts": ["host-b", "host-c"]}}
    before = rotation(TRUSTING, member("host-c", left=EARLIER))
    after = moved(before, NEXT_WORDS, "host-a/sign", answers=NEW_SIGNATURE, arguments=leave)

    assert (NOW, EARLIER) == (after.find_member("host-b").left_at, after.find_member("host-c").left_at)


def test_a_round_that_did_nothing_leaves_nobody_behind() -> None:
    leave = {"leave": {"parts": ["host-b"]}}
    before = rotation(SIGNING)

    assert before == moved(before, NEXT_WORDS, "host-a/sign", arguments=leave, undone="host-a")


def test_a_lazy_finish_is_remembered() -> None:
    before = rotation(SIGNING)

    assert moved(before, FINISH_WORDS, "host-a/drop", arguments={"lazy": True}).lazy
    assert not moved(before, FINISH_WORDS, "host-a/drop", arguments={"lazy": False}).lazy


def test_an_ended_rotation_moves_no_more() -> None:
    done = rotation(RotationStage.DONE, ended_at=EARLIER)

    assert (RotationStage.DONE, EARLIER) == (
        (after := moved(done, ABORT_WORDS, "host-a/settle")).stage,
        after.ended_at,
    )


KNOWN = member(trusts=EARLIER, signed=EARLIER, dropped=EARLIER)


@pytest.mark.parametrize(
    ("before", "progress", "expected"),
    [
        (KNOWN, Progress.DROPPED, member(trusts=EARLIER, signed=EARLIER, dropped=EARLIER, seen=NOW)),
        (KNOWN, Progress.SIGNED, member(trusts=EARLIER, signed=EARLIER, seen=NOW)),
        (KNOWN, Progress.TRUSTS, member(trusts=EARLIER, seen=NOW)),
        (KNOWN, Progress.UNTRUSTING, member(signed=EARLIER, seen=NOW)),
        (KNOWN, Progress.WAITS, member(seen=NOW)),
        (KNOWN, Progress.UNKNOWN, member(trusts=EARLIER, signed=EARLIER, dropped=EARLIER, seen=NOW)),
        (member(left=EARLIER), Progress.WAITS, member(left=EARLIER, seen=NOW)),
        (member(left=EARLIER), Progress.SIGNED, member(trusts=NOW, signed=NOW, seen=NOW)),
    ],
)
def test_what_was_read_counts_more_than_what_a_run_did(
    before: RotationMember, progress: Progress, expected: RotationMember
) -> None:
    after = apply_readings(rotation(SIGNING, before), [MemberReading("host-a", progress, NOW)])

    assert (expected,) == after.members


@pytest.mark.parametrize("name", ["trusts", "signed", "dropped", "left", "seen"])
def test_a_reading_from_before_the_last_move_says_nothing(name: str) -> None:
    before = rotation(SIGNING, RotationMember.model_validate({"host": "host-a", f"{name}_at": NOW}))

    assert before == apply_readings(before, [MemberReading("host-a", Progress.WAITS, EARLIER)])


@pytest.mark.parametrize(
    ("stage", "progress", "expected"),
    [
        (TRUSTING, Progress.SIGNED, SIGNING),
        (MADE, Progress.UNTRUSTING, SIGNING),
        (TRUSTING, Progress.TRUSTS, TRUSTING),
        (DROPPING, Progress.SIGNED, DROPPING),
        (ABORTING, Progress.SIGNED, ABORTING),
    ],
)
def test_a_host_seen_with_a_certificate_of_the_new_ca_means_that_signing_has_begun(
    stage: RotationStage, progress: Progress, expected: RotationStage
) -> None:
    """Such as after a step whose answer was lost."""
    assert expected is apply_readings(rotation(stage), [MemberReading("host-a", progress, NOW)]).stage


def test_a_result_without_a_certificate_signed_nothing() -> None:
    record = make_record(NEXT_WORDS, "host-a/sign")
    trail = make_trail(record)
    several = replace(
        trail,
        results={
            key: each.model_copy(update={"product": {"certificate": CA.certificate * 2}})
            for key, each in trail.results.items()
        },
    )

    assert rotation(TRUSTING) == derive_move(rotation(TRUSTING), record, trail)
    assert rotation(TRUSTING) == derive_move(rotation(TRUSTING), record, several)
