"""views.*: open and push with a trigger, update by name, publish a home tab."""

from typing import Any

from tests.lab.workspace.answers import SlackError, invalid
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import Kind
from tests.lab.workspace.view import View, checked


def open_view(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    trigger_id, sent = arguments.required("trigger_id"), checked(_sent(arguments), "modal")
    return _answer(rooms, rooms.views.open(rooms.triggers.redeem(trigger_id), sent))


def push(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    trigger_id, sent = arguments.required("trigger_id"), checked(_sent(arguments), "modal")
    return _answer(rooms, rooms.views.push(rooms.triggers.redeem(trigger_id), sent))


def update(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    name, external_id = arguments.optional("view_id"), arguments.optional("external_id")
    if not name and not external_id:
        raise invalid("invalid_arguments", ["missing required field: view_id"])
    view = rooms.views.find(id=name, external_id=external_id)
    if view is None:
        raise SlackError("not_found")
    sent = checked(_sent(arguments), "home" if view.home else "modal")
    known = arguments.optional("hash")
    if known and known != view.hash:
        raise SlackError("hash_conflict")
    return _answer(rooms, rooms.views.update(view, sent))


def publish(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """Whose home tab it is must be somebody who can open it; Slack's word for others is not documented."""
    user, sent = arguments.required("user_id"), checked(_sent(arguments), "home")
    if not rooms.manifest.home_tab:
        raise SlackError("not_enabled")
    person = rooms.state.person(user)
    if person is None or person.kind in (Kind.BOT, Kind.DEACTIVATED, Kind.STRANGER):
        raise invalid("invalid_arguments", ["must be a valid user id [json-pointer:/user_id]"])
    return _answer(rooms, rooms.views.publish(user, sent, arguments.optional("hash")))


def _sent(arguments: Arguments) -> Any:
    return arguments.structure("view", refusal="invalid_arguments")


def _answer(rooms: Rooms, view: View) -> dict[str, Any]:
    return {"view": view.as_json(rooms.state.seed)}


METHODS = (
    Method("views.open", open_view, Tier.FOUR),
    Method("views.push", push, Tier.FOUR),
    Method("views.update", update, Tier.FOUR),
    Method("views.publish", publish, Tier.FOUR),
)
