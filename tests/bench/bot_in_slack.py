"""A warm bot for benchmarks, on a lab's fleet in a process of its own; bot and workspace are in this one."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app.application import open_application
from bot.app.warm_up import warm_up
from bot.config.settings import read_settings
from tests.bench.lab import lab
from tests.lab.serving import serve_requests
from tests.lab.workspace import Workspace

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


@asynccontextmanager
async def bot_in_slack(hosts: int, rtt: int) -> AsyncIterator[tuple[Workspace, str]]:
    """The workspace of a warm, connected bot, and the lab's folder. `rtt` is in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="b") as name, lab(Path(name), hosts, rtt=rtt, powershell=0) as far:
        workspace = Workspace(MANIFEST)
        await workspace.start()
        secrets = Path(name) / "secrets"
        (secrets / "slack_bot_token").write_text(workspace.bot_token)
        (secrets / "slack_app_token").write_text(workspace.app_token)
        with far.config.open("a") as more:
            more.write(f'[slack]\nteam = "{workspace.seed.team}"\napi_url = "{workspace.api_url}"\n')
        settings = read_settings(far.config)
        try:
            async with open_application(settings, running=True) as house, serve_requests(settings, house) as service:
                await service.connecting
                await warm_up(house, settings)
                yield workspace, name
        finally:
            await workspace.stop()
