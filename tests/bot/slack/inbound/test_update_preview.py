"""An update from a form is shown as it will be posted, and posted by a second press only."""

import pytest

from adapters.phrase import Phrase
from bot.model.incident import UpdatePreview
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import Failing
from tests.lab.workspace.view import View

USER = "U0ADMIN"
WORDS = 'incident update "logins work again" --next 30m'
NAMED = f"{WORDS} --incident 3"
TYPED = "logins work again <!channel>"
LINE = Phrase("incident {number} ({state}): {text}", number="3", state=Phrase("mitigated"), text=TYPED)


@pytest.fixture
def asking(house: House) -> House:
    """A bot whose updates go to #dev, which reads Japanese."""
    house.desk.previews = {WORDS: UpdatePreview(NAMED, LINE, channel="C0DEV")}
    return house


async def fill_in(house: House) -> None:
    await house.workspace.slash(USER, "C0OPS", "incident update")
    await house.workspace.seen(lambda: house.workspace.view(USER))
    sent = await house.workspace.submit(USER, {"incident-update.text": "logins work again", "incident-update.next": "30m"})
    assert (True, {}) == (sent.in_time, sent.errors)


async def preview(house: House) -> View:
    await fill_in(house)
    view = await house.workspace.seen(lambda: house.workspace.view(USER))
    assert view is not None
    return view


def shown(view: View) -> list[str]:
    return [block["text"]["text"] for block in view.blocks if block["type"] == "section"]


async def test_the_preview_has_the_line_in_the_words_of_its_channel_and_posts_nothing(asking: House) -> None:
    async with asking.bot():
        view = await preview(asking)
        assert "Posted in <#C0DEV>, exactly as follows:" == shown(view)[0]
        assert "インシデント 3 (応急対応済み): logins work again &lt;!channel&gt;" == shown(view)[1]
        assert [] == asking.desk.requests


async def test_the_second_press_posts_what_was_shown_once(asking: House) -> None:
    async with asking.bot():
        await preview(asking)
        await asking.workspace.submit(USER, {})
        await asking.private(USER)
        assert None is asking.workspace.view(USER)
    assert [NAMED] == [request.text for request in asking.desk.requests]


async def test_a_preview_that_is_closed_posts_nothing(asking: House) -> None:
    async with asking.bot():
        await preview(asking)
        await asking.workspace.close_view(USER)
        await asking.settled()
    assert [] == asking.desk.requests


async def test_what_is_not_announced_says_why(asking: House) -> None:
    why = Phrase("not announced, because the incident is private")
    asking.desk.previews = {WORDS: UpdatePreview(NAMED, LINE, obstacle=why)}
    async with asking.bot():
        assert "Not announced, because the incident is private" == shown(await preview(asking))[0]


async def test_a_request_that_will_be_refused_gets_its_refusal_without_a_preview(asking: House) -> None:
    asking.desk.previews = {}
    async with asking.bot():
        await fill_in(asking)
        await asking.private(USER)
    assert [WORDS] == [request.text for request in asking.desk.requests]


async def test_a_preview_that_cannot_be_shown_posts_nothing_and_says_so(asking: House) -> None:
    async with asking.bot():
        await asking.workspace.slash(USER, "C0OPS", "incident update")
        await asking.workspace.seen(lambda: asking.workspace.view(USER))
        asking.workspace.faults.switch_on("views.open", Failing("expired_trigger_id"))
        await asking.workspace.submit(USER, {"incident-update.text": "logins work again", "incident-update.next": "30m"})
        assert ["Could not show the preview in time, so nothing was posted. Press the button again."] == (
            await asking.private(USER)
        )
    assert [] == asking.desk.requests
