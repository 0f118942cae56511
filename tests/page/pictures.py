"""The pictures of the README, from the demo's fleet: `python -m tests.page.pictures` writes docs/images/.

The same three parts as `make demo`: a lab, the real bot, and a browser on the workspace's page.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.lab import story
from tests.lab.demo import Farewell, address, process, wait_for
from tests.page.conftest import CHROMIUM, FLAGS

FOLDER = Path("docs/images")


def main() -> None:
    """Take both pictures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fn-")))
        lab_log, bot_log, farewell = folder / "lab.log", folder / "bot.log", Farewell()
        wanted = ["--hosts", str(story.HOSTS), "--lighthouse", "--workspace", "--story", "--dir", str(folder)]
        wait_for("ready:", lab_log, stack.enter_context(process("tests.lab", *wanted, log=lab_log)), farewell)
        run = ["bot", "run", "--config", str(folder / "flatnet.toml")]
        wait_for('"connected"', bot_log, stack.enter_context(process(*run, log=bot_log)), farewell)
        page = address(lab_log).rstrip("/")
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        FOLDER.mkdir(parents=True, exist_ok=True)
        _take(browser, f"{page}/#U0ADMIN/C0OPS", 1280, "desk")
        _take(browser, f"{page}/#U0OPERATOR/C0OPS", 390, "phone")
        browser.close()


def _take(browser: Browser, address: str, width: int, name: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 960}, color_scheme="dark" if name == "phone" else "light")
    page.goto(address)
    field = page.get_by_role("textbox").last
    field.fill("/flatnet health")
    field.press("Enter")
    page.get_by_text("host-e").last.wait_for(timeout=30_000)
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
