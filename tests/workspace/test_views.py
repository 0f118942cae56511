"""views.open, push, update and publish, with the SDK's own client."""

from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.workspace.conftest import FakeTime, web_client
from tests.workspace.parts import field, home, modal, section
from tests.workspace.test_web_api import refusal

USER = "U0OPERATOR"
Trigger = Callable[[], Awaitable[str]]


@pytest.fixture
def api(full: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(full, session)


@pytest.fixture
def trigger(full: Workspace) -> Trigger:
    """Somebody types a command: a fresh trigger id. (That nobody answers does not matter here.)"""

    async def typed() -> str:
        return (await full.slash(USER, "C0OPS", "x")).trigger_id

    return typed


async def test_a_modal_opens_in_front_of_the_person_who_acted(
    full: Workspace, api: AsyncWebClient, trigger: Trigger
) -> None:
    answer = await api.views_open(trigger_id=await trigger(), view=modal(field("host"), callback_id="form"))
    view = full.view(USER)
    assert view is not None
    assert (view.title, view.submit, view.callback_id, full.view("U0ADMIN")) == ("Form", "Send", "form", None)
    shown = answer["view"]
    assert (shown["id"], shown["hash"], shown["root_view_id"]) == (view.id, view.hash, view.id)
    assert shown["state"] == {"values": {"host": {"typed": {"type": "plain_text_input", "value": None}}}}


async def test_a_trigger_opens_one_modal_only(api: AsyncWebClient, trigger: Trigger) -> None:
    once = await trigger()
    await api.views_open(trigger_id=once, view=modal())
    assert await refusal(api.views_open(trigger_id=once, view=modal())) == "exchanged_trigger_id"
    assert await refusal(api.views_open(trigger_id="1.2.abc", view=modal())) == "invalid_trigger_id"


@pytest.mark.parametrize(("waited", "error"), [(3.0, None), (3.1, "expired_trigger_id")])
async def test_a_trigger_lives_three_seconds(
    api: AsyncWebClient, trigger: Trigger, time: FakeTime, waited: float, error: str | None
) -> None:
    name = await trigger()
    time.elapsed += waited
    opening = api.views_open(trigger_id=name, view=modal())
    assert error is None or await refusal(opening) == error
    if error is None:
        await opening


async def test_a_refused_view_leaves_the_trigger_good(api: AsyncWebClient, trigger: Trigger) -> None:
    name = await trigger()
    assert await refusal(api.views_open(trigger_id=name, view=modal(section("")))) == "invalid_arguments"
    await api.views_open(trigger_id=name, view=modal())


async def test_three_modals_stand_on_one_another_and_no_more(full: Workspace, api: AsyncWebClient, trigger: Trigger) -> None:
    assert await refusal(api.views_push(trigger_id=await trigger(), view=modal())) == "not_found"
    root = (await api.views_open(trigger_id=await trigger(), view=modal()))["view"]
    second = (await api.views_push(trigger_id=await trigger(), view=modal()))["view"]
    third = (await api.views_push(trigger_id=await trigger(), view=modal()))["view"]
    assert (third["root_view_id"], third["previous_view_id"]) == (root["id"], second["id"])
    assert await refusal(api.views_push(trigger_id=await trigger(), view=modal())) == "push_limit_reached"
    assert [view.id for view in full.views(USER)] == [root["id"], second["id"], third["id"]]


async def test_a_new_modal_takes_the_place_of_those_that_are_open(
    full: Workspace, api: AsyncWebClient, trigger: Trigger
) -> None:
    await api.views_open(trigger_id=await trigger(), view=modal())
    opened = await api.views_open(trigger_id=await trigger(), view=modal())
    assert [view.id for view in full.views(USER)] == [opened["view"]["id"]]


async def test_a_view_is_updated_by_either_name_and_gets_a_new_hash(
    full: Workspace, api: AsyncWebClient, trigger: Trigger
) -> None:
    first = (await api.views_open(trigger_id=await trigger(), view=modal(external_id="mine")))["view"]
    second = (await api.views_update(view_id=first["id"], view=modal(section("a"), external_id="mine")))["view"]
    third = (await api.views_update(external_id="mine", view=modal(section("b"))))["view"]
    assert len({first["hash"], second["hash"], third["hash"]}) == 3
    view = full.view(USER)
    assert view is not None
    assert [block["text"]["text"] for block in view.blocks] == ["b"]


async def test_an_update_with_an_old_hash_is_refused(api: AsyncWebClient, trigger: Trigger) -> None:
    first = (await api.views_open(trigger_id=await trigger(), view=modal()))["view"]
    await api.views_update(view_id=first["id"], hash=first["hash"], view=modal())
    late = api.views_update(view_id=first["id"], hash=first["hash"], view=modal())
    assert await refusal(late) == "hash_conflict"


async def test_a_closed_view_cannot_be_updated(full: Workspace, api: AsyncWebClient, trigger: Trigger) -> None:
    view = (await api.views_open(trigger_id=await trigger(), view=modal()))["view"]
    await full.close_view(USER)
    assert await refusal(api.views_update(view_id=view["id"], view=modal())) == "not_found"
    assert await refusal(api.api_call("views.update", json={"view": modal()})) == "invalid_arguments"


async def test_an_external_id_names_one_view(api: AsyncWebClient, trigger: Trigger) -> None:
    await api.views_open(trigger_id=await trigger(), view=modal(external_id="mine"))
    again = api.views_push(trigger_id=await trigger(), view=modal(external_id="mine"))
    assert await refusal(again) == "duplicate_external_id"


async def test_what_was_filled_in_outlives_an_update_where_the_ids_are_the_same(
    full: Workspace, api: AsyncWebClient, trigger: Trigger
) -> None:
    form = modal(field("host"), field("reason"))
    view = (await api.views_open(trigger_id=await trigger(), view=form))["view"]
    full.fill(USER, {"host": "host-a", "reason": "disk"})
    answer = await api.views_update(view_id=view["id"], view=modal(field("host"), field("reason-2")))
    values = answer["view"]["state"]["values"]
    assert {name: block["typed"]["value"] for name, block in values.items()} == {"host": "host-a", "reason-2": None}


async def test_a_home_tab_is_published_for_one_person(full: Workspace, api: AsyncWebClient) -> None:
    first = (await api.views_publish(user_id=USER, view=home(section("a"))))["view"]
    second = (await api.views_publish(user_id=USER, hash=first["hash"], view=home(section("b"))))["view"]
    assert second["id"] == first["id"]
    late = api.views_publish(user_id=USER, hash=first["hash"], view=home(section("c")))
    assert await refusal(late) == "hash_conflict"
    assert await refusal(api.views_publish(user_id="U0NOBODY", view=home())) == "invalid_arguments"
    view = full.home(USER)
    assert view is not None
    assert [block["text"]["text"] for block in view.blocks] == ["b"]
    assert full.home("U0ADMIN") is None


async def test_without_a_home_tab_nothing_is_published(workspace: Workspace, client: AsyncWebClient) -> None:
    assert await refusal(client.views_publish(user_id=USER, view=home())) == "not_enabled"
