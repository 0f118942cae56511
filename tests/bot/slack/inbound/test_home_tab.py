"""Home tabs: what people see in theirs, and that Slack is not asked more often than it likes."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.alerts.slack.buttons import ACKNOWLEDGE_ACTION
from bot.home.slack import CHECK_ACTION, HOME_ACTION
from bot.model.alert import Alert
from bot.model.home import MAX_ALERTS, HomeAlert, HomeFacts, HomeList
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.rendering.slack.buttons import FORM_ACTION, encode_words
from bot.slack.answers.views import CHECK_WORDS
from bot.slack.inbound.home_tab import LOOK_INTERVAL, PUBLISH_BURST, PUBLISH_INTERVAL, PUBLISH_PAUSE, RETRY_PAUSES
from bot.store.answers import StoredAnswer
from bot.store.errors import DatabaseError
from commands.model.operation import Progress, ReadProgress, ignore_progress
from commands.model.report import Report
from tests.bot.alert_examples import FIRING, change
from tests.bot.rendering.changes import RUNNING
from tests.bot.rendering.changes import change as operation
from tests.bot.rendering.examples import ALL_DOWN, MIXED
from tests.bot.slack.conftest import BEGIN, House, ScriptedDesk, well
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
    assert "`approval` · `approve` · `audit`" in view
    assert "viewer" in view
    assert "English" in view
    assert "Europe/Berlin" in view


async def test_it_is_in_the_person_s_language(house: House) -> None:
    view = said(await opened(house, "U0VIEWER"))
    assert "トピックのヘルプ" in view
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


@dataclass
class SlowDesk(ScriptedDesk):
    """Checks as long as the test says."""

    told: list[Progress] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer:
        self.told.append(progress)
        await self.done.wait()
        return await super().handle(request, progress)


class TestCheckNow:
    """The button runs the check, and shows its progress and its result where it was pressed."""

    @pytest.fixture
    def desk(self) -> SlowDesk:
        return SlowDesk()

    async def test_the_tab_shows_the_progress_and_then_the_new_state_with_its_time(
        self, house: House, desk: SlowDesk
    ) -> None:
        await checked(house, MIXED)
        house.time.move(300)
        view = await opened(house, "U0ADMIN")
        await house.workspace.act("U0ADMIN", view, CHECK_ACTION)
        await house.until(lambda: "Checking all hosts now" in self.tab(house))
        assert "Checked 5 min ago" in self.tab(house)
        assert "Check now" not in self.tab(house)
        desk.told[0](ReadProgress(6, ("host-e",)))
        await house.moving(
            lambda: "Checking now: 6 hosts, 5 answered, waiting for host-e" in self.tab(house), PUBLISH_INTERVAL
        )
        desk.answer = self.check_at_ten_past
        desk.done.set()
        await house.moving(lambda: "3 hosts are healthy" in self.tab(house), PUBLISH_INTERVAL)
        assert [True, False] == [words in self.tab(house) for words in ("Check now", "Checking")]
        assert "(2026-03-01 10:10 CET)" in self.tab(house)
        assert [CHECK_WORDS] == [request.text for request in desk.requests]
        assert () == house.workspace.calls("chat.postMessage")

    async def test_a_second_tap_starts_no_second_check(self, house: House, desk: SlowDesk) -> None:
        """Taps before Slack shows the tab without the button."""
        view = await opened(house, "U0ADMIN")
        house.workspace.faults.switch_on("views.publish", Failing("internal_error"))
        for _ in range(3):
            await house.workspace.act("U0ADMIN", view, CHECK_ACTION)
        await house.until(lambda: desk.told and self.count_finished(house) == 2)
        desk.done.set()
        await house.settled()
        assert [CHECK_WORDS] == [request.text for request in desk.requests]

    async def test_a_check_of_another_person_is_their_own(self, house: House, desk: SlowDesk) -> None:
        for user in ("U0ADMIN", "U0VIEWER"):
            await house.workspace.act(user, await opened(house, user), CHECK_ACTION)
        await house.until(lambda: len(desk.told) == 2)
        desk.done.set()
        await house.settled()
        assert 2 == len(desk.requests)

    async def test_a_check_that_fails_is_said_directly_and_can_be_started_again(self, house: House, desk: SlowDesk) -> None:
        failed = Failure(kind=FailureKind.INTERNAL, phrase=Phrase("the audit log cannot be written"))
        desk.answer = lambda request: Answer(operation=f"op-{request.key}", understood=request.text, body=failed)
        desk.done.set()
        await house.workspace.act("U0ADMIN", await opened(house, "U0ADMIN"), CHECK_ACTION)
        assert ["the audit log cannot be written"] == [
            text.partition(": ")[2].lower() for text in await house.direct("U0ADMIN")
        ]
        await house.moving(lambda: "Check now" in self.tab(house), PUBLISH_INTERVAL)

    @staticmethod
    def count_finished(house: House) -> int:
        """The taps that need no more work."""
        query = "select count(*) from inbox where finished_at is not null and kind = 'click'"
        with closing(sqlite3.connect(house.database.path)) as database:
            count: int = database.execute(query).fetchone()[0]
            return count

    @staticmethod
    def tab(house: House) -> str:
        view = house.workspace.home("U0ADMIN")
        return "" if view is None else said(view)

    @staticmethod
    def check_at_ten_past(request: Request) -> Answer:
        """A healthy answer with its time."""
        answer = well(request)
        assert isinstance(answer.body, Report)
        at = BEGIN + timedelta(minutes=10)
        return answer.model_copy(update={"body": answer.body.model_copy(update={"taken_at": at})})


async def test_what_was_asked_lately_is_asked_again_with_one_press(house: House) -> None:
    await house.workspace.slash("U0ADMIN", "C0OPS", "health host-a")
    await house.settled()
    view = await opened(house, "U0ADMIN")
    await house.workspace.act("U0ADMIN", view, f"{HOME_ACTION}.0")
    await house.direct("U0ADMIN")
    assert ["health host-a", "health host-a"] == [request.text for request in house.desk.requests]


async def test_a_topic_chosen_in_the_tab_is_explained_directly(house: House) -> None:
    view = await opened(house, "U0ADMIN")
    await house.workspace.act("U0ADMIN", view, f"{HOME_ACTION}.topic", value='{"w":"help lock"}')
    await house.direct("U0ADMIN")
    assert ["help lock"] == [request.text for request in house.desk.requests]


async def test_the_next_step_after_the_last_check_is_where_to_start(house: House) -> None:
    await checked(house, MIXED)
    view = await opened(house, "U0ADMIN")
    labels = [
        button["text"]["text"]
        for block in view.blocks
        for button in block.get("elements", ())
        if str(button.get("action_id")).startswith("home.start")
    ]
    assert ["Check host-b (details)", "Check all hosts", "Show the certificates of all hosts"] == labels


async def test_the_form_opens_from_the_tab_and_answers_directly(house: House) -> None:
    view = await opened(house, "U0ADMIN")
    await house.workspace.act("U0ADMIN", view, FORM_ACTION)
    await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
    await house.workspace.submit("U0ADMIN", {})
    assert ["3 hosts are healthy"] == await house.direct("U0ADMIN")


async def test_opening_it_often_publishes_it_seldom(house: House) -> None:
    for _ in range(10):
        await house.workspace.open_home("U0ADMIN")
    await house.until(lambda: published(house) == PUBLISH_BURST)
    house.time.move(PUBLISH_INTERVAL)
    await asyncio.sleep(0.02)
    assert published(house) in (PUBLISH_BURST, PUBLISH_BURST + 1)


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
    assert "Help on a topic" in said(await opened(house, "U0ADMIN"))


async def test_the_other_tab_publishes_nothing(house: House) -> None:
    await house.workspace.open_home("U0ADMIN", "messages")
    await asyncio.sleep(0.02)
    assert 0 == published(house)


async def test_who_became_a_guest_sees_it_in_the_tab(house: House) -> None:
    await opened(house, "U0ADMIN")
    house.workspace.change_person(replace(house.workspace.person("U0ADMIN"), kind=Kind.GUEST))
    house.time.move(3600)
    assert "Only members may ask" in said(await opened(house, "U0ADMIN"))


class TestChanges:
    """What happens elsewhere is published to those who look."""

    async def test_a_change_is_shown_without_opening_the_tab_again(self, house: House) -> None:
        await opened(house, "U0ADMIN")
        house.desk.home, house.desk.home_version = HomeFacts(alerts_summary=Phrase("one alert")), "1"
        await house.moving(lambda: "One alert" in self.tab(house, "U0ADMIN"))

    async def test_changes_every_second_are_published_every_ten_seconds_and_the_last_one_stays(self, house: House) -> None:
        await opened(house, "U0ADMIN")
        before = published(house)
        for second in range(60):
            house.desk.home = HomeFacts(alerts_summary=Phrase("state {n}", n=second))
            house.desk.home_version = str(second)
            house.time.move(1)
            await asyncio.sleep(0.01)
        assert published(house) - before <= 60 / PUBLISH_PAUSE
        await house.moving(lambda: "State 59" in self.tab(house, "U0ADMIN"))
        count = published(house)
        for _ in range(30):
            house.time.move(1)
            await asyncio.sleep(0.002)
        assert count == published(house)

    async def test_who_never_opened_their_tab_is_not_bothered(self, house: House) -> None:
        house.desk.home_version = "1"
        for _ in range(20):
            house.time.move(1)
            await asyncio.sleep(0.002)
        assert 0 == published(house)

    async def test_a_database_that_does_not_answer_ends_nothing(self, house: House) -> None:
        await opened(house, "U0ADMIN")
        house.desk.home_trouble = DatabaseError(Phrase("the database is busy"))
        house.time.move(LOOK_INTERVAL)
        await asyncio.sleep(0.01)
        house.desk.home_trouble = None
        house.desk.home, house.desk.home_version = HomeFacts(alerts_summary=Phrase("one alert")), "1"
        await house.moving(lambda: "One alert" in self.tab(house, "U0ADMIN"))

    @staticmethod
    def tab(house: House, user: str) -> str:
        view = house.workspace.home(user)
        return "" if view is None else said(view)


class TestAlerts:
    """Alerts on the tab can be acknowledged there."""

    @staticmethod
    def facts(*alerts: Alert) -> HomeFacts:
        shown = tuple(HomeAlert(each, may_acknowledge=True, may_fix=True) for each in alerts)
        return HomeFacts(alerts=shown, alerts_summary=Phrase("{n} alerts", n=len(alerts)))

    async def test_a_choice_acknowledges_and_the_tab_is_the_answer(self, house: House) -> None:
        house.desk.home = self.facts(FIRING)
        view = await opened(house, "U0ADMIN")
        value = encode_words("alert acknowledge 7 --until change")
        house.desk.home = HomeFacts()
        await house.workspace.act("U0ADMIN", view, ACKNOWLEDGE_ACTION, value=value)
        await house.moving(lambda: "Nebula stopped" not in str(house.workspace.home("U0ADMIN")))
        await house.settled()
        assert ["alert acknowledge 7 --until change"] == [request.text for request in house.desk.requests]
        assert () == house.workspace.calls("chat.postMessage")

    async def test_open_alerts_are_where_to_start(self, house: House) -> None:
        house.desk.home = self.facts(FIRING)
        view = await opened(house, "U0ADMIN")
        labels = {
            button["action_id"]: button["text"]["text"]
            for block in view.blocks
            for button in block.get("elements", ())
            if str(button.get("action_id")).startswith("home.start")
        }
        assert "Show alerts" == labels["home.start0"]

    async def test_a_refusal_is_a_direct_message(self, house: House) -> None:
        failed = Failure(kind=FailureKind.REFUSED, phrase=Phrase("alert 7 was resolved"))
        house.desk.answer = lambda request: Answer(operation=f"op-{request.key}", understood=request.text, body=failed)
        house.desk.home = self.facts(FIRING)
        view = await opened(house, "U0ADMIN")
        value = encode_words("alert acknowledge 7 --for 2h")
        await house.workspace.act("U0ADMIN", view, ACKNOWLEDGE_ACTION, value=value)
        assert ["alert 7 was resolved"] == [text.partition(": ")[2].lower() for text in await house.direct("U0ADMIN")]

    async def test_the_fix_opens_its_form(self, house: House) -> None:
        house.desk.home = self.facts(FIRING)
        view = await opened(house, "U0ADMIN")
        await house.workspace.act("U0ADMIN", view, "home.fix")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        assert [] == house.desk.requests

    async def test_254_alerts_are_bounded_and_counted(self, house: House) -> None:
        await checked(house, ALL_DOWN)
        house.desk.home = replace(
            self.facts(*(change(number=number, host=f"host-{number}") for number in range(1, MAX_ALERTS + 1))),
            alerts_left=254 - MAX_ALERTS,
            waiting=(operation(),) * 40,
            running=(RUNNING,) * 200,
            lists=(HomeList(Phrase("Locks"), (Phrase("a lock"),) * 200, "lock"),) * 4,
        )
        view = await opened(house, "U0ADMIN")
        assert len(view.blocks) <= 100
        assert all(words in said(view) for words in ("249 more", "35 more", "196 more"))

    async def test_a_person_without_rights_gets_no_menu_and_no_fix(self, house: House) -> None:
        house.desk.home = HomeFacts(alerts=(HomeAlert(FIRING),), alerts_summary=Phrase("1 alert"))
        view = await opened(house, "U0ADMIN")
        labels = [
            element.get("text", {}).get("text")
            for block in view.blocks
            for element in block.get("elements", ())
            if str(element.get("action_id")).startswith(("alert", "home.fix", "home.alert"))
        ]
        assert ["Details"] == labels
