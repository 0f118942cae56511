"""The scripts that prepare a host: they allow what the bot does and no more, and doing them twice is doing them once."""

import hashlib
import importlib
import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

import adapters.wsl
from adapters.inventory import WslSide
from adapters.logs import LogSearch
from adapters.wsl.action import Argv, WslAction
from adapters.wsl.container_reads import CountChangedFiles, ReadRestart
from adapters.wsl.containers import (
    ContainerChange,
    CopyContainer,
    DescribeContainer,
    ListContainers,
    MoveContainer,
    ReadContainerState,
    RemoveContainer,
    RemoveMadeContainer,
    SetRestartPolicy,
)
from adapters.wsl.description import CreateContainer, Description
from adapters.wsl.helper import HELPER, HelperAction
from adapters.wsl.images import FindImage, ListImages, LoadImage, PullImage, ReadImage, ReadStorage, RemoveImage, SaveImage
from adapters.wsl.ipam import CheckOrphans, LookForOrphans, ReadAllocations, RemoveOrphans
from adapters.wsl.logs import ReadCni, ReadContainer, ReadPodman
from adapters.wsl.restore import CheckKept, ForgetKept, PutKept, ReadStagedKept, ReturnKept, StageKept
from adapters.wsl.stream import StreamAction, StreamSink, StreamSource
from adapters.wsl.term import KeepTerm, build_commands
from adapters.wsl.volumes import ExportVolume, ImportVolume, ListVolumes, MeasureVolume, RemoveMadeVolume
from tests.host_scripts import HELPER as HELPER_TEXT
from tests.host_scripts import HOSTS
from tests.host_scripts import PREPARE as WSL
from tests.lab.windows.pwsh import find_pwsh
from tests.powershell_lint import check

CERTIFICATE, WINDOWS = HOSTS / "winrm-certificate.sh", HOSTS / "prepare-windows.ps1"
SHIMS = Path(__file__).with_name("host_shims.ps1")
PWSH = find_pwsh(os.environ)

MANAGED = ("--manage", "forwarding,containers,ipam,backup", "--id", "1")

SIDE = WslSide(address="192.0.2.11", key_file=Path("key"), known_hosts_file=Path("known_hosts"))


