"""Slack is tried again for as long as it is away, and the bot ends only where a person must fix something."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from adapters.phrase import Phrase
from bot.slack.client.errors import SlackFailure
from bot.slack.client.persistence import PAUSES, connect_persistently
from bot.slack.client.preflight import SlackBotUser, SlackNotReady
from bot.store.errors import DatabaseBusy

BOT = SlackBotUser("T0FLATNET", "U0FLATNET", "B0FLATNET", "flatnet")

AWAY = SlackFailure("unreachable", passing=True)


class Moody:
    """A surface that fails in these ways, then connects; it counts its attempts and the seconds between them."""

    def __init__(self, *moods: Exception) -> None:
        self._moods = list(moods)
        self.attempts = 0
        self.pauses: list[float] = []

    async def connect(self) -> SlackBotUser:
        self.attempts += 1
        if self._moods:
            raise self._moods.pop(0)
        return BOT

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.mark.parametrize(
    ("moods", "pauses"),
    [
        ([], []),
        ([AWAY] * 3, [1.0, 2.0, 4.0]),
        ([AWAY] * (len(PAUSES) + 2), [*PAUSES, PAUSES[-1], PAUSES[-1]]),
        ([SlackFailure("ratelimited", passing=True, retry_after=25.0)], [25.0]),
        ([SlackFailure("access_denied")], [1.0]),
        ([DatabaseBusy(Phrase("locked"))], [1.0]),
        ([KeyError("a bug")], [1.0]),
    ],
)
async def test_it_is_tried_until_it_succeeds(moods: Sequence[Exception], pauses: list[float]) -> None:
    surface = Moody(*moods)
    assert BOT == await connect_persistently(surface, surface.sleep)
    assert (1 + len(moods), pauses) == (surface.attempts, surface.pauses)


async def test_it_ends_where_the_tokens_are_refused() -> None:
    surface = Moody(AWAY, SlackNotReady(Phrase("Slack rejected the bot token")), AWAY)
    with pytest.raises(SlackNotReady):
        await connect_persistently(surface, surface.sleep)
    assert 2 == surface.attempts


async def test_a_night_without_slack_is_one_line_of_the_log() -> None:
    surface = Moody(*[AWAY] * 600, SlackFailure("http_503", passing=True), SlackFailure("http_503", passing=True))
    with capture_logs() as logs:
        await connect_persistently(surface, surface.sleep)
    assert [
        ("Slack request failed (unreachable). Check the connection to Slack and try again", 1),
        ("Slack request failed (http_503). Check the connection to Slack and try again", 601),
    ] == [(line["why"], line["attempts"]) for line in logs]
