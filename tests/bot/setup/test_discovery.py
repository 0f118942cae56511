"""`init --discover`: what it reads, and that the file which it writes takes nothing that was found for proven."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.errors import Unreachable
from adapters.gateway.api import GatewaySystem
from bot.config.errors import ConfigurationError
from bot.config.settings import Settings, parse_settings, read_settings
from bot.setup.discovery import Discovered, add_found_hosts, make_probe_settings, read_typed_hosts
from bot.setup.draft import PROBE, Draft, HostDraft
from bot.setup.found_hosts import MISSING
from bot.setup.interview import DISCOVERY_QUESTIONS, QUESTIONS, Interview, PresetAnswers, UnfitAnswer
from tests.bot.setup.test_interview import Person
from tests.commands.hosts.discover.canned_fleet import AWAY, FORBIDDEN, NamingFleet, gateway, log, seen
from tests.lab.fleet import LabFleet, run_fleet
from tests.scenarios.forks import command

FILE = Path("/nowhere/flatnet.toml")
DRAFT = Draft(name="ana", system="ana", lighthouse="192.0.2.10", gateway="10.100.1.1")
SEEN = (seen("host-a", 1, "192.0.2.11"), seen("host-b", 2, "192.0.2.12"), seen("web", 3))


def named(**said: object) -> NamingFleet:
    """A fleet whose gateway lists the hosts 2 and 7."""
    usual: dict[str, object] = {"log": log(*SEEN), "gateways": {PROBE: gateway(1, 2, 7)}}
    return NamingFleet(**{**usual, **said})  # type: ignore[arg-type]


async def discover(fleet: NamingFleet, draft: Draft = DRAFT) -> Discovered:
    settings = make_probe_settings(draft, FILE)
    return add_found_hosts(draft, await read_typed_hosts(settings, fleet.connect), settings)


def parse(text: str) -> Settings:
    return parse_settings(text, FILE)


async def test_the_hosts_that_both_name_are_written_as_the_bot_reads_them() -> None:
    draft = (await discover(named())).draft
    assert [
        ("lighthouse", 0, True, None),
        ("host-a", 1, False, "http://10.100.1.1:8080"),
        ("host-b", 2, False, "http://10.100.2.1:8080"),
        ("host-7", 7, False, "http://10.100.7.1:8080"),
    ] == [
        (host.name, host.id, host.windows is not None, host.gateway.url if host.gateway else None)
        for host in parse(draft.text).hosts
    ]
    assert all(host.wsl is None for host in parse(draft.text).hosts)


async def test_only_what_was_typed_is_read() -> None:
    fleet = named()
    await discover(fleet)
    assert {("lighthouse", "windows"), (PROBE, "gateway")} == fleet.asked


def uncomment(text: str) -> str:
    """Removes the comment signs of all tables and keys."""
    return re.sub(r"^# (?=\[\[?hosts|[a-z_0-9]+ = )", "", text, flags=re.MULTILINE)


async def test_what_is_missing_is_a_comment_that_cannot_be_used_before_it_is_filled_in() -> None:
    text = (await discover(named())).draft.text
    with pytest.raises(ConfigurationError):
        parse(uncomment(text))
    filled = re.sub(f"ssh-ed25519 {MISSING}", "ssh-ed25519 AAAA", uncomment(text))
    filled = filled.replace(f'certificate_sha256 = "{MISSING}"', f'certificate_sha256 = "{"a" * 64}"')
    hosts = parse(filled.replace(MISSING, "192.0.2.99")).hosts
    assert ["lighthouse", "host-a", "host-b", "web", "host-7"] == [host.name for host in hosts]
    assert [None, "192.0.2.11", "192.0.2.12", "192.0.2.99", "192.0.2.99"] == [
        host.wsl.address if host.wsl else None for host in hosts
    ]
    assert ["", *["a" * 64] * 4] == [host.windows.certificate_sha256 for host in hosts if host.windows]


async def test_a_side_without_the_host_above_it_belongs_to_no_other_host() -> None:
    """Those of a host without a known gateway, whose table is a comment, too."""
    draft = (await discover(named(gateways={PROBE: AWAY}))).draft
    sides = re.findall(r"^# ((?:windows|wsl|gateway) = .*)$", draft.text, flags=re.MULTILINE)
    assert 3 * 3 == len(sides)
    for side in sides:
        filled = side.replace(f'certificate_sha256 = "{MISSING}"', f'certificate_sha256 = "{"a" * 64}"')
        with pytest.raises(ConfigurationError):
            parse(draft.text.replace(f"# {side}", filled.replace(MISSING, "192.0.2.99")))


async def test_what_is_missing_of_each_host_is_shown() -> None:
    notes = [str(note) for note in (await discover(named())).notes]
    windows, wsl = "SHA-256 of its certificate", "WSL2: address and fingerprint of its host key"
    assert [
        f"found host-a (10.100.1.1). Missing: Windows (192.0.2.11): {windows} / {wsl}",
        f"found host-b (10.100.2.1). Missing: Windows (192.0.2.12): {windows} / {wsl}",
        f"found web (10.100.3.1). Missing: Windows: address and {windows} / {wsl} / gateway: not a peer of any gateway",
        f"found host-7 (10.100.7.1). Missing: Windows: address and {windows} / {wsl}",
    ] == notes


UNREAD = {
    "the lighthouse is away": (named(log=AWAY, static=AWAY), ["host-1", "host-2", "host-7"]),
    "the gateway is away": (named(gateways={PROBE: AWAY}), ["host-a", "host-b", "web"]),
    "the gateway answers 403": (
        named(gateways={PROBE: GatewaySystem(healthy=True, sync=FORBIDDEN, status=FORBIDDEN)}),
        ["host-a", "host-b", "web"],
    ),
}


@pytest.mark.parametrize("story", UNREAD)
async def test_what_one_of_them_names_is_enough_and_the_other_is_named_as_unread(story: str) -> None:
    fleet, names = UNREAD[story]
    found = await discover(fleet)
    assert names == [host.name for host in found.draft.found]
    assert any(str(note).startswith("could not read") for note in found.notes)
    assert found.draft.find_refusal(FILE) is None


async def test_nothing_is_written_where_neither_answers() -> None:
    with pytest.raises(Unreachable, match="Nothing was written"):
        await discover(named(log=AWAY, static=AWAY, gateways={PROBE: AWAY}))


@pytest.mark.parametrize("name", ['x"\n[[hosts]]', "# x", "Ünïcode", "x" * 200, "a\x00", "lighthouse", "all"])
async def test_no_name_of_a_log_gets_into_the_file_unless_a_host_can_have_it(name: str) -> None:
    draft = (await discover(named(log=log(seen(name, 3))))).draft
    assert ["host-1", "host-2", "host-3", "host-7"] == sorted(host.name for host in draft.found)
    assert draft.find_refusal(FILE) is None


async def test_a_host_that_a_person_typed_stays_as_it_was_typed() -> None:
    typed = HostDraft("host-b", "2", "192.0.2.22", "192.0.2.22", "10.100.2.1")
    found = await discover(named(), replace(DRAFT, hosts=(typed,)))
    assert ((typed,), ["host-a", "web", "host-7"]) == (found.draft.hosts, [host.name for host in found.draft.found])


async def test_contradictions_are_shown() -> None:
    found = await discover(named(log=log(seen("host-a", 1), seen("host-x", 1))))
    why = "certificates of host-a, host-x claim the address 10.100.1.1. Check which one is right"
    assert why in [str(note) for note in found.notes]


def make_interview(*lines: str, answers: dict[str, str] | None = None) -> tuple[Interview, Person]:
    person = Person(*lines)
    return Interview(PresetAnswers(answers or {}, (), complete=False), person, FILE), person


def test_it_asks_for_the_lighthouse_its_certificate_and_a_gateway_instead_of_the_hosts() -> None:
    pin = ":".join(["AB"] * 32)
    interview, person = make_interview("en", *[""] * 8, "192.0.2.10", "abc", pin, "10.100.1.1")
    draft = interview.run_discovery(Draft())
    questions = [str(text) for key, text in {**QUESTIONS, **DISCOVERY_QUESTIONS}.items() if key != "slack"]
    assert questions == list(dict.fromkeys(person.asked))
    assert ["must be the SHA-256 of the certificate: 64 hexadecimal digits"] == person.told
    (lighthouse, _) = make_probe_settings(draft, FILE).hosts
    assert lighthouse.windows is not None
    assert "ab" * 32 == lighthouse.windows.certificate_sha256


def test_it_needs_the_lighthouse_or_a_gateway() -> None:
    answers = {key: value for key, value in vars(DRAFT).items() if key in QUESTIONS} | {"lighthouse": "", "gateway": ""}
    with pytest.raises(UnfitAnswer, match="at least one"):
        make_interview(answers=answers)[0].run_discovery(Draft())


def list_words(lab: LabFleet, folder: Path, **answers: str) -> list[str]:
    """The command line for a lab."""
    urls = {
        "lighthouse": f"https://127.0.0.1:{lab['lighthouse'].ports['windows']}/wsman",
        "gateway": f"http://127.0.0.1:{lab['host-a'].ports['gateway']}",
    }
    usual = {"windows_user": lab.settings.user, "ca_file": str(lab.certificates.ca_file), "language": "en", "name": "ana"}
    pairs = [word for key, value in {**usual, **urls, **answers}.items() for word in ("--answer", f"{key}={value}")]
    return ["init", "--discover", "--yes", "--config", str(folder / "flatnet.toml"), *pairs]


def store_password(lab: LabFleet, folder: Path) -> None:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "winrm_password").touch(0o600)
    (secrets / "winrm_password").write_text(lab.settings.password)


@pytest.mark.slow
async def test_the_command_reads_a_fleet_and_writes_it(tmp_path: Path) -> None:
    """With real protocols. The password that lies in the secrets folder is used, and kept."""
    async with run_fleet(tmp_path / "lab", 1, lighthouse=True) as lab:
        store_password(lab, tmp_path)
        ended = await command(*list_words(lab, tmp_path))
        second = await command(*list_words(lab, tmp_path))
    hosts = read_settings(tmp_path / "flatnet.toml").hosts
    assert ["lighthouse", "host-a"] == [host.name for host in hosts]
    assert "Found host-a (10.100.1.1). Missing: Windows" in ended.stdout
    assert lab.settings.password == (tmp_path / "secrets" / "winrm_password").read_text()
    assert (3, "") == (second.returncode, second.stdout)


async def test_a_lighthouse_with_another_certificate_than_the_pinned_one_gets_no_password(tmp_path: Path) -> None:
    async with run_fleet(tmp_path / "lab", 1, lighthouse=True) as lab:
        store_password(lab, tmp_path)
        words = list_words(lab, tmp_path, lighthouse_sha256="a" * 64, gateway="http://127.0.0.1:1")
        ended = await command(*words)
        assert 0 == lab["lighthouse"].windows.processes
    assert "Nothing was written" in ended.stderr
    assert not (tmp_path / "flatnet.toml").exists()
