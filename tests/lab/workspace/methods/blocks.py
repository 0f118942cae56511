"""blocks.validate: what Slack has against blocks, a message or a view, without posting it.

One of the three, as JSON. A refusal has a list of errors with `pointer`, `code` and `message` (docs.slack.dev).
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.blocks import MESSAGE, complaints
from tests.lab.workspace.checks import fault
from tests.lab.workspace.content import content_of
from tests.lab.workspace.limits import check_pictures
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.view import checked

_COMPLAINT = re.compile(r"(?P<message>.*) \[json-pointer:(?P<pointer>.*)\]", re.DOTALL)


def validate(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    given = [name for name in ("blocks", "message", "view") if arguments.has(name)]
    if len(given) != 1:
        raise SlackError("invalid_arguments")
    [name] = given
    sent = arguments.structure(name, refusal="invalid_json")
    found = list(_VALIDATORS[name](rooms, sent))
    if found:
        raise SlackError(f"invalid_{name}", errors=[_describe(each) for each in found])
    return {}


def _check_blocks(rooms: Rooms, blocks: Any) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield fault("must be an array", "")
        return
    yield from complaints(blocks, MESSAGE, "")


def _check_message(rooms: Rooms, message: Any) -> Iterator[str]:
    if not isinstance(message, dict) or not isinstance(message.get("blocks"), list):
        yield fault("missing required field: blocks", "")
        return
    yield from complaints(message["blocks"], MESSAGE)
    try:
        check_pictures(content_of(message), rooms.uploads)
    except SlackError as error:
        yield from error.more.get("errors", ())


def _check_view(rooms: Rooms, view: Any) -> Iterator[str]:
    kind = view.get("type") if isinstance(view, dict) else None
    try:
        checked(view, kind if kind in ("modal", "home") else "modal")
    except SlackError as error:
        for complaint in error.more.get("errors", [fault(error.error, "")]):
            yield complaint.replace("[json-pointer:/view", "[json-pointer:")


_VALIDATORS = {"blocks": _check_blocks, "message": _check_message, "view": _check_view}


def _describe(complaint: str) -> dict[str, Any]:
    read = _COMPLAINT.fullmatch(complaint)
    assert read is not None, complaint
    return {"pointer": read["pointer"], "code": "failed_constraint", "message": read["message"]}


METHODS = (Method("blocks.validate", validate, Tier.SPECIAL),)
