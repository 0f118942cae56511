"""`ca rotation finish`: who must be ready, who drops the old CA how, and what is wiped at the end."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath
from typing import Any

import pytest

from adapters.nebula.certificates import parse_pem
from adapters.windows.authority import InstallAuthority, WipeAuthority
from adapters.windows.commit_confirm import BeginChange
from commands.certificates.rotation.finish import RotationFinish
from commands.certificates.rotation.records import Mark, list_marks
from commands.changes.commit_confirm import get_windows_side
from commands.model.backup import Backup, Drill, KnownBackups
from commands.model.certificates import Identity, IdentityKind, KnownIdentities
from commands.model.operation import CannotPlan, FleetView, Risk, attest_nothing
from commands.model.owed import Matter
from commands.model.plan import Plan
from commands.model.rotation import Rotation, RotationMember, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA
from tests.commands.canned_rotation import NEXT_CA, rotation_authority
from tests.commands.certificates.rotation.played import Stage
from tests.commands.certificates.rotation.round_cases import (
    AWAY,
    HOSTS,
    LIGHTHOUSE,
    B,
    C,
    Said,
    dropped,
    find,
    in_stage,
    keys,
    names,
    parts,
    sight,
    signed,
    trusting,
)

FINISH, LAZY = RotationFinish(), RotationFinish(lazy=True)
PATHS = get_windows_side(LIGHTHOUSE).paths
HOME = r"F:\flatnet\authorities\op-000000000001"
FILES: Mapping[str, Any] = {
    "old": rotation_authority(CA, "ca").model_copy(update={"key_file": PATHS.ca_key}),
    "new": rotation_authority(NEXT_CA, "ca").model_copy(update={"key_file": rf"{HOME}\ca.key"}),
}
SIGNING = in_stage(RotationStage.SIGNING, **FILES)
DROPPING = in_stage(RotationStage.DROPPING, **FILES)
SINCE = RotationMember(host="host-c", trusts_at=NOW, signed_at=NOW)
"""host-c, as its row has it while it is away: ready to drop the old CA."""
ALL_SIGNED = {each.name: signed(each) for each in HOSTS}
ALL_DROPPED = {each.name: dropped(each) for each in HOSTS}
NEW, OLD = parse_pem(NEXT_CA.certificate)[0], parse_pem(CA.certificate)[0]


def drill(**given: Any) -> Drill:
    usual = {
        "number": 1,
        "authority": NEW.fingerprint,
        "public_key": "x",
        "opened_at": NOW - timedelta(days=2),
        "ends_at": NOW,
        "opened_by": "hanako",
        "passed_at": NOW - timedelta(days=1),
    }
    return Drill.model_validate(usual | given)


def member(name: str, issuer: str, seen: timedelta = timedelta(days=3)) -> Identity:
    return Identity(
        fingerprint="a" * 64,
        kind=IdentityKind.NEBULA,
        name=name,
        address="10.100.9.9",
        issuer=issuer,
        seen_at=NOW - seen,
        ends_at=NOW + timedelta(days=90),
    )


def ready(of: Rotation, said: Said, *seen: Identity, **given: Any) -> FleetView:
    """A view with a passed drill, and a ledger that has seen these members."""
    known: dict[str, Any] = {"backups": KnownBackups(drills=(drill(),)), "identities": KnownIdentities(seen)} | given
    return replace(sight(of, said), **{"attest": attest} | known)


async def attest(row: Backup | Drill) -> bool:
    """The audit log says the same."""
    return True


async def planned(operation: RotationFinish, view: FleetView) -> Plan:
    return (await operation.plan(view)).plan


async def refuse(operation: RotationFinish, view: FleetView) -> str:
    with pytest.raises(CannotPlan) as refused:
        await operation.plan(view)
    return str(refused.value.phrase)


def _explain(plan: Plan, host: str) -> list[str]:
    return [str(left.why) for left in plan.left_out if left.host == host]


def test_a_finish_is_critical_and_what_it_owes_is_a_ca_that_should_be_gone() -> None:
    assert (Risk.CRITICAL, Matter.AUTHORITY) == (FINISH.assessed_risk, RotationFinish.matter)


async def test_hosts_drop_the_old_ca_one_by_one_the_lighthouse_last_and_then_the_old_key_is_wiped() -> None:
    plan = await planned(FINISH, ready(SIGNING, ALL_SIGNED))

    assert ["host-a", "host-b", "host-c", "lighthouse", "lighthouse"] == parts(plan)
    assert [{Mark.DROP}] * 4 + [{Mark.SETTLE}] == [list_marks(part) for part in plan.parts]
    assert ["lighthouse/settle/install", "lighthouse/settle/tidy"] == [step.key for step in plan.parts[-1].steps]
    assert [("-Flatnet CA",)] * 4 == [tuple(line.partition(" (")[0] for line in edit.diff) for edit in plan.edits]


async def test_a_host_that_has_not_restarted_since_a_lazy_removal_holds_up_nothing() -> None:
    """Its file was changed after the start of its Nebula, so what that trusts is not known."""
    waiting = dropped(HOSTS[1]).model_copy(update={"ca_written_at": NOW})
    lazy = in_stage(RotationStage.DROPPING, lazy=True, **FILES)
    plan = await planned(FINISH, ready(lazy, {**ALL_SIGNED, HOSTS[1].name: waiting}))

    assert [host.name for host in HOSTS[2:]] == [name for name in dict.fromkeys(parts(plan)) if name != "lighthouse"]
    assert "have no certificate of the new CA" in await refuse(
        FINISH, ready(DROPPING, {**ALL_SIGNED, HOSTS[1].name: waiting})
    )


async def test_the_key_of_the_rotation_takes_the_place_of_the_old_one() -> None:
    plan = await planned(FINISH, ready(SIGNING, ALL_SIGNED))
    install = find(plan, "lighthouse/settle/install").deed.build_action({})
    tidy = find(plan, "lighthouse/settle/tidy").deed.build_action({})

    assert isinstance(install, InstallAuthority)
    assert (HOME, PATHS.ca_key, PATHS.ca_certificate, NEW.fingerprint) == (
        install.folder,
        install.ca_key,
        install.ca,
        install.fingerprint,
    )
    assert WipeAuthority(folder=HOME) == tidy
    assert "the key of Flatnet CA will be wiped" in " ".join(map(str, plan.warnings))


async def test_the_plan_says_that_there_is_no_way_back_while_there_is_one() -> None:
    warned = [await planned(FINISH, ready(stage, ALL_SIGNED)) for stage in (SIGNING, DROPPING)]
    no_return = "it cannot be aborted once the first host has dropped Flatnet CA"
    assert [True, False] == [no_return in map(str, plan.warnings) for plan in warned]


async def test_lazily_no_nebula_is_restarted() -> None:
    plan = await planned(LAZY, ready(SIGNING, ALL_SIGNED))
    begun = [step.deed.build_action({}) for step in plan.steps if step.key.endswith("/begin")]

    assert [()] * 4 == [each.services for each in begun if isinstance(each, BeginChange)]
    assert () == plan.disrupts
    assert ["host-a/drop/loaded"] == [
        key for key in (step.key for step in plan.steps) if key.startswith("host-a/") and "loaded" in key
    ]
    assert "loaded" not in find(plan, "host-a/drop/loaded").expect


async def test_what_is_left_after_a_crash_is_the_rest() -> None:
    said = ALL_DROPPED | {"lighthouse": signed(LIGHTHOUSE)}
    assert ["lighthouse", "lighthouse"] == parts(await planned(FINISH, ready(DROPPING, said)))
    plan = await planned(FINISH, ready(DROPPING, ALL_DROPPED))
    assert ["settle/install", "settle/tidy"] == keys(plan, "lighthouse")
    assert ["lighthouse"] == parts(plan)


async def test_a_host_that_is_away_is_owed_the_removal_and_the_old_key_stays_until_then() -> None:
    """Its certificate is of the new CA, as its row says."""
    of = SIGNING.model_copy(update={"members": (SINCE,)})
    plan = await planned(FINISH, ready(of, ALL_SIGNED | {"host-c": AWAY}))

    assert ["host-a", "host-b", "lighthouse"] == parts(plan)
    assert ("host-c",) == plan.owed_hosts
    assert all(Mark.SETTLE not in list_marks(part) for part in plan.parts)


async def test_what_is_owed_to_a_host_that_answers_again_ends_the_rotation() -> None:
    plan = await planned(RotationFinish(only=names("host-c")), ready(DROPPING, ALL_DROPPED | {"host-c": signed(C)}))
    assert ["host-c", "lighthouse"] == parts(plan)
    assert [{Mark.DROP}, {Mark.SETTLE}] == [list_marks(part) for part in plan.parts]


async def test_a_host_that_is_named_is_left_behind_and_does_not_keep_the_old_key() -> None:
    plan = await planned(RotationFinish(leave=names("host-c")), ready(SIGNING, ALL_SIGNED | {"host-c": AWAY}))
    assert ["host-a", "host-b", "lighthouse", "lighthouse"] == parts(plan)
    assert ("host-c",) == plan.owed_hosts


@pytest.mark.parametrize(
    ("view", "why"),
    [
        pytest.param(ready(in_stage(RotationStage.MADE), ALL_SIGNED), "ca rotation next", id="made"),
        pytest.param(ready(in_stage(RotationStage.TRUSTING), ALL_SIGNED), "ca rotation next", id="trusting"),
        pytest.param(ready(in_stage(RotationStage.ABORTING), ALL_SIGNED), "ca rotation abort", id="aborting"),
        pytest.param(ready(SIGNING, ALL_SIGNED, backups=KnownBackups()), "ca backup drill", id="no drill"),
        pytest.param(ready(SIGNING, ALL_SIGNED, attest=attest_nothing), "ca backup drill", id="drill of a row alone"),
        pytest.param(
            ready(SIGNING, ALL_SIGNED, backups=KnownBackups(drills=(drill(passed_at=None),))),
            "ca backup drill",
            id="an open drill",
        ),
        pytest.param(
            ready(SIGNING, ALL_SIGNED, backups=KnownBackups(drills=(drill(authority=OLD.fingerprint),))),
            "ca backup drill",
            id="a drill with the old key",
        ),
        pytest.param(
            ready(SIGNING, ALL_SIGNED, backups=KnownBackups(available=False)), "could not be read", id="drills unknown"
        ),
        pytest.param(
            ready(SIGNING, ALL_SIGNED | {"host-b": trusting(B)}), "host-b have no certificate", id="a host of the old CA"
        ),
        pytest.param(ready(SIGNING, ALL_SIGNED | {"host-b": AWAY}), "--leave host-b", id="a host that is away"),
        pytest.param(
            ready(SIGNING, ALL_SIGNED, member("laptop", OLD.fingerprint)), "laptop. They would be cut off", id="a laptop"
        ),
        pytest.param(
            ready(DROPPING, ALL_SIGNED, member("flatnet-bot", OLD.fingerprint)),
            "flatnet-bot",
            id="the bot's own certificate",
        ),
        pytest.param(
            ready(SIGNING, ALL_SIGNED, identities=KnownIdentities(available=False)), "ledger", id="the ledger is unknown"
        ),
    ],
)
async def test_what_keeps_the_old_ca_in_use_is_named(view: FleetView, why: str) -> None:
    assert why in await refuse(FINISH, view)
    assert why in await refuse(LAZY, view)


async def test_no_rotation_is_finished_where_none_was_begun() -> None:
    assert "ca rotation start" in await refuse(FINISH, replace(ready(SIGNING, ALL_SIGNED), rotation=None))


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(member("laptop", OLD.fingerprint, timedelta(days=31)), id="not seen for a month"),
        pytest.param(member("laptop", NEW.fingerprint), id="renewed"),
        pytest.param(member("host-a", OLD.fingerprint), id="a host that was read with the new one just now"),
    ],
)
async def test_who_does_not_need_the_old_ca_keeps_nobody_waiting(seen: Identity) -> None:
    assert 5 == len(parts(await planned(FINISH, ready(SIGNING, ALL_SIGNED, seen))))


async def test_a_file_that_cannot_be_edited_is_named_and_the_old_key_stays() -> None:
    odd = signed(B).model_copy(update={"ca": signed(B).ca + signed(B).certificate})
    plan = await planned(FINISH, ready(SIGNING, ALL_SIGNED | {"host-b": odd}))

    assert ["host-a", "host-c", "lighthouse"] == parts(plan)
    assert ["host-b is not a CA"] == [each.split(": ")[1].split(",")[0] for each in _explain(plan, "host-b")]
    assert () == plan.owed_hosts


async def test_a_ca_key_that_the_configuration_has_elsewhere_is_not_wiped_by_guess() -> None:
    of = SIGNING.model_copy(update={"old": SIGNING.old.model_copy(update={"key_file": r"D:\keys\ca.key"})})
    assert "Set ca_key of lighthouse back" in await refuse(FINISH, ready(of, ALL_SIGNED))


async def test_on_a_simulated_lighthouse_the_old_key_is_nowhere_afterwards() -> None:
    on, plan = Stage.of("lighthouse", "host-a"), await planned(FINISH, ready(DROPPING, ALL_DROPPED))
    state, place = on.states["lighthouse"], PureWindowsPath(PATHS.ca_key)
    old_key = state.files[place]
    for path, text in (
        (rf"{HOME}\ca.crt", NEXT_CA.certificate),
        (rf"{HOME}\ca.key", NEXT_CA.key),
        (PATHS.ca_certificate, NEXT_CA.certificate),
    ):
        state.write(PureWindowsPath(path), text, NOW)

    assert [] == on.play(plan.parts[-1])
    assert NEXT_CA.key == state.files[place]
    assert [] == [
        str(path) for path, text in state.files.items() if old_key in text or PureWindowsPath(HOME) in path.parents
    ]


async def test_a_lighthouse_that_does_not_trust_the_new_ca_keeps_its_old_key() -> None:
    on, plan = Stage.of("lighthouse", "host-a"), await planned(FINISH, ready(DROPPING, ALL_DROPPED))
    before = dict(on.states["lighthouse"].files)

    assert "CaDiffers" == on.perform("lighthouse", plan.steps[0].deed)["failed"]
    assert before == on.states["lighthouse"].files
