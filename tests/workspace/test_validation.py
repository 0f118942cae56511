"""blocks.validate: the workspace's own rules, in Slack's form."""

import json
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.workspace.parts import field, home, modal, section

GOOD = [section("x")]
BAD: list[Any] = [section("x" * 3001)]
FAULT = {"code": "failed_constraint", "message": "must be less than 3001 characters"}


@pytest.mark.parametrize(
    "given",
    [{"blocks": GOOD}, {"message": {"text": "x", "blocks": GOOD}}, {"view": modal(field("host"))}, {"view": home()}],
)
async def test_what_slack_takes_is_valid_and_changes_nothing(
    workspace: Workspace, client: AsyncWebClient, given: dict[str, Any]
) -> None:
    assert (await client.blocks_validate(**given))["ok"]
    assert () == workspace.messages("C0OPS")


@pytest.mark.parametrize(
    ("given", "error", "pointer"),
    [
        ({"blocks": BAD}, "invalid_blocks", "/0/text/text"),
        ({"message": {"text": "x", "blocks": BAD}}, "invalid_message", "/blocks/0/text/text"),
        ({"view": home(*BAD)}, "invalid_view", "/blocks/0/text/text"),
    ],
)
async def test_what_slack_would_refuse_has_a_place_and_a_reason(
    client: AsyncWebClient, given: dict[str, Any], error: str, pointer: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.blocks_validate(**given)
    assert (error, [{"pointer": pointer, **FAULT}]) == (refused.value.response["error"], refused.value.response["errors"])


@pytest.mark.parametrize("given", [{}, {"blocks": "[]", "view": "{}"}])
async def test_exactly_one_thing_is_checked(client: AsyncWebClient, given: dict[str, str]) -> None:
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.blocks_validate(**given)


async def test_a_large_message_comes_in_the_body(client: AsyncWebClient) -> None:
    message = json.dumps({"text": "x", "blocks": [section("証" * 3000)] * 3})
    assert (await client.api_call("blocks.validate", data={"message": message}))["ok"]
