"""Real Nebulas change their CA: they trust the new one, are signed by it, and drop the old one, with pings all the time.

The files of trusted CAs are edited by the bot's own code. Nebulas are restarted one by one, as services on Windows are.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest

from adapters.nebula.certificates import Certificate, parse_pem
from commands.configuration.ca_bundle import edit_bundle
from commands.configuration.splice import apply_splices
from tests.fleet.overlay import CA, LIGHTHOUSE, Node, Overlay, start_nodes
from tests.fleet.pings import Pings, ping_all
from tests.fleet.space import wait_until
from tests.lab.windows.bundles import make_expired

NEW_CA = f"{CA} 2"

MEMBERS = (LIGHTHOUSE, "host-a", "host-b")
AWAY = "host-c"
"""Its machine is off while the others trust the new CA and are signed by it."""

EXPIRED = make_expired("Expired CA", datetime.now(UTC)).certificate

REFUSED = "Invalid certificate from host"


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Overlay]:
    """Nebulas that have nothing to do with those of the other tests. One's CAs are a file with CRLF, one has expired."""
    nodes = [Node(name, number) for number, name in enumerate((*MEMBERS, AWAY))]
    started = start_nodes(tmp_path / "rotation", nodes, dies_with_us=True)
    try:
        started.make_authority(NEW_CA)
        first, second = (started.folder / name / "ca.crt" for name in ("host-a", "host-b"))
        first.write_text(EXPIRED + first.read_text())
        second.write_bytes(second.read_bytes().replace(b"\n", b"\r\n"))
        yield started
    finally:
        started.space.end()


async def test_a_rotation_loses_no_tunnel_but_those_of_the_host_that_restarts(overlay: Overlay) -> None:
    overlay.stop(AWAY)
    new, old = read_authority(overlay, NEW_CA), read_authority(overlay, CA)
    pings = ping_all(overlay, *MEMBERS)
    for name in MEMBERS:
        trust(overlay, name)
        restart(overlay, pings, name)
    for name in ("host-b", "host-a", LIGHTHOUSE):
        sign(overlay, name)
        restart(overlay, pings, name)
        assert {new.fingerprint} == {find_issuer(overlay, name, witness) for witness in MEMBERS if witness != name}
    come_back(overlay)
    for name in ("host-b", "host-a", LIGHTHOUSE):
        drop(overlay, name, old)
        restart(overlay, pings, name)
    assert {} == pings.find_gaps()
    assert [] == [name for name in MEMBERS if REFUSED in before_return(overlay, name)]
    assert [[new], [*parse_pem(EXPIRED), new], [new]] == [list(read_bundle(overlay, name)) for name in MEMBERS]
    assert b"\r\n" in (overlay.folder / "host-b" / "ca.crt").read_bytes()
    assert all(overlay.reaches(AWAY, name) and overlay.reaches(name, AWAY) for name in MEMBERS)


def come_back(overlay: Overlay) -> None:
    """The host that was away is cut off: it refuses the others. Trust and certificate come in one restart."""
    overlay.start(AWAY)
    overlay.wait_for(AWAY, REFUSED)
    assert not overlay.reaches(AWAY, LIGHTHOUSE)
    overlay.stop(AWAY)
    trust(overlay, AWAY)
    sign(overlay, AWAY)
    overlay.start(AWAY)
    for name in MEMBERS:
        wait_until(partial(overlay.reaches, AWAY, name), f"a tunnel from {AWAY} to {name}")


def trust(overlay: Overlay, name: str) -> None:
    """Adds the new CA to the file of trusted CAs, after Nebula has tested it."""
    edit(overlay, name, add=(overlay.folder / NEW_CA / "ca.crt").read_text())


def drop(overlay: Overlay, name: str, old: Certificate) -> None:
    edit(overlay, name, remove=old.fingerprint)


def edit(overlay: Overlay, name: str, *, add: str = "", remove: str = "") -> None:
    own = overlay.folder / name
    live, staged = own / "ca.crt", own / "ca.new"
    text = live.read_bytes()
    staged.write_bytes(apply_splices(text, edit_bundle(text, add=add, remove=remove)))
    copy = own / "staged.yml"
    copy.write_text((own / "config.yml").read_text().replace(str(live), str(staged)))
    subprocess.run(["nebula", "-test", "-config", str(copy)], check=True, capture_output=True)
    staged.rename(live)


def sign(overlay: Overlay, name: str) -> None:
    overlay.sign(replace(overlay.nodes[name], ca=NEW_CA))


def restart(overlay: Overlay, pings: Pings, name: str) -> None:
    """Restarts a Nebula. The others keep their tunnels with one another, and make none anew."""
    others = [each for each in MEMBERS if each != name]
    before = [count_handshakes(overlay, *pair) for pair in permutations(others, 2)]
    with pings.blip(name):
        overlay.stop(name)
        overlay.start(name)
    assert before == [count_handshakes(overlay, *pair) for pair in permutations(others, 2)]


def count_handshakes(overlay: Overlay, name: str, witness: str) -> int:
    return overlay.read_log(witness).count(f'msg="Handshake message received" certName={name} ')


def find_issuer(overlay: Overlay, name: str, witness: str) -> str:
    """Finds the issuer of the certificate that a node showed to another one last, by that one's log."""
    wait_until(lambda: overlay.read_fingerprint(name) in overlay.read_log(witness), f"{name} in the log of {witness}")
    lines = [line for line in overlay.read_log(witness).splitlines() if f"certName={name} " in line]
    return next(word.removeprefix("issuer=") for word in lines[-1].split() if word.startswith("issuer="))


def before_return(overlay: Overlay, name: str) -> str:
    """Returns the lines of a log that are not of the host that was away: those it was refused by, it had itself."""
    address = overlay.nodes[AWAY].outside
    return "\n".join(line for line in overlay.read_log(name).splitlines() if address not in line)


def read_authority(overlay: Overlay, ca: str) -> Certificate:
    (found,) = parse_pem((overlay.folder / ca / "ca.crt").read_text())
    return found


def read_bundle(overlay: Overlay, name: str) -> tuple[Certificate, ...]:
    return parse_pem((overlay.folder / name / "ca.crt").read_text())
