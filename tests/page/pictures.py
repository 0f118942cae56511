"""The pictures of the README and of docs/walk.md, from the demo: `python -m tests.page.pictures` writes docs/images/.

The same three parts as `make demo`: a lab, the real bot, and a browser on the workspace's page. On a desk and on a phone, in
English and in Japanese, both at once: a process for each language.

    minute   the page at once ─▶ health ─▶ the side panel
    outage   health of a host ─▶ start its Nebula ─▶ approve ─▶ proven
    renewal  cert renew ─▶ approve ─▶ proven
    unknown  a service that does not come back ─▶ the result is unknown ─▶ said what was seen
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.lab.demo import Farewell, address, parts, process, wait_for
from tests.lab.demo_words import LANGUAGES
from tests.page.conftest import CHROMIUM, FLAGS
from tests.page.walker import FOLDER, QUIET, SILENT_HOST, Look, Message, Walker

ASKS, APPROVES = "U0OPERATOR", "U0ADMIN"

DESK, PHONE, NIGHT = Look(1280, 800, "light"), Look(390, 780, "light"), Look(390, 780, "dark")
WIDE, LONG = Look(1280, 960, "light"), Look(390, 1200, "dark")
"""Those of the README."""

REASON = {"en": "host-b is cut off", "ja": "host-b に接続できない"}
SEEN = {"en": "Nebula is stopped, the old certificate is in place", "ja": "Nebula は停止、以前の証明書のまま"}
"""Written by the people: why a change is needed, and what was seen on a host."""


def main() -> None:
    """Take all pictures: of one language, or of all at once."""
    parser = argparse.ArgumentParser(prog="python -m tests.page.pictures", description="Pictures of the demo.")
    parser.add_argument("--language", choices=LANGUAGES, help="only these pictures")
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if given.language:
        walk_all(given.language)
        return
    walking = [subprocess.Popen([sys.executable, "-m", "tests.page.pictures", "--language", each]) for each in LANGUAGES]
    sys.exit(max(each.wait() for each in walking))


def walk_all(language: str) -> None:
    """Walk through everything in one language."""
    with _demo(language) as page, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        walker = Walker(browser, page, "" if language == "en" else f".{language}")
        first_minute(walker)
        renewal(walker)
        outage(walker, REASON[language])
        unknown(walker, SEEN[language])
        browser.close()


@contextmanager
def _demo(language: str) -> Iterator[str]:
    """The demo's lab and bot; the address of its page."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fn-")))
        lab, bot = parts(folder, language, a_day=False)
        for arguments, ready in ((lab, "ready:"), (bot, '"connected"')):
            log = folder / f"{arguments[0]}.log"
            wait_for(ready, log, stack.enter_context(process(*arguments, log=log)), Farewell())
        yield address(folder / "tests.lab.log").rstrip("/")


def first_minute(walker: Walker) -> None:
    """The page as it opens, one verdict over the fleet, and the panel where more can be broken."""
    walker.sit(ASKS, PHONE)
    walker.type("/")
    walker.take("walk-minute-1")
    verdict = walker.read("health", SILENT_HOST)
    walker.show(verdict)
    walker.take("walk-minute-2")
    for look, name in ((LONG, "phone"), (WIDE, "desk")):
        walker.look(look)
        walker.show(verdict)
        walker.take(name)
    walker.look(DESK)
    walker.open_faults()
    walker.show(verdict)
    walker.take("walk-minute-3")


def renewal(walker: Walker) -> None:
    """A certificate that ends soon: asked for, approved on a phone, proven."""
    walker.sit(ASKS, WIDE)
    walker.ask("cert renew host-c")
    card = walker.newest(".approve")
    for look, name in ((WIDE, "change-desk"), (LONG, "change-phone")):
        walker.sit(APPROVES, look)
        walker.show(card)
        walker.take(name)
    walker.sit(APPROVES, NIGHT)
    walker.show(card)
    walker.take("walk-renewal-1")
    approve(walker, card)
    walker.take("walk-renewal-2")


def outage(walker: Walker, reason: str) -> None:
    """A host whose Nebula is stopped: found, fixed, proven."""
    walker.sit(ASKS, PHONE)
    found = walker.read("health host-b")
    walker.show(found)
    walker.take("walk-outage-1")
    if walker.press_words(found, "service start nebula host-b"):
        walker.fill_form(reason)
        walker.send_form()
        walker.settle()
    else:
        walker.ask(f'service start nebula host-b --reason "{reason}"')
    walker.sit(APPROVES, NIGHT)
    card = walker.newest(".approve")
    walker.show(card)
    walker.take("walk-outage-2")
    approve(walker, card)
    walker.take("walk-outage-3")
    walker.sit(ASKS, PHONE)
    walker.show(walker.read("health host-b"))
    walker.take("walk-outage-4")


def unknown(walker: Walker, seen: str) -> None:
    """A service that does not come back in the middle of a change: what is known, and what the person saw."""
    walker.switch(deed="spoil", host="host-f", program="Nebula")
    walker.sit(ASKS, PHONE)
    walker.ask("cert renew host-f")
    walker.sit(APPROVES, PHONE)
    card = walker.newest(".approve")
    approve(walker, card)
    walker.sit(ASKS, PHONE, card["ts"])
    walker.show(card)
    walker.take("walk-unknown-1")
    resolve(walker, card, seen)
    walker.sit(ASKS, PHONE, card["ts"])
    walker.take("walk-unknown-3")


def approve(walker: Walker, card: Message) -> None:
    """Approve by the card's button, and watch its thread until the result is there."""
    walker.press("approve")
    walker.sit(APPROVES, NIGHT, card["ts"])
    walker.wait(lambda _: len(walker.replies(card["ts"])) >= 2)
    walker.settle(QUIET)


def resolve(walker: Walker, card: Message, seen: str) -> None:
    """Say what was seen on the host: by a button where there is one, else by the command."""
    operation = re.findall(r"op-[0-9a-f]{12}", str(card))[0]
    replies = len(walker.replies(card["ts"]))
    if walker.press("resolve.undone"):
        walker.fill_form(seen)
        walker.take("walk-unknown-2")
        walker.send_form()
    else:
        walker.sit(ASKS, PHONE)
        walker.type(f'/flatnet op resolve {operation} "{seen}" --outcome undone')
        walker.take("walk-unknown-2")
        walker.send()
    walker.wait(lambda _: len(walker.replies(card["ts"])) > replies)
    walker.settle()


if __name__ == "__main__":
    main()
