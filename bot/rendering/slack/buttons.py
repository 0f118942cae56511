"""Buttons, and what they carry: which answer is to be shown how, or words that are asked for as if they were typed.

Whoever clicks sends back what the button carries, and everybody who sees a message can read it: so
it names things and proves nothing.
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
"""What a button does: the first part of its action id; a second one tells apart those in one row."""

RUNS = 5
"""Words that are offered as buttons."""

FILTER = "filter"
"""The action of the button that asks which lines to show."""

LABEL, VALUE = 75, 2_000
"""Slack's limits: characters on a button, and in what it carries."""


class View(BaseModel):
    """How an answer is shown: with its details or not, every line in full or only what needs somebody, and which page.

    `picture` is Slack's id of the file with the answer's chart, "" where there is none: every view keeps it. Of lines of
    logs only those at least so grave as `level` are shown in which `pattern` is found; where others see it too, `by` is
    the Slack id of whoever chose that.
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
        """As it is shown at first."""
        return cls(operation=operation, details=report.details, everything=report.details)

    @classmethod
    def read(cls, value: str) -> "View | None":
        """What a button carries; None where it is none of ours."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            return None

    @property
    def pick(self) -> Pick:
        """Which lines of logs are shown."""
        return Pick(level=self.level, pattern=self.pattern, page=self.page)

    def turned(self, **changes: bool | int | str | None) -> "View":
        """Another view of the same answer, from its first page unless that is what changes."""
        return self.model_copy(update={"page": 0} | changes)

    def narrowed(self, level: Level | None = None, pattern: str = "") -> "View":
        """Other lines of the same answer, or all of them; whose choice that is, is not known yet."""
        return self.turned(level=level, pattern=pattern, by="")

    def chosen_by(self, user: str) -> "View":
        """The same, of which others see who chose its lines; whoever turns its pages did not."""
        return self if self.by or not self.pick.told else self.model_copy(update={"by": user})

    @property
    def value(self) -> str:
        """For a button to carry."""
        return self.model_dump_json(exclude_defaults=True)


def button(label: str, action: str, value: str) -> Block:
    return {
        "type": "button",
        "action_id": action,
        "text": plain(label, LABEL),
        "value": value,
    }


def row(buttons: Sequence[Block]) -> tuple[Block, ...]:
    """Buttons side by side; nothing where there are none."""
    return ({"type": "actions", "elements": list(buttons)},) if buttons else ()


def runs(words: Sequence[str]) -> list[Block]:
    """A button for each of these words, as far as they fit on one."""
    fitting = [each for each in dict.fromkeys(words) if one_line(each) and len(_carried(each)) <= VALUE]
    return [button(each, f"{RUN}.{number}", _carried(each)) for number, each in enumerate(fitting[:RUNS])]


def asking(label: str, action: str, words: str) -> Block:
    """A button that asks for these words, or that opens the form for what they lack."""
    return button(label, action, _carried(words))


def words_in(value: str) -> str | None:
    """The words that a button carries; None where it carries none."""
    try:
        document = json.loads(value)
    except ValueError:
        return None
    words = document.get("w") if isinstance(document, dict) else None
    return words if isinstance(words, str) else None


def turns(view: View, pages: int, texts: Texts) -> list[Block]:
    """To the pages before and after."""
    there = []
    if view.page > 0:
        before = Phrase("Previous page").render(texts)
        there.append(button(f"◀ {before}", f"{SHOW}.before", view.turned(page=view.page - 1).value))
    if view.page < pages - 1:
        after = Phrase("Next page").render(texts)
        there.append(button(f"{after} ▶", f"{SHOW}.after", view.turned(page=view.page + 1).value))
    return there


def details(view: View, texts: Texts) -> Block:
    """To the details, or away from them."""
    if view.details:
        return button(Phrase("Less").render(texts), f"{SHOW}.less", view.turned(details=False).value)
    return button(Phrase("Details").render(texts), f"{SHOW}.details", view.turned(details=True).value)


def scope(view: View, texts: Texts) -> Block:
    """To every line in full, or to what needs somebody."""
    if view.everything:
        label = Phrase("Only what needs attention").render(texts)
        return button(label, f"{SHOW}.bad", view.turned(everything=False).value)
    return button(Phrase("Show all").render(texts), f"{SHOW}.all", view.turned(everything=True).value)


def file(view: View, texts: Texts) -> Block:
    """To all of it in a file: its table, or its lines."""
    return button(Phrase("As a file").render(texts), FILE, view.turned().value)


def _carried(words: str) -> str:
    return json.dumps({"w": words}, separators=(",", ":"))
