"""usergroups.list and usergroups.users.list."""

from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.payloads import group_json
from tests.lab.workspace.rates import Tier


def list_groups(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    disabled, users, count = (arguments.flag(f"include_{name}") for name in ("disabled", "users", "count"))
    hidden = {name for name, wanted in (("users", users), ("user_count", count)) if not wanted}
    shown = [group_json(rooms.state.seed, group) for group in rooms.state.groups() if disabled or not group.disabled]
    return {"usergroups": [{name: value for name, value in group.items() if name not in hidden} for group in shown]}


def list_users(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    group = rooms.state.group(arguments.required("usergroup"))
    if group is None or (group.disabled and not arguments.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": sorted(group.users)}


METHODS = (
    Method("usergroups.list", list_groups, Tier.TWO, "usergroups:read"),
    Method("usergroups.users.list", list_users, Tier.TWO, "usergroups:read"),
)
