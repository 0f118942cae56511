"""The bot's container under the real systemd, as the deployment guide has it: Quadlet, secrets, configuration, a lab.

lab ─ addresses, keys ─▶ /etc/flatnet-bot ─┐
the guide's settings ──────────────────────┴─▶ systemd ─ flatnet-bot.container ─▶ podman ─▶ the bot
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tomlkit

from tests.fleet.distribution import Distribution
from tests.fleet.space import PATIENCE, FleetError, start_beside, wait_until
from tests.product.packages import ROOT

NAME = "flatnet-bot"

USER = 10001
"""The container's user, who has no name outside."""

_QUADLET, _GUIDE = ROOT / "docs/deploy/flatnet-bot.container", ROOT / "docs/deploy.md"

_FOLDER, _UNITS = "/etc/flatnet-bot", "/etc/containers/systemd"

_KEY = "id_ed25519"

_LAB_FILES = ("ca.crt", _KEY, "known_hosts")
"""What the bot needs of the lab's folder."""

_CONTROLLERS = {"memory": "--memory=", "pids": "--pids-limit="}
"""Controllers of cgroups, and the option of podman that is refused without one."""


@contextmanager
def run_lab(distribution: Distribution, folder: Path) -> Iterator[None]:
    """Runs a fleet and a workspace on the distribution's loopback. `folder` must be new."""
    folder.mkdir()
    log = folder / "lab.log"
    words = ("--hosts", "2", "--workspace", "--language", "en", "--dir", str(folder))
    enter = ("nsenter", f"--target={distribution.space.init}", "--net")
    command = (*enter, sys.executable, "-m", "tests.lab", *words)
    *_, lab = start_beside(distribution.space, command, log, dies_with_us=True).started
    try:
        wait_until(lambda: "ready:" in log.read_text(), f"the lab; see {log}")
        yield
    finally:
        lab.terminate()
        lab.wait(PATIENCE)


def install(distribution: Distribution, lab: Path) -> None:
    """Puts the configuration, its keys, the secrets and the unit where the guide says."""
    space = distribution.space
    space.write(f"{_FOLDER}/flatnet.toml", _compose_configuration(lab))
    for name in _LAB_FILES:
        space.write(f"{_FOLDER}/pki/{name}", (lab / "lab" / name).read_bytes())
    distribution.sh(f"chgrp -R {USER} {_FOLDER}; find {_FOLDER} -type f -exec chmod 0640 {{}} +")
    distribution.sh(f"chown {USER} {_FOLDER}/pki/{_KEY}; chmod 0600 {_FOLDER}/pki/{_KEY}")
    for secret in sorted((lab / "secrets").iterdir()):
        space.run("podman", "secret", "create", secret.name, "-", given=secret.read_bytes())
    space.write(f"{_UNITS}/{_QUADLET.name}", _QUADLET.read_bytes())
    space.write(f"{_UNITS}/{_QUADLET.name}.d/here.conf", _adapt_quadlet(distribution))
    space.run("systemctl", "daemon-reload")


def start(distribution: Distribution) -> None:
    """Starts the container, and returns when the bot has said that it is ready."""
    if distribution.space.attempt("systemctl", "start", NAME).returncode != 0:
        raise FleetError(distribution.sh(f"journalctl --unit={NAME} --output=cat --lines=40"))


def _compose_configuration(lab: Path) -> str:
    """Puts the guide's settings of a container over those of the lab."""
    _, shown = re.findall(r"```toml\n(.*?)```", _GUIDE.read_text(), re.DOTALL)[:2]
    text = (lab / "flatnet.toml").read_text().replace(str(lab / "lab"), "pki")
    settings = tomllib.loads(text) | tomllib.loads(shown)
    del settings["socket_file"]
    settings["people"][0]["system"] = [NAME]  # everybody who can use `podman exec`
    return tomlkit.dumps(settings)


def _adapt_quadlet(distribution: Distribution) -> str:
    """Writes what is different here: the lab is on the loopback, and controllers may not be delegated."""
    (options,) = re.findall(r"^PodmanArgs=(.*)$", _QUADLET.read_text(), re.MULTILINE)
    delegated = distribution.space.read("/sys/fs/cgroup/cgroup.controllers").split()
    refused = tuple(option for controller, option in _CONTROLLERS.items() if controller not in delegated)
    left = " ".join(option for option in options.split() if not option.startswith(refused))
    return f"[Container]\nNetwork=host\nPodmanArgs=\nPodmanArgs={left}\n"
