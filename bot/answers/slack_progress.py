"""Progress of a read while hosts are awaited, and the message after a slow answer. Pure.

:hourglass_flowing_sand: `/flatnet health all`: 6 hosts, 4 answered, waiting for host-e and host-f
:red_circle: *So far: 1 of 4 hosts needs attention: host-b Nebula stopped*     the answer on these, without its buttons
"""

from adapters.phrase import Phrase, Texts
from bot.answers.slack import render
from bot.model.request import Answer
from bot.rendering.slack.blocks import MAX_TEXT, SlackMessage, escape, make_section
from bot.rendering.slack.paragraphs import render_command
from bot.security.untrusted_text import shorten
from commands.model.finding import list_some
from commands.model.operation import ReadProgress
from commands.model.report import Report

MAX_NAMED_HOSTS = 5
"""Maximum number of awaited hosts that are named. More are only counted."""

_MAX_LINE = 600
_MAX_SUMMARY = 900


def render_progress(words: str, seen: ReadProgress, texts: Texts) -> SlackMessage:
    """Renders the line that counts the hosts that have answered, and names those that have not."""
    return SlackMessage(_render_line(words, describe_progress(seen), texts), ())


def render_partial_answer(words: str, seen: ReadProgress, texts: Texts) -> SlackMessage:
    """Renders the answer on the hosts that have answered, below the line of `render_progress`.

    It has neither buttons nor commands, because a better answer follows. Without such an answer, the line is all.
    """
    report = _build_partial_report(seen)
    line = render_progress(words, seen, texts)
    if report is None:
        return line
    shown = render(Answer(operation="", understood=words, body=report), texts)
    parts = tuple(block for block in shown.blocks if block["type"] == "section")
    return SlackMessage(shorten(f"{line.text}\n{shown.text}", MAX_TEXT), (make_section(line.text), *parts))


def render_waiting_notice(words: str, seen: ReadProgress | None, texts: Texts) -> SlackMessage:
    """Renders a private notice. Slack can neither edit nor delete it, so what it says stays true beside the answer."""
    follows = Phrase("The result follows as a new message.")
    if seen is None:
        return SlackMessage(_render_line(words, follows, texts), ())
    report = _build_partial_report(seen)
    summary = [] if report is None else [escape(report.summary.render_sentence(texts), _MAX_SUMMARY)]
    return SlackMessage(
        "\n".join([_render_line(words, describe_progress(seen), texts), *summary, escape(follows.render(texts))]), ()
    )


def render_ready(words: str, mention: str, texts: Texts) -> SlackMessage:
    """Renders the message that notifies the requester of a slow answer; `mention` is mrkdwn already."""
    ready = Phrase("The result is ready:").render(texts)
    return SlackMessage(f"{mention} {escape(ready)} {render_command(words)}", ())


def describe_progress(seen: ReadProgress) -> Phrase:
    """Counts the hosts that have answered, or the checks that are done, and names the others."""
    if seen.place == "check":
        return _describe_checks(seen)
    if not seen.awaited:
        return Phrase("{n} host has answered", plural="all {n} hosts have answered", n=seen.total)
    return Phrase(
        "{n} host, {answered} answered, waiting for {hosts}",
        plural="{n} hosts, {answered} answered, waiting for {hosts}",
        n=seen.total,
        answered=seen.answered,
        hosts=list_some(seen.awaited, MAX_NAMED_HOSTS),
    )


def _describe_checks(seen: ReadProgress) -> Phrase:
    if not seen.awaited:
        return Phrase("{n} check is done", plural="all {n} checks are done", n=seen.total)
    return Phrase(
        "{n} check, {done} done, waiting for {names}",
        plural="{n} checks, {done} done, waiting for {names}",
        n=seen.total,
        done=seen.answered,
        names=list_some(seen.awaited, MAX_NAMED_HOSTS),
    )


def _render_line(words: str, said: Phrase, texts: Texts) -> str:
    return f":hourglass_flowing_sand: {render_command(words)}: {escape(said.render(texts), _MAX_LINE)}"


def _build_partial_report(seen: ReadProgress) -> Report | None:
    """Builds the report on the hosts that have answered, marked as such, without commands; None if there is none."""
    if seen.build_report is None:
        return None
    report = seen.build_report().drop_commands()
    return report.model_copy(update={"summary": Phrase("so far: {summary}", summary=report.summary)})
