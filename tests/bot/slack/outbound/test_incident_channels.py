"""Channels that the bot makes in Slack: once, whatever goes wrong, with whoever asked in them, and never shared."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest

from bot.incidents.rules.channels import ChannelNotCreated, CreatedChannel, NewChannel
from bot.slack.client.errors import QUICK_RETRY_AFTER
from bot.slack.client.preflight import OPTIONAL_SCOPES, SCOPES
from bot.slack.surface import SlackSurface
from tests.bot.slack.conftest import CANARY, House, manifest_with
from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import DropAfter, DropBefore, Failing, RateLimited, ServerError
from tests.lab.workspace.seed import BOT_USER, CHANNELS, INSIDERS, Channel, Seed, Sharing

ALL_SCOPES = SCOPES | OPTIONAL_SCOPES.keys()
NAME, PLAIN = "2026-03-01-502-を返す-3f9a1c", "2026-03-01-3f9a1c"
NEW = NewChannel(NAME, PLAIN, "502 を返す · host-a", "U0OPERATOR")
T = TypeVar("T")

EITHER = ". Without --new, the incident is opened where you type it"


OURS = Channel("C0EARLIER", NAME, frozenset({BOT_USER}), creator=BOT_USER)
"""A channel that the bot made before."""


@asynccontextmanager
async def among(house: House, *channels: Channel, scopes: frozenset[str] = ALL_SCOPES) -> AsyncIterator[SlackSurface]:
    """The bot in a workspace that has these channels, too."""
    manifest = manifest_with(house.database.path.parent, scopes)
    house.workspace = Workspace(manifest, Seed(channels=(*CHANNELS, *channels)))
    await house.workspace.start()
    try:
        async with house.bot() as surface:
            yield surface
    finally:
        await house.workspace.stop()


def channel(house: House, name: str = NAME) -> Channel:
    """The one channel of a name, as it is in Slack."""
    [found] = [each for each in house.workspace.conversations(BOT_USER) if each.name == name]
    return found


async def in_time(house: House, work: Awaitable[T]) -> T:
    """What comes of it while time goes by."""
    working = asyncio.ensure_future(work)
    await house.moving(working.done)
    return await working


async def refusal(surface: SlackSurface, new: NewChannel = NEW) -> str:
    with pytest.raises(ChannelNotCreated) as refused:
        await surface.make_channel(new)
    return str(refused.value.phrase)


async def test_the_channel_is_public_with_whoever_asked_and_nobody_else_in_it(house: House) -> None:
    async with house.bot() as surface:
        made = await surface.make_channel(NEW)
    found = channel(house)
    assert CreatedChannel(found.id, NAME) == made
    assert (frozenset({BOT_USER, "U0OPERATOR"}), False, "502 を返す · host-a") == (found.members, found.private, found.topic)


async def test_the_same_name_again_is_the_same_channel(house: House) -> None:
    async with house.bot() as surface:
        assert await surface.make_channel(NEW) == await surface.make_channel(NEW)


@pytest.mark.parametrize("fault", [DropAfter(), DropBefore(), ServerError(500), ServerError(503), RateLimited(1)], ids=str)
@pytest.mark.parametrize("method", ["conversations.create", "conversations.invite", "conversations.setTopic"])
async def test_a_call_of_which_the_answer_is_lost_is_made_again_and_leaves_one_channel(
    house: House, method: str, fault: DropAfter | DropBefore | ServerError | RateLimited
) -> None:
    house.workspace.faults.switch_on(method, fault, times=1)
    async with house.bot() as surface:
        made = await in_time(house, surface.make_channel(NEW))
        assert CreatedChannel(channel(house).id, NAME) == made
    assert {BOT_USER, "U0OPERATOR"} == channel(house).members


async def test_our_own_channel_is_found_among_hundreds(house: House) -> None:
    """It was made before a crash; Slack lists two hundred at once."""
    crowd = tuple(Channel(f"C0A{n:03}", f"room-{n}", frozenset({BOT_USER})) for n in range(450))
    async with among(house, *crowd, OURS) as surface:
        assert CreatedChannel("C0EARLIER", NAME) == await surface.make_channel(NEW)
        assert 3 == len(house.workspace.calls("users.conversations"))


async def test_letters_that_a_workspace_refuses_are_left_out_of_the_name(house: House) -> None:
    house.workspace.faults.switch_on("conversations.create", Failing("invalid_name_specials"), times=1)
    async with house.bot() as surface:
        made = await surface.make_channel(NEW)
    assert CreatedChannel(channel(house, PLAIN).id, PLAIN) == made


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "missing_scope",
            "the app cannot create channels. Add the scope channels:manage in its settings and reinstall it",
        ),
        (
            "no_permission",
            "the app cannot create channels. Add the scope channels:manage in its settings and reinstall it",
        ),
        (
            "restricted_action",
            "this workspace does not allow the app to create channels (restricted_action). "
            "A workspace administrator can allow it",
        ),
        (
            "user_is_restricted",
            "this workspace does not allow the app to create channels (user_is_restricted). "
            "A workspace administrator can allow it",
        ),
        ("too_many_convos_for_team", "the workspace has reached its channel limit. Archive some channels"),
        (
            "name_taken",
            f"channel #{NAME} already exists and was not created by the bot. Run the command again to use another name",
        ),
        ("invalid_name_maxlength", "could not create the channel (invalid_name_maxlength). Try again shortly"),
        ("token_revoked", "could not create the channel (token_revoked). Try again shortly"),
    ],
)
async def test_what_slack_refuses_is_said_with_what_to_do(house: House, code: str, why: str) -> None:
    house.workspace.faults.switch_on("conversations.create", Failing(code))
    async with house.bot() as surface:
        assert why + EITHER == await refusal(surface)
    assert [] == [each for each in house.workspace.conversations(BOT_USER) if each.name == NAME]


async def test_without_the_optional_scope_the_bot_lives_and_only_makes_no_channels(house: House) -> None:
    async with among(house, scopes=SCOPES) as surface:
        assert "Add the scope channels:manage" in await refusal(surface)


async def test_a_channel_of_that_name_that_others_made_is_left_alone(house: House) -> None:
    theirs = Channel("C0THEIRS", NAME, INSIDERS | {BOT_USER}, creator="U0ADMIN")
    async with among(house, theirs) as surface:
        assert "already exists and was not created by the bot." in await refusal(surface)
        assert theirs == channel(house)


async def test_our_own_channel_that_was_archived_is_named(house: House) -> None:
    async with among(house, replace(OURS, archived=True)) as surface:
        assert f"channel #{NAME} was created and later archived. Unarchive it" + EITHER == await refusal(surface)


async def test_our_own_channel_that_was_shared_since_is_not_used(house: House) -> None:
    async with among(house, replace(OURS, sharing=Sharing.SHARED)) as surface:
        assert "is or may be shared with another organization, so nothing is posted there" in await refusal(surface)
        assert frozenset({BOT_USER}) == channel(house).members
        assert () == house.workspace.messages("C0EARLIER")


async def test_where_slack_does_not_say_whether_it_is_shared_nobody_is_invited(house: House) -> None:
    house.workspace.faults.switch_on("conversations.info", Failing("missing_scope"))
    async with house.bot() as surface:
        assert "is or may be shared with another organization, so nothing is posted there" in await refusal(surface)
    assert frozenset({BOT_USER}) == channel(house).members


@pytest.mark.parametrize("person", ["U0GUEST", "U0VISITOR", "U0STRANGER", "U0GONE", BOT_USER, "U0NOBODY"])
async def test_only_a_full_member_is_invited(house: House, person: str) -> None:
    """An invitation must open the channel to no other organization; then it is not even made."""
    async with house.bot() as surface:
        said = await refusal(surface, NewChannel(NAME, PLAIN, "502", person))
    assert (
        f"could not verify with Slack that {person} is a member of this workspace, so no invitation was sent" + EITHER
        == said
    )
    assert () == house.workspace.calls("conversations.create")


@pytest.mark.parametrize(
    ("method", "code", "left"),
    [
        ("conversations.invite", "cant_invite", "could not invite you (cant_invite). Open the channel and join it"),
        (
            "conversations.invite",
            "restricted_action",
            "could not invite you (restricted_action). Open the channel and join it",
        ),
        (
            "conversations.setTopic",
            "restricted_action",
            "could not set the topic (restricted_action). Set it in the channel",
        ),
    ],
)
async def test_a_channel_without_a_guest_or_a_topic_is_a_channel_still(
    house: House, method: str, code: str, left: str
) -> None:
    house.workspace.faults.switch_on(method, Failing(code))
    async with house.bot() as surface:
        made = await surface.make_channel(NEW)
    assert (channel(house).id, [left]) == (made.id, [str(trouble) for trouble in made.troubles])


async def test_whom_slack_makes_wait_long_is_told_at_once(house: House) -> None:
    house.workspace.faults.switch_on("conversations.create", RateLimited(int(QUICK_RETRY_AFTER) + 1))
    async with house.bot() as surface:
        assert "could not create the channel (ratelimited). Try again shortly" + EITHER == await refusal(surface)
    assert 1 == len(house.workspace.calls("conversations.create"))


async def test_what_stays_unconfirmed_is_said_to_be_so(house: House) -> None:
    house.workspace.faults.switch_on("conversations.create", ServerError(500))
    async with house.bot() as surface:
        said = await in_time(house, refusal(surface))
    assert f"Slack did not confirm that channel #{NAME} was created (http_500). Check whether it exists" + EITHER == said


async def test_a_topic_is_plain_text_shows_no_secret_and_fits(house: House) -> None:
    """Topics take no formatting: an entity would be shown as it is written, and a mention is none."""
    new = NewChannel(NAME, PLAIN, f"R&D <502>\n{CANARY} {'x' * 400}", "U0OPERATOR")
    async with house.bot() as surface:
        assert () == (await surface.make_channel(new)).troubles
    topic = channel(house).topic
    assert topic.startswith("R&D <502> [redacted] xxx")
    assert 250 >= len(topic)


async def test_a_private_channel_is_made_with_the_requester_in_it_and_found_again(house: House) -> None:
    async with among(house) as surface:
        made = await surface.make_channel(replace(NEW, private=True))
        assert made == await surface.make_channel(replace(NEW, private=True))
        assert await surface.is_private(made.id) is True
        assert await surface.is_private("C0OPS") is False
    assert ((), True, {BOT_USER, "U0OPERATOR"}) == (made.troubles, channel(house).private, set(channel(house).members))


async def test_without_the_scope_for_private_channels_none_is_made_not_even_a_public_one(house: House) -> None:
    async with among(house, scopes=SCOPES | {"channels:manage"}) as surface:
        assert "Add the scope groups:write in its settings" in await refusal(surface, replace(NEW, private=True))
        assert NAME not in [each.name for each in house.workspace.conversations(BOT_USER)]


REFUSALS = (
    "missing_scope no_permission not_allowed_token_type restricted_action user_is_restricted user_is_bot "
    "cannot_create_channel too_many_convos_for_team name_taken invalid_name invalid_name_specials invalid_name_maxlength "
    "token_revoked internal_error"
)


async def test_whatever_slack_answers_a_private_channel_never_becomes_a_public_one(house: House) -> None:
    """Its name does not tell the title either."""
    async with house.bot() as surface:
        for code in REFUSALS.split():
            house.workspace.faults.switch_on("conversations.create", Failing(code))
            await in_time(house, refusal(surface, NEW.hide()))
    calls = [call.arguments for call in house.workspace.calls("conversations.create")]
    assert {(PLAIN, "1")} == {(asked["name"], asked["is_private"]) for asked in calls}
    assert len(REFUSALS.split()) <= len(calls)


async def test_our_own_public_channel_of_that_name_is_not_used_for_a_private_one(house: House) -> None:
    async with among(house, replace(OURS, name=PLAIN)) as surface:
        assert "already exists and was not created by the bot." in await refusal(surface, NEW.hide())
        assert frozenset({BOT_USER}) == channel(house, PLAIN).members


async def test_a_channel_that_slack_does_not_describe_is_of_unknown_privacy(house: House) -> None:
    async with among(house) as surface:
        assert await surface.is_private("C0NOWHERE") is None
    assert await surface.is_private("C0OPS") is None
