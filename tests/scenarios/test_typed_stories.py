"""Words as people type them: Slack rewrites names, links and three characters, and the bot reads what was meant."""

import pytest

from tests.scenarios.changing import OPERATOR, OPS, Card, Shift, operation_in, shift, shown
from tests.scenarios.conftest import PATIENCE, Build

REASON = "R&D <502> at http://host-a/status?a=1&b=2, host-b.example.com, ops@example.com"
WORDS = f'service restart openresty host-a --reason "{REASON}"'


async def card_of(s: Shift) -> Card:
    [message] = await s.workspace.seen(s.cards, timeout=PATIENCE)
    return Card(operation_in(message), message)


@pytest.mark.parametrize("way", ["mention", "direct message", "slash command"])
async def test_a_reason_is_kept_as_it_was_typed(town: Build, way: str) -> None:
    async with shift(town) as s:
        match way:
            case "mention":
                await s.workspace.type(OPERATOR, OPS, f"@flatnet {WORDS}")
            case "direct message":
                await s.workspace.open_home(OPERATOR, "messages")
                await s.workspace.type(OPERATOR, "D0OPERATOR", WORDS)
            case _:
                await s.workspace.type_command(OPERATOR, OPS, f"/flatnet {WORDS}")
        card = await card_of(s)
        assert REASON == (await s.known(card)).reason
        assert "R&amp;D &lt;502&gt; at http://host-a/status?a=1&amp;b=2" in shown(card.message)


async def test_a_person_and_a_channel_are_understood_as_slack_names_them(town: Build) -> None:
    async with shift(town) as s:
        said = await s.workspace.type(OPERATOR, OPS, "@flatnet can @alice service restart openresty host-a")
        assert "<@U0FLATNET> can <@U0ADMIN> service restart openresty host-a" == said.text
        answer = await s.workspace.seen(
            lambda: [m for m in s.workspace.thread(OPS, said.ts)[1:] if m.blocks], timeout=PATIENCE
        )
        assert "alice" in shown(answer[0])
