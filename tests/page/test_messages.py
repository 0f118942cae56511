"""Messages in the page: drawn faithfully, harmless, live, edited in their place; their buttons and menus work."""

import pytest
from playwright.async_api import Route, expect

from adapters.phrase import ENGLISH
from bot.rendering.chart_process import build_chart_texts
from bot.rendering.charts import WIDTH, draw_chart
from bot.rendering.slack.blocks import make_picture
from commands.model.chart import describe_chart
from tests.commands.model.test_chart import TROUBLED, certificate, chart, host
from tests.lab.workspace.page import page
from tests.page.conftest import DESK, PHONE, Sit, Stage
from tests.page.gallery import CHART, CONFIRM, MESSAGE
from tests.workspace.parts import actions, button, choice, section

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_mrkdwn_is_drawn_as_slack_draws_it(stage: Stage, seats: Sit) -> None:
    """Styles, code, links, mentions, quotes, dates in the person's zone, emoji by name, escapes."""
    await stage.post(blocks=MESSAGE)
    async with seats(stage.workspace) as seat:
        await seat.sit()
        text = seat.messages.locator(".section").first
        shown = {tag: await text.locator(tag).all_inner_texts() for tag in ("b", "i", "s", "code", "blockquote", "pre")}
        assert ["bold", "bold and italic"] == shown["b"]
        assert ["italic", "and italic"] == shown["i"]
        assert ["strike"] == shown["s"]
        assert ["a quote\nof two lines"] == shown["blockquote"]
        assert ["for x in *all*; do\n  echo <x>\ndone"] == shown["pre"]
        assert ["@alice", "#ops", "@fleet-admins", "@here"] == await text.locator(".mention").all_inner_texts()
        assert "https://example.com/?a=1&b=2" == await text.get_by_role("link", name="a link").get_attribute("href")
        await expect(text).to_contain_text("<b>not markup</b> & snake_case_name 2*3*4")
        await expect(text).to_contain_text("2025-11-25 10:10 AM not a link")
        await expect(text.get_by_role("img", name="large orange circle")).to_be_visible()
        await expect(text).to_contain_text(":no_such_emoji:")


async def test_a_chart_that_slack_draws_shows_its_data(stage: Stage, seats: Sit) -> None:
    await stage.post(blocks=[CHART])
    async with seats(stage.workspace) as seat:
        await seat.sit()
        figure = seat.messages.last.get_by_role("figure")
        await expect(figure).to_contain_text("Certificate days remaining")
        assert ["5", "200"] == await figure.get_by_role("cell").all_inner_texts()


async def test_a_picture_that_only_an_edit_brought_in_is_not_found(stage: Stage, seats: Sit) -> None:
    upload = await stage.app.slack.files_upload_v2(content=b"\x89PNG\r\n\x1a\n", filename="a.png")
    posted = await stage.app.slack.chat_postMessage(channel="C0OPS", text="working")
    blocks = [make_picture(upload["files"][0]["id"], "Load falls")]
    await stage.app.slack.chat_update(channel="C0OPS", ts=posted["ts"], text="chart", blocks=blocks)
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await expect(seat.messages.last).to_contain_text("File not found")


async def test_a_person_reacts_to_a_message_and_takes_it_back(stage: Stage, seats: Sit) -> None:
    await stage.workspace.say("U0ADMIN", "C0OPS", "host-a is slow")
    async with seats(stage.workspace) as seat:
        await seat.sit()
        last = seat.messages.last
        await last.hover()
        await last.get_by_role("button", name="React").click()
        await seat.page.get_by_role("menuitem", name=":pushpin:").click()
        chip = last.locator(".reaction")
        await expect(chip).to_contain_text("1")
        await chip.click()
        await expect(chip).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_an_uploaded_chart_is_shown_whole_with_its_words(
    stage: Stage, seats: Sit, size: tuple[int, int], scheme: str
) -> None:
    """As wide as there is room, never wider; it can be opened alone, and its words are there for who does not see it."""
    shown = chart(host("host-a", TROUBLED), certificates=(certificate("host-a", 5),))
    words = str(describe_chart(shown))
    upload = await stage.app.slack.files_upload_v2(
        content=draw_chart(shown, build_chart_texts(shown, ENGLISH)), filename="chart.png"
    )
    await stage.post(blocks=[section("*Digest*"), make_picture(upload["files"][0]["id"], words)])
    async with seats(stage.workspace, size, scheme) as seat:
        await seat.sit()
        image = seat.messages.last.get_by_role("img", name=words)
        await expect(image).to_be_visible()
        await expect(image).to_have_js_property("naturalWidth", WIDTH)
        box = await image.bounding_box()
        assert box is not None
        assert 280 <= box["width"] <= min(480, size[0])
        assert box["x"] + box["width"] <= size[0]
        assert await image.get_attribute("src") == await seat.messages.last.locator("figure a").get_attribute("href")


