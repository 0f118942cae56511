"""Home tabs: what people see in theirs, and that Slack is not asked more often than it likes."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.model.request import Answer, Request
from bot.rendering.slack.buttons import FORM_ACTION
from bot.rendering.slack.home import CHECK_ACTION, HOME_ACTION
from bot.slack.inbound.home_tab import CHECK_WORDS, PUBLISH_INTERVAL, RETRY_PAUSES
from bot.store.answers import StoredAnswer
from commands.model.report import Report
from tests.bot.rendering.examples import ALL_DOWN, MIXED
from tests.bot.slack.conftest import BEGIN, House, well
from tests.lab.workspace.faults import Failing, RateLimited
from tests.lab.workspace.seed import Kind
from tests.lab.workspace.view import View


@pytest.fixture(autouse=True)
async def bot(house: House) -> AsyncIterator[None]:
    async with house.bot():
        yield


async def opened(house: House, user: str) -> View:
    """The tab, once the app has published it after it was opened."""
    before = published(house)
    await house.workspace.open_home(user)
    await house.until(lambda: published(house) > before and house.workspace.home(user))
    view = house.workspace.home(user)
    assert view is not None
    return view


def published(house: House) -> int:
    return len(house.workspace.calls("views.publish"))


def said(view: View) -> str:
    return json.dumps(view.blocks, ensure_ascii=False)


async def checked(house: House, report: Report) -> None:
    """The bot answered this to an earlier check."""
    body = report.model_copy(update={"taken_at": BEGIN})
    answer = Answer(operation="op-earlier", understood=CHECK_WORDS, body=body)
    document = json.dumps(answer.model_dump(mode="json"))
    await house.rows.answers.store(StoredAnswer("op-earlier", "U0ADMIN", CHECK_WORDS, BEGIN, document))


async def test_a_first_visit_shows_what_may_be_asked_and_how_it_is_read(house: House) -> None:
    view = said(await opened(house, "U0ADMIN"))
    assert "No health check yet." in view
    assert "/flatnet health [target]" in view
    assert "viewer" in view
    assert "English" in view
    assert "Europe/Berlin" in view


async def test_it_is_in_the_person_s_language(house: House) -> None:
    view = said(await opened(house, "U0VIEWER"))
    assert "使えるコマンド" in view
    assert "Asia/Tokyo" in view


async def test_the_last_check_is_shown_with_its_age(house: House) -> None:
    await checked(house, MIXED)
    house.time.move(300)
    view = said(await opened(house, "U0ADMIN"))
    assert "2 of 3 hosts need attention" in view
    assert "Checked 5 min ago (2026-03-01 10:00 CET)" in view
    assert () == house.workspace.calls("chat.postMessage")
    assert [] == house.desk.requests


async def test_whoever_may_not_ask_for_all_of_it_there_reads_why_instead_and_has_no_button(house: House) -> None:
    """A grant for some hosts, or for one channel, is none for the whole fleet in a tab."""
    await checked(house, MIXED)
    house.desk.home_verdict = Refusal(
        "channel", Phrase("{words} is only allowed in C0PS00000. Use it there", words="health")
    )
    view = said(await opened(house, "U0ADMIN"))
    assert "health is only allowed in C0PS00000. Use it there" in view
    assert [False] * 4 == [words in view for words in ("2 of 3 hosts", "host-a", "Check now", "No health check")]


async def test_254_hosts_fit_into_a_tab(house: House) -> None:
    """Slack takes at most 100 blocks; the workspace refuses more."""
    await checked(house, ALL_DOWN)
    view = await opened(house, "U0ADMIN")
    assert "none of 254 hosts" in said(view)
    assert len(view.blocks) <= 100


async def test_what_another_version_kept_is_not_shown(house: House) -> None:
    await house.rows.answers.store(StoredAnswer("op-earlier", "U0ADMIN", CHECK_WORDS, BEGIN, '{"some": "thing"}'))
    assert "No health check yet." in said(await opened(house, "U0ADMIN"))


async def test_a_guest_reads_why_and_nothing_else(house: House) -> None:
    await checked(house, MIXED)
    view = await opened(house, "U0GUEST")
    assert "Only members may ask" in said(view)
    assert 1 == len(view.blocks)


async def test_a_press_checks_now_answers_directly_and_renews_the_tab(house: House) -> None:
    """Meanwhile the tab says so."""
    answering = asyncio.Event()

    async def slowly(request: Request) -> Answer:
        await answering.wait()
        return well(request)

    house.desk.answer = slowly
    view = await opened(house, "U0ADMIN")
    await house.workspace.act("U0ADMIN", view, CHECK_ACTION)
    await house.moving(lambda: "Working on it." in said(house.workspace.home("U0ADMIN") or view), PUBLISH_INTERVAL)
    answering.set()
    assert ["3 hosts are healthy"] == await house.direct("U0ADMIN")
    await house.moving(lambda: "Working on it." not in said(house.workspace.home("U0ADMIN") or view), PUBLISH_INTERVAL)
    assert [CHECK_WORDS] == [request.text for request in house.desk.requests]
    assert "3 hosts are healthy" in said(house.workspace.home("U0ADMIN") or view)


async def test_what_was_asked_lately_is_asked_again_with_one_press(house: House) -> None:
    await house.workspace.slash("U0ADMIN", "C0OPS", "health host-a")
    await house.settled()
    view = await opened(house, "U0ADMIN")
    await house.workspace.act("U0ADMIN", view, f"{HOME_ACTION}.0")
    await house.direct("U0ADMIN")
    assert ["health host-a", "health host-a"] == [request.text for request in house.desk.requests]


async def test_the_form_opens_from_the_tab_and_answers_directly(house: House) -> None:
    view = await opened(house, "U0ADMIN")
    await house.workspace.act("U0ADMIN", view, FORM_ACTION)
    await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
    await house.workspace.submit("U0ADMIN", {})
    assert ["3 hosts are healthy"] == await house.direct("U0ADMIN")


async def test_opening_it_often_publishes_it_seldom(house: House) -> None:
    for _ in range(10):
        await house.workspace.open_home("U0ADMIN")
    await house.until(lambda: published(house) == 1)
    house.time.move(PUBLISH_INTERVAL)
    await house.until(lambda: published(house) == 2)
    house.time.move(PUBLISH_INTERVAL)
    await asyncio.sleep(0.02)
    assert 2 == published(house)


async def test_a_limited_rate_is_kept_and_the_tab_published_after_it(house: House) -> None:
    house.workspace.faults.switch_on("views.publish", RateLimited(30), times=1)
    await house.workspace.open_home("U0ADMIN")
    await house.until(lambda: published(house) == 1)
    await asyncio.sleep(0.02)
    house.time.move(29)
    await asyncio.sleep(0.02)
    assert 1 == published(house)
    house.time.move(1)
    await house.workspace.seen(lambda: house.workspace.home("U0ADMIN"))


async def test_where_slack_does_not_take_it_it_is_given_up(house: House) -> None:
    """It is published when it is opened again."""
    house.workspace.faults.switch_on("views.publish", Failing("internal_error"))
    await house.workspace.open_home("U0ADMIN")
    tries = len(RETRY_PAUSES) + 1
    await house.moving(lambda: published(house) == tries, RETRY_PAUSES[0])
    house.time.move(RETRY_PAUSES[-1])
    await asyncio.sleep(0.02)
    assert tries == published(house)
    house.workspace.faults.switch_off("views.publish")
    assert "/flatnet health" in said(await opened(house, "U0ADMIN"))


async def test_the_other_tab_publishes_nothing(house: House) -> None:
    await house.workspace.open_home("U0ADMIN", "messages")
    await asyncio.sleep(0.02)
    assert 0 == published(house)


async def test_who_became_a_guest_sees_it_in_the_tab(house: House) -> None:
    await opened(house, "U0ADMIN")
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), kind=Kind.GUEST))
    house.time.move(3600)
    assert "Only members may ask" in said(await opened(house, "U0ADMIN"))
