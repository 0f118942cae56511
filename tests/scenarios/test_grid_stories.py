"""The main stories once more in a workspace of an Enterprise organization: profiles, clicks and ids look different there."""

from functools import partial
from pathlib import Path

import pytest

from bot.model.change import ChangeState
from tests.lab.workspace.seed import Seed
from tests.scenarios import (
    test_button_stories,
    test_change_stories,
    test_decision_stories,
    test_slack_stories,
    test_talk_stories,
)
from tests.scenarios.changing import shift
from tests.scenarios.conftest import PATIENCE, Build, built

CHIEF, SISTER, OPS = "W0CHIEF", "W0SISTER", "C0OPS"

RESTART = "service restart openresty host-a"


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory, used_before: Path) -> Build:
    """As elsewhere, in an organization."""
    return partial(built, tmp_path_factory.mktemp("t"), used_before=used_before, seed=Seed().on_grid())


test_a_slash_command = test_slack_stories.test_a_healthy_fleet_is_one_line_in_the_reader_s_language
test_a_command_of_a_guest_or_stranger = test_slack_stories.test_guests_and_strangers_are_refused_and_learn_nothing
test_a_mention = test_talk_stories.test_a_mention_is_answered_in_its_thread_and_a_second_one_too
test_a_direct_message = test_talk_stories.test_a_direct_message_is_answered_in_the_person_s_language
test_a_mention_of_a_guest_or_stranger = test_talk_stories.test_guests_and_strangers_are_refused_where_only_they_see_it
test_a_shared_channel = test_talk_stories.test_a_shared_channel_learns_nothing_of_what_a_member_asks_there
test_a_user_group = test_talk_stories.test_a_user_group_gives_a_role_until_somebody_takes_it_away
test_the_menu_and_the_form = test_button_stories.test_the_way_from_the_menu_through_the_form_to_the_answer
test_a_denial_by_form = test_decision_stories.test_a_denial_takes_its_reason_from_a_form_and_whoever_asked_is_told
test_who_may_not_approve = test_decision_stories.test_who_may_not_approve_is_told_why_and_nothing_moves
test_the_home_tab = test_decision_stories.test_the_home_tab_shows_what_waits_and_its_buttons_decide
test_a_renewal = test_change_stories.test_a_certificate_is_renewed_with_approval_and_proven_from_the_other_side


async def test_an_administrator_whose_id_begins_with_w_approves(town: Build) -> None:
    """Their click carries another workspace of the organization."""
    async with shift(town) as s:
        card = await s.asked(RESTART)
        await s.press(CHIEF, card, "run.approve")
        assert (ChangeState.DONE, "") == await s.ended(card)
        assert ["carol"] == [event["actor"] for event in s.town.events() if event["kind"] == "review"]


async def test_a_colleague_of_another_workspace_of_the_organization_is_a_stranger(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked(RESTART)
        assert "Only members of this bot's workspace" in await s.press(SISTER, card, "run.approve")
        await s.workspace.slash(SISTER, OPS, "health")
        told = await s.workspace.seen(lambda: s.workspace.private(SISTER)[1:], timeout=PATIENCE)
        assert "host-a" not in told[-1].text
        assert ChangeState.WAITING is (await s.known(card)).state