async def test_nothing_foreign_becomes_markup(stage: Stage, seats: Sit) -> None:
    """Neither from an app nor from a person: no element, no script, no address that runs one."""
    evil = "<img src=x onerror=alert(1)>"
    label = evil.replace("<", "&lt;").replace(">", "&gt;")
    await stage.post(f'{evil} <javascript:alert(1)|x> <https://a.example/"onclick=alert(1)|{label}>')
    await stage.post(blocks=[{"type": "header", "text": {"type": "plain_text", "text": evil}}])
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.type(f"{evil} & <b>x</b>")
        await expect(seat.messages).to_have_count(3)
        await expect(seat.messages.last).to_contain_text(f"{evil} & <b>x</b>")
        assert 0 == await seat.page.locator("#main img").count()
        addresses = await seat.messages.locator("a[target=_blank]").evaluate_all("links => links.map(a => a.protocol)")
        assert {"https:"} == set(addresses)


async def test_what_is_typed_arrives_as_slack_keeps_it(stage: Stage, seats: Sit) -> None:
    """Escaped; a mention by its id, completed from the list; addresses in angle brackets; Shift+Enter is a new line."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.field.press_sequentially("@fla")
        await seat.field.press("Tab")
        await expect(seat.field).to_have_value("@flatnet ")
        await seat.field.press_sequentially("a < b see host.example.com")
        await seat.field.press("Shift+Enter")
        await seat.field.press_sequentially("https://a.example/x")
        await seat.field.press("Enter")
        await expect(seat.messages).to_have_count(1)
    (message,) = stage.workspace.messages("C0OPS")
    assert "<@U0FLATNET> a &lt; b see <http://host.example.com|host.example.com>\n<https://a.example/x>" == message.text


async def test_a_message_is_edited_in_its_place_and_the_focus_stays(stage: Stage, seats: Sit) -> None:
    """A button that is pressed is still the one that has the focus after the app has edited its message."""
    ts = await stage.post("before", blocks=[section("before"), actions(button())])
    await stage.post("later")
    async with seats(stage.workspace) as seat:
        await seat.sit()
        pressed = seat.page.get_by_role("button", name="Go")
        await pressed.press("Enter")
        assert "go" == (await stage.app.next())["actions"][0]["action_id"]
        await stage.app.slack.chat_update(channel="C0OPS", ts=ts, text="after", blocks=[section("after"), actions(button())])
        first = seat.messages.first
        await expect(first).to_contain_text("after")
        await expect(first).to_contain_text("(edited)")
        await expect(pressed).to_be_focused()
        await expect(seat.messages).to_have_count(2)
        await stage.app.slack.chat_delete(channel="C0OPS", ts=ts)
        await expect(seat.messages).to_have_count(1)


async def test_a_dangerous_button_asks_first(stage: Stage, seats: Sit) -> None:
    """The safe answer has the focus; Esc sends nothing; the yes sends the click."""
    await stage.post(blocks=[actions(button("restart", value="7", confirm=CONFIRM))])
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.page.get_by_role("button", name="Go").click()
        asked = seat.page.get_by_role("dialog", name="Restart Nebula?")
        await expect(asked.get_by_role("button", name="Leave it")).to_be_focused()
        await seat.page.keyboard.press("Escape")
        await expect(asked).to_be_hidden()
        await seat.page.get_by_role("button", name="Go").click()
        await asked.get_by_role("button", name="Restart").click()
        assert "7" == (await stage.app.next())["actions"][0]["value"]
        assert stage.app.got.empty()


async def test_menus_and_boxes_of_a_message_send_what_was_chosen(stage: Stage, seats: Sit) -> None:
    """Select, overflow by arrow keys, several from a list, radio buttons, boxes."""
    await stage.post(blocks=MESSAGE)
    async with seats(stage.workspace, PHONE) as seat:
        await seat.sit()
        message = seat.messages.last

        async def sent() -> object:
            (action,) = (await stage.app.next())["actions"]
            chosen = action.get("selected_options") or [action["selected_option"]]
            return action["action_id"], [option["value"] for option in chosen]

        await message.locator("[data-action=host]").select_option("host-b")
        assert ("host", ["host-b"]) == await sent()
        await message.locator("[data-action=more]").click()
        await expect(seat.page.get_by_role("menuitem", name="DETAILS")).to_be_focused()
        await seat.page.keyboard.press("ArrowDown")
        await seat.page.keyboard.press("Enter")
        assert ("more", ["delete"]) == await sent()
        await expect(message.locator("[data-action=more]")).to_be_focused()
        several = message.locator(".several")
        await several.locator("summary").click()
        await several.get_by_text("WSL").click()
        await several.get_by_text("GATEWAY").click()
        await several.locator("summary").click()
        assert ("sides", ["wsl", "gateway"]) == await sent()
        await message.get_by_role("radio", name="HIGH").check()
        assert ("level", ["high"]) == await sent()
        await message.get_by_role("checkbox", name="HERE").check()
        assert ("flags", ["here"]) == await sent()


async def test_a_thread_has_a_pane_of_its_own(stage: Stage, seats: Sit) -> None:
    """Replies stand there and are counted in the channel; a command is refused in it, as in Slack; Esc closes it."""
    await stage.post("a parent")
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.messages.first.hover()
        await seat.messages.first.get_by_role("link", name="Reply in thread").click()
        pane = seat.page.locator("#pane")
        reply = pane.get_by_role("textbox", name="Reply")
        await expect(reply).to_be_focused()
        await reply.fill("a reply")
        await reply.press("Enter")
        await expect(pane.locator("article")).to_have_count(2)
        await expect(seat.messages).to_have_count(1)
        await expect(seat.messages.first.get_by_role("link", name="1 reply")).to_be_visible()
        await reply.fill("/flatnet health")
        await reply.press("Enter")
        await expect(pane.locator("article").last).to_contain_text("/flatnet is not supported in threads. Sorry!")
        await reply.press("Escape")
        await expect(pane).to_be_hidden()


async def test_unread_marks_come_and_go(stage: Stage, seats: Sit) -> None:
    """What is said elsewhere is counted in the list and in the title, until the person looks."""
    async with seats(stage.workspace) as seat:
        await seat.sit("U0ADMIN", "C0DEV")
        await stage.post("news")
        await stage.post("more news")
        entry = seat.page.get_by_role("link", name="ops")
        await expect(entry).to_contain_text("2 new messages")
        await expect(seat.page).to_have_title("(2) dev · flatnet lab")
        await entry.click()
        await expect(seat.messages).to_have_count(2)
        await expect(seat.page).to_have_title("ops · flatnet lab")
        assert {} == stage.workspace.unread("U0ADMIN")


async def test_new_messages_are_spoken(stage: Stage, seats: Sit) -> None:
    """By their text, which is there for those who do not see the blocks."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await stage.post("two hosts are healthy", blocks=[section("*2 hosts*")])
        await expect(seat.page.locator("#heard")).to_have_text("flatnet: two hosts are healthy")


