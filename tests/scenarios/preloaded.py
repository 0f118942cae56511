"""Modules that the bot and the lab load when they run, imported once for all forks of `tests.scenarios.forks`."""

import gc
import threading
from importlib import import_module
from typing import Final

from bot.runtime.validators import build_validators

MODULES: Final = (
    "adapters.gateway.client",
    "adapters.windows.session",
    "adapters.windows.winrm",
    "adapters.wsl.ssh",
    "bot.app.build_changes",
    "bot.app.run_schedules",
    "bot.app.reload",
    "bot.app.server",
    "bot.cli",
    "bot.control.client",
    "bot.control.server",
    "bot.answers.output",
    "bot.slack.event_loop_thread",
    "bot.slack.client.persistence",
    "bot.slack.surface",
    "bot.telemetry.endpoints",
    "bot.telemetry.metrics",
    "bot.telemetry.watchdog",
    "bot.terminal.commands",
    "bot.terminal.one_request",
    "bot.terminal.shell",
    "dbos",
    "tests.lab.story",
    "tests.lab.workspace.page",
    "tests.scenarios.forks",
)

for each in MODULES:
    import_module(each)
build_validators()
assert threading.active_count() == 1  # a fork has none of the other threads, and keeps their locks
gc.freeze()  # forks share these pages until one writes to them, as the collector would
