"""docs/hosts/prepare-wsl.sh under a real systemd: run again, failing, undone. Refusals are in tests/test_prepare_wsl.py."""

import re
from collections.abc import Mapping

from tests.fleet.distribution import Distribution
from tests.host_scripts import PREPARE

SNAPSHOT = r"""
find /etc /home /usr/local/bin -xdev ! -type d -printf '%p\t%M %U %G %l\n'
find /etc /home /usr/local/bin -xdev -type f -exec sha256sum {} + | sed -E 's/^(\S+)  (.*)/\2 content\t\1/'
id -nG flatnet 2>/dev/null || :
"""
"""Prints files with their rights, owners and contents, and the groups of the account."""

NOT_COMPARED = re.compile(r"^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-( |$)|^/etc/\.pwd\.lock")
"""useradd and userdel leave these behind."""


def snapshot(distribution: Distribution) -> dict[str, str]:
    """The state that the script may change, by file."""
    lines = (line.partition("\t") for line in distribution.sh(SNAPSHOT).splitlines())
    return {path: rest for path, _, rest in lines if NOT_COMPARED.search(path) is None}


def find_changes(before: dict[str, str], after: dict[str, str]) -> Mapping[str, tuple[str | None, str | None]]:
    """What differs between two states."""
    return {each: (before.get(each), after.get(each)) for each in before | after if before.get(each) != after.get(each)}


def listening(distribution: Distribution) -> set[str]:
    """The TCP ports at which something listens."""
    return set(re.findall(r":(\d+) ", distribution.sh("ss -Hltn | awk '{print $4 \" \"}'")))


def test_a_second_run_changes_nothing(fresh: Distribution) -> None:
    """Only the host key and its fingerprint are printed again."""
    first = fresh.prepare()
    before = snapshot(fresh)
    started = fresh.sh("systemctl show --property=ExecMainStartTimestampMonotonic ssh.service")
    second = fresh.prepare()
    assert (0, "", 0, "") == (first.returncode, first.stderr, second.returncode, second.stderr)
    assert first.stdout.splitlines()[-4:] == second.stdout.splitlines()
    assert {} == find_changes(before, snapshot(fresh))
    assert started == fresh.sh("systemctl show --property=ExecMainStartTimestampMonotonic ssh.service")


def test_a_failure_of_systemd_rolls_everything_back(fresh: Distribution) -> None:
    """sshd cannot be restarted with the new configuration, and runs on with the old one."""
    fresh.sh("systemctl start ssh.service")
    fresh.space.write(
        "/run/systemd/system/ssh.service.d/broken.conf", "[Service]\nExecStartPre=test ! -e /etc/sudoers.d/flatnet-bot\n"
    )
    fresh.sh("systemctl daemon-reload")
    before = snapshot(fresh)
    failed = fresh.prepare()
    assert (False, True) == (failed.returncode == 0, "taking back" in failed.stdout), failed
    assert {} == find_changes(before, snapshot(fresh))
    assert ({"22"}, "active\n") == (listening(fresh), fresh.sh("systemctl is-active ssh.service"))


def test_the_lines_that_undo_it_do(fresh: Distribution) -> None:
    """As they are at the script's head: nothing of it is left but systemd, and sshd no longer listens at its port."""
    fresh.sh("systemctl enable --now ssh.service")
    before, ports = snapshot(fresh), listening(fresh)
    assert (0, True) == (fresh.prepare().returncode, "2222" in listening(fresh))
    (lines,) = re.findall(r"^# To undo it:\n((?:#     .*\n)+)", PREPARE.read_text(), re.MULTILINE)
    fresh.sh(re.sub(r"^#", "", lines, flags=re.MULTILINE))
    assert {"/etc/wsl.conf", "/etc/wsl.conf content"} == set(find_changes(before, snapshot(fresh)))
    assert ports == listening(fresh)
