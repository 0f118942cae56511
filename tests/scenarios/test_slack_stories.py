"""What people in Slack live through: typed words in, a message back, over the real protocols."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bot.audit_log.files import verify_files
from bot.security.secrets import read_secrets
from bot.store.audit_chain import AuditKey
from tests.lab.faults import Fault
from tests.lab.workspace.faults import Duplicated, Failing, RateLimited, ServerError
from tests.lab.workspace.message import Message
from tests.scenarios.conftest import PATIENCE, SIDES, Build, Town

OPERATOR, ADMIN, GUEST, STRANGER = "U0OPERATOR", "U0ADMIN", "U0GUEST", "U0STRANGER"
OPS, DEV, PARTNERS = "C0OPS", "C0DEV", "C0PARTNERS"

CLAIMS = {
    ADMIN: (":large_green_circle:", ":red_circle:", "✓", "✗", "healthy", "stopped"),
    OPERATOR: (":large_green_circle:", ":red_circle:", "✓", "✗", "正常", "停止"),
}
"""Signs and words of judgements, in the language of who reads them."""


def shown(blocks: Sequence[Mapping[str, Any]]) -> str:
    """All that a person reads in blocks; the first block of an answer is its headline."""
    return json.dumps(blocks, ensure_ascii=False)


async def test_a_healthy_fleet_is_one_line_in_the_reader_s_language(town: Build) -> None:
    """Japanese for the operator in Tokyo, English for the administrator; nobody else sees either."""
    async with town(hosts=3, lighthouse=True) as t, t.bot():
        japanese = await t.private_answer(OPERATOR, OPS, "health")
        english = await t.private_answer(ADMIN, OPS, "health")
        assert "4 台すべて正常です" in japanese.text
        assert "All 4 hosts are healthy" in english.text
        assert () == t.workspace.messages(OPS)


@pytest.mark.parametrize("reader", CLAIMS)
async def test_a_mixed_fleet_shows_the_worst_first(town: Build, reader: str) -> None:
    """What is stopped comes before what cannot be asked, before what is merely odd, before what is well."""
    async with town(hosts=4) as t, t.bot():
        stop_nebula(t, "host-c")
        unplug(t, "host-b")
        let_a_container_exit(t, "host-a")
        answer = await t.private_answer(reader, OPS, "health")
        below = shown(answer.blocks[1:])
        places = [
            *(below.index(f"*{name}*") for name in ("host-c", "host-b", "host-a")),
            below.index(":large_green_circle:"),
        ]
        assert places == sorted(places)
        assert ["host-c", "host-b", "host-a"] == sorted(("host-a", "host-b", "host-c"), key=answer.text.index)
        assert "`/flatnet service start nebula host-c`" in below
        assert [] == [claim for claim in CLAIMS[reader] if claim not in shown(answer.blocks)]


@pytest.mark.parametrize("reader", CLAIMS)
async def test_when_nothing_answers_nothing_is_claimed(town: Build, reader: str) -> None:
    """A fleet that cannot be reached is unknown: no check of it is called bad, and none is called well."""
    async with town(hosts=3) as t, t.bot():
        unplug(t, *(host.name for host in t.fleet.hosts))
        answer = await t.private_answer(reader, OPS, "health")
        said = answer.text + shown(answer.blocks)
        assert all(host.name in said for host in t.fleet.hosts)
        assert [] == [claim for claim in CLAIMS[reader] if claim in said]


def offered(message: Message) -> list[str]:
    """What its buttons say."""
    return [button["text"]["text"] for block in message.blocks if block["type"] == "actions" for button in block["elements"]]


async def test_a_typo_gets_the_nearest_words(town: Build) -> None:
    """Smart dashes and full-width letters are repaired first; what is left is explained."""
    async with town(hosts=2) as t, t.bot():
        misspelt = await t.private_answer(ADMIN, OPS, "helth")
        assert "Check all hosts" in offered(misspelt)
        repaired = await t.private_answer(ADMIN, OPS, "ｈｅａｌｔｈ　host-a —details")
        assert "`/flatnet health host-a --details`" in shown(repaired.blocks)
        missing = await t.private_answer(ADMIN, OPS, "health hots-b")
        assert "Check host-b" in offered(missing)


@pytest.mark.parametrize(("user", "channel"), [(GUEST, OPS), (STRANGER, PARTNERS)])
async def test_guests_and_strangers_are_refused_and_learn_nothing(town: Build, user: str, channel: str) -> None:
    """One sentence, no host's name, and an event in the audit log."""
    async with town(hosts=2) as t, t.bot():
        answer = await t.private_answer(user, channel, "health hots-a")
        assert "host-a" not in answer.text + shown(answer.blocks)
        assert ["refusal"] == [event["kind"] for event in t.events()]
        assert 0 == t.connections


