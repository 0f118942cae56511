"""Pending apt upgrades in WSL2 (Debian, Ubuntu), the age of apt's lists, and whether a restart is pending.

Simulated and without root: nothing is fetched, installed or locked, so apt's answer is as old as its lists. Without lists
apt reports nothing to do. So the answer counts only if there is a list of a security archive.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter

from adapters.inventory import WslSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.podman import UnreadPart

LISTS_FOLDER = "/var/lib/apt/lists"
UPDATE_STAMP = "/var/lib/apt/periodic/update-success-stamp"
RESTART_MARK = "/var/run/reboot-required"
"""File that exists while a restart is pending.

apt changes `LISTS_FOLDER` when it installs a new list. Ubuntu touches `UPDATE_STAMP` after every successful `apt update`.
"""

Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+:~_-]{1,128}$")]


class Package(Value):
    """An installed package with a newer version. `security`: a security archive has that version."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]{0,127}(:[a-z0-9]{1,16})?$")]
    installed: Version
    candidate: Version
    security: bool


class WslUpdates(Value):
    """Pending upgrades as of `listed_at`, the time of the last list update.

    `packages` are sorted by name. `restart`: WSL2 must be restarted to finish an upgrade; None: unknown. `kept` counts newer
    versions that apt does not install: on hold, phased, or not installable.
    """

    packages: tuple[Package, ...] | UnreadPart
    kept: int = 0
    listed_at: AwareDatetime | None
    restart: bool | None


class ReadUpdates(WslAction[WslUpdates]):
    """Simulates `apt-get dist-upgrade`. Reading apt's lists takes seconds of CPU time."""

    program_timeout = 20.0
    deadline = 30.0
    output_limit = 2 * 1024 * 1024  # about 300 bytes for each package

    @classmethod
    def of(cls, side: WslSide) -> "ReadUpdates":
        """Makes the action, which is the same for any host."""
        return cls()

    def build_commands(self) -> tuple[Argv, ...]:
        # Packages on hold count as kept back, because `apt upgrade` does not install them either.
        simulate = ("apt-get", "-s", "-q", "-o", "Debug::NoLocking=1", "dist-upgrade")
        return (
            ("stat", "--format=%n %Y", LISTS_FOLDER, UPDATE_STAMP, RESTART_MARK),
            ("apt-get", "indextargets", "--format", "$(LABEL):$(SUITE)", "Created-By: Packages"),
            simulate,
        )

    def parse(self, completed: Sequence[CompletedProgram]) -> WslUpdates:
        stat, archives, upgrade = completed
        times = _parse_times(stat)
        packages = _find_failure(archives, upgrade) or _parse_packages(upgrade.stdout)
        return WslUpdates(
            packages=packages,
            kept=_count_kept_back(upgrade.stdout) if isinstance(packages, tuple) else 0,
            listed_at=max((at for path, at in times.items() if path != RESTART_MARK), default=None),
            restart=_needs_restart(stat, times),
        )


def _parse_times(stat: CompletedProgram) -> Mapping[str, datetime]:
    """Parses the modification times of the files that exist. stat's exit code only tells that one of them is missing."""
    found = re.findall(r"^(/\S+) ([0-9]{1,11})$", stat.stdout, re.MULTILINE)
    return {path: datetime.fromtimestamp(int(seconds), UTC) for path, seconds in found}


def _needs_restart(stat: CompletedProgram, times: Mapping[str, datetime]) -> bool | None:
    if RESTART_MARK in times:
        return True
    return False if re.search(rf"{RESTART_MARK}'?: No such file", stat.stderr) else None


def _find_failure(archives: CompletedProgram, upgrade: CompletedProgram) -> UnreadPart | None:
    """Finds the reason for which apt's answer does not count, if any."""
    for answer in (archives, upgrade):
        if answer.code != 0:
            return UnreadPart(phrase=_describe_failure(answer))
    if not any(map(_is_security, archives.stdout.splitlines())):
        return UnreadPart(
            phrase=Phrase("apt has no security package list. Check its sources, then run in WSL2: sudo apt update")
        )
    if _SUMMARY.search(upgrade.stdout) is None:
        return UnreadPart(phrase=_describe_unknown_answer())
    return None


_SUMMARY = re.compile(r"^\d{1,6} upgraded, .*\b(\d{1,6}) not upgraded\.$", re.ASCII | re.MULTILINE)
"""apt's summary of an upgrade. The lines for single packages follow it."""

_INSTALL = re.compile(r"Inst (?P<name>\S+) (?:\[(?P<old>\S+)\] )?\((?P<new>\S+) (?P<archives>[^()]*?) ?\[\S+\]\)")
"""`Inst jq [1.7-1] (1.7-2 Debian:13.8/stable, Debian-Security:13/stable-security [amd64])`; a new package has no `[old]`."""

_PACKAGES = TypeAdapter(Annotated[tuple[Package, ...], Field(max_length=10_000)])


def _parse_packages(simulated: str) -> tuple[Package, ...] | UnreadPart:
    lines = [line for line in simulated.splitlines() if line.startswith("Inst ")]
    found = [_INSTALL.match(line) for line in lines]
    try:
        packages = [_parse_package(each) for each in found if each is None or each["old"] is not None]
        return _PACKAGES.validate_python(sorted(packages, key=lambda package: package.name))
    except ValueError:
        return UnreadPart(phrase=_describe_unknown_answer())


def _parse_package(found: re.Match[str] | None) -> Package:
    if found is None:
        raise ValueError("a line that apt has never written")
    security = any(map(_is_security, found["archives"].split(", ")))
    return Package(name=found["name"], installed=found["old"], candidate=found["new"], security=security)


def _is_security(archive: str) -> bool:
    """Returns whether an archive is for security.

    `Ubuntu:24.04/noble-security` or `Debian-Security:10/oldstable`; `UbuntuESM:22.04/jammy-infra-security` too.
    """
    return archive.startswith("Debian-Security:") or archive.endswith("-security")


def _count_kept_back(simulated: str) -> int:
    found = _SUMMARY.search(simulated)
    return int(found[1]) if found else 0


def _describe_unknown_answer() -> Phrase:
    return Phrase("could not parse the output of apt-get. Run in WSL2: apt-get -s dist-upgrade")


def _describe_failure(answer: CompletedProgram) -> Phrase:
    why = answer.error_line
    match answer.code:
        case 124 | 137:
            return Phrase("apt-get did not finish. Check for a stuck apt process in WSL2")
        case 126 | 127:
            return Phrase("could not run apt-get: {why}. Only Debian and Ubuntu are supported", why=why)
        case _:
            return Phrase("apt-get failed: {why}. Run in WSL2: apt-get -s dist-upgrade", why=why)
