"""What people in Slack live through: typed words in, a message back, over the real protocols."""

import asyncio
import json
from typing import Any

import pytest

from bot.audit import verify_files
from bot.secrets import read_secrets
from bot.store.chain import AuditKey
from tests.lab.faults import Fault
from tests.lab.workspace.faults import Duplicated, Failing, RateLimited, ServerError
from tests.scenarios.conftest import Build, Town

OPERATOR, ADMIN, GUEST, STRANGER = "U0OPERATOR", "U0ADMIN", "U0GUEST", "U0STRANGER"
OPS, DEV, PARTNERS = "C0OPS", "C0DEV", "C0PARTNERS"


def events(town: Town) -> list[dict[str, Any]]:
    """The audit log's events, as stored."""
    import sqlite3

    with sqlite3.connect(town.settings.database_file) as database:
        rows = database.execute("select kind, actor, data from audit order by sequence").fetchall()
    return [{"kind": kind, "actor": actor, "data": json.loads(data)} for kind, actor, data in rows]


async def test_a_healthy_fleet_is_one_line_in_the_reader_s_language(town: Build) -> None:
    """Japanese for the operator in Tokyo, English for the administrator; nobody else sees either."""
    async with town(hosts=3, lighthouse=True) as t, t.bot():
        japanese = await t.private_answer(OPERATOR, OPS, "health")
        english = await t.private_answer(ADMIN, OPS, "health")
        assert "4 台すべて正常です" in japanese.text
        assert "all 4 hosts are well" in english.text
        assert () == t.workspace.messages(OPS)


async def test_a_mixed_fleet_shows_the_worst_first(town: Build) -> None:
    """What is stopped comes before what cannot be asked, before what is merely odd, before what is well."""
    async with town(hosts=4) as t, t.bot():
        nebula = t.fleet["host-c"].windows.state.service("Nebula")
        assert nebula is not None
        nebula.status = "Stopped"
        for side in ("windows", "wsl", "gateway"):
            t.fleet["host-b"].wire(side).fault = Fault.REFUSE
        answer = await t.private_answer(ADMIN, OPS, "health")
        said = json.dumps(answer.blocks, ensure_ascii=False)
        assert said.index("host-c") < said.index("host-b")
        assert "host-c Nebula stopped" in answer.text
        assert "health host-c --details" in said


async def test_when_nothing_answers_nothing_is_claimed(town: Build) -> None:
    """A fleet that cannot be reached is unknown: no check of it is called bad, and none is called well."""
    async with town(hosts=3) as t, t.bot():
        for host in t.fleet.hosts:
            for side in ("windows", "wsl", "gateway"):
                host.wire(side).fault = Fault.REFUSE
        answer = await t.private_answer(ADMIN, OPS, "health")
        said = answer.text + json.dumps(answer.blocks)
        assert all(host.name in said for host in t.fleet.hosts)
        assert not any(word in said for word in ("stopped", ":white_check_mark:", "all 3"))


async def test_a_typo_gets_the_nearest_words(town: Build) -> None:
    """Smart dashes and full-width letters are repaired first; what is left is explained."""
    async with town(hosts=2) as t, t.bot():
        misspelt = await t.private_answer(ADMIN, OPS, "helth")
        assert "health" in json.dumps(misspelt.blocks)
        repaired = await t.private_answer(ADMIN, OPS, "ｈｅａｌｔｈ　host-a —details")
        assert "health host-a --details" in json.dumps(repaired.blocks)
        missing = await t.private_answer(ADMIN, OPS, "health hots-b")
        assert "health host-b" in json.dumps(missing.blocks)


@pytest.mark.parametrize(("user", "channel"), [(GUEST, OPS), (STRANGER, PARTNERS)])
async def test_guests_and_strangers_are_refused_and_learn_nothing(town: Build, user: str, channel: str) -> None:
    """One sentence, no host's name, and an event in the audit log."""
    async with town(hosts=2) as t, t.bot():
        answer = await t.private_answer(user, channel, "health hots-a")
        assert "host-a" not in answer.text + json.dumps(answer.blocks)
        assert ["refusal"] == [event["kind"] for event in events(t)]
        assert 0 == sum(host.windows.connections for host in t.fleet.hosts)


async def test_the_same_envelope_five_times_is_one_request(town: Build) -> None:
    """One answer, one event, one look at the hosts."""
    async with town(hosts=2) as t, t.bot():
        t.workspace.faults.switch_on("delivery", Duplicated(5), times=1)
        await t.private_answer(ADMIN, OPS, "health")
        await asyncio.sleep(0.2)
        assert 1 == len(t.answers(ADMIN))
        assert 1 == len(events(t))


async def test_an_answer_for_all_is_posted_in_the_channel(town: Build) -> None:
    """`--here`, in the configured language; a channel that the bot is not in gets it privately, with how to invite it."""
    async with town(hosts=2) as t, t.bot():
        await t.workspace.slash(ADMIN, OPS, "health --here")
        posted = await t.workspace.seen(lambda: t.workspace.messages(OPS), timeout=10)
        assert "2 台すべて正常です" in posted[-1].text
        private = await t.private_answer(ADMIN, DEV, "health --here")
        assert "/invite @flatnet" in private.text + json.dumps(private.blocks)
        assert () == t.workspace.messages(DEV)


async def test_slack_s_bad_minutes_lose_no_answer(town: Build) -> None:
    """Too many requests, a server error, blocks that Slack refuses: the answer comes all the same, once."""
    async with town(hosts=2) as t, t.bot():
        faults = t.workspace.faults
        for trouble in (ServerError(500), RateLimited(1), Failing("msg_blocks_too_long")):
            faults.switch_on("chat.postMessage", trouble, times=1)
            before = len(t.workspace.messages(OPS))
            await t.workspace.slash(ADMIN, OPS, "health --here")
            await t.workspace.seen(lambda: len(t.workspace.messages(OPS)) > before, timeout=20)  # noqa: B023  (awaited here)
            posted = t.workspace.messages(OPS)[before:]
            assert 1 == len(posted)
            assert "2 台すべて正常です" in posted[0].text


async def test_a_host_s_words_cannot_ping_or_break_out(town: Build) -> None:
    """What a host says is shown, never obeyed."""
    async with town(hosts=1) as t, t.bot():
        wsl = t.fleet["host-a"].wsl
        assert wsl is not None
        wsl.state.containers[0].name = "<!channel> ```*x*"
        wsl.state.containers[0].state = "exited"
        answer = await t.private_answer(ADMIN, OPS, "health")
        said = answer.text + json.dumps(answer.blocks, ensure_ascii=False)
        assert "<!channel>" not in said
        assert "channel" in said


async def test_what_was_asked_is_in_an_audit_log_that_holds(town: Build) -> None:
    """Requests and refusals by name, and a chain that `audit verify` follows to its end."""
    async with town(hosts=1) as t:
        async with t.bot():
            await t.private_answer(ADMIN, OPS, "health")
            await t.private_answer(GUEST, OPS, "health")
        assert [("request", "alice"), ("refusal", "slack:T0FLATNET/U0GUEST")] == [
            (event["kind"], event["actor"]) for event in events(t)
        ]
        secrets = read_secrets(t.settings.secret_names, t.settings.secrets_folder)
        key = AuditKey(secrets("audit_key").get_secret_value().encode())
        assert verify_files(t.settings.database_file, t.settings.audit_head_file, [key]).intact
