"""Namespaces with a process as PID 1, in a cgroup of their own. Killing that cgroup ends everything in them.

Mounts, interfaces and processes live as long as PID 1. What is left afterwards is an empty cgroup, which is removed.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.machine import NAMESPACES, find_cgroups

PREFIX = "flatnet-fleet-"
"""Names of our cgroups begin with it."""

PATIENCE = 60.0
"""Seconds in which what is waited for must come: the machine may be busy with other tests."""

_ENTER_CGROUP = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"'

ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb")
"""The variables of every program inside."""

UMASK = 0o022
"""The mask of a booted machine. With a narrower one of the tester, accounts inside could not read their own system."""

_Process = subprocess.Popen[bytes]


class FleetError(RuntimeError):
    """A program of the fleet failed; the message has its output."""


@dataclass(frozen=True)
class Space:
    """Running namespaces: their cgroup, PID 1 as the machine sees it, and the processes that were started for them."""

    cgroup: Path
    init: int
    started: tuple[_Process, ...] = ()

    def command(self, *argv: str) -> list[str]:
        """Returns the command that runs a program inside."""
        return ["nsenter", f"--target={self.init}", *NAMESPACES, "env", "-i", *ENVIRONMENT, *argv]

    def run(self, *argv: str, given: str | bytes = "", timeout: float = PATIENCE) -> str:
        """Runs a program inside to its end and returns its standard output. Raises `FleetError` if it fails."""
        ended = self.attempt(*argv, given=given, timeout=timeout)
        if ended.returncode != 0:
            raise FleetError(f"{argv} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
        return ended.stdout

    def attempt(self, *argv: str, given: str | bytes = "", timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Runs a program inside to its end, whatever its exit code."""
        data = given if isinstance(given, bytes) else given.encode()
        command = self.command(*argv)
        ended = subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False, umask=UMASK)
        return subprocess.CompletedProcess(argv, ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def write(self, path: str, content: str | bytes) -> None:
        """Writes a file inside, and its folders."""
        self.run("install", "-D", "-m", "0644", "/dev/stdin", path, given=content)

    def read(self, path: str) -> str:
        """Returns the text of a file inside."""
        return self.run("cat", path)

    def end(self) -> None:
        """Kills everything inside, waits for its end, and removes the cgroup."""
        (self.cgroup / "cgroup.kill").write_text("1")
        for process in self.started:
            process.wait(PATIENCE)
        wait_until(
            # PID 1 ends last: it waits for all other processes of its namespace, whichever cgroup they are in
            lambda: _is_empty(self.cgroup) and not is_running(self.init),
            "the end of all processes",
        )
        _remove_cgroup(self.cgroup)


def start_space(name: str, init: Sequence[str], log: Path, *, dies_with_us: bool) -> Space:
    """Starts `init` as PID 1 in new namespaces; what it prints goes to `log`.

    `dies_with_us`: the kernel kills it when this process ends, however it ends.
    """
    remove_leftovers()
    cgroup = _make_cgroup(name)
    unshare = ("unshare", *NAMESPACES, "--fork", "--kill-child=KILL", "--propagation=private")
    parent = _start_in(cgroup / "inside", (*unshare, *init), log, dies_with_us=dies_with_us)
    try:
        wait_until(lambda: _find_child(parent, log) is not None, "PID 1")
        init_pid = _find_child(parent, log)
        assert init_pid is not None
        return Space(cgroup, init_pid, (parent,))
    except BaseException:
        Space(cgroup, 0, (parent,)).end()
        raise


def start_beside(space: Space, argv: Sequence[str], log: Path, *, dies_with_us: bool, fds: Sequence[int] = ()) -> Space:
    """Starts a program of the machine that ends with the space. Returns the space with it."""
    process = _start_in(space.cgroup / "beside", argv, log, dies_with_us=dies_with_us, fds=fds)
    return Space(space.cgroup, space.init, (*space.started, process))


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Polls until a condition holds. Raises `FleetError` if it does not within `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise FleetError(f"waited {PATIENCE:g} s in vain for {what}")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Returns whether a process is there, and no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def remove_leftovers() -> None:
    """Removes the cgroups of fleets that were killed: those without a process, whose maker has ended too."""
    for cgroup in list_cgroups():
        maker = int(cgroup.name.rpartition("-")[2])
        with suppress(FileNotFoundError):  # another test run removes it as well
            if not is_running(maker) and _is_empty(cgroup):
                _remove_cgroup(cgroup)


def list_cgroups() -> list[Path]:
    """Lists the cgroups of all fleets on this machine."""
    mounted = find_cgroups()
    return sorted(mounted.glob(f"{PREFIX}*")) if mounted is not None else []


def _start_in(cgroup: Path, argv: Sequence[str], log: Path, *, dies_with_us: bool, fds: Sequence[int] = ()) -> _Process:
    cgroup.mkdir(exist_ok=True)
    bound = ("setpriv", "--pdeathsig", "KILL") if dies_with_us else ()
    with log.open("ab") as output:
        return subprocess.Popen(
            ["sh", "-c", _ENTER_CGROUP, "-", str(cgroup), *bound, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=fds,
            umask=UMASK,
        )


def _find_child(unshare: _Process, log: Path) -> int | None:
    """Returns the PID of what `unshare` has started; None if it is not there yet."""
    if unshare.poll() is not None:
        raise FleetError(f"PID 1 did not start:\n{log.read_text()}")
    if _read_program(unshare.pid) != "unshare":
        return None
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
    has_begun = bool(children) and _read_program(int(children[0])) not in ("unshare", "")
    return int(children[0]) if has_begun else None


def _read_program(pid: int) -> str:
    """Reads the name of the program that a process runs; "" if it has ended. A child of `unshare` is one until it begins."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _make_cgroup(name: str) -> Path:
    mounted = find_cgroups()
    assert mounted is not None
    cgroup = mounted / f"{PREFIX}{name}-{os.getpid()}"
    cgroup.mkdir()
    return cgroup


def _is_empty(cgroup: Path) -> bool:
    return "populated 0" in (cgroup / "cgroup.events").read_text()


def _remove_cgroup(cgroup: Path) -> None:
    for folder in [Path(folder) for folder, _, _ in os.walk(cgroup, topdown=False)]:
        with suppress(FileNotFoundError):
            folder.rmdir()