def needs(program: str) -> pytest.MarkDecorator:
    """Skips, and says so, where a program is not installed (sbin is searched too)."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    return pytest.mark.skipif(found is None, reason=f"{program} is not installed; the scripts are checked without it")


def run(
    *command: str | Path, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A program to its end, with nothing to read."""
    path = {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, **path, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def kinds(of: type[Any]) -> Iterator[type[Any]]:
    """All that is made of a class; pydantic puts one in between for each type of answer."""
    for kind in of.__subclasses__():
        yield from kinds(kind)
        if "[" not in kind.__name__ and kind.__module__.startswith("adapters."):
            yield kind


ID, DIGEST, OPERATION = "0123456789abcdef" * 4, "sha256:" + "0123456789abcdef" * 4, "op-20261129-1"
IMAGE = "registry.example.org:5000/team/web_1:v1.2-B"

OF_A_BACKUP = (StageKept, ReadStagedKept, ForgetKept, CheckKept, PutKept, ReturnKept)
ORPHANS = (LookForOrphans, RemoveOrphans, CheckOrphans)

OF_CONTAINERS: tuple[WslAction[Any], ...] = (
    ListContainers(),
    ListImages(),
    ReadStorage(),
    ListVolumes(),
    ReadAllocations(),
    ReadContainerState(container="web-1"),
    ReadContainerState(container=ID),
    *(MoveContainer(verb=verb, container=ID) for verb in ("start", "stop", "restart")),
    RemoveContainer(container=ID),
    RemoveMadeContainer(name="web-1", operation=OPERATION),
    *(SetRestartPolicy(container=ID, policy=policy) for policy in ("no", "unless-stopped", "on-failure:3")),
    CreateContainer(operation=OPERATION, description=Description(name="web-1", image=ID)),
    CountChangedFiles(container=ID),
    DescribeContainer(container=ID),
    CopyContainer(operation=OPERATION, name="web-1", image=ID),
    CopyContainer(operation=OPERATION, name="web-1", image=ID, address=IPv4Address("10.87.1.20")),
    ReadImage(image=ID),
    FindImage(digest=DIGEST),
    ReadRestart(container=ID),
    RemoveImage(image=ID),
    PullImage(name=IMAGE, digest=DIGEST),
    SaveImage(image=ID),
    LoadImage(image=ID, name=IMAGE),
    MeasureVolume(volume="data.1"),
    ExportVolume(volume="data.1"),
    ImportVolume(volume="data.1", operation=OPERATION),
    RemoveMadeVolume(volume="data.1", operation=OPERATION),
)

BASES = (HelperAction, ContainerChange, StreamAction, StreamSource, StreamSink)
WITH_ARGUMENTS = {ReadCni, ReadPodman, ReadContainer, KeepTerm, *OF_A_BACKUP, *ORPHANS, *BASES, *map(type, OF_CONTAINERS)}


def actions() -> Iterator[WslAction[Any]]:
    """Every action of the WSL2 side, for one host with Flatnet's usual names."""
    for module in pkgutil.iter_modules(adapters.wsl.__path__, "adapters.wsl."):
        importlib.import_module(module.name)
    for kind in kinds(WslAction):
        if kind not in WITH_ARGUMENTS and not kind.__name__.startswith("_"):
            yield kind.of(SIDE)
    yield from (*OF_CONTAINERS, KeepTerm(term=17), LookForOrphans(), RemoveOrphans(orphans=()), CheckOrphans(orphans=()))
    for kept in OF_A_BACKUP[1:]:
        yield kept(sha256=ID)
    sink = StageKept(sha256=ID, size=1)
    yield from (sink, sink.model_copy(update={"move": "write"}))
    for search in (LogSearch(tail=1), LogSearch(tail=5_000), LogSearch(tail=50, pattern="x")):
        yield from (ReadCni.of(SIDE, search), ReadPodman.of(SIDE, search), ReadContainer.of(SIDE, "web-1", search))


def through_sudo(side: WslAction[Any]) -> Iterator[Argv]:
    """What an action runs as root, with sudo's own words; a program that another one runs as well. With a term, too."""
    for argv in dict.fromkeys((*build_commands(side, 0), *build_commands(side, 17))):
        if "sudo" in argv:
            yield argv[argv.index("sudo") :]


def as_root(side: WslAction[Any]) -> set[Argv]:
    """What an action runs through sudo, without sudo's own words and by its full path."""
    return {(str(Path("/usr/bin") / argv[2]), *argv[3:]) for argv in through_sudo(side)}


def commands_of(sudoers: str) -> list[str]:
    """The commands of the sudoers rules, one by one."""
    rules = re.findall(r"^flatnet ALL=\(root\) NOPASSWD: (.*)$", sudoers.replace("\\\n", ""), re.MULTILINE)
    return [command.strip() for rule in rules for command in re.split(r"(?<!\\), ", rule)]


def allowed(sudoers: str) -> set[Argv]:
    """The commands that are written out, each as its arguments: whole commands, with sudo's own quoting undone."""
    commands = [command for command in commands_of(sudoers) if " ^" not in command]
    return {tuple(shlex.split(re.sub(r"\\([,:=\\])", r"\1", command))) for command in commands}


def expressions(sudoers: str) -> list[re.Pattern[str]]:
    """The commands whose arguments are a regular expression, as one on the whole command."""
    parts = (command.partition(" ^") for command in commands_of(sudoers))
    return [
        re.compile(f"{re.escape(program)} {expression.removesuffix('$')}") for program, found, expression in parts if found
    ]


def test_sudo_allows_exactly_what_the_bot_runs() -> None:
    """Word by word: a new command needs a new line here, and a line that nothing needs goes."""
    needed: set[Argv] = set().union(*map(as_root, actions()))
    sudoers = run("sh", WSL, "--print-sudoers", *MANAGED).stdout
    by_expression = [{argv for argv in needed if each.fullmatch(" ".join(argv))} for each in expressions(sudoers)]
    assert [True, True, True, True] == [bool(each) for each in by_expression]
    # the whole tar at once is for people
    assert needed.difference(*by_expression) | {(HELPER, "backup", "write")} == allowed(sudoers)


def test_a_host_that_is_not_managed_gives_reads_alone() -> None:
    """None of the helper's verbs, and not the helper itself."""
    needed: set[Argv] = set().union(*map(as_root, actions()))
    sudoers = run("sh", WSL, "--print-sudoers").stdout
    (logs,) = expressions(sudoers)
    assert {argv for argv in needed if argv[0] != HELPER and not logs.fullmatch(" ".join(argv))} == allowed(sudoers)
    assert HELPER not in sudoers


@pytest.mark.parametrize(
    "arguments",
    [
        "logs --timestamps --tail 5 web --follow",
        "logs --timestamps --tail 5 --follow",
        "logs --timestamps --tail 5 web db",
        "logs --timestamps --tail 5 web\ndb",
        "logs --timestamps --tail 5 ../web",
        "logs --timestamps --tail -1 web",
        "--root /tmp logs --timestamps --tail 5 web",
        "rm web",
    ],
)
def test_sudo_s_expression_lets_nothing_else_in(arguments: str) -> None:
    (expression,) = expressions(run("sh", WSL, "--print-sudoers").stdout)
    assert expression.fullmatch(f"/usr/bin/podman {arguments}") is None


def test_every_command_as_root_goes_through_sudo_without_a_prompt() -> None:
    """`sudo -n program …`: no other option of sudo, no shell; `timeout` ends podman or du."""
    commands = [argv for action in actions() for argv in through_sudo(action)]
    assert {("sudo", "-n", each) for each in ("podman", "timeout", HELPER)} == {argv[:3] for argv in commands}
    assert {"podman", "du"} == {argv[4] for argv in commands if argv[2] == "timeout"}


def test_sudo_s_rule_has_no_pattern_in_it() -> None:
    """A `*` in an argument would match spaces too, and so any further argument; an expression is whole, from ^ to $."""
    sudoers = run("sh", WSL, "--print-sudoers", *MANAGED).stdout
    assert re.search(r"[*?\[\]!]", "".join(" ".join(argv) for argv in allowed(sudoers))) is None
    assert [True, True, True, True] == [command.endswith("$") for command in commands_of(sudoers) if " ^" in command]


@needs("visudo")
def test_sudo_takes_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "flatnet-bot"
    file.write_text(
        run(
            *("sh", WSL, "--print-sudoers", "--user", "bot_1", "--network", "flat.net-2", "--folder", "/srv/flat-net"),
            *MANAGED,
        ).stdout
    )
    file.chmod(0o440)
    assert run("visudo", "-cf", file).returncode == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--user", "x ALL=(ALL) NOPASSWD: ALL #"),
        ("--user", "Root"),
        ("--network", "flatnet, ALL"),
        ("--network", "flatnet\n x ALL=(ALL) ALL"),
        ("--network", "*"),
        ("--folder", "/var/lib/flatnet *"),
        ("--folder", "/var/lib/../../etc"),
        ("--folder", "/"),
        ("--network", ""),
        ("--port", "22\nPermitRootLogin yes"),
        ("--bridge", "flatnet-br0\nareas backup"),
        ("--from", '1.2.3.4",command="sh'),
    ],
)
def test_an_argument_that_would_write_another_rule_is_refused(option: str, value: str) -> None:
    refused = run("sh", WSL, "--print-sudoers", option, value)
    assert (1, "") == (refused.returncode, refused.stdout)
    assert f"{option} cannot be" in refused.stderr


