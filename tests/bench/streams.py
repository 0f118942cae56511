"""An image from one real host to another: by a stream of the bot, against the bare pipe `podman save | ssh … podman load`.

As root on Debian (`tests/fleet`); elsewhere it says why not.
"""

import asyncio
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from adapters.wsl.images import LoadImage, SaveImage
from tests.fleet.distribution import Distribution
from tests.fleet.machine import find_obstacle
from tests.fleet.pair import Pair, boot_pair, connect_pair, make_image

MEGABYTES, ROUNDS = 250, 3
NAME = "localhost/bench:1"

_RIGHT = "flatnet ALL=(root) NOPASSWD: /usr/bin/podman load --quiet\n"


def report(megabytes: int = MEGABYTES, rounds: int = ROUNDS) -> None:
    """Print the times of each round, which alternate, because the machine may be busy with other work."""
    if (obstacle := find_obstacle()) is not None:
        print(f"streams between real hosts: not measured, {obstacle}")
        return
    with tempfile.TemporaryDirectory() as folder, boot_pair(Path(folder), megabytes * 5 // 2) as (source, target):
        target.space.write("/etc/sudoers.d/flatnet-bench", _RIGHT)
        image = make_image(source, megabytes, NAME)
        print(f"an image of {megabytes} MB from one real host to another, all on this machine:")
        asyncio.run(_compare(source, target, image, rounds))


async def _compare(source: Distribution, target: Distribution, image: str, rounds: int) -> None:
    async with connect_pair(source, target) as pair:
        for _ in range(rounds):
            bare = _pipe(source, target, image)
            _forget(target, image)
            took, cpu = await _stream(pair, image)
            _forget(target, image)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            share = f"{bare / took:.0%} of its throughput"
            print(f"  bare pipe {bare:.1f} s, stream {took:.1f} s ({share}), CPU of the bot {cpu:.1f} s, peak {peak} MB")


def _pipe(source: Distribution, target: Distribution, image: str) -> float:
    began = time.perf_counter()
    side = target.side
    ssh = ["ssh", "-F", "none", "-i", str(side.key_file), "-p", str(side.port)]
    ssh += ["-o", f"UserKnownHostsFile={side.known_hosts_file}", f"{side.user}@{side.address}"]
    save = subprocess.Popen(source.space.command("podman", "save", "--quiet", image), stdout=subprocess.PIPE)
    subprocess.run([*ssh, "sudo -n podman load --quiet"], stdin=save.stdout, check=True, capture_output=True)
    if save.wait() != 0:
        raise RuntimeError("podman save failed")
    return time.perf_counter() - began


async def _stream(pair: Pair, image: str) -> tuple[float, float]:
    began, worked = time.perf_counter(), time.process_time()
    await pair.move(SaveImage(image=image), LoadImage(image=image, name=NAME))
    return time.perf_counter() - began, time.process_time() - worked


def _forget(target: Distribution, image: str) -> None:
    target.space.run("podman", "rmi", "--force", image)


if __name__ == "__main__":
    report()
