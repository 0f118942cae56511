"""A database of the version before: everything in it is read and shown, and what was unfinished or unsent goes out once."""

import json
import zlib
from collections.abc import Iterable

import pytest

from adapters.phrase import Phrase
from bot.model.change import Change
from bot.model.request import Answer, Failure
from bot.reports.digest_diff import Baseline
from tests.lab.workspace.message import Message
from tests.scenarios.changing import ADMIN, OPERATOR, OPS
from tests.scenarios.conftest import ask
from tests.upgrade.conftest import Build
from tests.upgrade.past import Past, fixture, operation

READS = {
    "approval": operation("nebula"),
    f"approval show {operation('renew')}": operation("renew"),
    "op": operation("half"),
    "lock": "disk swap again",
    "schedule": "mondays",
    "incident": "a drill",
    "incident show 1": "nothing was wrong",
    "incident show 2": "service host-a",
    "audit search --since 7d": operation("glass"),
    "report weekly": "host-b",
}
"""Words, and what their answer holds of the time before."""


@pytest.fixture
def known() -> frozenset[tuple[str, str]]:
    """Messages that stood in Slack before, by channel and name."""
    return frozenset((message["channel"], message["ts"]) for message in fixture("slack.json")["messages"])


def new_messages(p: Past, known: frozenset[tuple[str, str]]) -> list[Message]:
    """Return what the bot of today has posted, the earliest first."""
    return [each for each in p.workspace._state.messages() if (each.channel, each.ts) not in known]


def named(messages: Iterable[Message], text: str) -> list[Message]:
    """Return the messages that hold a text."""
    return [each for each in messages if text in each.text + json.dumps(each.blocks, ensure_ascii=False)]


async def test_everything_is_read_and_shown(past: Build) -> None:
    async with past() as p, p.looked_into() as house:
        assert (await house.audit.verify("system", "")).intact
        for words, held in READS.items():
            answer = await ask(house, words)
            assert not isinstance(answer.body, Failure), answer
            assert held in answer.model_dump_json(), words
        for (change,) in p.rows("select operation from operations"):
            shown = await ask(house, f"op show {change}")
            assert isinstance(shown.body, Change)
            assert shown.body.plan.steps


async def test_kept_answers_digests_and_observations_are_readable(past: Build) -> None:
    async with past() as p, p.looked_into() as house:
        documents = [zlib.decompress(row[0]).decode() for row in p.rows("select document from answers")]
        assert 19 == len(documents)
        assert [] == [document for document in documents if Answer.from_json(document) is None]
        digest = Baseline.from_json(await house.history.find_previous_digest("", p.time.now()))
        assert digest is not None
        assert [("host-b", "expiry")] == [each.key for each in digest.known]
        sums = await house.history.sum_by_host(digest.at.replace(hour=0), p.time.now())
        assert {"lighthouse", "host-a", "host-b", "host-c"} == set(sums)


@pytest.mark.parametrize("name", ["nebula", "renew"])
async def test_an_approval_of_before_is_shown_in_japanese(past: Build, name: str) -> None:
    async with past() as p, p.bot() as house:
        await p.town.at_rest()
        message = await p.town.private_answer(OPERATOR, OPS, f"op show {operation(name)}")
        shown = message.text + json.dumps(message.blocks, ensure_ascii=False)
        plan = (await house.change_services.lifecycle.find_change(operation(name))).plan
        assert plan.steps
        english = {str(phrase) for step in plan.steps for phrase in spoken(step.phrase)}
        [[words]] = p.rows("select words from operations where operation = ?", operation(name))
        assert f"/flatnet {words}" in shown
        assert [] == [sentence for sentence in english if sentence in shown]


def spoken(phrase: Phrase) -> Iterable[Phrase]:
    """Return a phrase and those that stand in it."""
    yield phrase
    for value in phrase.values.values():
        if isinstance(value, Phrase):
            yield from spoken(value)


async def test_unfinished_deliveries_are_answered_once_and_unsent_messages_go_out(
    past: Build, known: frozenset[tuple[str, str]]
) -> None:
    """Even where the bot of today is restarted."""
    async with past() as p:
        assert 2 == len(p.rows("select key from inbox where finished_at is null"))
        open_rows = p.rows("select message, state from outbox where ended_at is null order by id")
        async with p.bot():
            await p.town.at_rest()
        async with p.bot():
            await p.town.at_rest()
        new = new_messages(p, known)
        unsent = {state: json.loads(message)["text"] for message, state in open_rows}
        assert [OPERATOR] == [each.private_to for each in new if each.text.startswith(unsent["waiting"])]
        [repeated] = [each for each in new if each.channel == f"D{ADMIN[1:]}" and each.text.startswith(unsent["sending"])]
        assert repeated.text != unsent["sending"]
        answers = [each for each in named(new, "/flatnet service host-c") if each.blocks]
        assert 1 == len(answers)  # a message without blocks says that this late answer is ready
        assert 1 == len(named(new, "/flatnet disk host-c --details"))


async def test_schedules_and_notices_go_on_from_where_they_were(past: Build, known: frozenset[tuple[str, str]]) -> None:
    """A warning of before is an alert now: it is not repeated, and its thread says when the certificate is renewed."""
    async with past() as p, p.bot() as house:
        [[notice]] = p.rows("select ts from outbox where road = 'post' and operation = (select message from alerts)")
        await ask(house, "schedule resume mondays")
        assert [("",)] == p.rows("select paused_by from schedules where name = 'mondays'")
        await p.resolve_half(house)
        await ask(house, "schedule run certificates")
        await p.town.at_rest()
        assert [] == named(new_messages(p, known), "cert renew host-b")
        assert 1 == len(p.workspace.thread(OPS, notice))
        await p.deliver("approve renew")
        again = await p.find_successor("renew")
        await ask(house, f"approve {again}")
        assert "done" == await p.ends(again)
        await ask(house, "schedule run certificates")
        await p.until(lambda: len(p.workspace.thread(OPS, notice)) == 2, lambda: p.workspace.thread(OPS, notice))
        assert "host-b の証明書が更新されました" in p.workspace.thread(OPS, notice)[1].text


async def test_incidents_of_before_go_on_with_a_timeline(past: Build) -> None:
    """The requests of before are its looks, and the next act follows the row, which has no event with a version."""
    async with past() as p, p.bot() as house:
        before = p.rows("select number, state, version, document from incidents order by number")
        assert [(1, "resolved", 1, None), (2, "open", 1, None)] == before
        answer = await ask(house, 'incident resolve "dns" --incident 2')
        assert isinstance(answer.body, Failure), "changes of before are still running"
        answer = await ask(house, 'incident resolve "dns" --incident 2 --although "they were tried"')
        assert not isinstance(answer.body, Failure), answer
        assert [("resolved", 2)] == p.rows("select state, version from incidents where number = 2")
        told = p.rows(
            "select kind, words from incident_timeline where incident = 2 and (source like 'operation:%' or kind = 'state') "
            "order by number"
        )
        assert [("look", "service host-a --here"), ("look", "whoami"), ("state", "")] == told
