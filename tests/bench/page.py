"""How quickly the workspace's page is there, and whether it stays smooth with 500 messages in a channel.

`python -m tests.bench.page`; needs Chromium. The workspace serves from this process, as it does in the lab.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.lab.workspace import Workspace
from tests.lab.workspace.message import Message
from tests.lab.workspace.page import page

MESSAGES = 500
PERSON, CHANNEL = "U0ADMIN", "C0OPS"
MANIFEST = Path(__file__).parents[2] / "manifest.yml"

WATCH = """
window.frames_ = []; window.tasks = [];
new PerformanceObserver(list => tasks.push(...list.getEntries().map(e => e.duration)))
  .observe({ type: "longtask", buffered: true });
requestAnimationFrame(function next(at) {
  if (window.last) frames_.push(at - last);
  window.last = at;
  requestAnimationFrame(next);
});
"""
"""Notes the time between pictures, and the tasks of more than 50 ms, in milliseconds."""

WORST = "() => ({ frame: Math.max(...frames_), tasks, frames: frames_.length, late: frames_.filter(ms => ms > 50).length })"
FORGET = "() => { frames_.length = tasks.length = 0; }"
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SCROLL = """async () => {
  const list = document.querySelector("#main .scroll");
  for (let at = list.scrollHeight; at > 0; at -= 400) {
    list.scrollTop = at;
    await new Promise(requestAnimationFrame);
  }
}"""
DRAWN = f"() => document.querySelectorAll('#main article').length === {MESSAGES}"


async def say(workspace: Workspace, number: int) -> Message:
    return await workspace.say(PERSON, CHANNEL, f":red_circle: *host-{number}* critical — `Nebula` is stopped, see <#C0DEV>")


async def opened(browser: Browser, workspace: Workspace) -> Page:
    """The page in a fresh browser profile."""
    shown = await (await browser.new_context(viewport={"width": 1280, "height": 800})).new_page()
    await shown.add_init_script(WATCH)
    await shown.goto(f"{workspace.base_url}/#{PERSON}/{CHANNEL}")
    await shown.wait_for_selector("#typed")
    return shown


async def measured(shown: Page, name: str) -> str:
    """What was noted since it was last forgotten."""
    worst: dict[str, Any] = await shown.evaluate(WORST)
    await shown.evaluate(FORGET)
    tasks = f"{len(worst['tasks'])} tasks above 50 ms, the longest {max(worst['tasks'], default=0):.0f} ms"
    return f"{name}: {worst['late']} of {worst['frames']} frames above 50 ms, the worst {worst['frame']:.0f} ms; {tasks}"


async def measure(chromium: str) -> None:
    """Print one line for each measure."""
    workspace = Workspace(MANIFEST)
    await workspace.start(routes=page(workspace))
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        empty = await opened(browser, workspace)
        print(f"page: first paint after {await empty.evaluate(PAINT):.0f} ms")
        await empty.evaluate(FORGET)
        began = asyncio.get_running_loop().time()
        for number in range(MESSAGES):
            await say(workspace, number)
        await empty.wait_for_function(DRAWN)
        took = asyncio.get_running_loop().time() - began
        print(await measured(empty, f"{MESSAGES} messages arrive within {took:.1f} s"))
        await empty.evaluate(SCROLL)
        print(await measured(empty, "scrolled from the last to the first"))
        full = await opened(browser, workspace)
        await full.wait_for_function(DRAWN)
        print(
            await measured(full, f"opened with {MESSAGES} messages, first paint after {await full.evaluate(PAINT):.0f} ms")
        )
        await browser.close()
    await workspace.stop()


def report() -> None:
    """Print the lines of docs/performance.md."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("page: not measured, there is no Chromium here")
        return
    asyncio.run(measure(chromium))


if __name__ == "__main__":
    report()