@pytest.mark.parametrize(
    "key", ["", "AAAA", 'command="sh" ssh-ed25519 AAAA', "ssh-ed25519 AAAA x\nssh-ed25519 BBBB y", "ssh-dss AAAA"]
)
def test_what_is_no_single_bare_key_is_refused(key: str) -> None:
    refused = run("sh", WSL, "--key", key)
    assert refused.returncode == 1
    assert "--key cannot be" in refused.stderr


@pytest.mark.parametrize("script", [WSL, CERTIFICATE, HELPER_TEXT], ids=lambda path: path.name)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_script_is_understood_by_every_shell(script: Path, shell: str) -> None:
    assert (0, "") == (run(shell, "-n", script).returncode, run(shell, "-n", script).stderr)


@needs("shellcheck")
@pytest.mark.parametrize("script", [WSL, CERTIFICATE, HELPER_TEXT], ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    assert run("shellcheck", script).stdout == ""


@needs("openssl")
def test_the_certificates_prove_a_host_to_the_strictest_client(tmp_path: Path) -> None:
    """Two hosts from one CA: names and addresses are in them, and the CA is made once."""
    secrets = {"CA_PASSPHRASE": "correct horse", "PFX_PASSPHRASE": "battery staple"}
    for name, address in (("host-a", "192.0.2.11"), ("host-b", "fd00::2")):
        made = run("sh", CERTIFICATE, name, address, f"{name}.example.lan", folder=tmp_path, environment=secrets)
        assert made.returncode == 0, made.stderr
        pem = run(
            "openssl",
            "pkcs12",
            "-in",
            f"{name}.pfx",
            "-nokeys",
            "-passin",
            "env:PFX_PASSPHRASE",
            folder=tmp_path,
            environment=secrets,
        )
        (tmp_path / f"{name}.pem").write_text(pem.stdout)
        proven = ("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "winrm-ca.pem")
        assert run(*proven, "-verify_ip", address, f"{name}.pem", folder=tmp_path).returncode == 0
        assert run(*proven, "-verify_hostname", f"{name}.example.lan", f"{name}.pem", folder=tmp_path).returncode == 0
    assert run(*proven, "-verify_ip", "192.0.2.11", "host-b.pem", folder=tmp_path).returncode != 0
    assert "ENCRYPTED PRIVATE KEY" in (tmp_path / "winrm-ca.key").read_text()
    assert {"winrm-ca.key", "host-a.pfx", "host-b.pfx"} == {
        path.name for path in tmp_path.iterdir() if path.suffix != ".pem" and path.stat().st_mode & 0o077 == 0
    }


@needs("openssl")
@pytest.mark.parametrize(
    ("option", "cipher", "mac"),
    [((), "AES-256-CBC", "MAC: sha256"), (("--server-2016",), "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1")],
)
def test_the_file_has_the_ciphers_that_its_windows_can_open(
    option: tuple[str, ...], cipher: str, mac: str, tmp_path: Path
) -> None:
    """Server 2016 knows neither AES-256 nor SHA-256 in a PFX; 2019 and Windows 10 1709 know both."""
    secrets = {"CA_PASSPHRASE": "correct horse", "PFX_PASSPHRASE": "battery staple"}
    assert run("sh", CERTIFICATE, *option, "host-a", "192.0.2.11", folder=tmp_path, environment=secrets).returncode == 0
    shown = ("openssl", "pkcs12", "-in", "host-a.pfx", "-info", "-noout", "-passin", "env:PFX_PASSPHRASE")
    said = run(*shown, folder=tmp_path, environment=secrets).stderr
    assert mac in said
    assert [True, True] == [cipher in line for line in said.splitlines() if "PBE" in line or "pbe" in line]


def test_the_guide_starts_the_windows_script_as_every_windows_allows() -> None:
    """Clients refuse script files, and every Windows those that came over the network."""
    guide, script = (HOSTS.with_suffix(".md")).read_text("utf-8"), WINDOWS.read_text("ascii")
    started = re.findall(r"^(.*)\.\\prepare-windows\.ps1 -C", guide + script, re.MULTILINE)
    assert {"powershell -ExecutionPolicy Bypass -File "} == set(started)
    assert len(started) >= 4


@pytest.mark.parametrize("name", ["../host-a", "host a", "-x", "host-a,DNS:evil", ""])
def test_a_name_that_would_leave_the_certificate_s_field_is_refused(name: str, tmp_path: Path) -> None:
    assert run("sh", CERTIFICATE, name, "192.0.2.11", folder=tmp_path).returncode == 2
    assert [] == list(tmp_path.iterdir())


def test_the_windows_script_is_in_the_house_style_of_powershell() -> None:
    """Everything that the lint knows but the allow list, which is for what the bot itself sends to hosts."""
    complaints = check(WINDOWS.read_bytes(), {})
    assert [] == [complaint for complaint in complaints if not complaint.message.startswith("not in the allowed")]


def powershell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The real PowerShell on one of our files."""
    assert PWSH is not None
    quiet = {"NO_COLOR": "1", "COMPUTERNAME": "HOST-A", "POWERSHELL_TELEMETRY_OPTOUT": "1", "POWERSHELL_UPDATECHECK": "Off"}
    return run(PWSH, "-NoLogo", "-NoProfile", "-NonInteractive", *arguments, environment=quiet)


needs_pwsh = pytest.mark.skipif(PWSH is None, reason="no PowerShell 7 on the PATH or in FLATNET_PWSH")


@needs_pwsh
@pytest.mark.pwsh
def test_the_windows_script_parses_in_the_real_powershell() -> None:
    parse = (
        "$errors = $null; [void][System.Management.Automation.Language.Parser]::ParseFile("
        f"'{WINDOWS}', [ref]$null, [ref]$errors); $errors | ForEach-Object {{ $_.ToString() }}"
    )
    assert powershell("-Command", parse).stdout == ""


def prepared(*runs: dict[str, Any]) -> list[dict[str, Any]]:
    """What the Windows script does in one PowerShell, run after run on the same stand-in of a host."""
    done = powershell("-File", SHIMS, WINDOWS, json.dumps([{"bot": ["192.0.2.5"]} | one for one in runs]))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


FRESH = [
    "certificate",
    "user flatnet-bot",
    "member S-1-5-32-544 flatnet-bot",
    "registry LocalAccountTokenFilterPolicy 1",
    "rule flatnet-bot-winrm 5986 192.0.2.5",
    "service Automatic",
    "service start",
    "listener HTTPS AB12",
    "wsman AllowUnencrypted false",
    "wsman Basic false",
]
"""All that is done on a host where nothing is prepared, in order."""

PASSWORD = "password flatnet-bot"
"""The one step that is always done: nobody can read a password back."""


@needs_pwsh
@pytest.mark.pwsh
def test_a_fresh_host_is_prepared_once() -> None:
    """`-WhatIf` changes nothing, the first run everything, the second nothing but the password."""
    tried, first, second = prepared({"what_if": True}, {}, {})
    assert ([], "") == (tried["changes"], tried["failed"])
    assert (FRESH, "") == (first["changes"], first["failed"])
    assert ([PASSWORD], "") == (second["changes"], second["failed"])
    assert [] == [line for line in second["printed"] if line.startswith("To undo")]


POLICIES = r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"

UNDO = [
    "Set-WSManInstance -ResourceURI winrm/config/service/auth -ValueSet @{ Basic = 'true' }",
    "Set-WSManInstance -ResourceURI winrm/config/service -ValueSet @{ AllowUnencrypted = 'true' }",
    "Remove-WSManInstance -ResourceURI winrm/config/Listener -SelectorSet @{ Address = '*'; Transport = 'HTTPS' }",
    "Stop-Service -Name WinRM",
    "Set-Service -Name WinRM -StartupType Manual",
    "Remove-NetFirewallRule -Name flatnet-bot-winrm",
    rf"Remove-ItemProperty -Path {POLICIES} -Name LocalAccountTokenFilterPolicy",
    "Remove-LocalGroupMember -SID S-1-5-32-544 -Member flatnet-bot",
    "Remove-LocalUser -Name flatnet-bot",
    r"Remove-Item -Path Cert:\LocalMachine\My\AB12 -DeleteKey",
]
"""What undoes all of that, the last step first."""


@needs_pwsh
@pytest.mark.pwsh
def test_the_script_says_what_it_does_and_how_to_undo_it() -> None:
    (done,) = prepared({})
    steps, undo = done["printed"][: len(FRESH)], done["printed"][len(FRESH) :]
    assert ["To undo what was done:", *(f"  {command}" for command in UNDO)] == undo[:-2]
    assert [
        "Fingerprint of this host for flatnet-bot (host add NAME --windows-fingerprint):",
        f"  {hashlib.sha256(bytes([1, 2, 3])).hexdigest()}",
    ] == undo[-2:]
    assert "flatnet-bot: member of the group Administrators" in steps
    assert "firewall rule flatnet-bot-winrm: allow TCP 5986 from 192.0.2.5" in steps


@needs_pwsh
@pytest.mark.pwsh
def test_values_that_group_policy_sets_are_read_and_never_written() -> None:
    """They come as elements with an attribute, not as texts."""
    encrypted = {"encrypted": True, "policy": ["AllowUnencrypted"]}
    kept, refused = prepared(encrypted, {"policy": ["Basic"]})
    assert ("", [change for change in FRESH if "AllowUnencrypted" not in change]) == (kept["failed"], kept["changes"])
    assert "" == refused["failed"]  # the first run has set it
    (refused,) = prepared({"policy": ["Basic"]})
    assert (
        "group policy sets Basic of winrm/config/service/auth to true; set it to false there, then run this again"
        == (refused["failed"])
    )


@needs_pwsh
@pytest.mark.pwsh
def test_a_public_network_is_named_and_the_firewall_is_set_all_the_same() -> None:
    """WSL2's own network is one; WinRM takes no change of its settings then. What is right already is not written."""
    (refused,) = prepared({"public": True})
    assert "rule flatnet-bot-winrm 5986 192.0.2.5" in refused["changes"]
    assert "Networks that are Public now: vEthernet (WSL). Set them to Private for a moment" in refused["failed"]
    assert "To undo what was done:" in refused["printed"]
    _, again = prepared({}, {"public": True})
    assert ([PASSWORD], "") == (again["changes"], again["failed"])


@needs_pwsh
@pytest.mark.pwsh
def test_an_error_of_the_firewall_ends_the_script() -> None:
    """Its commands are functions of a module, which go on after an error unless each is told to stop."""
    (failed,) = prepared({"firewall_broken": True})
    assert ("Access is denied.", FRESH[:4]) == (failed["failed"], failed["changes"])


@needs_pwsh
@pytest.mark.pwsh
def test_several_addresses_may_come_as_one_text_as_powershell_hands_them_to_a_file() -> None:
    (done,) = prepared({"bot": ["192.0.2.5, 192.0.2.6"]})
    assert "rule flatnet-bot-winrm 5986 192.0.2.5,192.0.2.6" in done["changes"]


@needs_pwsh
@pytest.mark.pwsh
def test_a_network_that_the_firewall_tells_with_its_mask_is_the_same() -> None:
    _, again = prepared({"bot": ["192.0.2.0/24"]}, {"bot": ["192.0.2.0/24"]})
    assert ([PASSWORD], "") == (again["changes"], again["failed"])


@needs_pwsh
@pytest.mark.pwsh
def test_the_way_to_wsl_is_opened_for_the_bot_alone() -> None:
    """Through a port proxy or the Hyper-V firewall; both once. A bot that moved moves the rules."""
    nat = {"networking": "Nat", "host_address": "192.0.2.11", "bot": ["192.0.2.6"]}
    mirrored = {"networking": "Mirrored"}
    _, proxied, again, direct, direct_again, wrong = prepared({}, nat, nat, mirrored, mirrored, {"networking": "Nat"})
    proxy = "listenaddress=192.0.2.11 listenport=2222 connectaddress=127.0.0.1 connectport=2222"
    moved = "changed rule flatnet-bot-winrm 5986"
    assert [
        PASSWORD,
        f"{moved} 192.0.2.6",
        f"netsh interface portproxy add v4tov4 {proxy}",
        "rule flatnet-bot-ssh 2222 192.0.2.6",
    ] == proxied["changes"]
    assert [PASSWORD] == again["changes"]
    assert [PASSWORD, f"{moved} 192.0.2.5", "hyper-v flatnet-bot-ssh 2222 192.0.2.5"] == direct["changes"]
    assert [PASSWORD] == direct_again["changes"]
    assert ([], "with -WslNetworking Nat give this host's own IPv4 address as -HostAddress") == (
        wrong["changes"],
        wrong["failed"],
    )


@needs_pwsh
@pytest.mark.pwsh
def test_a_rule_that_lets_everybody_in_is_named_and_left_alone() -> None:
    (done,) = prepared({"rule": True})
    wider = "the firewall rule 'Windows Remote Management' (WINRM-HTTPS) also opens port 5986"
    assert [f"{wider}; disable it if nobody else needs it"] == done["warnings"]
