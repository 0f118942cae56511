"""A bot that serves inside the process of the tests, with a control socket of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app import server
from bot.app.application import Application
from bot.app.endpoints import open_control_socket
from bot.app.server import Entrances, Service, open_only_surface
from bot.config.settings import Settings


@asynccontextmanager
async def serve_requests(settings: Settings, application: Application) -> AsyncIterator[Service]:
    """As `bot.app.server.serve_requests`, with the control socket of the settings."""
    async with open_control_socket(settings, application.clock) as desk:
        entrances = Entrances(desk, await open_only_surface(settings, application))
        async with server.serve_requests(settings, application, entrances) as service:
            yield service
