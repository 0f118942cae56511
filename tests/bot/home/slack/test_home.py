"""The home tab of one person: which commands it offers again."""

from datetime import UTC, datetime

from bot.access.policy import Actor
from bot.home.slack import HomeContent, render_home
from bot.rendering.slack.buttons import parse_words
from commands.model.operation import Role
from tests.bot.rendering.examples import ENGLISH

AT = datetime(2026, 11, 25, 3, tzinfo=UTC)


def list_repeated(*recent: str) -> list[str]:
    """The commands of the tab's buttons that repeat one."""
    actor = Actor("kenji", frozenset(Role), "kenji")
    view = render_home(HomeContent(actor=actor, permitted=(), language="en", zone="UTC", recent=recent), AT, ENGLISH)
    elements = [element for block in view["blocks"] for element in block.get("elements", ())]
    words = [parse_words(element["value"]) for element in elements if "value" in element]
    return [each for each in words if each in recent]


def test_recent_commands_can_be_repeated() -> None:
    assert ["health host-b", "alert"] == list_repeated("health host-b", "alert")


def test_an_acknowledgement_is_no_command_to_repeat() -> None:
    assert ["alert show 7"] == list_repeated("alert acknowledge 7 --for 2h", "alert show 7")
