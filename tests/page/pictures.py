"""The pictures of the README, from the demo's fleet: `python -m tests.page.pictures` writes docs/images/.

The same three parts as `make demo`: a lab, the real bot, and a browser on the workspace's page. On a desk and on a
phone, in English for README.md and in Japanese for README.ja.md.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tests.lab import STORY_HOSTS
from tests.lab.demo import Farewell, address, process, wait_for
from tests.page.conftest import CHROMIUM, FLAGS

FOLDER = Path("docs/images")


@dataclass(frozen=True)
class Seat:
    """How somebody looks at the page, and in which language the channel is read."""

    name: str
    language: Literal["en", "ja"]
    width: int
    height: int
    scheme: Literal["dark", "light"]


SEATS = (
    Seat("desk", "en", 1280, 960, "light"),
    Seat("phone", "en", 390, 1200, "dark"),
    Seat("desk.ja", "ja", 1280, 960, "light"),
    Seat("phone.ja", "ja", 390, 1200, "dark"),
)
ASKS, APPROVES = "U0OPERATOR", "U0ADMIN"


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seat in SEATS:
        with _demo(seat.language) as page, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            reader = ASKS if seat.language == "ja" else APPROVES
            _take(browser, seat, f"{page}/#{reader}/C0OPS", "/flatnet health", seat.name)
            _type(browser, seat, f"{page}/#{ASKS}/C0OPS", "/flatnet cert renew host-c")
            _take(browser, seat, f"{page}/#{reader}/C0OPS", "", f"change-{seat.name}")
            browser.close()


@contextmanager
def _demo(language: str) -> Iterator[str]:
    """The demo, with channels that are read in this language; the address of its page."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fn-")))
        lab_log, bot_log, farewell = folder / "lab.log", folder / "bot.log", Farewell()
        wanted = ["--hosts", str(STORY_HOSTS), "--lighthouse", "--workspace", "--story", "--dir", str(folder)]
        wanted += ["--language", language]
        wait_for("ready:", lab_log, stack.enter_context(process("tests.lab", *wanted, log=lab_log)), farewell)
        config = folder / "flatnet.toml"
        run = ["bot", "run", "--config", str(config)]
        wait_for('"connected"', bot_log, stack.enter_context(process(*run, log=bot_log)), farewell)
        yield address(lab_log).rstrip("/")


def _take(browser: Browser, seat: Seat, address: str, text: str, name: str) -> None:
    page = browser.new_page(viewport={"width": seat.width, "height": seat.height}, color_scheme=seat.scheme)
    page.goto(address)
    if text:
        field = page.get_by_role("textbox").last
        field.fill(text)
        field.press("Enter")
        page.get_by_text("host-e").last.wait_for(timeout=30_000)
    page.wait_for_timeout(1_500)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.close()


def _type(browser: Browser, seat: Seat, address: str, text: str) -> None:
    page = browser.new_page()
    page.goto(address)
    field = page.get_by_role("textbox").last
    field.fill(text)
    field.press("Enter")
    page.get_by_text("nebula -test").last.wait_for(timeout=30_000)
    page.close()


if __name__ == "__main__":
    main()
