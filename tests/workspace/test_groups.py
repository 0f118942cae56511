"""User groups, with the SDK's own client."""

from dataclasses import replace

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.workspace.conftest import web_client
from tests.workspace.test_web_api import refusal


@pytest.fixture
def api(full: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(full, session)


async def test_groups_are_listed_with_what_is_asked_for(full: Workspace, api: AsyncWebClient) -> None:
    groups = (await api.usergroups_list())["usergroups"]
    assert [group["handle"] for group in groups][:2] == ["fleet-viewers", "fleet-operators"]
    assert "users" not in groups[0]
    [_, operators, *_] = (await api.usergroups_list(include_users=True, include_count=True))["usergroups"]
    assert (operators["users"], operators["user_count"]) == (["U0OPERATOR"], 1)


async def test_a_disabled_group_is_there_only_for_those_who_ask(full: Workspace, api: AsyncWebClient) -> None:
    full.change_group(replace(full.seed.groups[1], disabled=True))
    assert "S0OPERATORS" not in {group["id"] for group in (await api.usergroups_list())["usergroups"]}
    assert "S0OPERATORS" in {group["id"] for group in (await api.usergroups_list(include_disabled=True))["usergroups"]}
    assert await refusal(api.usergroups_users_list(usergroup="S0OPERATORS")) == "no_such_subteam"
    answer = await api.usergroups_users_list(usergroup="S0OPERATORS", include_disabled=True)
    assert answer["users"] == ["U0OPERATOR"]


async def test_the_people_of_a_group_are_told_with_the_scope(full: Workspace, api: AsyncWebClient) -> None:
    assert (await api.usergroups_users_list(usergroup="S0ADMINS"))["users"] == ["U0ADMIN"]
    assert await refusal(api.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"


async def test_without_the_scope_groups_are_refused(workspace: Workspace, client: AsyncWebClient) -> None:
    assert await refusal(client.usergroups_list()) == "missing_scope"


async def test_groups_may_be_asked_for_twenty_times_a_minute(api: AsyncWebClient) -> None:
    for _ in range(20):
        await api.usergroups_users_list(usergroup="S0ADMINS")
    assert await refusal(api.usergroups_users_list(usergroup="S0ADMINS")) == "ratelimited"
