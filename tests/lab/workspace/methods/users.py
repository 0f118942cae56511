"""users.info."""

from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier


def info(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    person = rooms.state.person(arguments.required("user"))
    if person is None:
        raise SlackError("user_not_found")
    return {"user": person.profile(rooms.state.clock.now(), with_locale=arguments.flag("include_locale"))}


METHODS = (Method("users.info", info, Tier.FOUR, "users:read"),)
