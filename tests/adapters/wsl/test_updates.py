"""What is made of apt's words: what can be upgraded, when apt knew it, and why it may not be believed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.podman import UnreadPart
from adapters.wsl.shell import build_shell_line, parse_frames
from adapters.wsl.updates import LISTS_FOLDER, RESTART_MARK, UPDATE_STAMP, Package, ReadUpdates, WslUpdates
from tests.adapters.wsl.conftest import Connect
from tests.lab.wsl.apt import Apt, PendingPackage, simulated
from tests.lab.wsl.server import SshServer
from tests.lab.wsl.state import WslState

READ = ReadUpdates()

LISTED_AT = datetime(2026, 11, 25, 6, tzinfo=UTC)
SECONDS = int(LISTED_AT.timestamp())
NO_RESTART = f"stat: cannot statx '{RESTART_MARK}': No such file or directory\n"
STAT = CompletedProgram(1, f"{LISTS_FOLDER} {SECONDS}\n", NO_RESTART)
ARCHIVES = CompletedProgram(0, "Ubuntu:noble\nUbuntu:noble-security\n$(LABEL):$(SUITE)\n", "")

BOTH = ("Ubuntu:24.04/noble-updates", "Ubuntu:24.04/noble-security")
LIBC = PendingPackage("libc6", "2.39-0ubuntu8.1", "2.39-0ubuntu8.7", BOTH)
CURL = PendingPackage("curl", "8.5.0-2", "8.5.0-3")
HELD = replace(LIBC, held=True)
ANEW = PendingPackage("libngtcp2-16", "", "1.11.0-1", ("Ubuntu:24.04/noble-security",))


def read(
    stat: CompletedProgram = STAT, archives: CompletedProgram = ARCHIVES, upgrade: CompletedProgram | None = None
) -> WslUpdates:
    """Where all is well but for these answers."""
    return READ.parse((stat, archives, upgrade or CompletedProgram(0, simulated(Apt()), "")))


def said(updates: WslUpdates) -> str:
    """Why the packages could not be read."""
    assert isinstance(updates.packages, UnreadPart)
    return str(updates.packages.phrase)


def test_nothing_to_be_done_is_read_with_the_age_of_the_lists() -> None:
    assert WslUpdates(packages=(), kept=0, listed_at=LISTED_AT, restart=False) == read()


def test_packages_are_told_apart_by_whether_a_security_archive_has_them() -> None:
    """What would come along anew is no update of anything."""
    answer = read(upgrade=CompletedProgram(0, simulated(Apt([LIBC, ANEW, CURL], kept=3)), ""))

    assert (
        Package(name="curl", installed="8.5.0-2", candidate="8.5.0-3", security=False),
        Package(name="libc6", installed="2.39-0ubuntu8.1", candidate="2.39-0ubuntu8.7", security=True),
    ) == answer.packages
    assert 3 == answer.kept


@pytest.mark.parametrize(
    ("line", "name", "security"),
    [
        ("Inst jq [1.7-6] (1.7-6+deb13u2 Debian:13.8/stable, Debian-Security:13/stable-security [amd64])", "jq", True),
        ("Inst libc6-dbg [2.41-12] (2.41-13 Debian:13.8/stable [amd64]) []", "libc6-dbg", False),
        ("Inst pg [278] (278+1 Debian:13.8/stable [all]) [postgresql-common:amd64 ]", "pg", False),
        ("Inst libnss3 [2:3.110-1] (2:3.110-2 Debian-Security:10/oldstable [amd64])", "libnss3", True),
        ("Inst libssl3:i386 [3.0] (3.1 UbuntuESM:22.04/jammy-infra-security [i386])", "libssl3:i386", True),
        ("Inst docker-ce [5:27.1~a] (5:27.2~a Docker CE:bookworm [amd64])", "docker-ce", False),
        ("Inst mine [1] (2  [amd64])", "mine", False),
    ],
)
def test_a_line_of_apt(line: str, name: str, security: bool) -> None:
    """Seen of apt 2.4 to 3.0: two archives, a broken order of installing, an epoch, a label with a space, no label."""
    answer = read(
        upgrade=CompletedProgram(0, f"1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n{line}\n", "")
    )

    assert isinstance(answer.packages, tuple)
    assert [(name, security)] == [(package.name, package.security) for package in answer.packages]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        pytest.param({"archives": CompletedProgram(0, "", "")}, "apt has no security package list", id="no lists"),
        pytest.param(
            {"archives": CompletedProgram(0, "Ubuntu:noble\nUbuntu:noble-updates\n", "")},
            "apt has no security package list",
            id="no security archive among the sources",
        ),
        pytest.param({"archives": CompletedProgram(100, "", "E: broken sources\n")}, "broken sources", id="broken sources"),
        pytest.param(
            {"upgrade": CompletedProgram(100, "", "E: Unmet dependencies.\n")},
            "failed: E: Unmet dependencies. Run in",
            id="apt fails",
        ),
        pytest.param({"upgrade": CompletedProgram(124, "", "")}, "did not finish", id="apt hangs"),
        pytest.param(
            {"archives": CompletedProgram(127, "", "no apt-get\n")}, "Only Debian and Ubuntu are supported", id="no apt"
        ),
        pytest.param({"upgrade": CompletedProgram(0, "Reading package lists...\n", "")}, "could not parse", id="cut short"),
        pytest.param({"upgrade": CompletedProgram(0, "", "")}, "could not parse", id="no word"),
        pytest.param(
            {"upgrade": CompletedProgram(0, simulated(Apt([LIBC])).replace("(2.39", "2.39"), "")},
            "could not parse",
            id="no line of apt",
        ),
        pytest.param(
            {"upgrade": CompletedProgram(0, simulated(Apt([PendingPackage("<!channel>", "1", "2")])), "")},
            "could not parse",
            id="a name that is none",
        ),
    ],
)
def test_nothing_pending_is_never_believed_without_proof(answers: dict[str, CompletedProgram], words: str) -> None:
    answer = read(**answers)

    assert words in said(answer)
    assert (LISTED_AT, False) == (answer.listed_at, answer.restart)


@pytest.mark.parametrize(
    ("answer", "listed_at", "restart"),
    [
        pytest.param(STAT, LISTED_AT, False, id="Debian: the folder alone"),
        pytest.param(
            CompletedProgram(1, f"{LISTS_FOLDER} {SECONDS - 999}\n{UPDATE_STAMP} {SECONDS}\n", NO_RESTART),
            LISTED_AT,
            False,
            id="Ubuntu: an update that found nothing new left its stamp",
        ),
        pytest.param(
            CompletedProgram(0, f"{LISTS_FOLDER} {SECONDS}\n{RESTART_MARK} {SECONDS + 5}\n", ""),
            LISTED_AT,
            True,
            id="restart",
        ),
        pytest.param(CompletedProgram(127, "", "no stat\n"), None, None, id="no stat: nothing is known"),
        pytest.param(
            CompletedProgram(1, "", f"stat: cannot statx '{RESTART_MARK}': Permission denied\n"),
            None,
            None,
            id="nothing readable",
        ),
    ],
)
def test_the_age_of_the_lists_and_whether_a_restart_is_awaited(
    answer: CompletedProgram, listed_at: datetime | None, restart: bool | None
) -> None:
    told = read(stat=answer)
    assert (listed_at, restart, ()) == (told.listed_at, told.restart, told.packages)


def pending(state: WslState) -> None:
    state.apt.pending = [LIBC, ANEW, CURL]
    state.restart_required = True


def held(state: WslState) -> None:
    state.apt.pending = [HELD, CURL]


LAB: list[tuple[str, Callable[[WslState], object], str]] = [
    ("nothing pending", lambda state: None, "packages=() kept=0 restart=False"),
    ("pending", pending, "packages=('curl', 'libc6') kept=0 restart=True"),
    ("on hold", held, "packages=('curl',) kept=1 restart=False"),
    ("no lists", lambda state: setattr(state.apt, "lists", ()), "apt has no security package list"),
    ("no apt", lambda state: state.missing.add("apt-get"), "Only Debian and Ubuntu are supported"),
    ("apt fails", lambda state: setattr(state.apt, "fails", "Unmet dependencies."), "E: Unmet dependencies. Run in"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in LAB], ids=[case[0] for case in LAB])
async def test_the_updates_of_a_lab_host(
    change: Callable[[WslState], object], words: str, connect: Connect, server: SshServer
) -> None:
    change(server.state)
    server.state.apt.listed_at = LISTED_AT
    answer = await connect().perform(READ)

    assert words in shown(answer)
    assert (LISTED_AT, 1) == (answer.listed_at, server.lines)


def shown(answer: WslUpdates) -> str:
    if isinstance(answer.packages, UnreadPart):
        return said(answer)
    return f"packages={tuple(package.name for package in answer.packages)} kept={answer.kept} restart={answer.restart}"


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not installed; its words are checked without it")
@pytest.mark.parametrize(
    "apt",
    [Apt(), Apt([LIBC, CURL]), Apt([HELD, CURL]), Apt(lists=())],
    ids=["nothing pending", "pending", "one on hold", "no lists"],
)
def test_the_real_apt_says_the_same_as_that_of_the_lab(apt: Apt, tmp_path: Path) -> None:
    """In a world of its own: lists and installed packages as of the lab's host."""
    simulated_answer = read(
        archives=CompletedProgram(0, "".join(f"{each}\n" for each in apt.lists), ""),
        upgrade=CompletedProgram(0, simulated(apt), ""),
    )
    real = real_answer(lay_out(apt, tmp_path))

    assert simulated_answer.packages == real.packages
    assert simulated_answer.kept == real.kept


