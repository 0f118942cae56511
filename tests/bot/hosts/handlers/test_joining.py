"""`host add` before it is planned: each request goes as far as it can, and says what the host waits for."""

import asyncio
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import ActionFailed, HostError, Refused, Unreachable
from adapters.inventory import Host, Inventory
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile, WriteHostFile
from adapters.local.identities import ShownIdentity
from adapters.phrase import Phrase
from adapters.windows.rehearsal import identify_guard
from bot.access.people import Person
from bot.access.policy import Policy
from bot.app.build_hosts import find_public_key
from bot.audit_log.log import EventKind
from bot.config.host_folder import HostFolder
from bot.config.settings import check_host_files, read_settings
from bot.hosts.handlers.joining import JoiningServices
from bot.hosts.rules.joining import Wish, find_standing
from bot.hosts.services.joining import HostRegistry
from bot.model.change import ChangeState
from bot.model.rehearsal import Rehearsal
from bot.model.request import Answer, Failure, Membership, Request, SlackIdentity, Surface
from bot.requests.dispatcher import Dispatcher
from commands.health.host_checks import NETWORK_SUBJECT
from commands.model.finding import Finding, Severity
from commands.model.operation import FleetView, Role
from commands.model.plan_endpoints import find_endpoint
from commands.model.report import Report
from tests.bot.keeping import CANARY, Kept
from tests.bot.rendering.changes import change as make_change
from tests.bot.rendering.changes import plan as make_plan
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned import NOW, view
from tests.commands.cells import read_facts

MAIN = """
[defaults.windows]
ca_file = "winrm.pem"
[[hosts]]
name = "host-a"
id = 1
[hosts.windows]
url = "https://192.0.2.11:5986/wsman"
user = "flatnet"
certificate_sha256 = "1111111111111111111111111111111111111111111111111111111111111111"
[hosts.wsl]
address = "192.0.2.11"
port = 2222
key_file = "key"
known_hosts_file = "known_hosts"
manage = ["forwarding"]
[hosts.gateway]
url = "http://10.100.1.1:8080"
"""
CERTIFICATE = "ab" * 32
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1X9mR8kq0m1kbJbGvB3pUJpYQ1uX1mU0a0V4x5j0bC"
KEY_PRINT = "SHA256:" + "k" * 43
FIRST = "host add host-d --windows 192.0.2.14 --wsl 192.0.2.14 --label tokyo"
BOTH = f"host add host-d --windows-fingerprint {CERTIFICATE} --wsl-fingerprint {KEY_PRINT}"
ANA = SlackIdentity("T1", "U1ANA", Membership.MEMBER)


def make_shown(fingerprint: str, pin: str = "") -> ShownIdentity:
    """An identity that a host shows; that of a certificate is its own fingerprint."""
    return ShownIdentity(pin=pin or fingerprint, fingerprint=fingerprint)


