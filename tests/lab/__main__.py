"""`python -m tests.lab --hosts N --rtt MS --workspace --dir DIR`: a fleet in the foreground until a signal ends it.

It writes `DIR/flatnet.toml`, so that every command of the bot works with `--config DIR/flatnet.toml`,
and prints one line when it is ready, with the address of the workspace's page. Meanwhile faults are switched with
`python -m tests.lab.switch --dir DIR host-b windows refuse`.
"""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

from tests.lab import STORY_HOSTS, story, traces
from tests.lab.controls import FleetControls
from tests.lab.day import FILE, SharedClock
from tests.lab.fleet import NO_SCHEDULES, Conditions, crowd, run_fleet, write_configuration
from tests.lab.switch import serve_switch
from tests.lab.watchmen import Watchmen
from tests.lab.windows.disks import Expiry
from tests.lab.workspace.page import page
from tests.lab.workspace.seed import Seed
from tests.lab.workspace.workspace import Workspace

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description="A Flatnet fleet and a Slack workspace on loopback."
    )
    parser.add_argument("--hosts", type=int, default=3, help="how many hosts, 1 to 254 (default 3)")
    parser.add_argument("--lighthouse", action="store_true", help="and the lighthouse")
    parser.add_argument("--newcomers", type=int, default=0, help="machines that no configuration knows (default 0)")
    parser.add_argument("--rtt", type=float, default=0.0, metavar="MS", help="latency of each exchange in milliseconds")
    parser.add_argument(
        "--powershell", type=float, default=0.0, metavar="MS", help="start-up time of PowerShell in milliseconds"
    )
    parser.add_argument(
        "--script", type=float, default=0.0, metavar="MS", help="how long each script works on its host, in milliseconds"
    )
    parser.add_argument("--workspace", action="store_true", help="and a Slack workspace with its page")
    parser.add_argument(
        "--story",
        nargs="?",
        const="now",
        default="",
        choices=tuple(story.EXPIRY),
        help="the demo's troubles: a stopped Nebula, exited containers, a dead host; `day`: with more to come, by DIR/clock",
    )
    parser.add_argument(
        "--language", choices=("en", "ja"), help="of all people and of the bot; without it both are spoken, and the bot ja"
    )
    parser.add_argument("--lines", type=int, default=0, help="how many lines every log has")
    parser.add_argument("--containers", type=int, default=0, help="how many containers every host runs (default 2)")
    parser.add_argument(
        "--dir", type=Path, required=True, metavar="DIR", help="where everything that a bot needs is written"
    )
    found = parser.parse_args()
    if not 1 <= found.hosts <= 254:
        parser.error("--hosts must be 1 to 254")
    if found.story and found.hosts < STORY_HOSTS:
        parser.error(f"--story needs at least --hosts {STORY_HOSTS}")
    return found


def open_workspace(folder: Path, language: str | None) -> Workspace:
    """Make a workspace whose people all read one language, and that has the app's manifest in it; or the usual one."""
    if language is None:
        return Workspace(MANIFEST)
    if language == "en":
        return Workspace(MANIFEST, Seed().with_deputy().reading(language))
    from bot.terminal.cli_translations import load_translations  # it takes a while to load, and the lab starts often

    file = folder / MANIFEST.name
    file.write_text(load_translations(language).translate_manifest(MANIFEST.read_text(encoding="utf-8")), encoding="utf-8")
    return Workspace(file, Seed().with_deputy().reading(language))


async def run(given: argparse.Namespace) -> None:
    """The lab until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = given.dir.absolute()
    now = SharedClock(folder / FILE).now
    conditions = Conditions(
        latency=given.rtt / 1000,
        powershell_start=given.powershell / 1000,
        script_time=given.script / 1000,
        expiry=story.EXPIRY.get(given.story, Expiry()),
        now=now,
    )
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(
            run_fleet(
                folder / "lab",
                given.hosts,
                lighthouse=given.lighthouse,
                conditions=conditions,
                newcomers=given.newcomers,
            )
        )
        workspace: Workspace | None = None
        if given.workspace:
            workspace = open_workspace(folder, given.language)
            await workspace.start(routes=page(workspace, FleetControls(fleet)))
            stack.push_async_callback(workspace.stop)
        if given.lines:
            traces.fill(fleet, given.lines, now())
        if given.containers:
            crowd(fleet, given.containers)
        if given.story:
            story.tell(fleet, now())
        if given.story == "day" and workspace is not None:
            living = asyncio.create_task(story.live(fleet, Watchmen(workspace), given.language or "en", now))
            stack.callback(living.cancel)
        await stack.enter_async_context(serve_switch(folder, fleet))
        routine = story.ROUTINE if given.story and workspace else NO_SCHEDULES
        file = write_configuration(folder, fleet, workspace, given.language or "ja", routine)
        address = f", {workspace.base_url}" if workspace else ""
        print(f"ready: {len(fleet.hosts)} hosts, {file}{address}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(run(arguments()))
