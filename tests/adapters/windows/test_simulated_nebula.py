"""The lab's Nebula: what a restart with other files does to logs and tunnels, as with the real program."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath

import pytest

from adapters.action import Answer
from adapters.inventory import WindowsPaths
from adapters.nebula.certificates import parse_pem
from adapters.windows.action import WindowsAction
from adapters.windows.commit_confirm import AbortChange, BeginChange, FileSwap, ReadChange, ServiceMove
from adapters.windows.nebula import ReachAddress
from adapters.windows.nebula_log import parse_handshake
from tests.adapters.windows.nebula_hosts import FIND, FOLDER, MAKE, NOTE, SIGN, STAGE
from tests.lab.windows.disks import Disk, Expiry, lay_out
from tests.lab.windows.guard import GuardFailed
from tests.lab.windows.mesh import Member, Mesh, Style
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twins import answer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATHS = WindowsPaths.model_validate({})
LOG, CERTIFICATE, KEY, CA, CONFIG = (
    PureWindowsPath(path)
    for path in (PATHS.nebula_log, PATHS.host_certificate, PATHS.host_key, PATHS.ca_certificate, PATHS.nebula_config)
)


def fleet(style: Style = "text", expiry: Expiry | None = None) -> tuple[Mesh, Mapping[str, WindowsState]]:
    """A lighthouse and two hosts that have not spoken with one another yet."""
    states = {name: WindowsState.healthy(number, name) for number, name in enumerate(("lighthouse", "host-a", "host-b"))}
    lay_out([Disk(number, name, state) for number, (name, state) in enumerate(states.items())], expiry or Expiry(), NOW)
    mesh = Mesh({name: Member(state, style=style) for name, state in states.items()}, now=lambda: NOW)
    mesh.begin(NOW, [])
    return mesh, states


def restart(state: WindowsState, now: datetime = NOW) -> None:
    state.stop_service("Nebula", now)
    state.start_service("Nebula", now)


def seen(state: WindowsState) -> list[str]:
    """Whose handshakes a host has logged, in order."""
    told = [parse_handshake(line) for line in state.files[LOG].splitlines()]
    return [each.name for each in told if each is not None]


def stranger() -> WindowsState:
    """host-a of another fleet, with another CA."""
    _, states = fleet()
    return states["host-a"]


@pytest.mark.parametrize("style", ["text", "json", "slog"])
def test_a_start_leaves_handshakes_on_both_sides_in_every_form(style: Style) -> None:
    _, states = fleet(style)
    restart(states["host-a"])
    assert (["host-a"], ["host-a"], ["lighthouse", "host-b"]) == (
        seen(states["lighthouse"]),
        seen(states["host-b"]),
        seen(states["host-a"]),
    )


def test_new_files_count_only_at_the_next_start() -> None:
    mesh, states = fleet()
    state = states["host-a"]
    running = mesh.members["host-a"].running
    state.files[CERTIFICATE] = stranger().files[CERTIFICATE]
    assert mesh.members["host-a"].running is running
    assert mesh.reaches("host-a", "10.100.0.1")


def test_a_certificate_of_another_ca_starts_and_its_peers_refuse_it() -> None:
    """As real Nebula: neither its test nor its start looks at who signed."""
    mesh, states = fleet()
    other = stranger()
    states["host-a"].files |= {CERTIFICATE: other.files[CERTIFICATE], KEY: other.files[KEY]}
    restart(states["host-a"])
    assert [] == seen(states["lighthouse"])
    assert (
        'msg="Invalid certificate from host" error="certificate validation failed: could not find ca'
        in states["lighthouse"].files[LOG]
    )
    assert not mesh.reaches("host-a", "10.100.0.1")
    assert not mesh.reaches("lighthouse", "10.100.1.1")


def test_a_host_that_does_not_know_its_peers_ca_refuses_them() -> None:
    mesh, states = fleet()
    states["host-a"].files[CA] = stranger().files[CA]
    restart(states["host-a"])
    assert (["host-a"], []) == (seen(states["lighthouse"]), seen(states["host-a"]))
    assert not mesh.reaches("host-a", "10.100.0.1")


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        (KEY, "other", "private key is not a pair with public key in nebula cert"),
        (KEY, "junk\n", f"error while unmarshaling pki.key {KEY}"),
        (CERTIFICATE, "junk\n", f"error while unmarshaling pki.cert {CERTIFICATE}"),
        (CERTIFICATE, None, f"unable to read pki.cert file {CERTIFICATE}"),
        (CA, None, f"unable to read pki.ca file {CA}"),
        (CA, "junk\n", "error while adding CA certificate"),
        (CONFIG, "pki:\n  ca: x\n", "no pki.key path or PEM data provided"),
        (CONFIG, None, "failed to load config"),
    ],
)
def test_files_that_do_not_fit_keep_nebula_from_starting(path: PureWindowsPath, text: str | None, why: str) -> None:
    mesh, states = fleet()
    state = states["host-a"]
    if text is None:
        del state.files[path]
    else:
        state.files[path] = states["host-b"].files[KEY] if text == "other" else text
    with pytest.raises(GuardFailed):
        restart(state)
    assert why in state.files[LOG]
    assert (None, "Stopped") == (mesh.members["host-a"].running, state.services["Nebula"].status)
    assert [] == seen(states["lighthouse"])


def test_an_expired_certificate_goes_on_in_memory_and_does_not_start_again() -> None:
    """Its peers take it no more, and so no host reaches it."""
    mesh, states = fleet(expiry=Expiry(hosts={"host-a": -1}))
    assert mesh.members["host-a"].running is not None
    assert not mesh.reaches("host-a", "10.100.0.1")
    with pytest.raises(GuardFailed, match="expired"):
        restart(states["host-a"])


def test_a_clock_that_is_behind_takes_no_certificate_of_today() -> None:
    _, states = fleet()
    states["host-a"].clock_offset = timedelta(days=-1)
    with pytest.raises(GuardFailed, match="expired"):
        restart(states["host-a"])


def test_nobody_answers_whose_nebula_is_stopped_or_whose_cable_is_pulled() -> None:
    mesh, states = fleet()
    assert (True, True) == (mesh.reaches("host-b", "10.100.1.1"), states["host-b"].reach("10.100.1.1"))
    states["host-a"].services["Nebula"].status = "Stopped"
    assert (False, False) == (mesh.reaches("host-b", "10.100.1.1"), mesh.reaches("host-a", "10.100.2.1"))
    states["host-a"].services["Nebula"].status = "Running"
    mesh.members["host-a"].alive = lambda: False
    assert (False, False) == (mesh.reaches("host-b", "10.100.1.1"), mesh.reaches("host-b", "10.100.77.1"))


def test_a_full_disk_keeps_no_log() -> None:
    _, states = fleet()
    states["lighthouse"].disk_full = True
    restart(states["host-a"])
    assert ([], ["host-a"]) == (seen(states["lighthouse"]), seen(states["host-b"]))


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [(Expiry(), 365), (Expiry(hosts={"host-a": 20}), 20), (Expiry(hosts={"host-a": -1}), -1), (Expiry(ca=100), 100)],
)
def test_certificates_end_when_the_test_wants_it_and_never_after_their_ca(expiry: Expiry, expected: int) -> None:
    _, states = fleet(expiry=expiry)
    (certificate,), (ca,) = (parse_pem(states["host-a"].files[path]) for path in (CERTIFICATE, CA))
    assert (expected, True) == ((certificate.not_after - NOW).days, certificate.not_after < ca.not_after)


def do(state: WindowsState, action: WindowsAction[Answer]) -> Answer:
    """What the bot gets from that host."""
    return action.parse(answer(action.script, action.build_arguments(), state, NOW))


def renewed(states: Mapping[str, WindowsState]) -> tuple[str, int]:
    """host-a has a new pair beside the old one; its fingerprint, and where the lighthouse's log ends."""
    host, lighthouse = states["host-a"], states["lighthouse"]
    (ca,) = parse_pem(host.files[CA])
    made = do(host, MAKE)
    asked = SIGN.model_copy(update={"ca_fingerprint": ca.fingerprint, "public_key": made.public_key})
    signed = do(lighthouse, asked)
    do(host, STAGE.model_copy(update={"certificate": signed.certificate}))
    return signed.fingerprint, do(lighthouse, NOTE).position


