"""Buttons and their values: the view of an answer to show, or a command to run as if it were typed. Pure.

A click sends the value back, and every reader of the message can see it. So a value names things and proves nothing.

Renders the topics of help: their names in one line, and a menu that shows the help of one. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, escape, make_plain_text
from bot.security.untrusted_text import to_one_line
from commands.about import Help
from commands.catalogue import CATALOGUE
from commands.language.form_filling import must_ask_first
from commands.language.labels import label_request
from commands.log_lines.excerpt import LineFilter
from commands.log_lines.formats import Level
from commands.log_lines.patterns import MAX_PATTERN_LENGTH
from commands.model.report import Report

SHOW_ACTION, FILE_ACTION, RUN_ACTION, FORM_ACTION, PLAN_ACTION = "show", "file", "run", "form", "plan"
"""Kinds of buttons: the first part of the action id. A second part distinguishes the buttons in a row."""

MAX_BUTTONS = 5
"""Maximum number of buttons of an answer, those for its other views included."""

FILTER_ACTION = "filter"
"""Action of the button that opens the filter of log lines."""

MAX_LABEL, MAX_VALUE = 75, 2_000
"""Slack's limits: characters on a button, and in its value."""


class AnswerView(BaseModel):
    """View of an answer: with or without details, all lines in full or only those with findings, and the page.

    `picture` is Slack's id of the file with the answer's chart, or "". `drawn`: Slack draws the chart itself, because the
    message is private. Every view keeps both. Log lines are filtered by minimum `level` and by `pattern`, and shown in
    groups or as they were written (`raw`). In a channel `by` is the Slack id of the person who chose the filter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    operation: Annotated[str, Field(max_length=64)]
    details: bool = False
    everything: bool = False
    page: Annotated[int, Field(ge=0, le=9_999)] = 0
    picture: Annotated[str, Field(pattern=r"^(F[A-Z0-9]{8,40})?$")] = ""
    drawn: bool = False
    level: Level | None = None
    pattern: Annotated[str, Field(max_length=MAX_PATTERN_LENGTH)] = ""
    raw: bool = False
    by: Annotated[str, Field(pattern=r"^([UW][A-Z0-9]{1,40})?$")] = ""

    @classmethod
    def make_first(cls, operation: str, report: Report) -> "AnswerView":
        """Makes the view in which an answer is shown at first."""
        raw = report.excerpt is not None and report.excerpt.raw
        return cls(operation=operation, details=report.details, everything=report.details, raw=raw)

    @classmethod
    def from_value(cls, value: str) -> "AnswerView | None":
        """Parses the value of a button; None if it is no view."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            return None

    @property
    def pick(self) -> LineFilter:
        """The filter and page of log lines."""
        return LineFilter(level=self.level, pattern=self.pattern, page=self.page, raw=self.raw)

    def with_changes(self, **changes: bool | int | str | None) -> "AnswerView":
        """Returns another view of the same answer, at its first page unless the page changes."""
        return self.model_copy(update={"page": 0} | changes)

    def with_filter(self, level: Level | None = None, pattern: str = "") -> "AnswerView":
        """Returns the view with another filter of log lines, or none. The person who chose it is not known yet."""
        return self.with_changes(level=level, pattern=pattern, by="")

    def with_chooser(self, user: str) -> "AnswerView":
        """Returns the view with the person who chose its filter. A person who only turns pages is not recorded."""
        return self if self.by or not self.pick.descriptions else self.model_copy(update={"by": user})

    @property
    def value(self) -> str:
        """The value of a button with this view."""
        return self.model_dump_json(exclude_defaults=True)


def make_button(label: str, action: str, value: str) -> Block:
    """Makes a button."""
    return {
        "type": "button",
        "action_id": action,
        "text": make_plain_text(label, MAX_LABEL),
        "value": value,
    }


def make_row(buttons: Sequence[Block]) -> tuple[Block, ...]:
    """Makes a row of buttons; () without buttons."""
    return ({"type": "actions", "elements": list(buttons)},) if buttons else ()


