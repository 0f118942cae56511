"""`ca rotation`: the stage, how far each host has come, what is next, and who would drop out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from commands.certificates.rotation.overview import CaRotation
from commands.model.certificates import NO_IDENTITIES, KnownIdentities
from commands.model.report import Report
from commands.model.rotation import Rotation, RotationMember, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, Authority, Said, host, view
from tests.commands.canned_rotation import NEXT_CA, held, rotation
from tests.commands.certificates.rotation.outsiders import member_of

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
AWAY = Unreachable(Phrase("connection refused"))
MADE, TRUSTING, SIGNING, DROPPING, ABORTING = (
    RotationStage.MADE,
    RotationStage.TRUSTING,
    RotationStage.SIGNING,
    RotationStage.DROPPING,
    RotationStage.ABORTING,
)
OLD, BOTH, SIGNED, NEW = "old", "both", "signed", "new"
CONTENTS: dict[str, tuple[tuple[Authority, ...], Authority]] = {
    OLD: ((CA,), CA),
    BOTH: ((CA, NEXT_CA), CA),
    SIGNED: ((CA, NEXT_CA), NEXT_CA),
    NEW: ((NEXT_CA,), NEXT_CA),
}


def say(lighthouse: str, a: str, b: str) -> Said:
    """What the hosts have; "" for one that does not answer."""
    said: dict[tuple[str, str], object] = {}
    for each, content in zip((LIGHTHOUSE, A, B), (lighthouse, a, b), strict=True):
        trusted, signed = CONTENTS.get(content, ((), CA))
        said[each.name, "windows"] = held(each, *trusted, signed=signed) if content else AWAY
    return said


async def shown(changing: Rotation | None, *content: str, known: KnownIdentities = NO_IDENTITIES) -> Report:
    seen = view(LIGHTHOUSE, A, B, said=say(*content) if content else None)
    return await CaRotation().read(replace(seen, rotation=changing, identities=known))


def steps(report: Report) -> list[str]:
    return [str(line) for line in report.sections[0].lines]


async def test_without_a_rotation_it_says_so() -> None:
    report = await shown(None)

    assert ("the CA is not being changed now", ("ca show",)) == (str(report.summary), report.next)


@pytest.mark.parametrize(
    ("changing", "content", "summary", "step", "words"),
    [
        (
            rotation(MADE),
            (OLD, OLD, OLD),
            "new CA made: 0 of 3 hosts trust Flatnet CA 2",
            "add the new CA on lighthouse, host-a, host-b",
            ("ca rotation next",),
        ),
        (
            rotation(TRUSTING),
            (BOTH, OLD, BOTH),
            "adding the new CA to all hosts: 2 of 3 hosts trust Flatnet CA 2, waiting for host-a",
            "add the new CA on host-a",
            ("ca rotation next",),
        ),
        (
            rotation(SIGNING),
            (BOTH, SIGNED, BOTH),
            "replacing the certificates: 1 of 3 hosts have a certificate of Flatnet CA 2, waiting for lighthouse, host-b",
            "renew the certificates of host-b, lighthouse with the new CA",
            ("ca rotation next",),
        ),
        (
            rotation(SIGNING, RotationMember(host="host-b", left_at=NOW)),
            (SIGNED, SIGNED, OLD),
            "replacing the certificates: 2 of 3 hosts have a certificate of Flatnet CA 2, left behind: host-b",
            "add the new CA and renew the certificate on host-b, in one restart",
            ("ca rotation next --only host-b",),
        ),
        (
            rotation(SIGNING),
            (SIGNED, SIGNED, SIGNED),
            "replacing the certificates: 3 of 3 hosts have a certificate of Flatnet CA 2",
            "all hosts have the new CA. The old one can be removed, after a drill with the backup of the new key",
            ("ca rotation finish",),
        ),
        (
            rotation(DROPPING),
            (SIGNED, NEW, SIGNED),
            "removing the old CA: 1 of 3 hosts are without Flatnet CA, waiting for lighthouse, host-b",
            "remove the old CA from host-b, lighthouse",
            ("ca rotation finish",),
        ),
        (
            rotation(ABORTING),
            (BOTH, SIGNED, OLD),
            "aborting, the new CA is removed: 1 of 3 hosts are without Flatnet CA 2 again, waiting for lighthouse, host-a",
            "renew the certificates of host-a with the old CA again",
            ("ca rotation abort",),
        ),
        (
            rotation(ABORTING),
            (BOTH, OLD, OLD),
            "aborting, the new CA is removed: 2 of 3 hosts are without Flatnet CA 2 again, waiting for lighthouse",
            "remove the new CA from lighthouse",
            ("ca rotation abort",),
        ),
        (
            rotation(ABORTING),
            (OLD, OLD, OLD),
            "aborting, the new CA is removed: 3 of 3 hosts are without Flatnet CA 2 again",
            "no host has the new CA any more. Its key can be removed",
            ("ca rotation abort",),
        ),
        (
            rotation(MADE, lost=True),
            (OLD, OLD, OLD),
            "new CA made: 0 of 3 hosts have a certificate of Flatnet CA 2",
            "add the new CA and renew the certificate on lighthouse, host-a, host-b, in one restart",
            ("ca rotation next",),
        ),
    ],
)
async def test_it_says_how_far_it_is_and_what_is_next(
    changing: Rotation, content: tuple[str, ...], summary: str, step: str, words: tuple[str, ...]
) -> None:
    report = await shown(changing, *content)

    assert (summary, step, words, ()) == (str(report.summary), steps(report)[0], report.next, report.findings)


@pytest.mark.parametrize(
    ("changing", "content", "restarts"),
    [
        (rotation(MADE), (OLD, OLD, OLD), True),
        (rotation(DROPPING), (SIGNED, NEW, SIGNED), False),
        (rotation(ABORTING), (OLD, OLD, OLD), False),
    ],
)
async def test_it_says_how_long_tunnels_are_away(changing: Rotation, content: tuple[str, ...], restarts: bool) -> None:
    expected = "Nebula restarts on one host after the other: a few seconds without tunnels each"
    assert restarts == (expected in steps(await shown(changing, *content)))


async def test_a_host_that_is_awaited_is_named_with_the_way_on_without_it() -> None:
    report = await shown(rotation(TRUSTING), BOTH, BOTH, "")

    assert [
        "wait for host-b to respond",
        "or go on without host-b, which then has no tunnels until it is back: ca rotation next --leave host-b",
    ] == steps(report)
    assert () == report.next
    (found,) = report.findings
    expected = ("host-b", "not responding", "it did not respond. When it is back, run ca rotation next --only host-b")
    assert expected == (found.host, str(found.short), str(found.why))


async def test_a_host_that_was_left_behind_hinders_nothing() -> None:
    report = await shown(rotation(SIGNING, RotationMember(host="host-b", left_at=NOW)), BOTH, BOTH, "")

    assert ("ca rotation next",) == report.next
    assert [("host-b", "left behind")] == [(found.host, str(found.short)) for found in report.findings]


async def test_rows_have_the_progress_and_the_times_of_each_host() -> None:
    day = timedelta(days=1)
    member = RotationMember(host="host-b", trusts_at=NOW - 5 * day, seen_at=NOW - 2 * day)
    report = await shown(rotation(SIGNING, member), SIGNED, SIGNED, "")
    cells = report.cells_by_host

    assert "signed" == cells["host-a"]["rotation"].value
    expected = ("unknown", (NOW - 2 * day).isoformat(), (NOW - 5 * day).isoformat(), None)
    assert expected == tuple(cells["host-b"][key].value for key in ("rotation", "seen_at", "trusts_at", "signed_at"))
    assert NOW.isoformat() == cells["host-a"]["seen_at"].value


async def test_members_outside_the_configuration_that_would_drop_out_come_before_the_end() -> None:
    changing = rotation(SIGNING)
    known = KnownIdentities((member_of(changing.old.fingerprint), member_of(changing.old.fingerprint, "host-a")))
    report = await shown(changing, SIGNED, SIGNED, SIGNED, known=known)
    early = await shown(changing, SIGNED, SIGNED, BOTH, known=known)

    assert ["first renew the certificates of laptop, which are outside the configuration"] == steps(report)
    assert () == report.next
    assert [("laptop", "certificate of the old CA")] == [(found.host, str(found.short)) for found in report.findings]
    assert () == early.findings


async def test_both_cas_are_described_with_the_one_that_signs() -> None:
    report = await shown(rotation(SIGNING), BOTH, BOTH, BOTH)
    lines = [str(line).partition(" (")[0] for line in report.sections[1].lines]

    assert ["old: Flatnet CA", "new: Flatnet CA 2", "new certificates are signed by Flatnet CA 2"] == lines[:3]