def real_answer(configuration: Path) -> WslUpdates:
    environment = {"PATH": os.environ["PATH"], "APT_CONFIG": str(configuration)}
    line = build_shell_line(READ.build_commands(), READ.program_timeout, "nonce")
    ran = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, check=False, timeout=60)
    return READ.parse(parse_frames(ran.stdout, ran.stderr, "nonce", len(READ.build_commands())))


def lay_out(apt: Apt, folder: Path) -> Path:
    """apt's folders with these lists, and a configuration that knows nothing of this machine's."""
    for name in ("etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    suites = [each.partition(":")[2] for each in apt.lists]
    sources = (f"deb [trusted=yes] http://archive.invalid/ubuntu {suite} main\n" for suite in suites)
    (folder / "etc/sources.list").write_text("".join(sources))
    for suite in suites:
        release = f"Origin: Ubuntu\nLabel: Ubuntu\nSuite: {suite}\nVersion: 24.04\nComponents: main\nArchitectures: amd64\n"
        packages = [package for package in apt.pending if any(each.endswith(f"/{suite}") for each in package.archives)]
        lists = folder / "lists" / f"archive.invalid_ubuntu_dists_{suite}"
        Path(f"{lists}_Release").write_text(release)
        Path(f"{lists}_main_binary-amd64_Packages").write_text("".join(described(each, each.candidate) for each in packages))
    status = (described(each, each.installed, "hold" if each.held else "install") for each in apt.pending)
    (folder / "status").write_text("".join(status))
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::State "{folder}"; Dir::State::lists "{folder}/lists"; Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache"; Dir::Etc "{folder}/etc";\n'
        'APT::Architecture "amd64"; APT::Architectures { "amd64"; };\n'
    )
    return configuration


def described(package: PendingPackage, version: str, wanted: str = "") -> str:
    """A package as lists and dpkg's status have it."""
    state = f"Status: {wanted} ok installed\n" if wanted else f"Filename: pool/{package.name}.deb\nSize: 1\n"
    return (
        f"Package: {package.name}\n{state}Version: {version}\nArchitecture: amd64\n"
        f"Maintainer: nobody <nobody@example.invalid>\nDescription: {package.name}\n\n"
    )
