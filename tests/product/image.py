"""The bot's image, built by the real podman from docs/deploy/Containerfile in a booted distribution.

    Debian's packages ─ mmdebstrap ─▶ root ─ podman import ─▶ BASE ─ podman build ─▶ the image

Registries are not asked: the base is made here, of the Debian release and with the Python that the base's tag names. So its
digest is replaced by a build argument, as the deployment guide allows. Everything lies in the distribution's memory, and
ends with it.
"""

import io
import os
import re
import subprocess
import tarfile
from collections.abc import Mapping

from tests.fleet import machine
from tests.fleet.distribution import Distribution
from tests.fleet.machine import NAMESPACES
from tests.fleet.space import ENVIRONMENT, UMASK, FleetError
from tests.product.packages import ROOT

PACKAGES: Mapping[str, str] = {**machine.PACKAGES, "git": "/usr/bin/git", "mmdebstrap": "/usr/bin/mmdebstrap"}
"""Debian's packages, and a program of each, beside what a distribution needs. `.ci/run` installs them."""

IMAGE, BASE = "localhost/flatnet-bot:latest", "localhost/base:latest"

STORE_MEGABYTES = 3072
"""Size of podman's storage. A third of it is used at most, half of that by the finished image."""

SOURCE = "/srv/flatnet-bot"
"""The project's folder inside."""

_CONTAINERFILE, _GUIDE = ROOT / "docs/deploy/Containerfile", ROOT / "docs/deploy.md"

_LONG = 900.0
"""Seconds for what loads packages from the network."""

_LIMITS = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'

# The machine may let no process raise its limits, and may trust a certification authority of its own, which uv does not see.
_FILES = {
    "/etc/containers/containers.conf.d/image.conf": _LIMITS,
    "/etc/uv/uv.toml": "system-certs = true\n",
}

_BUILD_OPTIONS = " ".join(
    (
        "--isolation=chroot --network=host --layers=false --pull=never",
        "--volume=/etc/ssl/certs:/etc/ssl/certs:ro --volume=/etc/uv:/etc/uv:ro",
        f"--build-arg=PYTHON={BASE}",
    )
)

_MAKE_BASE = f"""
mmdebstrap --quiet --variant=minbase --include=ca-certificates,netbase,tzdata,python3-venv \\
    --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python"' {{release}} - |
podman import --quiet --change=ENV=PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin - {BASE}
"""
"""Like the official image: no more than Python, certificates, names of protocols and time zones."""


def read_base() -> tuple[str, str]:
    """Reads the base's Python and its Debian release from the Containerfile: ("3.13", "trixie")."""
    (found,) = re.findall(r"^ARG PYTHON=\S+/python:([\d.]+)-slim-(\w+)@", _CONTAINERFILE.read_text(), re.MULTILINE)
    version, release = found
    return version, release


def build_image(distribution: Distribution) -> None:
    """Makes the base, and builds the image with the guide's command."""
    for path, text in _FILES.items():
        distribution.space.write(path, text)
    distribution.space.run("mkdir", SOURCE)
    distribution.space.run("tar", "--extract", f"--directory={SOURCE}", given=_pack_project())
    _, release = read_base()
    _run_online(distribution, _MAKE_BASE.format(release=release))
    (command,) = re.findall(r"^podman build (.*)$", _GUIDE.read_text(), re.MULTILINE)
    _run_online(distribution, f"cd {SOURCE}; podman build {_BUILD_OPTIONS} {command}")


def _pack_project() -> bytes:
    """Packs what a clone with the present changes would have."""
    ours = ("-c", f"safe.directory={ROOT}")  # root may not be its owner
    listing = ["git", *ours, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in listed.rstrip("\0").split("\0"):
            if (ROOT / name).exists():
                archive.add(ROOT / name, name)
    return buffer.getvalue()


def _run_online(distribution: Distribution, script: str) -> None:
    """Runs a script inside, but with the machine's network, which the distribution has not."""
    inside = [kind for kind in NAMESPACES if kind != "--net"]
    enter = ["nsenter", f"--target={distribution.space.init}", *inside, "env", "-i", *ENVIRONMENT, *_list_proxies()]
    command = [*enter, "bash", "-euo", "pipefail", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_LONG, check=False, umask=UMASK)
    if ended.returncode != 0:
        raise FleetError(f"ended with {ended.returncode}: {script}\n{ended.stdout[-8000:]}\n{ended.stderr[-8000:]}")


def _list_proxies() -> list[str]:
    names = ("http_proxy", "https_proxy", "no_proxy")
    return [f"{name}={value}" for name, value in os.environ.items() if name.lower() in names]


def find_obstacle() -> str | None:
    """Returns the first reason why the image cannot be built here; None if it can."""
    return machine.find_obstacle(PACKAGES)
