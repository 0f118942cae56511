"""What is made of the programs' outputs: the answers of podman, ip and sysctl, good and bad."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.podman import Container, UnreadPart
from adapters.wsl.system import Bridge, ReadSystem, WslSystem
from tests.adapters.wsl.conftest import Connect
from tests.lab.wsl.container import Container as LabContainer
from tests.lab.wsl.programs import CGROUPS_WARNING
from tests.lab.wsl.server import SshServer
from tests.lab.wsl.state import WslState

READ = ReadSystem(network="flatnet", bridge="flatnet-br0")

WELL = (
    CompletedProgram(0, "1\n", ""),
    CompletedProgram(
        0,
        '[{"ifname":"flatnet-br0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"operstate":"UP",'
        '"addr_info":[{"family":"inet","local":"10.87.1.1","prefixlen":24},'
        '{"family":"inet6","local":"fe80::1","prefixlen":64}]}]\n',
        "",
    ),
    CompletedProgram(0, "false\n", CGROUPS_WARNING),
    CompletedProgram(0, "", CGROUPS_WARNING),
    CompletedProgram(0, "[]\n", CGROUPS_WARNING),
)
FORWARDING, BRIDGE, ROOT, NETWORK, LIST = range(5)


def read(**changes: CompletedProgram) -> WslSystem:
    """The system where all is well but for the named programs."""
    places = {"forwarding": FORWARDING, "bridge": BRIDGE, "root": ROOT, "network": NETWORK, "containers": LIST}
    completed = list(WELL)
    for name, answer in changes.items():
        completed[places[name]] = answer
    return READ.parse(completed)


def said(part: object) -> str:
    """The words of a problem."""
    assert isinstance(part, UnreadPart)
    return str(part.phrase)


def listed(**changes: Any) -> CompletedProgram:
    """podman's list with one container that has these fields."""
    usual = {
        "Id": "ab" * 32,
        "Names": ["web"],
        "Image": "localhost/busybox:lab",
        "StartedAt": 1795600000,
        "State": "running",
        "Status": "Up 1 second",
        "ExitCode": 0,
    }
    return CompletedProgram(0, json.dumps([usual | changes]), "")


WEB = Container(
    id="ab" * 32,
    name="web",
    state="running",
    exit_code=0,
    image="localhost/busybox:lab",
    started_at=datetime.fromtimestamp(1795600000, UTC),
)