@dataclass
class Bench:
    """A bot with a real host folder; the new host shows `windows` and `wsl`, and `findings` when it is checked."""

    file: Path
    windows: tuple[ShownIdentity, ...] | HostError = (make_shown(CERTIFICATE),)
    wsl: tuple[ShownIdentity, ...] | HostError = (
        make_shown("SHA256:" + "r" * 43, "ssh-rsa AAAA"),
        make_shown(KEY_PRINT, HOST_KEY),
    )
    findings: tuple[Finding, ...] = ()
    examined: list[Host] = field(default_factory=list)
    log: Log = field(default_factory=Log)
    kept: Kept = field(default_factory=Kept)
    full: bool = False
    active: bool = True

    @property
    def folder(self) -> HostFolder:
        return HostFolder(self.file.parent / "var")

    @property
    def inventory(self) -> Inventory:
        return read_settings(self.file).inventory

    @property
    def table(self) -> Mapping[str, Any]:
        return tomllib.loads((self.folder.data_folder / "hosts.d" / "host-d.toml").read_text())

    @property
    def events(self) -> list[Mapping[str, Any]]:
        return [event[3] for event in self.log.events if event[0] is EventKind.HOST]

    async def ask(self, text: str) -> Answer:
        """Ask as an administrator."""
        self.kept.joining = self._build_services()
        people = Policy((Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.ADMINISTRATOR})),))
        ground = replace(config(), policy=people, fleet=self._make_view().fleet, examine_host=self._examine)
        desk = Dispatcher(ground, self.kept.services(self.log), reference=lambda: "7f3a")
        return await desk.handle(Request(key="t.1", identity=ANA, text=text, surface=Surface.SLACK, at=NOW, channel="C1"))

    async def waits(self, text: str) -> str:
        """Ask, and return the summary of the answer."""
        body = (await self.ask(text)).body
        assert isinstance(body, Report), body
        return str(body.summary)

    def rehearse(self) -> None:
        host = self.inventory.find_reachable("host-d")
        assert host is not None
        done = Rehearsal(
            host="host-d",
            operation="op-0123456789ab",
            at=NOW,
            successful=True,
            version=identify_guard(),
            endpoint=find_endpoint(host, "windows"),
        )
        self.kept.rehearsed = {"host-d": done}

    def _make_view(self) -> FleetView:
        seen = view()
        seen.fleet.inventory = self.inventory
        return seen

    def _build_services(self) -> JoiningServices:
        async def make_view(operation: str) -> FleetView:
            return self._make_view()

        async def choose_id(wish: Wish, view: FleetView) -> int:
            await asyncio.sleep(0)
            used = {host.id for host in self.inventory.hosts} | {each.id for each in self.inventory.joining}
            number = wish.id or min(set(range(1, 255)) - used)
            if number in used:
                raise Refused(Phrase("ID {id} is taken", id=str(number)))
            return number

        registry = HostRegistry(self._perform, self.log, lambda: self.inventory)
        scans = (lambda address: self._scan(self.windows)), (lambda address: self._scan(self.wsl))
        return JoiningServices(registry, *scans, make_view, choose_id, lambda address: "192.0.2.5", find_public_key)

    async def _scan(self, seen: tuple[ShownIdentity, ...] | HostError) -> tuple[ShownIdentity, ...]:
        if isinstance(seen, HostError):
            raise seen
        return seen

    async def _examine(self, host: Host, view: FleetView) -> Report:
        self.examined.append(host)
        return Report(title=Phrase("Doctor"), summary=Phrase("checked"), findings=self.findings)

    async def _perform(self, action: LocalAction[Any]) -> HostFileState:
        if isinstance(action, WriteHostFile):
            content = action.content.encode()
            assert action.before == self.folder.hash_file(action.name)
            check_host_files(self.file, {action.name: content})
            if self.full:
                raise ActionFailed(Phrase("could not use {file}", file="hosts.d"))
            self.folder.write(action.name, content)
            return HostFileState(sha256=hashlib.sha256(content).hexdigest(), active=True, changed=True)
        assert isinstance(action, ReadHostFile)
        return HostFileState(sha256=self.folder.hash_file(action.name), active=self.active)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    file = tmp_path / "flatnet.toml"
    file.write_text(MAIN)
    for name in ("winrm.pem", "key", "known_hosts"):
        (tmp_path / name).write_text("x")
    return Bench(file)


async def test_the_first_request_reserves_the_next_free_id_and_shows_both_scripts_with_its_values(bench: Bench) -> None:
    body = (await bench.ask(FIRST)).body
    assert isinstance(body, Report)
    assert "host-d (ID 2) waits for the fingerprints of Windows, WSL2" == str(body.summary)
    lines = [str(line) for section in body.sections for line in section.lines]
    assert "sh winrm-certificate.sh host-d 192.0.2.14" in lines
    assert (
        "powershell -ExecutionPolicy Bypass -File .\\prepare-windows.ps1 -CertificateFile .\\host-d.pfx "
        "-BotAddress 192.0.2.5 -WslNetworking Nat -HostAddress 192.0.2.14 -SshPort 2222"
    ) in lines
    assert ("sudo sh prepare-wsl.sh --key 'ssh-ed25519 AAAA... flatnet-bot' --port 2222 --manage forwarding --id 2") in lines
    assert "host add host-d --windows-fingerprint HEX --wsl-fingerprint SHA256:…" == lines[-1]
    assert {True} == {section.code for section in body.sections if str(section.lines[0]) in lines[2:]}
    assert ("host add host-d",) == body.next
    assert {"since": NOW, "by": "ana"}.items() <= bench.table["joining"].items()
    assert ("host-a",) == bench.inventory.names
    assert [("host-d", 2, "reserved")] == [(each["host"], each["id"], each["what"]) for each in bench.events]


