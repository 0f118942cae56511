"""The image of docs/deploy is built by podman, and runs under systemd as the guide and its Quadlet file say."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.distribution import Distribution, boot
from tests.fleet.space import wait_until
from tests.product.container import NAME, USER, install, run_lab, start
from tests.product.image import IMAGE, STORE_MEGABYTES, build_image, find_obstacle, read_base
from tests.product.packages import ALSO_OF_THE_BOT, list_development

_OBSTACLE = find_obstacle()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_OBSTACLE is not None, reason=f"THE IMAGE WAS NOT BUILT: {_OBSTACLE}"),
]

ALONE = ("podman", "run", "--rm", "--interactive", "--network=none", "--read-only")

WRITABLE = "find / -xdev -type d -writable; find $(awk '{print $2}' /proc/mounts) -maxdepth 0 -type d -writable"
"""Lists folders of the root, and places of mounts, that the user may write to."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distribution]:
    """A distribution that has the image."""
    distribution = boot("image", tmp_path_factory.mktemp("image") / "host", dies_with_us=True, megabytes=STORE_MEGABYTES)
    try:
        build_image(distribution)
        yield distribution
    finally:
        distribution.space.end()


@pytest.fixture(scope="module")
def findings(built: Distribution) -> dict[str, Any]:
    """What the image's own Python finds in it."""
    program = Path(__file__).with_name("inside.py").read_text()
    found: dict[str, Any] = json.loads(built.space.run(*ALONE, "--entrypoint=python", IMAGE, "-I", "-", given=program))
    return found


@pytest.fixture(scope="module")
def running(built: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distribution]:
    """The same, where the container runs with a lab beside it."""
    lab = tmp_path_factory.mktemp("container") / "lab"
    with run_lab(built, lab):
        install(built, lab)
        start(built)
        yield built
        built.space.run("systemctl", "stop", NAME)


def ask(running: Distribution, *words: str) -> str:
    """Runs a program inside the container, as its user."""
    return running.space.run("podman", "exec", NAME, *words)


def test_the_base_has_the_python_that_its_tag_names(built: Distribution) -> None:
    """The base is made here. Where Debian's Python becomes another one than the official image's, this test says so."""
    version, _ = read_base()
    said = built.space.run(*ALONE, "--entrypoint=python", IMAGE, "--version")
    assert f"Python {version}" == said.strip().rpartition(".")[0]


def test_every_module_is_imported_with_nothing_but_what_the_image_has(findings: dict[str, Any]) -> None:
    assert len(findings["files"]) == findings["modules"]
    assert ("すべて正常", "89504e47") == (findings["phrase"], findings["chart"])
    assert [] == [file for file in findings["files"] if not file.startswith("/opt/flatnet-bot/")]


def test_nothing_of_development_is_in_the_image(findings: dict[str, Any]) -> None:
    assert ALSO_OF_THE_BOT == list_development() & set(findings["installed"])


def test_the_program_explains_itself_without_a_configuration(built: Distribution) -> None:
    explained = built.space.run(*ALONE, IMAGE, "--help")
    assert [True, True] == [f" {command} " in explained for command in ("run", "doctor")]


def test_the_container_is_healthy_by_its_own_health_check(running: Distribution) -> None:
    """The image's question, asked inside, and Quadlet's, asked by podman."""
    inspected = running.space.run("podman", "image", "inspect", "--format={{json .HealthCheck.Test}}", IMAGE)
    kind, *command = json.loads(inspected)
    assert "CMD" == kind
    wait_until(lambda: running.space.attempt("podman", "exec", NAME, *command).returncode == 0, "the answer of /healthz")
    assert 0 == running.space.attempt("podman", "healthcheck", "run", NAME).returncode


def test_its_process_has_no_rights_and_can_get_none(running: Distribution) -> None:
    lines = ask(running, "cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    ids = "\t".join([str(USER)] * 4)
    rights = {"Uid": ids, "Gid": ids, "CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}
    assert rights == {key: status[key] for key in rights}


def test_nothing_lasting_can_be_written_but_the_bot_s_data(running: Distribution) -> None:
    """/tmp and the kernel's queues end with the container, and hold no programs."""
    found = set(ask(running, "sh", "-c", WRITABLE).split())
    assert {"/var/lib/flatnet-bot", "/tmp", "/dev/mqueue"} == {path for path in found if not path.startswith("/proc")}
    mounts = [line.split() for line in ask(running, "cat", "/proc/mounts").splitlines()]
    options = {place: set(given.split(",")) for _, place, _, given, *_ in mounts}
    harmless = {"noexec", "nosuid", "nodev"}
    assert [harmless] * 2 == [harmless & options[place] for place in ("/tmp", "/dev/mqueue")]


def test_the_bot_answers_about_its_hosts(running: Distribution) -> None:
    wait_until(lambda: '"connected"' in running.sh(f"journalctl --unit={NAME} --output=cat"), "the workspace")
    assert "All 2 hosts are healthy" in ask(running, "flatnet-bot", "do", "health")


def test_the_doctor_finds_nothing_against_the_bot(running: Distribution) -> None:
    """The hosts are not rehearsed, which it says."""
    examined = running.space.attempt("podman", "exec", NAME, "flatnet-bot", "doctor")
    states = dict(re.findall(r"^bot\.(\w+) +(\w+)", examined.stdout, re.MULTILINE))
    parts = ("configuration", "secrets", "files", "machine", "database", "audit", "slack")
    assert dict.fromkeys(parts, "healthy") == states, examined.stdout


def test_a_stop_is_a_clean_end(running: Distribution) -> None:
    """systemd sends SIGTERM to podman, and podman to the bot."""
    running.space.run("systemctl", "stop", NAME)
    keys = ("Result", "ExecMainStatus", "ActiveState")
    shown = running.space.run("systemctl", "show", *(f"--property={key}" for key in keys), NAME)
    assert {"Result=success", "ExecMainStatus=0", "ActiveState=inactive"} == set(shown.split())
    start(running)
