"""Buttons and their values: the view of an answer to show, or a command to run as if it were typed. Pure.

A click sends the value back, and every reader of the message can see it. So a value names things and proves nothing.
"""

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, plain
from bot.security.untrusted_text import one_line
from commands.loglines.excerpt import Pick
from commands.loglines.formats import Level
from commands.loglines.patterns import PATTERN_LIMIT
from commands.model.report import Report

SHOW, FILE, RUN, FORM = "show", "file", "run", "form"
"""Kinds of buttons: the first part of the action id. A second part distinguishes the buttons in a row."""

RUNS = 5
"""Maximum number of command buttons."""

FILTER = "filter"
"""Action of the button that opens the filter of log lines."""

LABEL, VALUE = 75, 2_000
"""Slack's limits: characters on a button, and in its value."""


class View(BaseModel):
    """View of an answer: with or without details, all lines in full or only those with findings, and the page.

    `picture` is Slack's id of the file with the answer's chart, or "". Every view keeps it. Log lines are filtered by
    minimum `level` and by `pattern`. In a channel `by` is the Slack id of the person who chose the filter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: Annotated[str, Field(max_length=64)]
    details: bool = False
    everything: bool = False
    page: Annotated[int, Field(ge=0, le=9_999)] = 0
    picture: Annotated[str, Field(pattern=r"^(F[A-Z0-9]{8,40})?$")] = ""
    level: Level | None = None
    pattern: Annotated[str, Field(max_length=PATTERN_LIMIT)] = ""
    by: Annotated[str, Field(pattern=r"^([UW][A-Z0-9]{1,40})?$")] = ""

    @classmethod
    def first(cls, operation: str, report: Report) -> "View":
        """Makes the view in which an answer is shown at first."""
        return cls(operation=operation, details=report.details, everything=report.details)

    @classmethod
    def read(cls, value: str) -> "View | None":
        """Parses the value of a button; None if it is no view."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            return None

    @property
    def pick(self) -> Pick:
        """The filter and page of log lines."""
        return Pick(level=self.level, pattern=self.pattern, page=self.page)

    def turned(self, **changes: bool | int | str | None) -> "View":
        """Returns another view of the same answer, at its first page unless the page changes."""
        return self.model_copy(update={"page": 0} | changes)

    def narrowed(self, level: Level | None = None, pattern: str = "") -> "View":
        """Returns the view with another filter of log lines, or none. The person who chose it is not known yet."""
        return self.turned(level=level, pattern=pattern, by="")

    def chosen_by(self, user: str) -> "View":
        """Returns the view with the person who chose its filter. A person who only turns pages is not recorded."""
        return self if self.by or not self.pick.told else self.model_copy(update={"by": user})

    @property
    def value(self) -> str:
        """The value of a button with this view."""
        return self.model_dump_json(exclude_defaults=True)


def button(label: str, action: str, value: str) -> Block:
    """Makes a button."""
    return {
        "type": "button",
        "action_id": action,
        "text": plain(label, LABEL),
        "value": value,
    }


def row(buttons: Sequence[Block]) -> tuple[Block, ...]:
    """Makes a row of buttons; () without buttons."""
    return ({"type": "actions", "elements": list(buttons)},) if buttons else ()


def runs(words: Sequence[str]) -> list[Block]:
    """Makes a button for each command that fits into one."""
    fitting = [each for each in dict.fromkeys(words) if one_line(each) and len(_carried(each)) <= VALUE]
    return [button(each, f"{RUN}.{number}", _carried(each)) for number, each in enumerate(fitting[:RUNS])]


def asking(label: str, action: str, words: str) -> Block:
    """Makes a button that runs a command, or opens the form for its missing arguments."""
    return button(label, action, _carried(words))


def words_in(value: str) -> str | None:
    """Parses the command in the value of a button; None if there is none."""
    try:
        document = json.loads(value)
    except ValueError:
        return None
    words = document.get("w") if isinstance(document, dict) else None
    return words if isinstance(words, str) else None


def turns(view: View, pages: int, texts: Texts) -> list[Block]:
    """Makes the buttons to the previous and next page."""
    there = []
    if view.page > 0:
        before = Phrase("Previous page").render(texts)
        there.append(button(f"◀ {before}", f"{SHOW}.before", view.turned(page=view.page - 1).value))
    if view.page < pages - 1:
        after = Phrase("Next page").render(texts)
        there.append(button(f"{after} ▶", f"{SHOW}.after", view.turned(page=view.page + 1).value))
    return there


def details(view: View, texts: Texts) -> Block:
    """Makes the button that shows or hides the details."""
    if view.details:
        return button(Phrase("Less").render(texts), f"{SHOW}.less", view.turned(details=False).value)
    return button(Phrase("Details").render(texts), f"{SHOW}.details", view.turned(details=True).value)


def scope(view: View, texts: Texts) -> Block:
    """Makes the button that shows all lines in full, or only those with findings."""
    if view.everything:
        label = Phrase("Only what needs attention").render(texts)
        return button(label, f"{SHOW}.bad", view.turned(everything=False).value)
    return button(Phrase("Show all").render(texts), f"{SHOW}.all", view.turned(everything=True).value)


def file(view: View, texts: Texts) -> Block:
    """Makes the button that exports the table or the lines as a file."""
    return button(Phrase("As a file").render(texts), FILE, view.turned().value)


def _carried(words: str) -> str:
    return json.dumps({"w": words}, separators=(",", ":"))