async def test_no_answer_shows_the_identity_that_the_bot_sees(bench: Bench) -> None:
    """It would be copied from there, and the first machine that answers would be trusted."""
    bench.windows = (make_shown("cd" * 32),)
    for text in (FIRST, BOTH):
        shown = (await bench.ask(text)).model_dump_json()
        assert "cd" * 16 not in shown
        assert HOST_KEY not in shown


async def test_a_fingerprint_that_the_host_does_not_show_is_refused_and_nothing_is_pinned(bench: Bench) -> None:
    await bench.ask(FIRST)
    bench.windows = (make_shown("cd" * 32),)
    body = (await bench.ask(BOTH)).body
    assert isinstance(body, Report)
    assert str(body.summary).startswith("host-d (ID 2): 192.0.2.14:5986 shows another identity (cdcdcdcd…)")
    assert "windows" not in bench.table
    assert [] == bench.examined


async def test_a_host_is_checked_only_after_its_identity_is_pinned_and_then_waits_for_its_rehearsal(bench: Bench) -> None:
    await bench.ask(FIRST)
    assert [] == bench.examined
    assert "host-d (ID 2) waits for a rehearsal (not rehearsed yet)" == await bench.waits(BOTH)
    assert [("host-d", None)] == [(host.name, host.gateway) for host in bench.examined]
    assert {
        "windows": {"user": "flatnet", "url": "https://192.0.2.14:5986/wsman", "certificate_sha256": CERTIFICATE},
        "wsl": {
            "key_file": "key",
            "manage": ["forwarding"],
            "address": "192.0.2.14",
            "port": 2222,
            "host_key": HOST_KEY,
        },
        "gateway": {"url": "http://10.100.2.1:8080"},
    }.items() <= bench.table.items()
    assert [{"certificate": CERTIFICATE, "host_key": HOST_KEY}.items() <= each.items() for each in bench.events] == [
        False,
        True,
    ]


async def test_a_rehearsed_host_goes_on_to_the_plan(bench: Bench) -> None:
    await bench.ask(FIRST)
    await bench.ask(BOTH)
    bench.rehearse()
    assert not isinstance((await bench.ask("host add host-d --reason new")).body, Report)
    assert "propose" == bench.kept.asked[-1][0]


async def test_another_machine_than_yesterday_is_found_by_the_checks_and_blocks_the_plan(bench: Bench) -> None:
    await bench.ask(FIRST)
    await bench.ask(BOTH)
    bench.rehearse()
    why = Phrase("another certificate than the pinned one")
    bench.findings = (Finding(severity=Severity.HIGH, host="host-d", subject="windows.identity", why=why, reached=False),)
    assert "host-d (ID 2) waits for its problems to be fixed" == await bench.waits("host add host-d")


async def test_a_host_does_not_wait_for_the_network_that_the_run_makes(bench: Bench) -> None:
    await bench.ask(FIRST)
    absent = Finding(severity=Severity.HIGH, host="host-d", subject=NETWORK_SUBJECT, why=Phrase("no network"))
    bench.findings = (absent,)
    assert "host-d (ID 2) waits for a rehearsal (not rehearsed yet)" == await bench.waits(BOTH)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host add host-d --id 9", "the ID 2, not 9"),
        ("host add host-d --windows 192.0.2.15", "the Windows address 192.0.2.14:5986, not 192.0.2.15:5986"),
        ("host add host-d --wsl 192.0.2.14:22", "the WSL2 address 192.0.2.14:2222, not 192.0.2.14:22"),
        ("host add host-d --label osaka", "the labels tokyo, not osaka"),
        ("host add host-d --adopt", "the option –, not --adopt"),
    ],
)
async def test_a_later_request_that_says_something_else_is_refused_with_both_values(
    bench: Bench, text: str, expected: str
) -> None:
    await bench.ask(FIRST)
    body = (await bench.ask(text)).body
    assert isinstance(body, Failure)
    assert f"host-d is being added with {expected}" in str(body.phrase)