def test_a_healthy_host_has_no_problem() -> None:
    bridge = Bridge(exists=True, up=True, addresses=("10.87.1.1/24",))
    assert WslSystem(containers=(), bridge=bridge, forwarding=True) == read()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {}, id="running"),
        pytest.param({"Names": ["web", "alias"]}, {}, id="two names"),
        pytest.param({"State": "paused", "Status": "Paused"}, {"state": "paused"}, id="paused"),
        pytest.param({"State": "created", "Status": "Created"}, {"state": "created"}, id="created"),
        pytest.param(
            {"State": "exited", "Status": "Exited (3) 1 second ago", "ExitCode": 3},
            {"state": "exited", "exit_code": 3},
            id="exited",
        ),
        pytest.param({"Status": "Up 2 hours (healthy)"}, {"healthy": True}, id="healthy"),
        pytest.param({"Status": "Up 2 hours (unhealthy)"}, {"healthy": False}, id="unhealthy"),
        pytest.param({"Status": "Up 4 seconds (starting)"}, {}, id="starting: neither yet"),
        pytest.param({"Restarts": 2, "Status": "Up 4 seconds"}, {"restarts": 2}, id="restarted twice"),
        pytest.param({"Restarts": 3, "Status": "Up 2 hours"}, {"restarts": 3}, id="restarted long ago"),
        *(
            pytest.param({"Restarts": 21, "Status": f"Up {since}"}, {"restarts": 21, "restarting": True}, id=f"up {since}")
            for since in ("Less than a second", "1 second", "59 seconds", "About a minute", "9 minutes")
        ),
        *(
            pytest.param({"Restarts": 21, "Status": f"Up {since}"}, {"restarts": 21}, id=f"up {since}")
            for since in ("10 minutes", "About an hour", "2 hours", "3 days")
        ),
        pytest.param(
            {"State": "stopped", "Status": "Exited (3) Less than a second ago", "ExitCode": 3, "Restarts": 21},
            {"state": "stopped", "exit_code": 3, "restarts": 21, "restarting": True},
            id="between two starts",
        ),
        pytest.param(
            {"State": "exited", "Status": "Exited (3) 1 second ago", "ExitCode": 3, "Restarts": 5},
            {"state": "exited", "exit_code": 3, "restarts": 5},
            id="given up after five restarts",
        ),
        pytest.param({"StartedAt": -62135596800}, {"started_at": None}, id="never started"),
        pytest.param({"StartedAt": 10**30, "Image": None}, {"started_at": None, "image": ""}, id="strange, but not needed"),
    ],
)
def test_a_container_is_read_from_podman_s_list(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert (WEB.model_copy(update=expected),) == read(containers=listed(**fields)).containers


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(CompletedProgram(0, "", ""), id="nothing"),
        pytest.param(CompletedProgram(0, "null", ""), id="null"),
        pytest.param(CompletedProgram(0, "{}", ""), id="an object"),
        pytest.param(CompletedProgram(0, "[" * 10_000, ""), id="deep"),
        pytest.param(listed(Names=[]), id="no name"),
        pytest.param(listed(Names=None), id="names null"),
        pytest.param(listed(Names="web"), id="names a text"),
        pytest.param(listed(Names=["x" * 256]), id="a name without end"),
        pytest.param(listed(State="<!channel>"), id="a state that is none"),
        pytest.param(listed(ExitCode="three"), id="a code that is none"),
        pytest.param(listed(Restarts=-1), id="a number of restarts that is none"),
    ],
)
def test_a_list_that_cannot_be_understood_is_a_problem_of_the_containers_alone(answer: CompletedProgram) -> None:
    system = read(containers=answer)
    assert "could not parse" in said(system.containers)
    assert (read().bridge, True) == (system.bridge, system.forwarding)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"root": CompletedProgram(1, "", "sudo: a password is required\n")}, "a password is required", id="sudo refuses"
        ),
        pytest.param(
            {"root": CompletedProgram(1, "", "sudo: podman: command not found\n")}, "command not found", id="no podman"
        ),
        pytest.param(
            {"root": CompletedProgram(127, "", "timeout: failed to run command 'sudo'\n")}, "could not run", id="no sudo"
        ),
        pytest.param({"root": CompletedProgram(0, "true\n", CGROUPS_WARNING)}, "not running as root", id="rootless"),
        pytest.param({"root": CompletedProgram(0, "", "")}, "not running as root", id="no word on root"),
        pytest.param(
            {"root": CompletedProgram(125, "", "Error: database is locked\n")}, "database is locked", id="podman fails"
        ),
        pytest.param({"root": CompletedProgram(124, "", "")}, "did not finish", id="podman hangs"),
        pytest.param({"root": CompletedProgram(137, "", "Killed\n")}, "did not finish", id="podman hangs as root"),
        pytest.param({"network": CompletedProgram(1, "", CGROUPS_WARNING)}, "network flatnet not found", id="no network"),
        pytest.param({"network": CompletedProgram(125, "", "Error: boom\n")}, "boom", id="network fails"),
        pytest.param({"containers": CompletedProgram(125, "", "Error: boom\n")}, "boom", id="list fails"),
        pytest.param({"containers": CompletedProgram(125, "", "")}, "exit code 125", id="list fails without a word"),
        pytest.param({"containers": CompletedProgram(124, "[", "")}, "did not finish", id="list hangs"),
    ],
)
def test_an_empty_list_is_never_believed_without_proof(changes: dict[str, CompletedProgram], words: str) -> None:
    assert words in said(read(**changes).containers)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(CompletedProgram(1, "", 'Device "flatnet-br0" does not exist.\n'), Bridge(exists=False), id="missing"),
        pytest.param(CompletedProgram(0, "[{},{}]", ""), UnreadPart, id="empty objects"),
        pytest.param(CompletedProgram(0, "[]", ""), Bridge(exists=False), id="empty list"),
        pytest.param(
            CompletedProgram(
                0, '[{"ifname":"flatnet-br0","flags":["NO-CARRIER","UP"],"operstate":"DOWN","addr_info":[]}]', ""
            ),
            Bridge(exists=True, up=True),
            id="up without a running container",
        ),
        pytest.param(
            CompletedProgram(0, '[{"ifname":"flatnet-br0","flags":["BROADCAST"],"addr_info":[]}]', ""),
            Bridge(exists=True),
            id="down",
        ),
        pytest.param(CompletedProgram(0, "5: flatnet-br0: <UP>", ""), UnreadPart, id="text: an ip without -json"),
        pytest.param(
            CompletedProgram(
                0, '[{"ifname":"flatnet-br0","flags":[],"addr_info":[{"family":"inet","local":"?","prefixlen":24}]}]', ""
            ),
            UnreadPart,
            id="no address",
        ),
        pytest.param(CompletedProgram(127, "", "timeout: failed to run command 'ip'\n"), UnreadPart, id="no ip"),
    ],
)
def test_the_bridge(answer: CompletedProgram, expected: Bridge | type[UnreadPart]) -> None:
    system = read(bridge=answer)
    assert expected in (system.bridge, type(system.bridge))
    assert ((), True) == (system.containers, system.forwarding)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (CompletedProgram(0, "1\n", ""), True),
        (CompletedProgram(0, "0\n", ""), False),
        (CompletedProgram(0, "2\n", ""), UnreadPart),
        (CompletedProgram(0, "", ""), UnreadPart),
        (CompletedProgram(255, "", "sysctl: cannot stat /proc/sys/net/ipv4/ip_forward: No such file\n"), UnreadPart),
    ],
)
def test_forwarding(answer: CompletedProgram, expected: bool | type[UnreadPart]) -> None:
    system = read(forwarding=answer)
    assert expected in (system.forwarding, type(system.forwarding))
    assert () == system.containers