def make_run_buttons(words: Sequence[str], texts: Texts, most: int = MAX_BUTTONS) -> list[Block]:
    """Makes a button for each command that fits into one. Its label is a verb with the command's arguments."""
    fitting = [each for each in dict.fromkeys(words) if to_one_line(each) and fits_button(each)]
    return [_make_run_button(each, f"{RUN_ACTION}.{number}", texts) for number, each in enumerate(fitting[:most])]


def _make_run_button(words: str, action: str, texts: Texts) -> Block:
    """Makes the button of a command. Screen readers also learn that it opens a form, if that fits."""
    label = label_request(words, CATALOGUE)
    button = make_button(label.render_sentence(texts), action, encode_words(words))
    spoken = Phrase("{label}. Opens a form.", label=label).render_sentence(texts)
    if not must_ask_first(words, CATALOGUE) or len(spoken) > MAX_LABEL:
        return button
    return button | {"accessibility_label": to_one_line(spoken)}


def fits_button(words: str) -> bool:
    """Returns whether a command fits into the value of a button."""
    return len(encode_words(words)) <= MAX_VALUE


def make_command_button(label: str, action: str, words: str) -> Block:
    """Makes a button that runs a command, or opens the form for its missing arguments."""
    return make_button(label, action, encode_words(words))


class _CommandValue(BaseModel):
    """Value of a button that runs a command."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, defer_build=True)

    w: str


def parse_words(value: str) -> str | None:
    """Parses the command in the value of a button; None if there is none. A value may be nested to any depth."""
    try:
        return _CommandValue.model_validate_json(value).w
    except ValidationError:
        return None


def make_page_buttons(view: AnswerView, pages: int, texts: Texts) -> list[Block]:
    """Makes the buttons to the previous and next page."""
    there = []
    if view.page > 0:
        before = Phrase("Previous page").render(texts)
        there.append(make_button(f"◀ {before}", f"{SHOW_ACTION}.before", view.with_changes(page=view.page - 1).value))
    if view.page < pages - 1:
        after = Phrase("Next page").render(texts)
        there.append(make_button(f"{after} ▶", f"{SHOW_ACTION}.after", view.with_changes(page=view.page + 1).value))
    return there


def make_details_button(view: AnswerView, texts: Texts) -> Block:
    """Makes the button that shows or hides the details."""
    if view.details:
        return make_button(
            Phrase("Hide details").render(texts), f"{SHOW_ACTION}.less", view.with_changes(details=False).value
        )
    return make_button(Phrase("Details").render(texts), f"{SHOW_ACTION}.details", view.with_changes(details=True).value)


def make_scope_button(view: AnswerView, texts: Texts) -> Block:
    """Makes the button that shows all lines in full, or only those with findings."""
    if view.everything:
        label = Phrase("Needs attention only").render(texts)
        return make_button(label, f"{SHOW_ACTION}.bad", view.with_changes(everything=False).value)
    return make_button(Phrase("Show all").render(texts), f"{SHOW_ACTION}.all", view.with_changes(everything=True).value)


def make_file_button(view: AnswerView, texts: Texts) -> Block:
    """Makes the button that exports the table or the lines as a file."""
    return make_button(Phrase("Get as file").render(texts), FILE_ACTION, view.with_changes().value)


def encode_words(words: str) -> str:
    """Encodes a command as the value of a button or of a menu's option."""
    return json.dumps({"w": words}, separators=(",", ":"))


MAX_TOPICS = 100
"""Slack's limit for the options of a menu."""

_MAX_NAME = 40


def render_topics(topics: Mapping[str, Phrase]) -> str:
    """Renders the names in one line."""
    return " · ".join(f"`{escape(topic, _MAX_NAME)}`" for topic in topics)


def make_topic_menu(topics: Mapping[str, Phrase], action: str, texts: Texts) -> Block:
    """Makes the menu. The choice of a topic runs its help."""
    return {
        "type": "static_select",
        "action_id": f"{action}.topic",
        "placeholder": make_plain_text(Phrase("Help on a topic").render(texts), MAX_LABEL),
        "options": [
            {
                "text": make_plain_text(topic, MAX_LABEL),
                "value": encode_words(" ".join((*Help.words, topic))),
                "description": make_plain_text(summary.render_sentence(texts), MAX_LABEL),
            }
            for topic, summary in list(topics.items())[:MAX_TOPICS]
        ],
    }