async def test_the_address_of_wsl_may_come_later(bench: Bench) -> None:
    await bench.ask("host add host-d --windows 192.0.2.14")
    await bench.ask(f"host add host-d --windows-fingerprint {CERTIFICATE}")
    assert "host-d (ID 2) waits for the fingerprints of WSL2" == await bench.waits("host add host-d --wsl 192.0.2.14:2222")
    assert ("https://192.0.2.14:5986/wsman", "192.0.2.14:2222") == (
        bench.table["windows"]["url"],
        bench.table["joining"]["wsl_address"],
    )


async def test_two_requests_at_once_never_get_one_id(bench: Bench) -> None:
    texts = [f"host add host-{name} --windows 192.0.2.{number}" for number, name in enumerate("defgh", start=14)]
    await asyncio.gather(*(bench.ask(text) for text in texts))
    assert [2, 3, 4, 5, 6] == sorted(each.id for each in bench.inventory.joining)


@pytest.mark.parametrize(
    ("options", "address", "owner"),
    [
        ("--windows 192.0.2.11", "192.0.2.11:5986", "host-a"),
        ("--windows 192.0.2.14:5986", "192.0.2.14:5986", "host-d"),
        ("--windows 192.0.2.15 --wsl 192.0.2.11:2222", "192.0.2.11:2222", "host-a"),
    ],
)
async def test_an_address_of_another_host_is_refused(bench: Bench, options: str, address: str, owner: str) -> None:
    await bench.ask(FIRST)
    body = (await bench.ask(f"host add host-e {options}")).body
    assert isinstance(body, Failure)
    assert f"{address} is the address of {owner}" == str(body.phrase)
    assert ["host-d"] == [each.name for each in bench.inventory.joining]


async def test_the_first_request_needs_an_address(bench: Bench) -> None:
    body = (await bench.ask("host add host-d")).body
    assert isinstance(body, Failure)
    assert "the first request needs the address of Windows: --windows ADDRESS" == str(body.phrase)
    assert [] == bench.events


async def test_a_host_that_does_not_answer_yet_waits_for_its_scripts(bench: Bench) -> None:
    bench.windows = bench.wsl = Unreachable(Phrase("no response from 192.0.2.14"))
    body = (await bench.ask(FIRST)).body
    assert isinstance(body, Report)
    assert ["no response from 192.0.2.14"] * 2 == [str(line) for line in body.sections[0].lines]
    assert CANARY not in body.model_dump_json()


async def test_a_dry_run_reserves_nothing(bench: Bench) -> None:
    await bench.ask(f"{FIRST} --dry-run")
    assert ([], ()) == (bench.events, bench.inventory.joining)


async def test_the_list_of_hosts_says_what_a_host_waits_for_without_contacting_it(bench: Bench) -> None:
    await bench.ask(FIRST)
    bench.windows = bench.wsl = Unreachable(Phrase("must not be asked"))
    body = (await bench.ask("host")).body
    assert isinstance(body, Report)
    assert "1 host configured" == str(body.summary)
    (section,) = body.sections
    expected = "host-d (ID 2) waits for the fingerprints of Windows, WSL2. Next: host add host-d"
    assert [expected] == [str(line) for line in section.lines]


async def test_one_host_that_is_being_added_is_shown_with_its_scripts(bench: Bench) -> None:
    await bench.ask(FIRST)
    body = (await bench.ask("host show host-d")).body
    assert isinstance(body, Report)
    facts = read_facts(body)
    assert ("2", "10.87.2.0/24", "192.0.2.14:2222, fingerprint not compared yet") == (
        facts["ID"],
        facts["Container subnet"],
        facts["WSL2"],
    )
    lines = [str(line) for section in body.sections for line in section.lines]
    assert (4, True) == (len(lines), "-BotAddress 192.0.2.5 " in lines[1])


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ChangeState.WAITING, ("approval (op-0123456789ab)", "op show op-0123456789ab")),
        (ChangeState.RUNNING, ("its operation, which is under way (op-0123456789ab)", "op show op-0123456789ab")),
        (ChangeState.UNKNOWN, ("a person who checks what became of op-0123456789ab", "op show op-0123456789ab")),
        (ChangeState.FAILED, ("another attempt (op-0123456789ab ended before it was a member)", "host add host-d")),
        (None, ("checks and a plan", "host add host-d")),
    ],
)
async def test_a_prepared_host_waits_for_its_newest_operation(
    bench: Bench, state: ChangeState | None, expected: tuple[str, str]
) -> None:
    await bench.ask(FIRST)
    await bench.ask(BOTH)
    joining = bench.inventory.joining[0]
    change = None if state is None else make_change(state, "host-d", operation="op-0123456789ab", words="host add host-d")
    standing = find_standing(joining, None, change)
    assert expected == (str(standing.waits_for), standing.next)