CHANGE = BeginChange(
    operation="op-0123456789ab",
    services=(ServiceMove(service="Nebula", verb="restart"),),
    swaps=(
        FileSwap(source=rf"{FOLDER}\host.crt", target=PATHS.host_certificate),
        FileSwap(source=rf"{FOLDER}\host.key", target=PATHS.host_key),
    ),
)


def test_a_renewed_host_is_seen_by_its_peers_and_after_an_abort_with_its_old_certificate() -> None:
    _, states = fleet()
    fingerprint, position = renewed(states)
    old = parse_pem(states["host-a"].files[CERTIFICATE])[0].fingerprint
    find = FIND.model_copy(update={"after": position, "name": "host-a", "fingerprint": fingerprint})
    assert not do(states["lighthouse"], find).found

    do(states["host-a"], CHANGE)
    assert "applied" == do(states["host-a"], ReadChange(operation=CHANGE.operation)).state
    assert do(states["lighthouse"], find).found
    assert do(states["host-a"], ReachAddress(address="10.100.0.1")).reachable

    do(states["host-a"], AbortChange(operation=CHANGE.operation))
    assert do(states["lighthouse"], find.model_copy(update={"fingerprint": old})).found
    assert old == parse_pem(states["host-a"].files[CERTIFICATE])[0].fingerprint


def test_a_host_whose_new_key_does_not_fit_puts_its_old_pair_back_by_itself() -> None:
    mesh, states = fleet()
    renewed(states)
    states["host-a"].files[PureWindowsPath(rf"{FOLDER}\host.key")] = states["host-b"].files[KEY]
    do(states["host-a"], CHANGE)
    status = do(states["host-a"], ReadChange(operation=CHANGE.operation))
    assert ("reverted", True) == (status.state, "private key is not a pair" in status.why)
    assert mesh.reaches("host-a", "10.100.0.1")