async def test_files_are_shown_and_shared(stage: Stage, seats: Sit) -> None:
    """Pictures are seen with their alt text, other files are saved, deleted ones say so."""
    dot = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000" "1f15c4890000000d49444154789c6360f8cf500f0003860180"
        "5a34bb6b0000000049454e44ae426082"
    )  # fmt: skip
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await stage.app.slack.files_upload_v2(channel="C0OPS", filename="disk.png", content=dot, alt_txt="A rising line")
        await expect(seat.page.get_by_role("img", name="A rising line")).to_be_visible()
        await seat.page.locator("#main input[type=file]").set_input_files(
            {"name": "log.txt", "mimeType": "text/plain", "buffer": b"<script>alert(1)</script>"}
        )
        link = seat.page.get_by_role("link", name="log.txt")
        async with seat.page.expect_download() as saving:
            await link.click()
        assert "log.txt" == (await saving.value).suggested_filename
        picture = stage.workspace.messages("C0OPS")[0].files[0]
        await stage.app.slack.files_delete(file=picture)
        await expect(seat.messages.first).to_contain_text("This file was deleted.")


async def test_the_bot_is_invited_with_slacks_own_command(stage: Stage, seats: Sit) -> None:
    """`/invite @flatnet` is what the bot tells people to type."""
    async with seats(stage.workspace) as seat:
        await seat.sit("U0ADMIN", "C0DEV")
        await seat.type("/invite @flatnet")
        await stage.workspace.seen(
            lambda: [c for c in stage.workspace.conversations("U0FLATNET") if c.id == "C0DEV"], timeout=20
        )


