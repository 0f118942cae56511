"""`host edit`: what the file of a host becomes, and which machines are looked at before the bot sends anything there."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.action import BOT_NAME
from adapters.errors import HostError, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import GatewaySide, Host, Inventory, WindowsSide, WslSide
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile, WriteHostFile
from adapters.local.identities import FindShownIdentities, ShownIdentities, ShownIdentity, compute_key_fingerprint
from adapters.phrase import Phrase
from commands.hosts.edit import HostEdit
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import Plan, PlannedChange
from commands.model.plan_digest import compute_digest
from commands.values.arguments import Target
from tests.commands.canned import view

CERTIFICATE, OTHER_CERTIFICATE = "ab" * 32, "cd" * 32
KEY, OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "ecdsa-sha2-nistp256 AAAAE2VjZHNh"
FINGERPRINT, OTHER_FINGERPRINT = compute_key_fingerprint(KEY), compute_key_fingerprint(OTHER_KEY)

TABLE: Mapping[str, Any] = {
    "name": "host-b",
    "id": 2,
    "labels": ["osaka"],
    "windows": {"url": "https://192.0.2.2:5986/wsman"},
    "wsl": {"address": "192.0.2.2", "port": 2222},
    "gateway": {"url": "http://10.100.2.1:8080"},
}


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    for name in ("ca.pem", "known_hosts"):
        (tmp_path / name).write_text("a CA")
    return tmp_path


def make_host(folder: Path, name: str, number: int, **given: Any) -> Host:
    windows = WindowsSide(url=f"https://192.0.2.{number}:5986/wsman", user="bot", ca_file=folder / "ca.pem")
    wsl = WslSide(address=f"192.0.2.{number}", port=2222, key_file=folder / "key", known_hosts_file=folder / "known_hosts")
    usual = {"windows": windows, "wsl": wsl, "gateway": GatewaySide(url=f"http://10.100.{number}.1:8080")}
    return Host.model_validate({"name": name, "id": number, "labels": ("osaka",), **usual, **given})


class Machines:
    """The bot's own reads: the file of the host, and what is shown at addresses. It remembers where it looked."""

    def __init__(self, shown: Mapping[str, tuple[ShownIdentity, ...] | HostError], active: bool = True) -> None:
        self.shown = shown
        self.active = active
        self.looked: list[str] = []

    async def read(self, action: LocalAction[Any]) -> Any:
        match action:
            case ReadHostFile():
                return HostFileState(sha256="", active=self.active)
            case FindShownIdentities(address=address, port=port):
                self.looked.append(f"{address}:{port}")
                found = self.shown[f"{address}:{port}"]
                if isinstance(found, HostError):
                    raise found
                return ShownIdentities(shown=found)
        raise AssertionError(action)


NEW: Mapping[str, tuple[ShownIdentity, ...] | HostError] = {
    "192.0.2.14:5986": (ShownIdentity(pin=CERTIFICATE, fingerprint=CERTIFICATE),),
    "192.0.2.2:5986": (ShownIdentity(pin=CERTIFICATE, fingerprint=CERTIFICATE),),
    "192.0.2.14:2222": (
        ShownIdentity(pin=OTHER_KEY, fingerprint=OTHER_FINGERPRINT),
        ShownIdentity(pin=KEY, fingerprint=FINGERPRINT),
    ),
    "192.0.2.15:5986": Unreachable(Phrase("nothing answers")),
}


def see(folder: Path, machines: Machines, *others: Host, **given: Any) -> FleetView:
    hosts = (make_host(folder, "host-b", 2, **given), *others)
    inventory = Inventory(hosts=hosts, tables={"host-b": TABLE})
    seen = view(*hosts)
    return replace(seen, fleet=Fleet(inventory, seen.fleet._connect), operation_id="op-0123456789ab", read_own=machines.read)


async def plan(folder: Path, machines: Machines | None = None, *others: Host, **given: Any) -> PlannedChange:
    edit = HostEdit(target=Target(parts=("host-b",)), **given)
    return await edit.plan(see(folder, machines or Machines(NEW), *others))


def written(made: Plan) -> dict[str, Any]:
    """The file that the first step writes."""
    write = made.steps[0].deed.build_action({})
    assert isinstance(write, WriteHostFile)
    return tomllib.loads(write.content)


def pin_windows(folder: Path) -> WindowsSide:
    return WindowsSide(
        url="https://192.0.2.2:5986/wsman", user="bot", ca_file=folder / "ca.pem", certificate_sha256=CERTIFICATE
    )


async def test_labels_are_replaced_in_a_file_that_keeps_everything_else(ca: Path) -> None:
    machines = Machines(NEW)
    made = (await plan(ca, machines, label_=("tokyo", "db"))).plan
    assert {**TABLE, "labels": ["tokyo", "db"], "overrides": True} == written(made)
    assert (["host-b/host-file"], [], (BOT_NAME, "host-b")) == (
        [step.key for step in made.steps],
        machines.looked,
        made.hosts,
    )
    assert ["labels of host-b: osaka, then tokyo, db"] == [str(premise.phrase) for premise in made.premises]


async def test_a_host_may_have_no_label_afterwards(ca: Path) -> None:
    made = (await plan(ca, label_=())).plan
    assert [] == written(made)["labels"]
    assert ["labels of host-b: osaka, then no label"] == [str(premise.phrase) for premise in made.premises]


