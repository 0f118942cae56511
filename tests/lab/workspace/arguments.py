"""The arguments of a Web API call, from any of the three forms in which the SDK sends them.

JSON body (posts and updates), a POST with the arguments in the query string, a GET with a query string.
There, structures are JSON strings and booleans are 0 and 1.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.lab.workspace.answers import SlackError, invalid


class Arguments:
    """Arguments by name, checked where they are asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    @classmethod
    async def read(cls, request: web.Request) -> "Arguments":
        """The arguments of a request; `SlackError` where its body is no JSON object."""
        values: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            values |= await _json_body(request)
        elif request.method == "POST":
            values |= dict(await request.post())
        return cls(values)

    def required(self, name: str) -> str:
        """A string that must be there."""
        value = self.optional(name)
        if not value:
            raise invalid("invalid_arguments", [f"missing required field: {name}"])
        return value

    def optional(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (int, float)):
            return str(value)
        raise invalid("invalid_arguments", [f"must be a string [json-pointer:/{name}]"])

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def structure(self, name: str, *, refusal: str) -> Any:
        """A list or object, sent as such or as a JSON string; `refusal` where the string is no JSON."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise SlackError(refusal) from error


async def _json_body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body
