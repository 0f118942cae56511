"""Successors of renewals: what was renewed meanwhile is not asked again, and no requested host is forgotten."""

from dataclasses import replace

import pytest

from adapters.errors import Unreachable
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from bot.changes.rules.trail import AuditTrail
from bot.model.change import Change, ChangeState
from commands.certificates.renewal import CertRenew
from commands.model.plan import Result, StepResult
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, Bot
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, Said, files, host, view

LIGHTHOUSE, A, B, C = host("lighthouse", 0), *(host(f"host-{letter}", number) for number, letter in enumerate("abc", 1))
ISSUED = CA.sign("host-a", str(A.overlay), 250)
RENEWED: Said = {("host-a", "windows"): files(A).model_copy(update={"certificate": ISSUED[0], "printed": ISSUED[1]})}
LOST: Said = {("host-b", "windows"): Unreachable(Phrase("no answer"))}


def sees(bot: Bot, said: Said) -> None:
    """The hosts answer like this from now on."""
    bot.ground = replace(bot.ground, fleet=view(LIGHTHOUSE, A, B, C, said=said).fleet)


async def renewed_meanwhile(bot: Bot, target: str, said: Said) -> Change:
    """The end of op-1, which waited while op-2 renewed host-a, and whose plan is made again of what hosts say then."""
    bot.at = NOW
    sees(bot, {})
    for operation, names in (("op-1", target), ("op-2", "host-a")):
        await bot.workflow.propose(operation, CertRenew(target=Target.parse((names,))), bot.by(ANA))
        bot.pass_by(seconds=1)
    for operation in ("op-2", "op-1"):
        await bot.workflow.approve(operation, bot.by(BEN))
    product = {"fingerprint": parse_pem(ISSUED[0])[0].fingerprint}
    bot.trails["op-2"] = AuditTrail(
        started=True,
        results={
            step.key: StepResult(key=step.key, result=Result.DONE, product=product, began_at=bot.at, ended_at=bot.at)
            for step in (await bot.stored("op-2")).plan.steps
        },
    )
    await bot.dispatch.finish_run("op-2", ChangeState.DONE, None)
    sees(bot, said)
    record = await bot.stored("op-1")
    planned, _ = await bot.dispatch.replan(record)
    return await bot.dispatch.supersede(record, planned)


async def test_where_all_hosts_were_renewed_meanwhile_nothing_is_left_to_do(bot: Bot) -> None:
    closed = await renewed_meanwhile(bot, "host-a", RENEWED)
    assert (ChangeState.CLOSED, "") == (closed.state, closed.after)
    assert str(closed.why).startswith("nothing left to do: host-a was renewed by op-2, and its certificate is valid until ")


async def test_a_host_that_does_not_answer_now_is_named_beside_those_that_were_renewed(bot: Bot) -> None:
    closed = await renewed_meanwhile(bot, "host-a,host-b", {**RENEWED, **LOST})
    assert (ChangeState.CLOSED, "") == (closed.state, closed.after)
    done, _, rest = str(closed.why).partition(". Not changed: ")
    assert done.startswith("host-a was renewed by op-2, ")
    assert (
        "host-b: could not check the host: no answer. Submit the request again for the hosts that were not changed" == rest
    )


@pytest.mark.parametrize(
    ("said", "excluded"), [(RENEWED, []), ({**RENEWED, **LOST}, ["host-b"])], ids=["all answer", "one is lost"]
)
async def test_the_successor_is_asked_for_all_hosts_but_those_that_were_renewed(
    bot: Bot, said: Said, excluded: list[str]
) -> None:
    closed = await renewed_meanwhile(bot, "host-a,host-b,host-c", said)
    again = await bot.workflow.find_change(closed.after)
    named = set(again.words.removeprefix("cert renew ").split(","))
    assert (ChangeState.WAITING, {"host-b", "host-c"}) == (again.state, named)
    assert excluded == [left.host for left in again.plan.left_out]
