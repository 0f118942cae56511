"""What is wrong with a token is said at the start, and noticed while the bot runs."""

from pathlib import Path

import pytest

from bot.slack.client.errors import SlackFailure
from bot.slack.client.preflight import SCOPES, SlackNotReady
from tests.bot.slack.conftest import House, manifest_with, start, well
from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import Failing, ServerError


async def _refusal(house: House, *, bot: str = "", app: str = "", team: str = "T0FLATNET") -> str:
    with pytest.raises(SlackNotReady) as raised:
        await start(house.surface(bot=bot, app=app, team=team))
    return str(raised.value)


@pytest.mark.parametrize("token", [" ", "xapp-1", "xoxp-1", "BOT"])
async def test_a_bot_token_of_another_kind_is_refused_before_slack_is_asked(house: House, token: str) -> None:
    assert "the bot token must start with xoxb-." in await _refusal(house, bot=token)
    assert () == house.workspace.calls("auth.test")


@pytest.mark.parametrize("token", [" ", "xoxb-1"])
async def test_an_app_token_of_another_kind_is_refused_before_slack_is_asked(house: House, token: str) -> None:
    assert "the app token must start with xapp-." in await _refusal(house, app=token)
    assert () == house.workspace.calls("auth.test")


async def test_a_wrong_bot_token_is_named(house: House) -> None:
    assert "Slack rejected the bot token (invalid_auth)." in await _refusal(house, bot="xoxb-wrong")


async def test_a_wrong_app_token_is_named(house: House) -> None:
    assert "Slack rejected the app token (invalid_auth)." in await _refusal(house, app="xapp-wrong")


async def test_an_app_that_was_removed_is_named(house: House) -> None:
    house.workspace.revoke_bot_token("account_inactive")
    assert "the app was uninstalled or its bot user is deactivated." in await _refusal(house)


async def test_an_app_token_without_its_scope_is_named(house: House) -> None:
    house.workspace.faults.switch_on("apps.connections.open", Failing("missing_scope"))
    assert "connections:write" in await _refusal(house)


async def test_a_token_of_another_workspace_is_named(house: House) -> None:
    assert "the bot token belongs to workspace T0FLATNET, not T0OTHER." in await _refusal(house, team="T0OTHER")


async def test_missing_scopes_are_all_named(house: House, tmp_path: Path) -> None:
    house.workspace = Workspace(manifest_with(tmp_path, SCOPES - {"users:read", "chat:write"}))
    await house.workspace.start()
    refusal = await _refusal(house)
    await house.workspace.stop()
    assert "chat:write, users:read" in refusal


@pytest.mark.parametrize("fault", [ServerError(503), Failing("team_added_to_org"), Failing("org_login_required")], ids=str)
@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_slack_being_away_is_no_reason_to_change_a_token(
    house: House, method: str, fault: ServerError | Failing
) -> None:
    """Nor is a workspace that is moving into an organization."""
    house.workspace.faults.switch_on(method, fault)
    with pytest.raises(SlackFailure) as raised:
        await start(house.surface())
    assert raised.value.passing


async def test_a_token_that_is_revoked_while_the_bot_runs_is_noticed_and_private_answers_still_come(house: House) -> None:
    house.desk.answer = lambda request: well(request, here="--here" in request.text)
    async with house.bot() as surface:
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.private("U0ADMIN")
        assert (await surface.get_health()).healthy
        house.workspace.revoke_bot_token()
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        texts = await house.private("U0ADMIN", 2)
        health = await surface.get_health()
    assert "3 hosts are healthy" in texts[1]
    assert (False, "token_revoked") == (health.healthy, health.revoked)


async def test_what_only_a_good_token_can_send_waits_for_one(house: House) -> None:
    async with house.bot() as surface:
        house.workspace.revoke_bot_token()
        house.workspace.faults.switch_on("response_url", Failing("used_url"))
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        assert "token_revoked" == (await surface.get_health()).revoked
    assert () == await house.rows.outbox.list_undeliverable()
    assert (await house.rows.outbox.find_due()).next_at is not None
