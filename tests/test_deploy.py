"""The service unit and the container say what the bot is: its secrets, its port, its folders."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app
from bot.config.settings import read_settings
from bot.runtime.loopback import EXAMPLE, Loopback
from bot.slack.client.preflight import OPTIONAL_SCOPES

DEPLOY = Path(__file__).parents[1] / "docs" / "deploy"
UNIT, QUADLET, CONTAINERFILE = DEPLOY / "flatnet-bot.service", DEPLOY / "flatnet-bot.container", DEPLOY / "Containerfile"

PORT = str(Loopback.parse(EXAMPLE).port)


def values(unit: Path, key: str) -> list[str]:
    """All values of one key of a unit file."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def configurations() -> list[str]:
    """The configurations that the deployment guide shows."""
    guide = (DEPLOY.parent / "deploy.md").read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)


def read_guide(name: str) -> str:
    """One of the twins of the deployment guide."""
    return (DEPLOY.parent / name).read_text(encoding="utf-8")


def blocks(guide: str) -> list[str]:
    """What a guide shows in fences: commands, settings, outputs; without the comments, which are in its language."""
    fenced = re.findall(r"^ *```\w*\n(.*?)^ *```", read_guide(guide), re.DOTALL | re.MULTILINE)
    return [re.sub(r"(?m)\s+# .*$", "", block) for block in fenced]


def test_the_twins_of_the_guide_show_the_same_commands_and_outputs() -> None:
    assert len(blocks("deploy.md")) > 20
    assert blocks("deploy.md") == blocks("deploy.ja.md")


@pytest.mark.parametrize("guide", ["deploy.md", "deploy.ja.md"])
def test_each_chapter_that_the_guide_sends_to_is_there(guide: str) -> None:
    """Chapters are addressed as GitHub does it: lower case, without punctuation, blanks as hyphens."""
    text = read_guide(guide)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    known = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set() == set(re.findall(r"\]\(#([^)]+)\)", text)) - known


@pytest.mark.parametrize("guide", ["deploy.md", "deploy.ja.md"])
def test_the_guide_s_commands_on_a_stopped_bot_are_there(guide: str) -> None:
    groups = get_command(app).commands  # type: ignore[attr-defined]  # a group has commands
    shown = {(group, word) for group, word in re.findall(r"stopped_bot (\w+) (\w+)", read_guide(guide))}
    on_database = {("db", word) for word in ("adopt", "move", "restore", "upgrade")}
    assert {("audit", "accept"), ("audit", "verify")} | on_database == shown
    assert [] == [(group, word) for group, word in shown if word not in groups[group].commands]


def test_the_guide_says_what_is_missing_without_each_optional_scope() -> None:
    guide = (DEPLOY.parent / "deploy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \|", guide.partition("| optional scope |")[2], re.MULTILINE)
    assert sorted(OPTIONAL_SCOPES) == sorted(re.findall(r"`(.*?)`", " ".join(rows)))


def test_both_hand_over_every_secret_of_the_example_configuration() -> None:
    settings = read_settings(DEPLOY.parents[1] / "flatnet.example.toml")
    credentials = {value.partition(":")[0] for value in values(UNIT, "LoadCredential")}
    secrets = {value.partition(",")[0] for value in values(QUADLET, "Secret")}
    assert set(settings.secret_names) == credentials == secrets


def test_the_unit_may_listen_at_the_status_port_and_nowhere_else() -> None:
    assert ([f"tcp:{PORT}"], ["any"]) == (values(UNIT, "SocketBindAllow"), values(UNIT, "SocketBindDeny"))


def test_the_container_s_health_is_asked_at_the_status_port() -> None:
    """The same question by podman's image and by Quadlet."""
    command = re.search(r"^    CMD (\[.*\])$", CONTAINERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert command is not None
    asked = json.loads(command[1])
    assert asked == json.loads(values(QUADLET, "HealthCmd")[0])
    assert f"http://127.0.0.1:{PORT}/healthz" in asked[-1]


def test_the_base_image_is_pinned_by_its_digest_beside_its_tag() -> None:
    (default,) = re.findall(r"^ARG PYTHON=(.*)$", CONTAINERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", default)


def test_the_image_s_labels_say_what_the_package_says() -> None:
    project = tomllib.loads((DEPLOY.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    labels = re.findall(r'org\.opencontainers\.image\.(\w+)="(.*)"', CONTAINERFILE.read_text(encoding="utf-8"))
    said = {"title": project["name"], "description": project["description"], "licenses": project["license"]}
    assert said == dict(labels)


def test_they_start_a_command_that_there_is() -> None:
    (start,) = values(UNIT, "ExecStart")
    program, command, option, _ = start.split()
    assert ("flatnet-bot", "--config") == (Path(program).name, option)
    assert command in get_command(app).commands  # type: ignore[attr-defined]  # a group has commands
    assert 'ENTRYPOINT ["flatnet-bot"]\nCMD ["run"]' in CONTAINERFILE.read_text(encoding="utf-8")


def test_the_control_socket_sees_who_asks() -> None:
    """In a user namespace of its own the kernel would call everybody "nobody"."""
    assert [] == values(UNIT, "PrivateUsers")


def test_a_restart_is_not_tried_where_only_a_person_can_help() -> None:
    """2 is an unusable configuration or token; 3 may be another bot that still has the database, which passes."""
    assert ["2"] == values(UNIT, "RestartPreventExitStatus") == values(QUADLET, "RestartPreventExitStatus")


@pytest.mark.parametrize("unit", [UNIT, QUADLET])
def test_whatever_else_ends_the_bot_it_is_started_again_a_second_later_however_often(unit: Path) -> None:
    """75 is the end of a copy that lost the lead. It must stand by again when the next one fails."""
    keys = ("Restart", "RestartSec", "StartLimitIntervalSec", "RestartSteps", "SuccessExitStatus")
    assert {"Restart": ["always"], "RestartSec": ["1"], "StartLimitIntervalSec": ["0"]} == {
        key: found for key in keys if (found := values(unit, key))
    }


@pytest.mark.parametrize("number", range(2))
def test_the_guide_s_configurations_keep_state_where_the_unit_and_the_container_allow(number: int) -> None:
    """The first is the service's, the second the container's."""
    written = tomllib.loads(configurations()[number])
    folders = [("/run/credentials/flatnet-bot.service", "/run/flatnet-bot/control.sock"), ("/run/secrets", None)]
    assert "/var/lib/flatnet-bot" == written["data_folder"]
    assert folders[number] == (written["secrets_folder"], written.get("socket_file"))
    assert EXAMPLE == written["status"]["listen"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed; the unit is not verified")
def test_systemd_takes_the_unit_and_finds_little_to_reproach(tmp_path: Path) -> None:
    """The program is put where it is not installed here; 2.0 of 10 is "OK" in systemd's words."""
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text(encoding="utf-8").replace("ExecStart=/opt/flatnet-bot/bin/flatnet-bot", "ExecStart=/bin/true")
    )
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (0, "") == (verified.returncode, verified.stderr)
    judged = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    assert subprocess.run(judged, capture_output=True, check=False).returncode == 0