async def test_the_same_envelope_five_times_is_one_request(town: Build) -> None:
    """One answer, one event, one look at the hosts."""
    async with town(hosts=2) as t, t.bot():
        t.workspace.faults.switch_on("delivery", Duplicated(5), times=1)
        delivery = await t.workspace.slash(ADMIN, OPS, "health")
        await t.workspace.seen(lambda: len(delivery.acks) == 5, timeout=PATIENCE)
        await t.at_rest()
        assert 1 == len(t.answers(ADMIN))
        assert 1 == len(t.events())
        assert [1, 1] == [host.windows.requests["Create"] for host in t.fleet.hosts]


async def test_an_answer_for_all_is_posted_in_the_channel(town: Build) -> None:
    """`--here`, in the configured language; a channel that the bot is not in gets it privately, with how to invite it."""
    async with town(hosts=2) as t, t.bot():
        await t.workspace.slash(ADMIN, OPS, "health --here")
        await t.at_rest()
        assert "2 台すべて正常です" in t.workspace.messages(OPS)[-1].text
        private = await t.private_answer(ADMIN, DEV, "health --here")
        assert "/invite @flatnet" in private.text + shown(private.blocks)
        assert () == t.workspace.messages(DEV)


@pytest.mark.slow
async def test_slack_s_bad_minutes_lose_no_answer(town: Build) -> None:
    """Too many requests, a server error, blocks that Slack refuses: the answer comes all the same, once."""
    async with town(hosts=2) as t, t.bot():
        faults = t.workspace.faults
        for trouble in (ServerError(500), RateLimited(1), Failing("msg_blocks_too_long")):
            faults.switch_on("chat.postMessage", trouble, times=1)
            before = len(t.workspace.messages(OPS))
            await t.workspace.slash(ADMIN, OPS, "health --here")
            await t.at_rest()
            posted = t.workspace.messages(OPS)[before:]
            assert ["2 台すべて正常です"] == [message.text.splitlines()[0] for message in posted]


async def test_a_host_s_words_cannot_ping_or_break_out(town: Build) -> None:
    """What a host says is shown, never obeyed."""
    async with town(hosts=1) as t, t.bot():
        wsl = t.fleet["host-a"].wsl
        assert wsl is not None
        wsl.state.containers[0].name = "<!channel> ```*x*"
        wsl.state.containers[0].state = "exited"
        answer = await t.private_answer(ADMIN, OPS, "health")
        for said in (answer.text, shown(answer.blocks)):
            assert "&lt;!channel&gt; ˋˋˋ*x*" in said
            assert "<!channel>" not in said
            assert "```" not in said


async def test_what_was_asked_is_in_an_audit_log_that_holds(town: Build) -> None:
    """Requests and refusals by name, and a chain that `audit verify` follows to its end."""
    async with town(hosts=1) as t:
        async with t.bot():
            await t.private_answer(ADMIN, OPS, "health")
            await t.private_answer(GUEST, OPS, "health")
        assert [("request", "alice"), ("refusal", "slack:T0FLATNET/U0GUEST")] == [
            (event["kind"], event["actor"]) for event in t.events()
        ]
        secrets = read_secrets(t.settings.secret_names, t.settings.secrets_folder)
        key = AuditKey(secrets("audit_key").get_secret_value().encode())
        assert verify_files(t.settings.database_file, t.settings.audit_head_file, [key]).intact


def stop_nebula(town: Town, host: str) -> None:
    nebula = town.fleet[host].windows.state.service("Nebula")
    assert nebula is not None
    nebula.status = "Stopped"


def let_a_container_exit(town: Town, host: str) -> None:
    wsl = town.fleet[host].wsl
    assert wsl is not None
    wsl.state.containers[0].state, wsl.state.containers[0].exit_code = "exited", 137


def unplug(town: Town, *hosts: str) -> None:
    """No side of these hosts takes a connection."""
    for host in hosts:
        for side in SIDES:
            town.fleet[host].wire(side).fault = Fault.REFUSE
