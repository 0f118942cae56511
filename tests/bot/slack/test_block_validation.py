"""Slack's verdict on every kind of message and view: asked for slowly, and told with its place."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from bot.slack import doctor_checks as block_validation
from bot.slack.client.errors import SlackFailure
from bot.slack.client.preflight import Tokens
from bot.slack.doctor_checks import CALL_PAUSE, BlockRefusal, validate_samples
from tests.bot.rendering.examples import ENGLISH
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing, RateLimited

Payloads = dict[str, tuple[str, dict[str, Any]]]


async def validated(house: House, *, progress: list[int] | None = None) -> tuple[int, tuple[BlockRefusal, ...], list[float]]:
    """The number of kinds, what Slack refuses, and the pauses between the calls."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    tokens = Tokens(SecretStr(house.workspace.bot_token), SecretStr(house.workspace.app_token))
    told = progress if progress is not None else []
    count, refusals = await validate_samples(
        house.workspace.api_url, tokens, ENGLISH, sleep, lambda seen: told.append(len(seen.awaited))
    )
    return count, refusals, pauses


def only(monkeypatch: pytest.MonkeyPatch, payloads: Payloads) -> None:
    """The bot has these kinds only."""

    def list_payloads(texts: object) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
        yield from payloads.items()

    monkeypatch.setattr(block_validation, "_list_payloads", list_payloads)


async def test_every_kind_is_asked_for_one_a_second_and_nothing_is_posted(house: House) -> None:
    told: list[int] = []
    count, refusals, pauses = await validated(house, progress=told)
    assert () == refusals
    assert count == len(house.workspace.calls("blocks.validate")) == len(pauses)
    assert {CALL_PAUSE} == set(pauses[:-1])
    assert [*range(count, 0, -1), 0] == told
    assert {"blocks.validate"} == {call.method for call in house.workspace.changes if hasattr(call, "method")}


async def test_what_slack_would_refuse_is_told_with_its_kind_and_place(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "t" * 25}, "blocks": []}
    only(monkeypatch, {"menu": ("message", {"text": "x", "blocks": [long]}), "form": ("view", modal)})
    _, refusals, _ = await validated(house)
    assert (
        BlockRefusal("menu", "/blocks/0/text/text", "must be less than 151 characters"),
        BlockRefusal("form", "/title/text", "must be less than 25 characters"),
    ) == refusals


async def test_the_file_that_a_sample_shows_need_not_be_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = {"type": "image", "slack_file": {"id": "F0123456789"}, "alt_text": "chart"}
    only(monkeypatch, {"digest": ("message", {"text": "x", "blocks": [picture]})})
    assert (1, ()) == (await validated(house))[:2]
    only(monkeypatch, {"digest": ("message", {"text": "x", "blocks": [picture | {"alt_text": ""}]})})
    assert ["/blocks/0/alt_text"] == [refusal.pointer for refusal in (await validated(house))[1]]


async def test_slack_s_rate_is_respected(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, {"x": ("message", {"text": "x", "blocks": [{"type": "divider"}]})})
    house.workspace.faults.switch_on("blocks.validate", RateLimited(45), times=1)
    count, refusals, pauses = await validated(house)
    assert (1, (), [45.0, 0.0]) == (count, refusals, pauses)


@pytest.mark.parametrize("code", ["invalid_auth", "unknown_method"])
async def test_an_answer_that_is_no_verdict_is_a_failure(house: House, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    only(monkeypatch, {"x": ("message", {"text": "x", "blocks": [{"type": "divider"}]})})
    house.workspace.faults.switch_on("blocks.validate", Failing(code))
    with pytest.raises(SlackFailure) as failed:
        await validated(house)
    assert code == failed.value.code


async def test_a_verdict_without_reasons_is_a_refusal_all_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, {"x": ("message", {"text": "x", "blocks": [{"type": "divider"}]})})
    house.workspace.faults.switch_on("blocks.validate", Failing("invalid_message"))
    assert (BlockRefusal("x", "/", "invalid_message"),) == (await validated(house))[1]