def test_the_action_asks_for_what_the_inventory_names() -> None:
    assert "network=other" in [
        word for command in ReadSystem(network="other", bridge="br1").build_commands() for word in command
    ]


def unhealthy(state: WslState) -> None:
    state.containers = [
        LabContainer("web", health="unhealthy"),
        LabContainer("db", state="exited", exit_code=3),
        LabContainer("job", state="created"),
        LabContainer("cache", state="paused"),
        LabContainer("api", state="stopped", exit_code=3, restarts=21),
        LabContainer("elsewhere", network="podman"),
    ]


LAB: list[tuple[str, Callable[[WslState], object], str, str]] = [
    ("healthy", lambda state: None, "containers", "web running True, db running None"),
    (
        "unhealthy",
        unhealthy,
        "containers",
        "web running False, db exited None, job created None, cache paused None, api stopped None ↻",
    ),
    ("sudo refused", lambda state: setattr(state, "sudo", False), "containers", "a password is required"),
    ("rootless", lambda state: setattr(state, "sudo_becomes_root", False), "containers", "not running as root"),
    ("no podman", lambda state: state.missing.add("podman"), "containers", "command not found"),
    ("no sudo", lambda state: state.missing.add("sudo"), "containers", "could not run"),
    ("no network", lambda state: state.networks.discard("flatnet"), "containers", "network flatnet not found"),
    ("no bridge", lambda state: setattr(state, "bridge_exists", False), "bridge", "exists=False"),
    ("bridge down", lambda state: setattr(state, "bridge_up", False), "bridge", "up=False"),
    ("no forwarding", lambda state: setattr(state, "forwarding", False), "forwarding", "False"),
    ("no sysctl", lambda state: state.missing.add("sysctl"), "forwarding", "failed to run command"),
]


@pytest.mark.parametrize(("change", "part", "words"), [case[1:] for case in LAB], ids=[case[0] for case in LAB])
async def test_the_system_of_a_lab_host(
    change: Callable[[WslState], object], part: str, words: str, connect: Connect, server: SshServer
) -> None:
    """In one round trip, and one bad part does not hide the others."""
    change(server.state)
    system = await connect().perform(READ)
    assert words in shown(getattr(system, part))
    others = {name for name in ("containers", "bridge", "forwarding") if name != part}
    assert not [name for name in others if isinstance(getattr(system, name), UnreadPart)]
    assert server.lines == 1


def shown(part: object) -> str:
    match part:
        case UnreadPart():
            return said(part)
        case tuple():
            return ", ".join(
                f"{container.name} {container.state} {container.healthy}{' ↻' if container.restarting else ''}"
                for container in part
            )
        case _:
            return str(part)
