"""The lab's Nebula is held against real daemons: with which bundles they start, and what both logs say of a handshake.

Two real daemons speak over loopback, without a network device: one calls the other one, its lighthouse.
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path, PureWindowsPath

import pytest

from adapters.nebula.certificates import parse_pem
from commands.configuration.ca_bundle import edit_bundle
from commands.configuration.splice import apply_splices
from tests.lab.windows import nebula
from tests.lab.windows.bundles import Authority, make_authority, make_expired, write_broken_bundles, write_bundles
from tests.lab.windows.mesh import PATHS, Member, call, tell_start
from tests.lab.windows.nebula import NotLoaded
from tests.lab.windows.nebula_cert import run
from tests.lab.windows.nebula_cert_call import Files
from tests.lab.windows.state import WindowsState

needs_nebula = pytest.mark.skipif(shutil.which("nebula") is None, reason="needs Debian's nebula")

PATIENCE = 30.0
"""Seconds in which a daemon must say what is waited for."""

NOW = datetime.now(UTC)
"""The real time: Nebula knows no other."""

BEGAN = NOW - timedelta(hours=1)

COMPARED = ("msg", "level", "error", "certName", "fingerprint", "issuer", "vpnIp", "cert")
"""Fields of a line that are the same in the lab; indexes, ports and durations are not."""

MESSAGES = (
    "Handshake message received",
    "Handshake message sent",
    "Invalid certificate from host",
    "expired certificate present in CA pool",
    "Blocklisting cert",
)


@cache
def authority(name: str) -> Authority:
    """One of the CAs of this file."""
    return make_expired(name, NOW) if name == "expired" else make_authority(name, BEGAN)


@dataclass(frozen=True)
class Node:
    """One Nebula: who signed its certificate, whom it trusts, which certificates of whom it blocks."""

    signer: str
    trusts: tuple[str, ...]
    blocks: tuple[str, ...] = ()
    name: str = "caller"

    @property
    def number(self) -> int:
        return 0 if self.name == "called" else 1

    @property
    def files(self) -> Mapping[str, str]:
        """Texts of ca.crt, host.crt and host.key."""
        certificate, key = sign(self.name, self.number, self.signer)
        bundle = "".join(authority(each).certificate for each in self.trusts)
        return {"ca.crt": bundle, "host.crt": certificate, "host.key": key}

    @property
    def configuration(self) -> str:
        """The part of config.yml that both Nebulas read."""
        blocked = "".join(f"    - {fingerprint_of(signer)}\n" for signer in self.blocks)
        lists = f"  blocklist:\n{blocked}" if blocked else ""
        return f"pki:\n  ca: ca.crt\n  cert: host.crt\n  key: host.key\n{lists}"


@cache
def sign(name: str, number: int, signer: str) -> tuple[str, str]:
    """Certificate and key of a node."""
    of = authority(signer)
    files: Files = {PureWindowsPath("ca.crt"): of.certificate, PureWindowsPath("ca.key"): of.key}
    done = run(["sign", "-name", name, "-ip", f"10.100.{number}.1/16", "-duration", "100h"], files, BEGAN)
    assert done.code == 0, done.stderr
    return files[PureWindowsPath(f"{name}.crt")], files[PureWindowsPath(f"{name}.key")]


def fingerprint_of(signer: str) -> str:
    """Fingerprint of the caller's certificate of one CA."""
    (found,) = parse_pem(sign("caller", 1, signer)[0])
    return found.fingerprint


OLD, NEW, BOTH = ("old",), ("new",), ("old", "new")

PAIRS = {
    "before a rotation": (Node("old", OLD), Node("old", OLD)),
    "both trust both": (Node("old", BOTH), Node("old", BOTH)),
    "signed by the new CA, and the other one trusts only the old one": (Node("new", BOTH), Node("old", OLD)),
    "signed by the new CA, and its own bundle has only the old one": (Node("new", OLD), Node("old", BOTH)),
    "signed by the new CA, both trust both": (Node("new", BOTH), Node("old", BOTH)),
    "the old CA was dropped too early by the caller": (Node("new", NEW), Node("old", BOTH)),
    "the old CA was dropped too early by the called one": (Node("old", BOTH), Node("new", NEW)),
    "after a rotation": (Node("new", NEW), Node("new", NEW)),
    "an expired CA lies in a bundle": (Node("old", ("expired", "old")), Node("old", OLD)),
    "its certificate is in the block list": (Node("old", OLD), Node("old", OLD, blocks=OLD)),
    "only its previous certificate is in the block list": (Node("new", BOTH), Node("old", BOTH, blocks=OLD)),
}


@needs_nebula
@pytest.mark.parametrize("case", PAIRS)
def test_both_sides_of_a_handshake_say_what_real_daemons_say(case: str, tmp_path: Path) -> None:
    caller, called = PAIRS[case]
    expected = simulate(caller, replace(called, name="called"))
    with real_pair(tmp_path, caller, replace(called, name="called")) as logs:
        wait_for(lambda: all(set(expected[name]) <= set(read(logs[name])) for name in expected), logs)
    assert expected == {name: read(log) for name, log in logs.items()}


BUNDLES = {**write_bundles(authority("old").certificate, BEGAN), **write_broken_bundles(authority("old").certificate, NOW)}


