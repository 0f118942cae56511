"""`ca rotation start`: the new CA is like the old one, its key is copied before it signs, and nothing live is touched."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.nebula.certificates import is_signed_by, parse_pem
from adapters.phrase import Phrase
from adapters.windows.authority import MakeAuthority, SignCanary
from adapters.windows.nebula import NebulaFiles
from adapters.windows.system import ReadSystem
from commands.catalogue import CATALOGUE
from commands.certificates.rotation.records import find_start
from commands.certificates.rotation.start import RotationBegin
from commands.certificates.rotation.successor import choose_version, count_up, find_hosts_behind, write_certificate
from commands.changes.commit_confirm import get_windows_side
from commands.language.grammar import parse_operation, render_operation
from commands.model.certificates import Identity, IdentityKind, KnownIdentities
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.plan import Plan, Step
from commands.model.plan_digest import compute_digest
from commands.model.rotation import RotationStage
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW, windows
from tests.commands.canned_certs import CA, OPERATION, OTHER_CA, authority, files, host, view
from tests.commands.canned_rotation import rotation
from tests.commands.certificates.rotation.played import Stage
from tests.lab.recipients import make_holder

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
HOSTS = LIGHTHOUSE, A, B
AWAY = Unreachable(Phrase("connection refused"))
PEOPLE = tuple(make_holder(name).recipient for name in ("Hanako", "Taro"))
HOME = rf"F:\flatnet\authorities\{OPERATION}"
ENDED = authority(days=-1)


def sight(
    said: Mapping[str, object] | None = None,
    versions: Mapping[str, str] | None = None,
    hosts: tuple[Host, ...] = HOSTS,
    **given: Any,
) -> FleetView:
    """A view of hosts that are well but for what is `said` of their certificates; `versions` are those of Nebula."""
    certificates, nebulas = dict(said or {}), dict(versions or {})

    def answer(host: Host) -> Any:
        def windows_side(action: Action[Any]) -> object:
            told = certificates.get(host.name, files(host))
            if isinstance(action, ReadSystem) and isinstance(told, NebulaFiles):
                return windows().model_copy(update={"nebula_version": nebulas.get(host.name, "1.9.3")})
            return told

        return windows_side

    seen = view(*hosts, said={(each.name, "windows"): answer(each) for each in hosts})
    return replace(seen, **{"recipients": PEOPLE} | given)


async def planned(seen: FleetView | None = None, *, lost: bool = False) -> Plan:
    return (await RotationBegin(lost=lost).plan(seen or sight())).plan


def find(plan: Plan, key: str) -> Step:
    return next(step for step in plan.steps if step.key == key)


async def make_action(seen: FleetView) -> MakeAuthority:
    action = find(await planned(seen), "lighthouse/make").deed.build_action({})
    assert isinstance(action, MakeAuthority)
    return action


async def test_the_key_is_copied_and_both_copies_are_read_back_before_the_first_signature() -> None:
    assert [
        "lighthouse/make",
        "lighthouse/copy/protect",
        "lighthouse/copy/fetch-key",
        "lighthouse/copy/fetch-certificate",
        "lighthouse/copy/fetch-manifest",
        "lighthouse/copy/check-first",
        "lighthouse/copy/check-second",
        "lighthouse/canary",
    ] == [step.key for step in (await planned()).steps]


async def test_the_new_ca_is_like_the_old_one_but_for_its_name() -> None:
    (old,) = parse_pem(CA.certificate)
    made = await make_action(sight())

    assert ("Flatnet CA 2", "25519", 1, (), (), ()) == (
        made.name,
        made.curve,
        made.version,
        made.groups,
        made.networks,
        made.unsafe_networks,
    )
    assert (old.not_after - old.not_before).total_seconds() == made.seconds
    assert HOME == made.folder


async def test_the_rotation_names_the_old_ca_and_the_files_of_the_new_one() -> None:
    start = find_start(await planned())
    paths = get_windows_side(LIGHTHOUSE).paths

    assert start is not None
    assert (CA.certificate, paths.ca_certificate, paths.ca_key) == (
        start.old.certificate,
        start.old.certificate_file,
        start.old.key_file,
    )
    assert (rf"{HOME}\ca.crt", rf"{HOME}\ca.key", False) == (start.certificate_file, start.key_file, start.lost)


@pytest.mark.parametrize(
    ("versions", "expected", "says"),
    [
        ({}, 1, "version 1: lighthouse, host-a"),
        ({"lighthouse": "1.10.2", "host-a": "1.10.2", "host-b": "1.11.0"}, 2, "the new CA is Flatnet CA 2, version 2"),
        ({"lighthouse": "1.10.2", "host-a": "1.9.7", "host-b": "1.10.2"}, 1, "version 1: host-a may not read version 2"),
        ({"lighthouse": "1.10.2", "host-a": "", "host-b": "1.10.2"}, 1, "version 1: host-a may not read version 2"),
        ({"lighthouse": "1.10.2", "host-a": "nightly", "host-b": "1.10.2"}, 1, "version 1: host-a may not read version 2"),
    ],
)
async def test_version_2_needs_every_host_to_read_it(versions: dict[str, str], expected: int, says: str) -> None:
    plan = await planned(sight(versions=versions))
    assert expected == find(plan, "lighthouse/make").deed.arguments["version"]
    assert any(says in str(premise.phrase) for premise in plan.premises)


async def test_approvers_see_who_will_be_able_to_open_the_new_key() -> None:
    plan = await planned()
    (told,) = [premise for premise in plan.premises if premise.what == "recipients"]

    assert sorted(each.sha256 for each in sight().recipients) == told.value
    assert str(told.phrase).startswith("each of these can open the copy alone: ")


NEW_EVERYWHERE = {each.name: "1.10.2" for each in HOSTS}


async def test_a_host_that_is_away_and_a_member_outside_the_configuration_keep_it_at_version_1() -> None:
    away = await planned(sight({"host-b": AWAY}, NEW_EVERYWHERE))
    (old,) = parse_pem(CA.certificate)
    laptop = Identity(
        fingerprint="a" * 64,
        kind=IdentityKind.NEBULA,
        name="laptop",
        address="10.100.9.9",
        issuer=old.fingerprint,
        seen_at=NOW - timedelta(days=3),
        ends_at=NOW + timedelta(days=90),
    )
    outside = await planned(sight(versions=NEW_EVERYWHERE, identities=KnownIdentities((laptop,))))

    assert [1, 1] == [find(plan, "lighthouse/make").deed.arguments["version"] for plan in (away, outside)]
    assert "laptop may not read version 2" in " ".join(str(premise.phrase) for premise in outside.premises)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("Flatnet CA", (), "Flatnet CA 2"),
        ("Flatnet CA 2", (), "Flatnet CA 3"),
        ("Flatnet CA", ("Flatnet CA 2", "Flatnet CA 3"), "Flatnet CA 4"),
        ("Flatnet CA 9", (), "Flatnet CA 10"),
        ("Flatnet CA 2025", (), "Flatnet CA 2026"),
        ("ca-v1", (), "ca-v2"),
        ("20251231", (), "20251232"),
        ("実験 認証局", (), "実験 認証局 2"),
        ("", (), " 2"),
        ("x" * 300, (), "x" * 240 + " 2"),
    ],
)
def test_the_name_is_counted_up(name: str, known: tuple[str, ...], expected: str) -> None:
    assert expected == count_up(name, known)


def test_a_ca_of_version_2_is_followed_by_one_of_version_2() -> None:
    """Its hosts read it already, whatever their programs say of themselves."""
    (old,) = parse_pem(CA.certificate)
    assert 2 == choose_version(old.model_copy(update={"version": 2}), ("host-a",))


def test_a_certificate_is_written_as_nebula_cert_wrote_it() -> None:
    assert CA.certificate == write_certificate(parse_pem(CA.certificate)[0])


@pytest.mark.parametrize("version", ["1.10", "1.10.0", "2.0.1", "1.11.0-beta"])
def test_these_versions_read_version_2(version: str) -> None:
    assert () == find_hosts_behind({"host-a": version})


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(
            sight(rotation=rotation(RotationStage.TRUSTING)), "changed already, from Flatnet CA to", id="two rotations"
        ),
        pytest.param(sight(rotation=rotation(RotationStage.ABORTING)), "changed already", id="one that is being taken back"),
        pytest.param(sight(recipients=()), "at least 2 recipients", id="no recipients"),
        pytest.param(sight(recipients=PEOPLE[:1]), "at least 2 recipients", id="one recipient"),
        pytest.param(
            sight(recipients=(*PEOPLE, make_holder("Jiro", days=30).recipient)),
            "of Jiro have expired",
            id="an expired recipient",
        ),
        pytest.param(sight({"lighthouse": AWAY}), "connection refused", id="the lighthouse is away"),
        pytest.param(sight(hosts=(A, B)), "no lighthouse", id="no lighthouse"),
        pytest.param(sight({"lighthouse": files(LIGHTHOUSE, ca_key=False)}), "no CA key at", id="the CA key is missing"),
        pytest.param(
            sight({"lighthouse": files(LIGHTHOUSE, ca_key_encrypted=True)}), "has a passphrase", id="the CA key is encrypted"
        ),
        pytest.param(
            sight({"lighthouse": files(LIGHTHOUSE, clock=NOW + timedelta(days=1))}),
            "clock is off by",
            id="the clock of the lighthouse is a day ahead",
        ),
        pytest.param(
            sight({"lighthouse": files(LIGHTHOUSE, clock=NOW - timedelta(days=1))}),
            "clock is off by",
            id="the clock of the lighthouse is a day behind",
        ),
        pytest.param(
            sight({"lighthouse": files(LIGHTHOUSE, trusted=ENDED, days=-2)}),
            "ca rotation start --lost",
            id="the CA has expired",
        ),
        pytest.param(
            sight({"lighthouse": files(LIGHTHOUSE, configured_ca="inline")}), "inline", id="its CA stands in config.yaml"
        ),
    ],
)
async def test_what_must_be_put_right_first(seen: FleetView, why: str) -> None:
    with pytest.raises(CannotPlan, match=why):
        await planned(seen)


@pytest.mark.parametrize(
    "lighthouse",
    [
        pytest.param(files(LIGHTHOUSE, trusted=ENDED, days=-2), id="the CA has expired"),
        pytest.param(files(LIGHTHOUSE, ca_key=False), id="its key is gone"),
        pytest.param(files(LIGHTHOUSE, ca_key_encrypted=True), id="its passphrase is gone"),
        pytest.param(files(LIGHTHOUSE), id="it leaked"),
    ],
)
async def test_a_lost_ca_is_followed_all_the_same(lighthouse: NebulaFiles) -> None:
    plan = await planned(sight({"lighthouse": lighthouse}), lost=True)
    start = find_start(plan)

    assert start is not None
    assert start.lost
    assert "in one restart" in " ".join(map(str, plan.warnings))


async def test_the_lost_ca_is_the_one_of_the_lighthouse_s_certificate() -> None:
    held = files(LIGHTHOUSE, trusted=CA, ca=OTHER_CA.certificate + CA.certificate, ca_printed=OTHER_CA.printed + CA.printed)
    start = find_start(await planned(sight({"lighthouse": held}), lost=True))

    assert start is not None
    assert "Flatnet CA" == start.old.name


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(
            sight(hosts=(host("lighthouse", 0, "http://10.100.0.1:5985/wsman"), A)), "over Nebula", id="the overlay's road"
        ),
        pytest.param(sight({"lighthouse": AWAY}), "connection refused", id="the lighthouse is away"),
        pytest.param(
            sight({"lighthouse": files(LIGHTHOUSE, clock=NOW + timedelta(days=1))}),
            "clock is off",
            id="the clock is a day ahead",
        ),
        pytest.param(sight({"lighthouse": files(LIGHTHOUSE, ca="", ca_printed="")}), "no readable CA", id="no CA"),
    ],
)
async def test_a_lost_ca_needs_the_lighthouse_over_the_local_network(seen: FleetView, why: str) -> None:
    with pytest.raises(CannotPlan, match=why):
        await planned(seen, lost=True)


async def test_what_would_stop_a_host_later_is_said_now() -> None:
    plan = await planned(sight({"host-a": files(A, configured_ca="inline")}))
    assert ["no tunnel is interrupted", "host-a: config.yaml contains certificates inline"] == [
        str(each).split(". ")[0] for each in plan.warnings
    ]


async def test_the_plan_is_the_same_at_any_time() -> None:
    first, later = await planned(sight()), sight()
    later = replace(later, now=lambda: NOW + timedelta(seconds=30))
    arguments = RotationBegin().resolved_arguments
    assert compute_digest(first, "ca rotation start", arguments) == compute_digest(
        (await planned(later)), "ca rotation start", arguments
    )


def test_it_is_critical_and_typed_as_it_is_rendered() -> None:
    parsed = parse_operation(normalize_text("ca rotation start --lost"), CATALOGUE, CATALOGUE)
    assert RotationBegin(lost=True) == parsed
    assert "ca rotation start --lost" == render_operation(RotationBegin(lost=True))
    assert Risk.CRITICAL is RotationBegin().assessed_risk


async def test_a_simulated_lighthouse_makes_the_ca_and_its_canary_and_wipes_both_again() -> None:
    on, plan = Stage.of("lighthouse", "host-a"), await planned()
    state = on.states["lighthouse"]
    before = dict(state.files)
    made, canary = find(plan, "lighthouse/make"), find(plan, "lighthouse/canary")

    said = [on.perform("lighthouse", step.deed) for step in (made, canary)]
    (ca,), (signed,) = (parse_pem(str(each["certificate"])) for each in said)

    assert is_signed_by(signed, ca)
    assert (rf"{HOME}\ca.crt", rf"{HOME}\ca.key") == (said[0]["certificate_file"], said[0]["key_file"])
    assert {PureWindowsPath(HOME, name) for name in ("ca.crt", "ca.key", "canary.crt")} == state.files.keys() - before.keys()
    assert made.undo is not None
    on.perform("lighthouse", made.undo)
    assert before == state.files


async def test_a_full_disk_leaves_no_half_of_a_ca() -> None:
    on, plan = Stage.of("lighthouse", "host-a"), await planned()
    on.states["lighthouse"].disk_full = True
    before = dict(on.states["lighthouse"].files)

    assert "DiskFull" == on.perform("lighthouse", find(plan, "lighthouse/make").deed)["failed"]
    assert before == on.states["lighthouse"].files


def test_every_action_of_a_start_is_compared_with_its_request() -> None:
    """A lighthouse that answers with another CA, or a canary of another one, is not believed."""
    make = MakeAuthority(folder=HOME, nebula_cert_exe="x", name="Flatnet CA 2", seconds=86_400, curve="25519", version=1)
    sign = SignCanary(folder=HOME, nebula_cert_exe="x", curve="25519", network="10.100.255.254/16")
    host_certificate = CA.sign("canary", "10.100.255.254/16", groups="")[0]

    with pytest.raises(ValueError, match="another name"):
        make.parse({"certificate": CA.certificate, "changed": True})
    with pytest.raises(ValueError, match="another kind"):
        make.parse({"certificate": host_certificate, "changed": True})
    with pytest.raises(ValueError, match="another one"):
        sign.parse({"certificate": host_certificate, "ca": OTHER_CA.certificate, "changed": True})
