"""`log` shows what real programs logged: conmon, journald, podman, rsyslog."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from commands.model.report import Report
from tests.fleet.conftest import Ask
from tests.fleet.containers import IMAGE
from tests.fleet.distribution import Distribution

KILL_LOGS = r"""
until [ "${killed:-no}" = yes ]; do
    for pid in $(pgrep -x podman || :); do
        tr '\0' ' ' </proc/$pid/cmdline 2>/dev/null | grep -q '^[^ ]*podman logs' && kill -KILL $pid && killed=yes
    done
done
"""
"""Waits for `podman logs`, and kills it."""


@pytest.fixture
def numbers(wsl: Distribution) -> Iterator[Callable[[int], str]]:
    """Makes a container that has printed the numbers from 1; returns its name."""

    def make(count: int) -> str:
        options = "--replace --name=numbers --network=flatnet --log-driver=k8s-file --pull=never"
        wsl.sh(f"podman run {options} {IMAGE} seq {count} >/dev/null")
        return "numbers"

    yield make
    wsl.sh("podman rm -f numbers")


def texts(report: Report) -> Sequence[str]:
    """The lines without what stands before them."""
    assert report.excerpt is not None, report
    return [line.text for line in report.excerpt.lines]


@pytest.mark.parametrize("container", ["web", "file"], ids=["journald", "k8s-file"])
async def test_a_container_s_output_is_complete(ask: Ask, container: str) -> None:
    """Both streams, whichever driver keeps them; the line without an end is not the beginning of another one's."""
    lines = texts(await ask(f"log container:{container}"))
    assert ["ready", "error: cannot bind"] == [line for line in lines if line in ("ready", "error: cannot bind")]
    assert [True] == [line.endswith("next line") for line in lines if "next line" in line]
    assert [] == [line for line in lines if "T" in line and "Z " in line]


@pytest.mark.parametrize("container", ["web", "file"])
async def test_a_pattern_s_beginning_is_that_of_the_container_s_line(ask: Ask, container: str) -> None:
    """Not of the time that podman puts before it."""
    assert ["ready"] == texts(await ask(f"log container:{container} --grep '^ready$'"))


async def test_a_container_elsewhere_is_not_shown(ask: Ask) -> None:
    """sudo would allow it; the bot shows Flatnet's containers only."""
    (finding,) = (await ask("log container:elsewhere")).findings
    assert "container elsewhere is not on the network flatnet" in str(finding.why)


async def test_podman_s_own_lines_are_found(ask: Ask, wsl: Distribution) -> None:
    """They carry the identifier podman, and no unit, where no service of podman runs."""
    wsl.sh("podman rename created renamed; podman rename renamed created")
    logged = [json.loads(line) for line in wsl.sh("journalctl -t podman -o json").splitlines()]
    events = {event["MESSAGE"] for event in logged if event.get("PODMAN_EVENT") == "rename"}
    assert events
    assert [] == wsl.sh("journalctl --quiet --unit podman").splitlines()
    shown = texts(await ask("log podman --tail 5000"))
    assert events == {event for event in events if any(line.endswith(event) for line in shown)}


async def test_lines_about_cni_come_from_rsyslog_s_file(ask: Ask, wsl: Distribution) -> None:
    """The bot's user reads it by its group."""
    wsl.sh("logger -t flatnet-cni 'ADD web-1 10.87.1.5'; logger -t other 'nothing of the kind'")
    wsl.sh("until grep -q 'nothing of the kind' /var/log/syslog; do sleep 0.1; done")
    assert [True] == ["ADD web-1 10.87.1.5" in line for line in texts(await ask("log cni"))]


async def test_a_line_that_conmon_read_in_pieces_is_one(ask: Ask, numbers: Callable[[int], str]) -> None:
    """It reads a long output block by block; the numbers at the ends of blocks come in two pieces."""
    report = await ask(f"log container:{numbers(20_000)} --grep '^[0-9]{{0,3}}$' --tail 5000")
    assert [str(number) for number in range(1, 1_000)] == texts(report)


async def test_a_killed_podman_is_no_silent_one(ask: Ask, wsl: Distribution, numbers: Callable[[int], str]) -> None:
    """As the kernel kills it where memory is short."""
    name = numbers(130_000)
    killing = asyncio.create_task(asyncio.to_thread(wsl.sh, KILL_LOGS))
    report = await ask(f"log container:{name} --grep nothing")
    await killing
    (finding,) = report.findings
    assert "was killed" in str(finding.why)
