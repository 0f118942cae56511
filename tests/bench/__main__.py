"""`make bench`: every measure of docs/performance.md, on the machine it runs on."""

import os
import platform
from pathlib import Path

from bot.runtime.logging import configure_logs
from tests.bench import (
    acks,
    audit,
    backups,
    changes,
    clicks,
    clock,
    collect,
    databases,
    digests,
    fleet,
    log_groups,
    log_merge,
    logs,
    logs_wsl,
    openings,
    page,
    peer_programs,
    peers,
    progress,
    redaction,
    registrations,
    reloads,
    reports,
    restarts,
    rotations,
    starts,
    streams,
    texts,
    timelines,
    transfers,
    watch,
)


def machine() -> str:
    """The processor, as Linux names it."""
    names = [
        line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return f"{os.cpu_count()} × {names[0] if names else platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    configure_logs("error")
    no_peers = peer_programs.install()  # before the proxies are forgotten: an index of packages may be behind one
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    print(machine())
    peers.report(no_peers)
    starts.report()
    acks.report()
    clicks.report()
    progress.report()
    changes.report()
    reloads.report()
    restarts.report()
    rotations.report()
    backups.report()
    fleet.report("health", (3, 10, 30, 100, 254))
    fleet.report("health", (3, 30, 100), script=fleet.QUICK)
    fleet.report("cert", (3, 30, 100))
    databases.report()
    digests.report()
    clock.report()
    watch.report()
    openings.report()
    collect.report()
    log_merge.report()
    log_groups.report()
    logs.report()
    registrations.report()
    transfers.report()
    streams.report()
    redaction.report()
    audit.report()
    reports.report()
    timelines.report()
    texts.report()
    logs_wsl.report()
    page.report()