async def test_a_new_address_of_windows_is_pinned_to_the_certificate_that_was_named_and_proven_by_a_login(ca: Path) -> None:
    made = (await plan(ca, windows="192.0.2.14", windows_fingerprint=CERTIFICATE)).plan
    url = "https://192.0.2.14:5986/wsman"
    assert {"url": url, "certificate_sha256": CERTIFICATE} == written(made)["windows"]
    assert ["host-b/host-file", "host-b/login/windows"] == [step.key for step in made.steps]
    assert [url] == [road.address for road in made.roads if road.side == "windows"]
    assert "the machine there gets the password winrm_password" in " ".join(map(str, made.warnings))


async def test_of_several_host_keys_the_named_one_is_pinned(ca: Path) -> None:
    made = (await plan(ca, wsl="192.0.2.14", wsl_fingerprint=FINGERPRINT)).plan
    assert {"address": "192.0.2.14", "port": 2222, "host_key": KEY} == written(made)["wsl"]
    assert ["host-b/host-file", "host-b/login/wsl"] == [step.key for step in made.steps]


async def test_a_renewed_certificate_is_pinned_at_the_same_address(ca: Path) -> None:
    made = (await plan(ca, windows_fingerprint=CERTIFICATE)).plan
    assert {"url": "https://192.0.2.2:5986/wsman", "certificate_sha256": CERTIFICATE} == written(made)["windows"]


async def test_a_machine_that_moves_with_its_pinned_certificate_needs_no_fingerprint(ca: Path) -> None:
    machines = Machines(NEW)
    edit = HostEdit(target=Target(parts=("host-b",)), windows="192.0.2.14")
    made = (await edit.plan(see(ca, machines, windows=pin_windows(ca)))).plan
    assert (CERTIFICATE, ["192.0.2.14:5986"]) == (written(made)["windows"]["certificate_sha256"], machines.looked)


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "nothing is given": ({}, "nothing to change. Add for example --label tokyo,db"),
    "no fingerprint": (
        {"windows": "192.0.2.14"},
        r"Run prepare-windows.ps1 on host-b, and add what it prints: --windows-fingerprint …",
    ),
    "another certificate": (
        {"windows": "192.0.2.14", "windows_fingerprint": OTHER_CERTIFICATE},
        f"192.0.2.14:5986 shows another identity ({CERTIFICATE[:8]}…). Nothing was sent there",
    ),
    "no such host key": (
        {"wsl": "192.0.2.14:2222", "wsl_fingerprint": "SHA256:" + "A" * 43},
        f"192.0.2.14:2222 shows another identity ({OTHER_FINGERPRINT[7:15]}…, {FINGERPRINT[7:15]}…). Nothing was sent there",
    ),
    "nothing answers there": (
        {"windows": "192.0.2.15", "windows_fingerprint": CERTIFICATE},
        "could not check 192.0.2.15:5986: nothing answers",
    ),
    "another host has the address": (
        {"windows": "192.0.2.3", "windows_fingerprint": CERTIFICATE},
        "https://192.0.2.3:5986/wsman is the address of host-c",
    ),
}


@pytest.mark.parametrize("story", REFUSED)
async def test_an_edit_is_refused(ca: Path, story: str) -> None:
    given, why = REFUSED[story]
    with pytest.raises(CannotPlan) as refused:
        await plan(ca, Machines(NEW), make_host(ca, "host-c", 3), **given)
    assert why in str(refused.value.phrase)


SIDES: Mapping[str, tuple[Callable[[Path], dict[str, Any]], dict[str, Any], str]] = {
    "no WSL2": (lambda folder: {"wsl": None}, {"wsl": "192.0.2.14"}, "host-b has no WSL2 connection in the configuration"),
    "plain http": (
        lambda folder: {"windows": WindowsSide(url="http://192.0.2.2:5985/wsman", user="bot", allow_http=True)},
        {"windows": "192.0.2.14", "windows_fingerprint": CERTIFICATE},
        "WinRM of host-b uses http, where a server proves no identity. Set up https first",
    ),
}


@pytest.mark.parametrize("story", SIDES)
async def test_a_side_that_cannot_be_edited_is_refused(ca: Path, story: str) -> None:
    make, given, why = SIDES[story]
    edit = HostEdit(target=Target(parts=("host-b",)), **given)
    with pytest.raises(CannotPlan, match=why):
        await edit.plan(see(ca, Machines(NEW), **make(ca)))


async def test_a_file_that_was_edited_by_hand_is_not_overwritten(ca: Path) -> None:
    with pytest.raises(CannotPlan, match="the file of host-b was edited by hand"):
        await plan(ca, Machines(NEW, active=False), label_=("tokyo",))


async def test_what_is_like_that_already_needs_no_change(ca: Path) -> None:
    made = (await plan(ca, label_=("osaka",))).plan
    assert ((), ["it is like that already"]) == (made.steps, [str(left.why) for left in made.left_out])


async def test_permission_is_needed_for_the_host_as_it_is_and_as_it_will_be(ca: Path) -> None:
    inventory = see(ca, Machines(NEW)).fleet.inventory
    tables: list[tuple[dict[str, Any], list[tuple[str, ...]]]] = [
        ({"label_": ("tokyo",)}, [("osaka",), ("tokyo",)]),
        ({"label_": ("osaka",)}, [("osaka",)]),
        ({"windows": "192.0.2.14"}, [("osaka",)]),
    ]
    for given, labels in tables:
        edit = HostEdit(target=Target(parts=("host-b",)), **given)
        assert labels == [host.labels for host in edit.resolve_hosts(inventory)]


async def test_nothing_in_the_plan_moves_with_the_clock(ca: Path) -> None:
    given: dict[str, Any] = {"label_": ("tokyo",), "windows": "192.0.2.14", "windows_fingerprint": CERTIFICATE}
    first, again = await plan(ca, **given), await plan(ca, **given)
    assert compute_digest(first.plan, "host edit", first.arguments) == compute_digest(
        again.plan, "host edit", again.arguments
    )
