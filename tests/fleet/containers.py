"""Flatnet's folder and network, and a container in every state that podman has, made from one static busybox."""

import io
import json
import tarfile
from collections.abc import Mapping

from tests.fleet.distribution import Distribution
from tests.fleet.space import wait_until

IMAGE = "localhost/busybox:fleet"
APPLETS = ("sh", "cat", "echo", "false", "printf", "seq", "sleep", "true")

LOOP = (
    'n=$(cat /runs 2>/dev/null || echo 0); echo $((n + 1)) >/runs; echo "run $n ends"; [ "$n" -lt 3 ] || sleep 5000; exit 1'
)
"""Ends at once three times, so that it is soon restarted often enough, then is "running" for the rest of the tests."""

TALK = "; ".join(
    (
        r"printf 'ready\n'",
        r"printf 'error: cannot bind\n' >&2",
        "sleep 0.3",
        r"printf 'no newline'",
        "sleep 1",
        r"printf 'next line\n'",
        "exec sleep 5000",
    )
)
"""Writes to both streams, and a line whose end comes a second later."""

_SLEEP = ("{image}", "sleep", "5000")

_SICK = ("--health-cmd=/bin/false", "--health-interval=1s", "--health-retries=1")

CONTAINERS: Mapping[str, tuple[str, ...]] = {
    "web": ("run", "--detach", "{image}", "sh", "-c", TALK),
    "file": ("run", "--detach", "--log-driver=k8s-file", "{image}", "sh", "-c", TALK),
    "loop": ("run", "--detach", "--restart=always", "{image}", "sh", "-c", LOOP),
    "created": ("create", *_SLEEP),
    "dead": ("run", "{image}", "sh", "-c", "echo going down; exit 3"),
    "paused": ("run", "--detach", *_SLEEP),
    "sick": ("run", "--detach", *_SICK, *_SLEEP),
    "done": ("run", "{image}", "true"),
}
"""Containers on Flatnet's network by name, and the podman command that makes each."""

FOLDER, FOLDER_FILES = "/var/lib/flatnet", 500
"""Flatnet's folder, a file system in memory that has room for so many files."""

_FOLDER_SCRIPT = f"""
mkdir -p {FOLDER}
mount -t tmpfs -o size=16m,mode=0755,nr_inodes={FOLDER_FILES} flatnet {FOLDER}
mkdir {FOLDER}/images {FOLDER}/registry
head -c 1500000 /dev/zero >{FOLDER}/images/web.tar
head -c 3000 /dev/zero >{FOLDER}/registry/web.json
"""

FOREIGN = "elsewhere"
"""A container that is not on Flatnet's network."""


def set_up_flatnet(distribution: Distribution) -> None:
    """Makes Flatnet's folder, image, network and containers, and waits until each container is in its state."""
    space = distribution.space
    make_network(distribution)
    for name in CONTAINERS:
        make_container(distribution, name)
    space.run("podman", "run", "--detach", "--pull=never", f"--name={FOREIGN}", IMAGE, "sleep", "5000")
    space.run("podman", "pause", "paused")
    distribution.sh(_FOLDER_SCRIPT)
    wait_until(lambda: _has_settled(distribution), "the containers' states")


def make_network(distribution: Distribution, host_id: int = 1) -> None:
    """Makes the image, and Flatnet's network of the host with that id."""
    make_image(distribution)
    subnet = f"10.87.{host_id}"
    bridge = (f"--subnet={subnet}.0/24", f"--gateway={subnet}.1", "--interface-name=flatnet-br0")
    distribution.space.run("podman", "network", "create", *bridge, "flatnet")


def make_image(distribution: Distribution) -> None:
    """Makes the image of all containers."""
    distribution.space.write("/root/image.tar", _build_image())
    distribution.space.run("podman", "import", "--quiet", "/root/image.tar", IMAGE)


def make_container(distribution: Distribution, name: str) -> None:
    """Makes a container, in the place of one that has its name. The exit code is the container's own."""
    verb, *rest = CONTAINERS[name]
    words = [word.replace("{image}", IMAGE) for word in rest]
    options = ("--replace", "--pull=never", "--stop-timeout=1", f"--name={name}", "--network=flatnet")
    distribution.space.attempt("podman", verb, *options, *words)


def list_containers(distribution: Distribution) -> Mapping[str, Mapping[str, object]]:
    """Returns podman's own list of all containers on Flatnet's network, by name."""
    listed = json.loads(distribution.space.run("podman", "ps", "-a", "--filter=network=flatnet", "--format=json"))
    return {each["Names"][0]: each for each in listed}


def _has_settled(distribution: Distribution) -> bool:
    listed = list_containers(distribution)
    looping, sick = listed["loop"], listed["sick"]
    return looping["Restarts"] == 3 and looping["State"] == "running" and str(sick["Status"]).endswith("(unhealthy)")


def _build_image() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox", filter=_make_executable)
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()


def _make_executable(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o755
    return member
