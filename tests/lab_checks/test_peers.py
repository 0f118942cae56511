"""The comparison with Ansible and pyinfra: the inventories that they are given, and what is made of the seconds."""

import ast
import shlex
from pathlib import Path

import pytest

from tests.bench.peer_programs import Command, NotRun, build_ansible_inventory, build_pyinfra_inventory, build_read, run
from tests.bench.peers import COLD, ONE, WARM, Run, build_goals, build_table, find_best
from tests.commands.canned import host

FLEET = (host("lighthouse", 0), host("host-a", 11), host("host-b", 12))

ANSIBLE = Run("Ansible", "`raw`, 100 forks, open connections", 100)
FEW = Run("Ansible", "`raw`, 25 forks, open connections", 100)
PYINFRA = Run("pyinfra", "`exec`", 100)
TIMES = {WARM: [1.0, 0.5, 0.7], ANSIBLE: [5.0, 2.0, 2.5], FEW: [2.1, 2.1, 9.0], PYINFRA: [1.4, 1.6, 1.2]}


def test_both_programs_run_the_read_of_containers_that_health_runs() -> None:
    side = FLEET[1].wsl
    assert side is not None
    assert "sudo -n podman ps -a --filter network=flatnet --format json" == shlex.join(build_read(side))


def test_ansible_is_given_every_host_with_wsl2_and_the_known_host_keys() -> None:
    lines = [shlex.split(line) for line in build_ansible_inventory(FLEET).splitlines()]
    assert ["host-a", "host-b"] == [name for name, *_ in lines]
    assert [
        "ansible_host=192.0.2.11",
        "ansible_port=22",
        "ansible_user=flatnet",
        "ansible_ssh_private_key_file=/key",
        "ansible_ssh_common_args=-o UserKnownHostsFile=/known_hosts",
    ] == lines[0][1:]


def test_pyinfra_is_given_the_same_and_refuses_unknown_host_keys() -> None:
    name, _, value = build_pyinfra_inventory(FLEET).partition(" = ")
    first, second = ast.literal_eval(value)
    assert ("fleet", "host-b", "192.0.2.12") == (name, second[0], second[1]["ssh_hostname"])
    data = {
        "ssh_hostname": "192.0.2.11",
        "ssh_port": 22,
        "ssh_user": "flatnet",
        "ssh_key": "/key",
        "ssh_known_hosts_file": "/known_hosts",
        "ssh_strict_host_key_checking": "yes",
    }
    assert ("host-a", data) == first


@pytest.mark.parametrize(
    ("times", "program", "hosts", "best"),
    [
        (TIMES, "Ansible", 100, 2.1),
        (TIMES, "pyinfra", 100, 1.4),
        (TIMES, "pyinfra", 1, None),
        ({WARM: [1.0]}, "Ansible", 100, None),
    ],
)
def test_the_best_run_of_a_program_is_the_one_with_the_least_median(
    times: dict[Run, list[float]], program: str, hosts: int, best: float | None
) -> None:
    assert best == find_best(times, program, hosts)


def test_our_medians_are_held_against_the_best_median_of_each_program() -> None:
    assert [
        "| flatnet-bot | `do health`, a running bot, warm | 100 | 0.70 s | 0.50–1.00 s | 0.50 | 0.33 |",
        "| Ansible | `raw`, 100 forks, open connections | 100 | 2.50 s | 2.00–5.00 s |  |  |",
        "| Ansible | `raw`, 25 forks, open connections | 100 | 2.10 s | 2.10–9.00 s |  |  |",
        "| pyinfra | `exec` | 100 | 1.40 s | 1.20–1.60 s |  |  |",
    ] == list(build_table(TIMES))[2:]


def test_one_host_is_not_held_against_a_fleet() -> None:
    *_, row = build_table({COLD: [2.0], PYINFRA: [1.0], ONE: [0.4]})
    assert "| flatnet-bot | `do health` of one host, a running bot, warm | 1 | 0.40 s | 0.40–0.40 s |  |  |" == row


def test_a_goal_is_met_missed_or_not_measured() -> None:
    assert [
        "| `health` of 100 hosts at least 1.5 × faster than pyinfra | 2.0 × | yes |",
        "| `health` of 100 hosts at least 5 × faster than Ansible | 3.0 × | no |",
    ] == list(build_goals(TIMES))[2:]
    alone = list(build_goals({WARM: [1.0]}))[2:]
    assert ["not measured", "not measured"] == [line.split(" | ")[1] for line in alone]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("printf", r"host-a | CHANGED | rc=0 >>\nhost-b | UNREACHABLE! => {}\n"), "1 of 2 hosts were read"),
        (("sh", "-c", "echo first >&2; echo last >&2; exit 3"), "last"),
        (("/no/such/program",), "No such file or directory"),
    ],
)
def test_seconds_of_a_run_that_did_not_read_every_host_are_not_taken(
    words: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(NotRun, match=reason):
        run(Command(words, r" \| CHANGED \| rc=0 >>$"), tmp_path, 2)
