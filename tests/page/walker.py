"""A person who walks through the demo's page for pictures: types, waits, presses buttons, fills forms.

What is pressed is found by its role, and what is waited for by what happens, so that texts may change.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.request import ProxyHandler, Request, build_opener

from PIL import Image
from playwright.sync_api import Browser, Locator, Page

Message = Mapping[str, Any]

FOLDER = Path("docs/images")
CHANNEL = "C0OPS"

COLORS = 128
"""Of a picture: text on a plain ground needs few, and with them a third of the bytes."""

PATIENCE = 90.0
"""Seconds until something must have happened."""

QUIET = 2.5
"""Seconds without a change after which nothing more is expected."""

SILENT_HOST = 9.0
"""The same where a host does not answer: longer than the bot waits for it."""

LOOK = 0.25
"""Seconds between two looks at the workspace."""


@dataclass(frozen=True)
class Look:
    """A window on the page."""

    width: int
    height: int
    scheme: Literal["dark", "light"]


class Walker:
    """One browser window in front of the demo at `address`, and its pictures in one language."""

    def __init__(self, browser: Browser, address: str, suffix: str) -> None:
        self._address = address
        self._suffix = suffix
        self._page: Page = browser.new_page()
        self._user = ""

    def sit(self, user: str, look: Look, thread: str = "") -> None:
        """Become this person with this window, in the channel or in one of its threads."""
        self.look(look)
        self._page.goto(f"{self._address}/#{user}/{CHANNEL}{'/' if thread else ''}{thread}")
        self._page.locator("#typed").wait_for()
        self._user = user
        self._rest()

    def look(self, look: Look) -> None:
        """Have another window on the same."""
        self._page.set_viewport_size({"width": look.width, "height": look.height})
        self._page.emulate_media(color_scheme=look.scheme)

    def type(self, text: str) -> None:
        """Type without sending."""
        self._page.locator("#typed").fill("")
        self._page.locator("#typed").press_sequentially(text)

    def ask(self, words: str, quiet: float = QUIET) -> Message:
        """Type a command and wait for its whole answer; the newest message."""
        self._page.locator("#typed").fill(f"/flatnet {words}")
        return self.send(quiet)

    def send(self, quiet: float = QUIET) -> Message:
        """Send what was typed and wait for the whole answer; the newest message."""
        before = self._messages()
        for key in ("Escape", "Enter"):
            self._page.locator("#typed").press(key)
        self.wait(lambda messages: len(messages) > len(before))
        return self.settle(quiet)

    def read(self, words: str, quiet: float = QUIET) -> Message:
        """Type a command that reads, and wait for its answer: it has buttons, unlike the line that names awaited hosts."""
        before = len(self._messages())
        self.ask(words)
        self.wait(lambda messages: any(has_button(each) for each in messages[before:]))
        return self.settle(quiet)

    def settle(self, quiet: float = QUIET) -> Message:
        """Wait until nothing has changed for `quiet` seconds; the newest message."""
        seen, since = self._messages(), 0.0
        for _ in range(int(PATIENCE / LOOK)):
            self._rest(LOOK)
            now = self._messages()
            seen, since = now, since + LOOK if now == seen else 0.0
            if since >= quiet:
                break
        return seen[-1]

    def wait(self, happened: Callable[[Sequence[Message]], object]) -> None:
        """Wait until it has happened in the channel; a `TimeoutError` where it does not."""
        for _ in range(int(PATIENCE / LOOK)):
            if happened(self._messages()):
                return
            self._rest(LOOK)
        raise TimeoutError(json.dumps(self._messages()[-3:], ensure_ascii=False)[:3000])

    def newest(self, action: str) -> Message:
        """The newest message with a button for such an action, such as `.approve`."""
        self.wait(lambda messages: any(has_button(each, action) for each in messages))
        return next(each for each in reversed(self._messages()) if has_button(each, action))

    def replies(self, thread: str) -> list[Message]:
        """The messages in a thread, its first one apart."""
        return [each for each in self._messages() if each.get("thread_ts") == thread != each["ts"]]

    def press(self, action: str) -> bool:
        """Press the last button for such an action that is in sight, and agree if asked; False where there is none."""
        button = self._page.locator(f'article [data-action*="{action}"]').last
        if not button.count():
            return False
        button.click()
        self._rest()
        if (yes := self._page.locator("#confirm[open] footer .button").last).count():
            yes.click()
        return True

    def press_words(self, message: Message, words: str) -> bool:
        """Press the button of a message that opens the form of this command; False where there is none."""
        button = self._page.locator(f'article[data-ts="{message["ts"]}"] [data-part*="{words}"]').last
        if not button.count():
            return False
        button.click()
        return True

    @property
    def form(self) -> Locator:
        """The modal; it is there while it is open."""
        return self._page.locator("#modal[open]")

    def fill_form(self, text: str) -> None:
        """Write this into the form's empty text fields, and take the first choice of each choice that is open."""
        self.form.wait_for()
        for field in self.form.locator("input[type=text], textarea").all():
            if not field.input_value():
                field.fill(text)
        for choice in self.form.locator("select").all():
            if not choice.input_value():
                choice.select_option(index=1)

    def send_form(self) -> None:
        """Send the form and wait until it is closed."""
        self.form.locator("button[type=submit]").click()
        self.form.wait_for(state="hidden")

    def open_faults(self) -> None:
        """Open the side panel."""
        self._page.locator(".faults").click()
        self._page.locator("#pane .host").first.wait_for()

    def switch(self, **given: str) -> None:
        """Break something, as the side panel does."""
        headers = {"Content-Type": "application/json", "Origin": self._address}
        self._open(Request(f"{self._address}/page/controls", json.dumps(given).encode(), headers))

    def show(self, message: Message) -> None:
        """Scroll so that the message begins at the top, as far as there is something below it."""
        place = self._page.locator(f'article[data-ts="{message["ts"]}"]').last
        place.evaluate("each => each.scrollIntoView({block: 'start'})")

    def take(self, name: str) -> None:
        """Take a picture of what is in sight."""
        self._rest()
        self._page.mouse.move(0, 0)
        picture = Image.open(BytesIO(self._page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
        few = picture.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(FOLDER / f"{name}{self._suffix}.png", optimize=True)

    def _rest(self, seconds: float = 0.5) -> None:
        self._page.wait_for_timeout(seconds * 1000)

    def _messages(self) -> list[Message]:
        state = json.loads(self._open(f"{self._address}/page/state?user={self._user}"))
        return list(state["messages"][CHANNEL])

    def _open(self, wanted: str | Request) -> bytes:
        with build_opener(ProxyHandler({})).open(wanted, timeout=PATIENCE) as answer:
            return bytes(answer.read())


def has_button(message: Message, action: str = "") -> bool:
    """Whether a message has a button for such an action, or any button."""
    elements = (each for block in message.get("blocks") or () for each in block.get("elements", ()))
    return any(each["action_id"].endswith(action) for each in elements if "action_id" in each)
