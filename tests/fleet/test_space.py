"""Nothing of a fleet is left, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet import space
from tests.fleet.distribution import Distribution
from tests.fleet.space import FleetError, is_running, list_cgroups, remove_leftovers, start_space, wait_until

ORPHAN = """
import sys, time
from pathlib import Path
from tests.fleet.space import start_space
started = start_space("orphan", ("sleep", "infinity"), Path(sys.argv[1]), dies_with_us=True)
print(started.init, flush=True)
time.sleep(600)
"""


def test_the_machine_s_mounts_and_interfaces_are_its_own(wsl: Distribution) -> None:
    """A distribution has its root, its podman store, its network; the machine knows none of them."""
    assert str(wsl.folder) not in Path("/proc/self/mountinfo").read_text()
    assert {"flatnet-br0"} == set(wsl.sh("ls /sys/class/net").split()) & {"flatnet-br0", "eth0"}
    assert not Path("/sys/class/net/flatnet-br0").exists()
    wsl.sh("touch /etc/fleet-was-here /var/lib/fleet-was-here")
    assert (False, False) == (Path("/etc/fleet-was-here").exists(), Path("/var/lib/fleet-was-here").exists())
    assert wsl.name != os.uname().nodename


def test_the_kernel_s_settings_cannot_be_changed_from_inside(wsl: Distribution) -> None:
    """Those of the network are its own, all others are the machine's."""
    assert 0 == wsl.space.attempt("sysctl", "-w", "net.ipv4.ip_forward=1").returncode
    assert 0 != wsl.space.attempt("sysctl", "-w", "kernel.pid_max=32768").returncode


def test_the_end_leaves_no_process_and_no_cgroup(tmp_path: Path) -> None:
    """Also of programs that were started in the background."""
    running = start_space("ends", ("sleep", "infinity"), tmp_path / "log", dies_with_us=True)
    running.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &")
    assert running.cgroup in list_cgroups()
    running.end()
    assert (False, False) == (running.cgroup.exists(), is_running(running.init))


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """And says what was printed."""
    before = set(list_cgroups())
    with pytest.raises(FleetError, match="no-such-program"):
        start_space("fails", ("no-such-program",), tmp_path / "log", dies_with_us=True)
    assert set() == {cgroup for cgroup in list_cgroups() if cgroup.name.startswith(f"{space.PREFIX}fails")} - before


def test_a_killed_test_run_takes_its_fleet_with_it(tmp_path: Path) -> None:
    """The kernel ends it; its empty cgroup is removed by the next one."""
    orphan = [sys.executable, "-c", ORPHAN, str(tmp_path / "log")]
    with subprocess.Popen(orphan, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        init = int(parent.stdout.readline())
        assert is_running(init)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_running(init), "the end of the orphan")
    remove_leftovers()
    assert [] == [cgroup for cgroup in list_cgroups() if cgroup.name == f"{space.PREFIX}orphan-{parent.pid}"]
