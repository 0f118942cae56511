"""`host add`: the part of the identity, played on twins, and every reason for which it is not planned."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath

import pytest

from adapters.inventory import Inventory
from adapters.nebula.certificates import parse_pem
from commands.certificates.rotation.successor import write_certificate
from commands.changes.evidence import describe_doubts
from commands.hosts.add.operation import HostAdd
from commands.model.certificates import Identity
from commands.model.operation import CannotPlan
from commands.model.plan import Part, Result, StepResult
from commands.model.rotation import RotationStage
from tests.commands.canned import NOW, host, view
from tests.commands.canned_certs import OPERATION
from tests.commands.canned_rotation import NEXT_CA, rotation, rotation_authority
from tests.commands.hosts.add.world import HEX, NEW, World, build_world, new_host
from tests.lab.windows.mesh import PATHS

NEBULA = (PATHS.ca_certificate, PATHS.nebula_config, PATHS.host_certificate, PATHS.host_key)

BLOCKED = "c" * 64

KEY_SHA256 = "j6Oqsvqpt54KA5jaW1q9B4AUJEKlvoC5pkYI1xjLH80"
"""SHA-256 of the host key of the machine, as `openssl dgst -binary | base64` writes it, without the padding."""


async def plan_identity(world: World) -> Part:
    return (await world.plan()).plan.parts[0]


def have_signed(world: World) -> Identity:
    """An earlier run signed a certificate and kept it."""
    signed = world.sign().model_copy(update={"operation": "op-111111111111", "signed_at": NOW - timedelta(hours=1)})
    world.identities = (signed,)
    return signed


def block_at_member(world: World, fingerprint: str) -> None:
    text = world.read(PATHS.nebula_config, "host-b").replace("pki:\n", f"pki:\n  blocklist: [{fingerprint}]\n")
    world.write(PATHS.nebula_config, text, "host-b")


async def test_a_blank_machine_gets_its_identity_and_a_place_in_the_overlay() -> None:
    world = build_world()
    part = await plan_identity(world)

    assert [] == world.stage.play(part)

    (certificate,) = parse_pem(world.read(PATHS.host_certificate))
    assert (NEW, ["10.100.4.1/16"], ("flatnet", "gateway")) == (
        certificate.name,
        [str(each) for each in certificate.networks],
        certificate.groups,
    )
    assert world.stage.mesh.reaches("lighthouse", "10.100.4.1")
    assert [] == [path for path in NEBULA if not world.read(path)]
    assert parse_pem(world.read(PATHS.ca_certificate)) == parse_pem(world.read(PATHS.ca_certificate, "lighthouse"))
    assert {("Running", "Automatic"), ("Stopped", "Automatic")} == {
        (each.status, each.start_type) for each in world.new.services.values()
    }
    assert [] == [path for path in world.new.files if "operations" in path.parts]


async def test_a_rollback_leaves_neither_file_nor_key_nor_service() -> None:
    world = build_world()
    before = dict(world.new.files)
    part = await plan_identity(world)
    done = [step for step in part.steps if not step.key.endswith(("/confirm", "identity/tidy"))]
    assert [] == world.stage.play(part.model_copy(update={"steps": tuple(done)}))

    assert [] == world.stage.undo(done)

    assert before.keys() == {path for path in world.new.files if not {"operations", "logs"} & set(path.parts)}
    assert [] == [text for text in world.new.files.values() if "PRIVATE KEY" in text]
    assert {("Stopped", "Manual")} == {(each.status, each.start_type) for each in world.new.services.values()}
    assert not world.stage.mesh.reaches("lighthouse", "10.100.4.1")


async def test_approvers_see_what_is_signed_what_pins_the_machine_and_the_whole_new_file() -> None:
    made = (await build_world().plan()).plan

    shown = [str(premise.phrase) for premise in made.premises]
    assert "host-d gets ID 4: 10.100.4.1 on the overlay, containers in 10.87.4.0/24" == shown[0]
    assert f"the WinRM certificate of host-d has the SHA-256 {HEX}" == shown[1]
    assert f"the SSH host key of host-d has the fingerprint SHA256:{KEY_SHA256}" == shown[2]
    assert "its certificate: host-d, 10.100.4.1/16, groups flatnet, gateway, up to 365 days" in shown
    assert "its config.yaml is made from that of host-a, and blocks 0 certificates" in shown
    edit = made.edits[0]
    assert (NEW, PATHS.nebula_config, True) == (edit.host, edit.file, "+  am_lighthouse: false" in edit.diff)
    assert (NEW, NEW) == (made.about, made.object_name)
    machine = f"Its machine shows the certificate {HEX} and the SSH host key SHA256:{KEY_SHA256}"
    assert [
        f"host-d is being added with ID 4 (10.100.4.1). {machine}",
        "host-d is in the overlay as 10.100.4.1, and no member yet",
        "host-d is a member",
    ] == [str(made.situation), *(str(step.situation) for step in made.steps if step.situation is not None)]


async def test_the_new_host_blocks_what_any_member_blocks_and_names_its_own_files() -> None:
    world = build_world()
    block_at_member(world, BLOCKED)
    made = await world.plan()

    assert [] == world.stage.play(made.plan.parts[0])

    assert BLOCKED in world.read(PATHS.nebula_config)
    assert any("blocks 1 certificate" in str(premise.phrase) for premise in made.plan.premises)


async def test_the_same_command_goes_on_from_a_certificate_that_an_earlier_run_signed() -> None:
    world = build_world()
    have_signed(world)
    part = await plan_identity(world)

    assert [] == [step.key for step in part.steps if "sign" in step.key]
    assert "host-d/nebula/begin" in {step.key for step in part.steps}
    assert [] == world.stage.play(part)
    assert world.stage.mesh.reaches("lighthouse", "10.100.4.1")
    proven = await plan_identity(world)
    assert ["host-d/nebula/address", "host-d/nebula/reach/host-d"] == [step.key for step in proven.steps]


@pytest.mark.parametrize("adopt", [False, True], ids=["signed before", "adopted"])
@pytest.mark.parametrize("runs", [False, True], ids=["stopped", "running"])
async def test_a_host_that_has_its_identity_gets_what_members_block_meanwhile(adopt: bool, runs: bool) -> None:
    world = build_world(adopt=adopt)
    have_signed(world)
    if runs:
        world.new.start_service("Nebula", NOW)
    block_at_member(world, BLOCKED)
    made = await world.plan()

    assert [] == world.stage.play(made.plan.parts[0])

    assert ("host-d/blocklist/stage", True) == (made.plan.steps[0].key, BLOCKED in world.read(PATHS.nebula_config))
    assert f"{OPERATION}-blocklist" in world.new.changes
    assert world.stage.mesh.reaches("lighthouse", "10.100.4.1")
    assert runs == any("the tunnels of host-d will be down" in str(phrase) for phrase in made.plan.disrupts)


async def test_an_attempt_that_was_taken_back_is_named_and_does_not_stand_in_the_way() -> None:
    world = build_world()
    abandoned = have_signed(world).model_copy(update={"abandoned": True})
    world = build_world()
    world.identities = (abandoned,)

    made = (await world.plan()).plan

    assert f"an earlier certificate of host-d ({abandoned.fingerprint[:12]}) was signed and abandoned" in str(
        made.warnings[1]
    )
    assert "host-d/identity/sign" in {step.key for step in made.steps}


async def test_an_adopted_host_keeps_its_certificate_and_nothing_is_signed() -> None:
    world = build_world(adopt=True)
    kept = world.sign()
    part = await plan_identity(world)

    assert [] == [step.key for step in part.steps if "sign" in step.key]
    assert [] == world.stage.play(part)
    assert (kept.fingerprint,) == tuple(each.fingerprint for each in parse_pem(world.read(PATHS.host_certificate)))


def lay(path: str) -> Callable[[World], None]:
    return lambda world: world.write(path, "x")


def stop_lighthouse(world: World) -> None:
    world.stage.states["lighthouse"].stop_service("Nebula", NOW)


def forget_program(world: World) -> None:
    del world.new.programs[PureWindowsPath(PATHS.nebula_exe)]


def forget_service(world: World) -> None:
    del world.new.services["Nebula"]


def mark_members(world: World) -> None:
    for number, name in ((1, "host-a"), (2, "host-b")):
        text = world.read(PATHS.nebula_config, name)
        world.write(PATHS.nebula_config, f"{text}preferred_ranges: [10.100.{number}.1/32]\n", name)


def block_own(world: World) -> None:
    block_at_member(world, world.sign().fingerprint)


def lose_key(world: World) -> None:
    world.sign()
    del world.new.files[PureWindowsPath(PATHS.host_key)]


def answer_on_overlay(world: World) -> None:
    world.sign()
    world.new.start_service("Nebula", NOW)


REFUSED = {
    "config.yaml is there": (
        lay(PATHS.nebula_config),
        {},
        r"host-d has files of Nebula already: F:\flatnet\config\nebula\config.yaml",
    ),
    "another file is in the folder": (
        lay(r"F:\flatnet\config\nebula\old.crt"),
        {},
        "host-d has files of Nebula already: old.crt",
    ),
    "a certificate that the bot did not sign": (lambda world: world.sign(), {}, "add it with --adopt"),
    "Nebula runs there": (answer_on_overlay, {}, "--adopt"),
    "a program is missing": (forget_program, {}, r"host-d lacks F:\flatnet\nebula\nebula.exe"),
    "the service is missing": (forget_service, {}, "host-d: service Nebula not found"),
    "the lighthouse could not see it": (stop_lighthouse, {}, "Nebula is not running on lighthouse"),
    "no configuration can be copied": (mark_members, {}, "no member's configuration can be the pattern for host-d: host-a:"),
    "there is nothing to adopt": (
        lambda world: None,
        {"adopt": True},
        "so there is nothing to adopt. Run host remove host-d",
    ),
    "an adopted certificate has another name": (
        lambda world: world.sign("laptop"),
        {"adopt": True},
        "the certificate has laptop",
    ),
    "an adopted certificate has another address": (
        lambda world: world.sign(address="10.100.7.1/16"),
        {"adopt": True},
        "the certificate has 10.100.7.1/16, the configuration 10.100.4.1/16",
    ),
    "an adopted certificate lacks a group": (
        lambda world: world.sign(groups="flatnet"),
        {"adopt": True},
        "the certificate has flatnet, the configuration flatnet, gateway",
    ),
    "an adopted certificate is blocked": (
        block_own,
        {"adopt": True},
        "is in a blocklist. It never becomes a member with it",
    ),
    "an adopted certificate has no key": (
        lose_key,
        {"adopt": True},
        r"no private key at F:\flatnet\config\nebula\host.key on host-d",
    ),
}


@pytest.mark.parametrize(("mend", "joining", "says"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_machine_that_is_not_as_it_must_be_is_refused(
    mend: Callable[[World], None], joining: dict[str, bool], says: str
) -> None:
    with pytest.raises(CannotPlan) as refused:
        await build_world(mend, **joining).plan()

    assert says in str(refused.value.phrase)


async def test_an_id_that_is_taken_meanwhile_is_refused_when_the_plan_is_made() -> None:
    world = build_world()
    (taken,) = (have_signed(world).model_copy(update={"name": "stranger", "signed_at": None}),)
    world = build_world()
    world.identities = (taken,)

    with pytest.raises(CannotPlan, match="a certificate of stranger"):
        await world.plan()


JOINING = build_world().joining


@pytest.mark.parametrize(
    ("inventory", "says"),
    [
        (Inventory(hosts=(host(NEW, 4),)), "host-d is a member already. Run host show host-d"),
        (Inventory(), "host-d is not being added. Run host add host-d --windows ADDRESS"),
        (
            Inventory(joining=(JOINING.model_copy(update={"host": None}),)),
            "host-d waits for the fingerprint of its certificate. Run host add host-d",
        ),
        (
            Inventory(joining=(JOINING.model_copy(update={"host": new_host(wsl=None), "wsl_address": "192.0.2.14"}),)),
            "host-d waits for the fingerprint of its SSH host key. Run host add host-d",
        ),
    ],
    ids=["member", "unknown", "unpinned", "half pinned"],
)
async def test_a_host_that_is_not_prepared_is_refused_with_the_next_command(inventory: Inventory, says: str) -> None:
    seen = view(*inventory.hosts)

    with pytest.raises(CannotPlan) as refused:
        await HostAdd(name=NEW).plan(replace(seen, fleet=type(seen.fleet)(inventory, lambda host, side: None)))  # type: ignore[arg-type,return-value]

    assert says == str(refused.value.phrase)


def change_authority(world: World, stage: RotationStage, *trusting: str) -> str:
    """Have the CA be changed, at a stage at which these hosts trust the new one; the fingerprint of that one."""
    (old,) = parse_pem(world.read(PATHS.ca_certificate, "lighthouse"))
    old_files = {"certificate_file": PATHS.ca_certificate, "key_file": PATHS.ca_key}
    new = rotation_authority(NEXT_CA, "rotation-1")
    world.write(new.certificate_file, NEXT_CA.certificate, "lighthouse")
    world.write(new.key_file, NEXT_CA.key, "lighthouse")
    bundle = world.read(PATHS.ca_certificate, "lighthouse") + NEXT_CA.certificate
    for name in trusting:
        world.write(PATHS.ca_certificate, bundle, name)
        world.stage.states[name].stop_service("Nebula", NOW)
        world.stage.states[name].start_service("Nebula", NOW)
    known = new.model_copy(update={"fingerprint": old.fingerprint, "name": old.name, "ends_at": old.not_after, **old_files})
    world.changes = {"rotation": rotation(stage, old=known.model_copy(update={"certificate": write_certificate(old)}))}
    return new.fingerprint if stage.signs_with_new else old.fingerprint


ALL = ("lighthouse", "host-a", "host-b")


@pytest.mark.parametrize(
    ("stage", "trusting", "cas"),
    [
        (RotationStage.MADE, (), 1),
        (RotationStage.TRUSTING, ("lighthouse",), 2),
        (RotationStage.SIGNING, ALL, 2),
        (RotationStage.ABORTING, ALL, 2),
    ],
    ids=str,
)
async def test_while_the_ca_is_changed_the_one_that_signs_now_signs_and_the_lighthouses_are_trusted(
    stage: RotationStage, trusting: tuple[str, ...], cas: int
) -> None:
    world = build_world()
    signer = change_authority(world, stage, *trusting)
    part = await plan_identity(world)

    assert [] == world.stage.play(part)

    (certificate,) = parse_pem(world.read(PATHS.host_certificate))
    assert signer == certificate.issuer
    assert cas == len(parse_pem(world.read(PATHS.ca_certificate)))


async def test_nothing_is_signed_by_a_new_ca_that_a_member_does_not_trust() -> None:
    world = build_world()
    change_authority(world, RotationStage.SIGNING, "lighthouse", "host-a")

    with pytest.raises(CannotPlan, match="host-b would lose the tunnel to each renewed host"):
        await world.plan()


async def test_a_new_host_whose_start_is_in_doubt_is_said_to_have_no_old_certificate() -> None:
    plan = (await build_world().plan()).plan
    begun = StepResult(key="host-d/identity/begin", result=Result.UNKNOWN, began_at=NOW, ended_at=NOW)

    assert "the state of Nebula on host-d is unknown" == str(describe_doubts(plan, {begun.key: begun})[0])


async def test_identity_gateway_peers_membership_and_the_announcement_follow_one_another() -> None:
    plan = (await build_world().plan()).plan

    assert [(NEW, "identity/keys"), (NEW, "gateway/stage"), ("host-a", "stage"), ("host-b", "stage")] == [
        (part.host, part.steps[0].key.partition("/")[2]) for part in plan.parts[:4]
    ]
    assert [f"{NEW}/host-file", f"{NEW}/announce"] == [part.steps[-1].key for part in plan.parts[4:]]
    assert "gateways that get the new peer and are reloaded, one after the other: host-a, host-b" in {
        str(premise.phrase) for premise in plan.premises
    }
    assert () == plan.reach
    assert (NEW, (NEW,)) == (plan.object_name, tuple({edit.host for edit in plan.edits} - {"host-a", "host-b"}))