async def test_a_host_whose_operation_is_under_way_is_not_requested_twice(bench: Bench) -> None:
    await bench.ask(FIRST)
    await bench.ask(BOTH)
    bench.rehearse()
    waiting = make_change(operation="op-0123456789ab", words="host add host-d", plan=make_plan("host-d"))
    bench.kept.changes = {waiting.operation: waiting}
    assert "host-d (ID 2) waits for approval (op-0123456789ab)" == await bench.waits("host add host-d --reason new")
    assert [] == bench.kept.asked


async def test_a_folder_that_cannot_be_written_reserves_nothing(bench: Bench) -> None:
    bench.full = True
    body = (await bench.ask(FIRST)).body
    assert isinstance(body, Failure)
    assert "could not use hosts.d" == str(body.phrase)
    assert () == bench.inventory.joining


async def test_a_file_that_was_edited_by_hand_meanwhile_stays_as_it_is(bench: Bench) -> None:
    await bench.ask(FIRST)
    bench.active = False
    for text in (BOTH, "host add host-e --windows 192.0.2.15"):
        body = (await bench.ask(text)).body
        assert isinstance(body, Failure)
        assert "was edited by hand. Reload flatnet-bot, then try again" in str(body.phrase)
    assert "windows" not in bench.table


async def test_a_tombstone_gives_way_to_a_new_machine_of_that_name(bench: Bench) -> None:
    tombstone = 'name = "host-d"\nid = 4\n[removed]\nsince = 2026-11-30T02:00:00Z\nby = "ana"\n'
    bench.folder.write("host-d", tombstone.encode())
    assert "host-d (ID 4) waits for the fingerprints of Windows, WSL2" == await bench.waits(f"{FIRST} --id 4")
    assert (None, 4) == (bench.inventory.find_removed("host-d"), bench.inventory.joining[0].id)
    assert bench.inventory.joining[0].again


async def test_a_host_gets_the_account_of_a_member_with_its_labels(bench: Bench) -> None:
    """The bot logs in to it with that account before anyone has approved."""
    windows = '[windows]\nurl = "https://192.0.2.12:5986/wsman"\nuser = "tokyo-bot"\npassword_secret = "tokyo"\n'
    bench.folder.write("host-b", f'name = "host-b"\nid = 2\nlabels = ["tokyo"]\n{windows}'.encode())
    await bench.ask(FIRST)
    await bench.ask(BOTH)

    assert ("tokyo-bot", "tokyo") == (bench.table["windows"]["user"], bench.table["windows"]["password_secret"])


async def test_a_renewed_certificate_is_pinned_once_a_person_has_compared_it(bench: Bench) -> None:
    await bench.ask(FIRST)
    await bench.ask(BOTH)
    bench.windows = (make_shown("cd" * 32),)
    await bench.ask(f"host add host-d --windows-fingerprint {'cd' * 32}")
    assert ("cd" * 32, HOST_KEY) == (bench.table["windows"]["certificate_sha256"], bench.table["wsl"]["host_key"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("ssh-ed25519 AAAAC3Nz flatnet-bot\n", "--key 'ssh-ed25519 AAAAC3Nz flatnet-bot' --port"),
        ("ssh-ed25519 AAAA'; rm -rf /\n", "--key 'ssh-ed25519 AAAA... flatnet-bot' --port"),
        ("\u9375", "--key 'ssh-ed25519 AAAA... flatnet-bot' --port"),
    ],
)
async def test_the_script_gets_the_public_half_of_the_key_if_it_is_beside_it(
    bench: Bench, content: str, expected: str
) -> None:
    (bench.file.parent / "key.pub").write_text(content, encoding="utf-8")
    body = (await bench.ask(FIRST)).body
    assert isinstance(body, Report)
    assert any(expected in str(line) for section in body.sections for line in section.lines)