async def test_the_name_of_a_public_channel_leads_in_who_is_not_there_yet(stage: Stage, seats: Sit) -> None:
    """As in Slack; to somebody from outside it is a name without a way."""
    stage.workspace.leave("U0MEMBER", "C0DEV")
    await stage.post("go on in <#C0DEV>")
    await stage.workspace.say("U0OPERATOR", "C0DEV", "here it is")
    async with seats(stage.workspace) as seat:
        await seat.sit("U0MEMBER")
        await seat.messages.get_by_role("link", name="#dev").click()
        await expect(seat.page.locator("h1")).to_have_text("#dev")
        await expect(seat.messages).to_contain_text(["here it is"])
        await seat.be("U0GUEST")
        await expect(seat.messages.filter(has_text="go on in")).to_have_count(1)
        await expect(seat.messages.get_by_role("link", name="dev")).to_have_count(0)


async def test_a_page_that_lost_the_workspace_says_so_and_comes_back(stage: Stage, seats: Sit) -> None:
    """With everything that was said meanwhile, also where the workspace began anew."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await stage.post("before")
        await expect(seat.messages).to_have_count(1)
        await stage.workspace.stop()
        await expect(seat.page.get_by_role("status").filter(has_text="Connection lost")).to_be_visible()
        await stage.workspace.say("U0OPERATOR", "C0OPS", "meanwhile")
        await stage.workspace.start(int(stage.workspace.base_url.rpartition(":")[2]), page(stage.workspace))
        await expect(seat.messages).to_have_count(2)
        await expect(seat.page.locator("#banner")).to_be_hidden()
        seat.said.clear()  # the browser's own lines about the connections that were refused


async def test_what_is_said_while_the_page_asks_again_is_not_lost(stage: Stage, seats: Sit) -> None:
    """A new channel makes the page ask for everything; the answer is older than the message that follows."""
    async with seats(stage.workspace) as seat:
        await seat.sit()

        async def slow(route: Route) -> None:
            answer = await route.fetch()
            await stage.post("meanwhile")
            await seat.page.wait_for_timeout(200)  # an open stream would have told of it by now
            await route.fulfill(response=answer)

        await seat.page.route("**/page/state?*", slow, times=1)
        stage.workspace.leave("U0ADMIN", "C0DEV")
        await expect(seat.page.locator("#side").get_by_text("dev", exact=True)).to_have_count(0)
        await expect(seat.messages.filter(has_text="meanwhile")).to_have_count(1)


async def test_what_does_not_work_is_said(stage: Stage, seats: Sit) -> None:
    """An alert with the workspace's words, where a click is lost: its message is gone by then."""
    ts = await stage.post(blocks=[actions(button(), choice("overflow", "more", "a"))])
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.page.get_by_role("button", name="Go").wait_for()
        seat.said.clear()
        await seat.page.route("**/page/act/click", lambda route: route.abort())
        await seat.page.get_by_role("button", name="Go").click()
        await expect(seat.page.get_by_role("alert").filter(has_text="That did not work")).to_be_visible()
        seat.said.clear()  # the browser's own line about the request that was aborted
        assert ts == stage.workspace.messages("C0OPS")[0].ts


async def test_what_is_pinned_is_marked_and_listed_and_people_remove_pins(stage: Stage, seats: Sit) -> None:
    ts = await stage.post("*Incident 3*: 502", blocks=[section("Incident 3")])
    await stage.app.slack.pins_add(channel="C0OPS", timestamp=ts)
    async with seats(stage.workspace, PHONE) as seat:
        await seat.sit()
        await expect(seat.messages.last.locator(".pin")).to_contain_text("Pinned")
        await seat.page.get_by_role("button", name="1 pinned message").click()
        await seat.page.get_by_role("menuitem", name="Incident 3").click()
        await expect(seat.messages.last).to_be_focused()
        await seat.messages.last.get_by_role("button", name="More actions").click()
        await seat.page.get_by_role("menuitem", name="Remove pin").click()
        await expect(seat.messages.last.locator(".pin")).to_have_count(0)
        await seat.page.get_by_role("button", name="Channel settings").click()
        await seat.page.get_by_role("menuitem", name="Make it private").click()
        await expect(seat.page.locator("header h1")).to_contain_text("🔒")
        await seat.messages.last.get_by_role("button", name="More actions").click()
        await seat.page.get_by_role("menuitem", name="Delete message").click()
        await expect(seat.messages).to_have_count(0)
