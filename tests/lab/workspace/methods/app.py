"""auth.test and apps.connections.open."""

from typing import Any

from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER
from tests.lab.workspace.tokens import Holder


def auth_test(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    seed = rooms.state.seed
    return {
        "url": f"https://{seed.domain}.slack.com/",
        "team": seed.domain,
        "team_id": seed.team,
        "user": rooms.manifest.bot_name,
        "user_id": BOT_USER,
        "bot_id": seed.bot,
        "is_enterprise_install": False,
    }


def connections_open(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    return {"url": rooms.socket_url()}


METHODS = (
    Method("auth.test", auth_test, Tier.SPECIAL),
    Method("apps.connections.open", connections_open, Tier.THREE, holder=Holder.APP),
)
