"""Without Slack the surface is there: what must be posted waits, and each attempt to connect goes on from the last."""

import pytest

from adapters.phrase import Phrase
from bot.incidents.rules.channels import NewChannel
from bot.model.announcement import Announcement
from bot.model.request import Answer, Membership, SlackIdentity
from bot.slack.client.errors import SlackFailure
from bot.slack.surface import SlackNotConnected, SlackSurface
from bot.store.inbox import Delivery
from commands.model.report import Report
from tests.bot.rendering.changes import RUNNING
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import HANDSHAKE, Failing, ServerError

DIGEST = Answer(
    operation="op-digest", understood="digest", body=Report(title=Phrase("Digest"), summary=Phrase("all is well"))
)


async def opened(house: House) -> SlackSurface:
    """A surface that was opened while Slack is away."""
    surface = house.surface()
    house.workspace.faults.switch_on("auth.test", ServerError(503))
    await surface.open()
    with pytest.raises(SlackFailure):
        await surface.connect()
    return surface


async def test_what_must_be_posted_waits_in_the_outbox_and_comes_with_the_connection(house: House) -> None:
    surface = await opened(house)
    await surface.announce(Announcement("op-digest", "C0OPS", DIGEST))
    await surface.announce(Announcement("op-digest", "C0OPS", DIGEST))
    assert () == house.workspace.messages("C0OPS")
    house.workspace.faults.switch_off("auth.test")
    await surface.connect()
    [text] = await house.public("C0OPS")
    await surface.close(0.5)
    assert "All is well" in text


async def test_a_change_is_shown_once_slack_is_there(house: House) -> None:
    surface = await opened(house)
    shown = RUNNING.model_copy(update={"channel": "C0OPS"})
    house.stories.changes[shown.operation] = shown
    surface.show_change(shown)
    house.workspace.faults.switch_off("auth.test")
    await surface.connect()
    await house.public("C0OPS")
    await house.moving(lambda: house.stories.versions)
    await surface.close(0.5)
    assert {shown.operation: shown.version} == house.stories.versions


async def test_its_health_names_the_failure_and_nothing_that_was_not_seen(house: House) -> None:
    surface = await opened(house)
    health = await surface.get_health()
    assert (False, "http_503", "", True, True) == (
        health.connected,
        health.failure,
        health.revoked,
        health.sending,
        health.announcements_accepted,
    )
    house.workspace.faults.switch_off("auth.test")
    await surface.connect()
    health = await surface.get_health()
    await surface.close(0.5)
    assert (True, "") == (health.healthy, health.failure)


async def test_who_a_person_is_can_be_asked_without_the_socket(house: House) -> None:
    """A change that was approved before a crash asks Slack about its people, while the socket is still being opened."""
    surface = await opened(house)
    who = SlackIdentity("T0FLATNET", "U0ADMIN", Membership.UNKNOWN)
    assert Membership.MEMBER is (await surface.refresh_identity(who)).standing
    house.workspace.faults.switch_on("users.info", Failing("fatal_error"))
    assert Membership.UNKNOWN is (await surface.refresh_identity(who)).standing
    await surface.close(0.0)


async def test_a_channel_cannot_be_made_without_slack(house: House) -> None:
    surface = await opened(house)
    with pytest.raises(SlackNotConnected):
        await surface.make_channel(NewChannel("inc-1", "inc-1", "", "U0ADMIN"))
    await surface.close(0.0)


async def test_a_socket_that_opens_late_costs_no_attempt_at_old_work(house: House) -> None:
    """Unfinished rows are read once, however often the socket must be tried."""
    await _leave_unfinished(house)
    house.workspace.faults.switch_on(HANDSHAKE, ServerError(503), times=5)
    surface = house.surface()
    await surface.open()
    failed = 0
    while failed < 20:
        try:
            await surface.connect()
            break
        except SlackFailure:
            failed += 1
    await house.settled()
    await surface.close(0.5)
    assert 0 < failed < 20
    assert 1 == len(house.desk.requests)


async def _leave_unfinished(house: House) -> None:
    """A command that an earlier bot accepted and did not answer."""
    payload = {"team": "T0FLATNET", "user": "U0ADMIN", "channel": "C0OPS", "text": "health"}
    await house.rows.inbox.add(Delivery("1.2.left", "command", payload, house.time.now()))
