"""The steps that change which CAs a host trusts: proven on simulated hosts, and taken back where a proof fails."""

from pathlib import PureWindowsPath

import pytest

from adapters.inventory import Host
from adapters.nebula.certificates import parse_pem
from adapters.windows.nebula import NebulaFiles, ReadCertificates
from commands.certificates.reading import HostCertificates
from commands.certificates.rotation.bundle_steps import BundleEdit, build_bundle_part
from commands.certificates.rotation.records import Mark
from commands.changes.commit_confirm import TunnelProof, get_windows_side
from commands.changes.configuration_edit import ConfigurationEdit
from commands.configuration.ca_bundle import edit_bundle
from commands.model.plan import Part, PlannedAction
from tests.commands.canned import NOW
from tests.commands.canned_certs import OPERATION, authority, host
from tests.commands.certificates.rotation.played import Stage

LIGHTHOUSE, A = host("lighthouse", 0), host("host-a", 1)
NEW, ENDED = authority("Flatnet CA 2", days=2000), authority("Ended CA", days=-3)
CANARY = NEW.sign("canary", "10.100.255.254/16", days=1900, groups="")[0]
PATHS = get_windows_side(A).paths
BUNDLE = PureWindowsPath(PATHS.ca_certificate)


def stage() -> Stage:
    return Stage.of("lighthouse", "host-a")


def held(on: Stage, of: Host = A) -> HostCertificates:
    said = on.perform(of.name, PlannedAction.of(ReadCertificates.of(get_windows_side(of))))
    files = NebulaFiles.model_validate(said)
    return HostCertificates(of, files, certificate=parse_pem(files.certificate)[0], authorities=parse_pem(files.ca))


def edit(on: Stage, mark: Mark, *, add: str = "", remove: str = "", restarts: bool = True) -> BundleEdit:
    text = on.states["host-a"].bytes_of(BUNDLE)
    made = ConfigurationEdit(A, OPERATION, str(BUNDLE.parent), str(BUNDLE), text, edit_bundle(text, add=add, remove=remove))
    tunnel = TunnelProof(A, LIGHTHOUSE, (LIGHTHOUSE,), "host-a") if restarts else None
    return BundleEdit(held(on), made, mark, CANARY, tunnel)


def trust(on: Stage) -> BundleEdit:
    return edit(on, Mark.TRUST, add=NEW.certificate)


def listed(on: Stage) -> list[str]:
    return [each.name for each in parse_pem(on.states["host-a"].files[BUNDLE])]


def test_the_file_is_tried_before_it_is_put_in_place_and_proven_afterwards() -> None:
    assert [
        ("host-a/trust/stage", "host-a"),
        ("host-a/trust/test", "host-a"),
        ("host-a/note/lighthouse", "lighthouse"),
        ("host-a/begin", "host-a"),
        ("host-a/trust/loaded", "host-a"),
        ("host-a/reach/host-a", "host-a"),
        ("host-a/seen/lighthouse", "lighthouse"),
        ("host-a/confirm", "host-a"),
        ("host-a/tidy", "host-a"),
    ] == [(step.key, step.host) for step in build_bundle_part(trust(stage())).steps]


def test_a_host_trusts_the_new_ca_beside_the_old_one() -> None:
    on = stage()
    assert [] == on.play(build_bundle_part(trust(on)))
    assert ["Flatnet CA", "Flatnet CA 2"] == listed(on)
    assert [] == [path for path in on.states["host-a"].files if OPERATION in path.parts]


def test_an_expired_ca_in_the_file_stays_and_is_no_reason() -> None:
    on = stage()
    on.states["host-a"].write(BUNDLE, ENDED.certificate + on.states["host-a"].files[BUNDLE], NOW)
    assert [] == on.play(build_bundle_part(trust(on)))
    assert ["Ended CA", "Flatnet CA", "Flatnet CA 2"] == listed(on)


def test_the_new_ca_is_taken_out_again_and_its_canary_is_not_trusted_any_more() -> None:
    on = stage()
    on.play(build_bundle_part(trust(on)))
    back = edit(on, Mark.TAKE_BACK, remove=parse_pem(NEW.certificate)[0].fingerprint)
    renamed = back.edit
    again = ConfigurationEdit(A, "op-ba9876543210", renamed.base, renamed.file, renamed.text, renamed.splices)
    assert [] == on.play(build_bundle_part(BundleEdit(back.held, again, back.mark, CANARY, back.tunnel)))
    assert ["Flatnet CA"] == listed(on)


def test_without_a_restart_only_the_file_is_changed_and_proven() -> None:
    on = stage()
    since = held(on).files
    part = build_bundle_part(edit(on, Mark.TRUST, add=NEW.certificate, restarts=False))
    assert [] == on.play(part)
    after = held(on).files
    assert since is not None
    assert after is not None
    assert since.running_since == after.running_since
    assert ["Flatnet CA", "Flatnet CA 2"] == listed(on)
    assert [] == [step.key for step in part.steps if "reach" in step.key or "seen" in step.key]


def test_a_host_that_drops_the_ca_of_its_lighthouse_too_early_gets_its_file_back() -> None:
    """Its Nebula starts, and refuses the certificate of the lighthouse."""
    on = stage()
    before = on.states["host-a"].files[BUNDLE]
    part = build_bundle_part(edit(on, Mark.DROP, add=NEW.certificate, remove=parse_pem(before)[0].fingerprint))

    assert ["host-a/reach/host-a", "reachable: False"] == on.play(part)
    begun = part.steps[: [step.key for step in part.steps].index("host-a/begin") + 1]
    assert [] == on.undo(begun)
    assert before == on.states["host-a"].files[BUNDLE]


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        pytest.param("full", "host-a/trust/stage", id="the disk is full while the file is staged"),
        pytest.param("edited", "host-a/trust/stage", id="the file was edited since the plan"),
        pytest.param("inline", "host-a/trust/test", id="config.yaml has its CA inline by now"),
        pytest.param("other", "host-a/trust/test", id="config.yaml does not load with it"),
    ],
)
def test_nothing_live_is_touched_where_the_file_cannot_be_tried(fault: str, first: str) -> None:
    on = stage()
    state, part = on.states["host-a"], build_bundle_part(trust(on))
    config = PureWindowsPath(PATHS.nebula_config)
    match fault:
        case "full":
            state.disk_full = True
        case "edited":
            state.write(BUNDLE, "# by hand\n" + state.files[BUNDLE], NOW)
        case "inline":
            state.write(config, state.files[config].replace(f"ca: {BUNDLE}", "ca: |\n    -----BEGIN"), NOW)
        case _:
            state.write(config, state.files[config].replace("key:", "kee:"), NOW)
    before = state.files[BUNDLE]

    stopped = _play_to_failure(on, part)

    assert first == stopped
    assert before == state.files[BUNDLE]
    assert {} == state.changes


def _play_to_failure(on: Stage, part: Part) -> str:
    """The key of the first step that fails, or whose expectation is not met."""
    for step in part.steps:
        said = on.perform(step.host, step.deed)
        on.produced[step.key] = said
        if "failed" in said or not step.proof.is_met(said):
            return step.key
    return ""