@needs_nebula
@pytest.mark.parametrize("case", BUNDLES)
def test_a_bundle_is_taken_or_refused_as_by_the_real_program(case: str, tmp_path: Path) -> None:
    own = lay(tmp_path / "caller", Node("old", OLD), 4242)
    (own / "ca.crt").write_text(BUNDLES[case], newline="")
    done = subprocess.run(["nebula", "-test", "-config", "config.yml"], cwd=own, capture_output=True, text=True, timeout=30)
    told = [json.loads(line) for line in (done.stdout + done.stderr).splitlines() if line.startswith('{"error')]

    def read_file(path: str) -> str | None:
        return BUNDLES[case] if path == "ca.crt" else (own / path).read_text()

    if done.returncode == 0:
        assert nebula.load(read_file, "config.yml", NOW).authorities
        return
    with pytest.raises(NotLoaded) as failed:
        nebula.load(read_file, "config.yml", NOW)
    assert [(failed.value.heading, failed.value.error)] == [(each["msg"], each["error"]) for each in told]


def test_nebula_starts_with_every_bundle_that_is_not_broken() -> None:
    files = Node("old", OLD).files
    for name, bundle in write_bundles(authority("old").certificate, NOW).items():
        texts = {**files, "ca.crt": bundle, "config.yml": Node("old", OLD).configuration}
        found = nebula.load(texts.get, "config.yml", NOW).authorities
        assert authority("old").parsed in found, name


EDITED = {name: text for name, text in write_bundles(authority("old").certificate, BEGAN).items() if "\ufeff" not in text}


@needs_nebula
@pytest.mark.parametrize("case", EDITED)
def test_the_bot_s_edit_of_a_bundle_is_taken_by_the_real_program(case: str, tmp_path: Path) -> None:
    """The new CA is added, then the old one is removed; all others stay."""
    own = lay(tmp_path / "caller", Node("old", OLD), 4242)
    text, old, new = EDITED[case].encode(), authority("old").parsed.fingerprint, authority("new")
    before = list_trusted(text)
    for edits, expected in (
        ({"add": new.certificate}, [*before, new.parsed.fingerprint]),
        ({"remove": old}, [*(each for each in before if each != old), new.parsed.fingerprint]),
    ):
        text = apply_splices(text, edit_bundle(text, **edits))
        (own / "ca.crt").write_bytes(text)
        subprocess.run(["nebula", "-test", "-config", "config.yml"], cwd=own, check=True, capture_output=True, timeout=30)
        assert expected == list_trusted(text)


def list_trusted(bundle: bytes) -> list[str]:
    """Fingerprints of the CAs that Nebula reads from a file."""
    texts = {**Node("old", OLD).files, "ca.crt": bundle.decode(), "config.yml": Node("old", OLD).configuration}
    return [each.fingerprint for each in nebula.load(texts.get, "config.yml", NOW).authorities]


def simulate(caller: Node, called: Node) -> dict[str, list[str]]:
    """What the lab's two write."""
    members = {node.name: lab_member(node) for node in (caller, called)}
    for member in members.values():
        tell_start(member, NOW)
    call(members["caller"], members["called"], NOW)
    logs = {name: member.state.files[PureWindowsPath(PATHS.nebula_log)] for name, member in members.items()}
    return {name: pick(log) for name, log in logs.items()}


def lab_member(node: Node) -> Member:
    """The node on a host of the lab, as it was loaded."""
    state = WindowsState.healthy(node.number, node.name)
    texts = {**node.files, "config.yml": node.configuration}
    member = Member(state, style="json")
    member.runs_with = nebula.load(texts.get, "config.yml", NOW)
    return member


@contextmanager
def real_pair(folder: Path, caller: Node, called: Node) -> Iterator[dict[str, Path]]:
    """Two daemons; the logs of both."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    logs, running = {}, []
    try:
        for node in (called, caller):
            own = lay(folder / node.name, node, port)
            logs[node.name] = own / "nebula.log"
            with (own / "nebula.log").open("wb") as log:
                running.append(subprocess.Popen(["nebula", "-config", "config.yml"], cwd=own, stdout=log, stderr=log))
            wait_for(partial(is_active, own / "nebula.log"), logs)
        yield logs
    finally:
        for process in running:
            process.kill()
            process.wait()


def is_active(log: Path) -> bool:
    return "Nebula interface is active" in log.read_text()


def lay(own: Path, node: Node, port: int) -> Path:
    """The folder of a real daemon."""
    own.mkdir()
    for name, text in node.files.items():
        (own / name).write_text(text)
    is_called = node.name == "called"
    more = {
        "static_host_map": {} if is_called else {"10.100.0.1": [f"127.0.0.1:{port}"]},
        "lighthouse": {"am_lighthouse": is_called, "hosts": [] if is_called else ["10.100.0.1"]},
        "listen": {"host": "127.0.0.1", "port": port if is_called else 0},
        "tun": {"disabled": True},
        "logging": {"level": "info", "format": "json"},
        "firewall": {"outbound": [], "inbound": []},
    }
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in more.items())  # JSON is YAML
    (own / "config.yml").write_text("".join((node.configuration, *lines)))
    return own


def read(log: Path) -> list[str]:
    return pick(log.read_text())


def pick(log: str) -> list[str]:
    """What a log in JSON says of bundles and handshakes, each line once: who is refused tries again."""
    found = dict[str, None]()
    for line in log.splitlines():
        told = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
        if told.get("msg") in MESSAGES:
            stage = told.get("handshake", {}).get("stage")
            found[json.dumps([*(told.get(name) for name in COMPARED), stage], sort_keys=True)] = None
    return list(found)


def wait_for(is_so: Callable[[], bool], logs: Mapping[str, Path]) -> None:
    """Waits until a condition holds."""
    ends = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < ends, "\n".join(log.read_text() for log in logs.values())
        time.sleep(0.02)
