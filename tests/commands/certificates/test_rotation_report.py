"""`cert`, `cert show` and `ca show` while the CA is being changed: what is normal then is no finding, what is not is one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.errors import Unreachable
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.windows.nebula import NebulaFiles
from commands.certificates.operations import CaShow, CertList, CertShow
from commands.model.report import Report
from commands.model.rotation import Rotation, RotationMember, RotationStage
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA, Authority, Said, authority, host, view
from tests.commands.canned_rotation import NEXT_CA, held, rotation, rotation_authority
from tests.commands.cells import cell

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
ALL = (LIGHTHOUSE, A, B)
AWAY = Unreachable(Phrase("connection refused"))
TRUSTING, SIGNING, DROPPING, ABORTING = (
    RotationStage.TRUSTING,
    RotationStage.SIGNING,
    RotationStage.DROPPING,
    RotationStage.ABORTING,
)
ENDING = authority("Ending CA", days=20)


TLS = WindowsSide(url="https://192.0.2.3:5986/wsman", user="flatnet", ca_file=Path("/ca.pem"))


def says(lighthouse: object, a: object, b: object) -> Said:
    return {("lighthouse", "windows"): lighthouse, ("host-a", "windows"): a, ("host-b", "windows"): b}


def trusting(at: object, *trusted: Authority, signed: Authority = CA, days: float = 200) -> NebulaFiles:
    return held(at, *trusted, signed=signed, days=days)  # type: ignore[arg-type]


NORMAL = [
    (TRUSTING, says(trusting(LIGHTHOUSE, CA, NEXT_CA), trusting(A, CA), trusting(B, CA, NEXT_CA))),
    (TRUSTING, says(trusting(LIGHTHOUSE, CA), trusting(A, CA), trusting(B, CA, NEXT_CA))),
    (
        SIGNING,
        says(
            trusting(LIGHTHOUSE, CA, NEXT_CA),
            trusting(A, CA, NEXT_CA, signed=NEXT_CA),
            trusting(B, CA, NEXT_CA),
        ),
    ),
    (
        DROPPING,
        says(
            trusting(LIGHTHOUSE, CA, NEXT_CA, signed=NEXT_CA),
            trusting(A, NEXT_CA, signed=NEXT_CA),
            trusting(B, CA, NEXT_CA, signed=NEXT_CA),
        ),
    ),
    (ABORTING, says(trusting(LIGHTHOUSE, CA, NEXT_CA), trusting(A, CA, NEXT_CA, signed=NEXT_CA), trusting(B, CA))),
]


async def listed(changing: Rotation | None, said: Said) -> Report:
    return await CertList().read(replace(view(*ALL, said=said), rotation=changing))


def findings(report: Report) -> list[tuple[str, str, str]]:
    return [(found.host, str(found.short), found.next or "") for found in report.findings]


@pytest.mark.parametrize(("stage", "said"), NORMAL)
async def test_the_way_of_a_rotation_is_no_finding(stage: RotationStage, said: Said) -> None:
    assert [] == findings(await listed(rotation(stage), said))


async def test_without_a_rotation_the_same_hosts_are_one() -> None:
    _, said = NORMAL[0]

    assert {"certificate: trusted CAs differ"} == {short for _, short, _ in findings(await listed(None, said))}


async def test_an_unknown_ca_is_a_finding_also_in_a_rotation() -> None:
    said = says(trusting(LIGHTHOUSE, CA, NEXT_CA), trusting(A, CA, OTHER_CA), trusting(B, OTHER_CA, signed=OTHER_CA))

    assert [
        ("host-b", "certificate: CA differs from lighthouse", "cert show host-b"),
        ("host-a", "certificate: trusted CAs differ", "cert show host-a"),
    ] == findings(await listed(rotation(TRUSTING), said))


BOTH = trusting(LIGHTHOUSE, CA, NEXT_CA, signed=NEXT_CA)
SIGNED = trusting(B, CA, NEXT_CA, signed=NEXT_CA)
ONLY = "ca rotation next --only host-a"


@pytest.mark.parametrize(
    ("changing", "said", "expected"),
    [
        (rotation(SIGNING), trusting(A, CA), ("certificate: does not trust the new CA", ONLY)),
        (rotation(DROPPING), trusting(A, CA, NEXT_CA), ("certificate: certificate of the old CA", ONLY)),
        (
            rotation(SIGNING, RotationMember(host="host-a", left_at=NOW)),
            trusting(A, CA),
            ("certificate: left behind by the CA rotation", ONLY),
        ),
        (rotation(TRUSTING, lost=True), trusting(A, CA), ("certificate: waits for the new CA", ONLY)),
    ],
)
async def test_a_host_that_cannot_follow_is_a_finding_with_the_way_back(
    changing: Rotation, said: NebulaFiles, expected: tuple[str, str]
) -> None:
    assert [("host-a", *expected)] == findings(await listed(changing, says(BOTH, said, SIGNED)))


def ending(stage: RotationStage) -> Rotation:
    """A rotation whose old CA ends in 20 days."""
    return rotation(stage, old=rotation_authority(ENDING, "ca"))


async def test_a_ca_that_is_being_replaced_may_end() -> None:
    """The alert on the rotation itself says when it is late."""
    said = says(*(trusting(each, ENDING, NEXT_CA, signed=NEXT_CA) for each in ALL))

    assert [] == findings(await listed(ending(SIGNING), said))
    assert ["CA Ending CA: 20 days left"] == [short for _, short, _ in findings(await listed(None, said))]
    assert ["CA Ending CA: 20 days left"] == [short for _, short, _ in findings(await listed(ending(ABORTING), said))]


@pytest.mark.parametrize(
    ("stage", "days", "words"),
    [
        (TRUSTING, 20 - timedelta(seconds=1) / timedelta(days=1), "ca rotation next"),
        (TRUSTING, 10, "cert renew host-a"),
        (SIGNING, 10, "cert renew host-a"),
    ],
)
async def test_a_certificate_that_ends_with_the_old_ca_gets_more_time_from_the_next_round(
    stage: RotationStage, days: float, words: str
) -> None:
    said = says(*(trusting(each, ENDING, NEXT_CA, signed=ENDING, days=19) for each in ALL))
    last = trusting(A, ENDING, NEXT_CA, signed=ENDING, days=days)
    report = await listed(ending(stage), {**said, ("host-a", "windows"): last})

    assert [words] == [found.next for found in report.findings if found.host == "host-a"]


def column(report: Report) -> dict[str, tuple[str, object]]:
    """The cells of the column, by the name of host or CA."""
    place = [each.key for each in report.columns].index("rotation")
    return {str(row.cells[0].value): (str(row.cells[place].text), row.cells[place].value) for row in report.rows}


async def test_a_column_has_the_progress_of_each_host_and_the_role_of_each_ca() -> None:
    said = says(trusting(LIGHTHOUSE, CA, NEXT_CA, OTHER_CA), trusting(A, CA, NEXT_CA, signed=NEXT_CA), AWAY)

    assert {
        "lighthouse": ("trusts the new CA", "trusts"),
        "host-a": ("certificate of the new CA", "signed"),
        "host-b": ("unknown", "unknown"),
        "Flatnet CA": ("to be removed", "goes"),
        "Flatnet CA 2": ("new CA", "signs"),
        "Another CA": ("N/A", None),
    } == column(await listed(rotation(SIGNING), said))


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (RotationStage.MADE, {"Flatnet CA": ("to be removed", "goes signs"), "Flatnet CA 2": ("new CA", "")}),
        (ABORTING, {"Flatnet CA": ("stays", "signs"), "Flatnet CA 2": ("to be removed", "goes")}),
    ],
)
async def test_the_roles_of_the_cas_follow_the_stage(stage: RotationStage, expected: dict[str, tuple[str, str]]) -> None:
    said = says(*(trusting(each, CA, NEXT_CA) for each in ALL))
    cells = column(await listed(rotation(stage), said))

    assert expected == {name: cell for name, cell in cells.items() if name.startswith("Flatnet")}


async def test_no_column_without_a_rotation_and_none_for_other_kinds() -> None:
    encrypted = A.model_copy(update={"windows": TLS})
    everything = replace(view(LIGHTHOUSE, encrypted), rotation=rotation(TRUSTING))
    report = await CertList(all=True).read(everything)
    place = [each.key for each in report.columns].index("rotation")

    assert {"WinRM"} == {str(row.cells[-1].text) for row in report.rows if str(row.cells[place].text) == "N/A"}
    assert "rotation" not in {each.key for each in (await CertList().read(view(*ALL))).columns}


async def test_the_full_answers_have_it_as_a_fact() -> None:
    said = says(*(trusting(each, CA, NEXT_CA) for each in ALL))
    seen = replace(view(*ALL, said=said), rotation=rotation(TRUSTING))
    one = await CertShow(target=Target(parts=("host-a",))).read(seen)
    authorities = await CaShow().read(seen)

    assert ["trusts the new CA"] == facts(one)
    assert ["to be removed", "new CA"] == facts(authorities)
    assert [] == facts(await CaShow().read(view(*ALL, said=said)))


def facts(report: Report) -> list[str]:
    return [str(cell(report, row, "value").text) for row in report.rows if cell(report, row, "fact").value == "rotation"]
