"""A distribution for prepare-wsl.sh in a mount namespace: the machine's real sshd, sudo, useradd on copies of its files.

    unshare --mount --pid --fork python -m tests.wsl_world FOLDER QUESTION      (as root; FOLDER is empty)

QUESTION is JSON: `before`, a shell script that makes the host, and `runs`, shell scripts. The answer on standard output has
for each run its code, its outputs, the files that it changed, and what it asked of systemctl, which is a stand-in: systemd
as PID 1 is in `tests/fleet`. The script and the helper beside it are in `/tmp`.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host_scripts import HELPER, HOSTS, PREPARE

PROGRAMS = ("/usr/sbin/sshd", "/usr/sbin/visudo", "/usr/sbin/useradd", "/usr/bin/unshare")


def find_obstacle() -> str:
    """Returns why the script cannot be run here; "" if it can."""
    if os.geteuid() != 0:
        return "this is not root"
    if missing := [program for program in PROGRAMS if not Path(program).exists()]:
        return f"{', '.join(missing)} is missing"
    made = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return "" if made.returncode == 0 else "namespaces cannot be made"


OBSTACLE = find_obstacle()
NEEDS_WORLD = [
    pytest.mark.slow,
    pytest.mark.skipif(
        OBSTACLE != "", reason=f"THE FLEET OF REAL PROGRAMS WAS NOT TESTED: no distribution was made, {OBSTACLE}"
    ),
]


def run(folder: Path, *runs: str, before: str = "") -> list[dict[str, Any]]:
    """Returns what came of scripts, one after the other, on a host that another script made."""
    question = json.dumps({"before": before, "runs": runs})
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]
    command = [*unshare, sys.executable, "-m", "tests.wsl_world", str(folder), question]
    done = subprocess.run(command, cwd=HOSTS.parents[1], capture_output=True, text=True, timeout=5 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


PATIENCE = 60
"""Seconds in which a script must end."""

STOPPED = 124
"""The exit code of `timeout` for what has not ended."""

PLACES = ("usr", "var", "opt")
"""Folders of the machine whose changes stay in memory."""

EMPTY = ("/home", "/run", "/tmp")
"""Folders of the machine that are not seen: the checkout and the Python that run this may be below any of them."""

WATCHED = ("/etc", "/home", "/run", "/usr/local/libexec")

SYSTEMCTL = """#!/bin/sh
printf '%s\\n' "$*" >>/tmp/asked
case "$*" in
"is-active --quiet ssh.service") test -e /run/active ;;
"is-enabled --quiet ssh.service") test -e /run/enabled ;;
"is-enabled --quiet ssh.socket") test -e /run/socket ;;
"restart ssh.service")
    [ ! -e /tmp/interrupt ] || { rm /tmp/interrupt; kill -TERM $PPID; }
    [ ! -e /tmp/broken ] || { rm /tmp/broken; exit 1; }
    : >/run/active
    ;;
"stop ssh.service") rm -f /run/active ;;
"enable --quiet ssh.service") : >/run/enabled ;;
"disable --quiet ssh.service") rm -f /run/enabled ;;
"enable --quiet --now ssh.socket") : >/run/socket ;;
"disable --quiet --now ssh.socket") rm -f /run/socket ;;
*) exit 9 ;;
esac
"""

USUAL = """
rm -rf /etc/wsl.conf /etc/sudoers.d/* /etc/ssh/sshd_config.d/*
printf 'Include /etc/ssh/sshd_config.d/*.conf\\nUsePAM yes\\n' >/etc/ssh/sshd_config
printf 'root ALL=(ALL:ALL) ALL\\n@includedir /etc/sudoers.d\\n' >/etc/sudoers
mkdir -p /run/systemd/system /run/sshd /tmp/key
: >/run/active; : >/run/enabled
ssh-keygen -A >/dev/null; ssh-keygen -q -t ed25519 -N '' -C flatnet-bot -f /tmp/key/id
"""


def main() -> None:
    """Makes the host, runs the scripts, prints what came of them."""
    folder, question = Path(sys.argv[1]), json.loads(sys.argv[2])
    copied = {f"/tmp/{script.name}": script.read_text() for script in (PREPARE, HELPER)}
    os.umask(0o022)  # as a distribution has it; with a narrower one accounts could not read their own system
    _mount(folder)
    for place, text in copied.items():
        Path(place).write_text(text)
    for name, text in (("systemctl", SYSTEMCTL), ("podman", "#!/bin/sh\n")):
        Path(f"/usr/bin/{name}").unlink(missing_ok=True)
        Path(f"/usr/bin/{name}").write_text(text)
        Path(f"/usr/bin/{name}").chmod(0o755)
    _run(f"set -eu\n{USUAL}\n{question['before']}", check=True)
    print(json.dumps([_report(script) for script in question["runs"]]))


def _mount(folder: Path) -> None:
    def mount(*words: str) -> None:
        subprocess.run(["mount", *words], check=True)

    mount("-t", "tmpfs", "tmpfs", str(folder))
    for place in PLACES:
        upper, work = folder / place / "upper", folder / place / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        mount("-t", "overlay", "overlay", "-o", f"lowerdir=/{place},upperdir={upper},workdir={work}", f"/{place}")
    subprocess.run(["cp", "--archive", "/etc", str(folder)], check=True)  # a package may be installed beside the tests
    mount("--bind", str(folder / "etc"), "/etc")
    for place in EMPTY:
        mount("-t", "tmpfs", "tmpfs", place)


def _run(script: str, *, check: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    command = ["timeout", str(PATIENCE), "sh", "-c", script]  # it also ends what the script started, which holds the outputs
    ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check)
    if ended.returncode == STOPPED:
        sys.exit(f"{script}\nhas not ended within {PATIENCE} s, and said:\n{ended.stdout}{ended.stderr}")
    return ended


def _report(script: str) -> dict[str, object]:
    asked = Path("/tmp/asked")
    asked.write_text("")
    before = dict(_list_files())
    ran = _run(script)
    after = dict(_list_files())
    return {
        "code": ran.returncode,
        "stdout": ran.stdout,
        "stderr": ran.stderr,
        "changed": sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)),
        "asked": [line for line in asked.read_text().splitlines() if not line.startswith("is-")],
    }


def _list_files() -> Iterator[tuple[str, tuple[int, int, int, str]]]:
    """Lists every file and folder with its mode, owners and content, but the copies that useradd keeps of its own files."""
    for place in WATCHED:
        for parent, _, names in os.walk(place):
            for path in (parent, *(f"{parent}/{name}" for name in names)):
                if path.endswith(("-", "/.pwd.lock")) or not os.path.lexists(path):
                    continue
                state = os.lstat(path)
                content = Path(path).read_bytes() if stat.S_ISREG(state.st_mode) else b""
                yield path, (state.st_mode, state.st_uid, state.st_gid, hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
