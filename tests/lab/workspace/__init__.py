"""Slack in a box: Web API, Socket Mode and response_url, as far as the bot uses them, with Slack's limits and moods."""

from tests.lab.workspace.clock import Clock, Timing
from tests.lab.workspace.seed import Seed
from tests.lab.workspace.workspace import Workspace

__all__ = ["Clock", "Seed", "Timing", "Workspace"]
