"""What a page must have for people who do not see it well, or not at all: names, contrast, both languages."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.page.conftest import DESK, PHONE, Seat, Sit, Stage
from tests.page.gallery import FORM, HOME, MESSAGE

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMELESS = """
() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, dialog[open], [role=region], img")]
  .filter(e => e.checkVisibility({ visibilityProperty: true }) && !(
    e.getAttribute("aria-label") || e.innerText?.trim() || e.alt || e.labels?.length ||
    (e.getAttribute("aria-labelledby") ?? "").split(" ").some(id => document.getElementById(id)?.innerText.trim())))
  .map(e => e.outerHTML.slice(0, 200))
"""
"""Controls, pictures and regions without a name."""

DUPLICATES = """
() => [...document.querySelectorAll("[id]")].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at)
"""

FAINT = """
() => {
  const rgba = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => e ? over(rgba(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255, 1];
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement, style = getComputedStyle(e);
    if (!node.data.trim() || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (e.closest(".unseen, .skip, option, .emoji, script, noscript")) continue;
    const below = ground(e), ink = over(rgba(style.color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + .05) / (b + .05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${node.data.trim()}`);
  }
  return found;
}
"""
"""Texts with less contrast than WCAG 2 AA asks for."""


async def flaws(page: Page) -> dict[str, Any]:
    """All that is wrong with what is shown now."""
    await page.wait_for_timeout(200)  # a drawer that is still moving is not visible yet
    wide = "document.documentElement.scrollWidth > innerWidth"
    return {
        "nameless": await page.evaluate(NAMELESS),
        "twice": await page.evaluate(DUPLICATES),
        "faint": await page.evaluate(FAINT),
        "too wide": await page.evaluate(wide),
    }


FLAWLESS = {"nameless": [], "twice": [], "faint": [], "too wide": False}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "user"), [(DESK, "U0ADMIN"), (PHONE, "U0OPERATOR")], ids=["desk", "phone"])
async def test_everything_has_a_name_and_is_readable(
    stage: Stage, seats: Sit, size: tuple[int, int], user: str, scheme: str
) -> None:
    """Messages, thread, panel, home tab, form with errors: light and dark, wide and narrow."""
    ts = await stage.post(blocks=MESSAGE)
    await stage.app.slack.chat_postEphemeral(channel="C0OPS", user=user, text="for you `only` <@U0ADMIN> <!here>")
    async with seats(stage.workspace, size, scheme) as seat:
        await seat.sit(user)
        await expect(seat.messages).to_have_count(2)
        assert FLAWLESS == await flaws(seat.page)
        await _hints(seat)
        await seat.sit(user, f"C0OPS/{ts}")
        await expect(seat.page.locator("#pane article")).to_have_count(1)
        assert FLAWLESS == await flaws(seat.page)
        await seat.sit(user, "C0OPS")
        await seat.drawer()
        assert FLAWLESS == await flaws(seat.page)
        await seat.page.locator(".faults").click()
        await expect(seat.page.locator("#pane [data-action=on]")).to_be_visible()
        assert FLAWLESS == await flaws(seat.page)
        await stage.app.slack.views_publish(user_id=user, view=HOME)
        await seat.sit(user, "app/home")
        assert FLAWLESS == await flaws(seat.page)
        await stage.app.slack.views_open(trigger_id=stage.workspace.trigger(user), view=FORM)
        await seat.modal.locator("[type=submit]").click()
        await expect(seat.modal.locator(".error").nth(1)).to_be_visible()
        assert FLAWLESS == await flaws(seat.page)


async def test_these_checks_find_what_they_are_for(stage: Stage, seats: Sit) -> None:
    """A nameless button, an id that is there twice, a text that is too faint, a page that is too wide."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.page.evaluate(
            """() => {
                const button = document.createElement("button"), text = document.createElement("p");
                button.id = text.id = "typed";
                text.textContent = "faint";
                text.style.cssText = "color: #999; position: absolute; width: 3000px";
                document.body.style.position = document.documentElement.style.overflow = "static";
                document.body.append(button, text);
            }"""
        )
        found = await flaws(seat.page)
        assert (1, ["typed", "typed"], 1) == (len(found["nameless"]), found["twice"], len(found["faint"]))


async def _hints(seat: Seat) -> None:
    for typed in ("/", "@"):
        await seat.field.fill(typed)
        await expect(seat.page.locator("#main .options li").first).to_be_visible()
        assert FLAWLESS == await flaws(seat.page)
    await seat.field.fill("")


async def test_both_languages_have_the_same_words(stage: Stage, seats: Sit) -> None:
    """Every key, and every name below it; none is empty, and none was forgotten in English."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        words = await seat.page.evaluate(
            """async () => {
                const { WORDS } = await import("/static/words.js");
                const flat = (words, at = "") => Object.entries(words).flatMap(([name, value]) =>
                    name === "slackSays" ? [] :
                    typeof value === "object" ? flat(value, `${at}${name}.`) :
                    [[at + name, typeof value === "function" ? value("A", "B") : value]]);
                const named = ([name, value]) => [name, Object.fromEntries(flat(value))];
                return Object.fromEntries(Object.entries(WORDS).map(named));
            }"""
        )
        assert list(words["en"]) == list(words["ja"])
        assert [] == [name for language in words.values() for name, text in language.items() if not text]
        same = {name for name, text in words["en"].items() if text == words["ja"][name]}
        assert {"slack", "says", "sides.windows", "sides.wsl", "sides.gateway", "knobs.api"} == same
