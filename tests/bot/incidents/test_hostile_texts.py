"""Hostile texts in an incident, from the request to each place where they are shown; and secrets, which get nowhere."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.answers.data import write_public_files
from bot.answers.slack import render
from bot.incidents.slack.messages import render_reply, render_status
from bot.incidents.slack.note_form import build_modal
from bot.locale.texts import get_texts
from bot.model.announcement import PlainWord
from bot.model.incident import QuotedMessage
from bot.model.incident_notice import IncidentNotice, IncidentReply
from bot.model.request import Answer, ExitCode, Request, Surface
from bot.rendering.slack.blocks import MAX_TEXT, SlackMessage, escape
from bot.runtime.clock import read_utc_time
from commands.model.report import TextFile
from tests.bot.answers.slack.test_answer import assert_harmless
from tests.bot.incidents.leaks import Bot, member, open_bot

HOSTILE = (
    "<!channel> <@U0EVE> <https://evil.example|safe> *b* `c` [l](https://evil.example) <b>x</b> | a\n# h\r\n"
    "- \x00\u202e\u200b"
)
"""Mentions, links, markup of Slack, Markdown and HTML, a second line, NUL, and marks that hide text."""

LONG, PLACE = "y" * 1_000, "C0HOSTILE"
SECRET = "xoxb-123456789012-123456789012-abcdefABCDEF123456789012"
TEXTS = get_texts("en", ZoneInfo("UTC"))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with open_bot(tmp_path) as opened:
        yield opened


async def note(bot: Bot, text: str, author: str) -> Answer:
    """Makes a note of a message of that author, as the shortcut does."""
    quoted = QuotedMessage(PLACE, "1796019798.000100", author, "https://flatnet.slack.com/archives/C0HOSTILE/p1")
    words = f"incident note '{text}'"
    request = Request("shortcut", member("ana"), words, Surface.SLACK, read_utc_time(), PLACE, quoted=quoted)
    return await bot.application.answer_request(request)


async def open_hostile(bot: Bot) -> list[Answer]:
    """Opens an incident whose every text is hostile, and returns the answers."""
    ana = member("ana")
    await bot.fire("host-a", HOSTILE)
    begun = [
        await bot.ask(ana, words, PLACE)
        for words in (
            f"incident open '{HOSTILE[:100]}' host-a --results everyone",
            f"incident update '{HOSTILE} {LONG}' --next 30m",
            f"incident correct 1 '{HOSTILE}'",
            f"incident followup '{HOSTILE}' --who vera",
        )
    ]
    return [*begun, await note(bot, f"{HOSTILE} {LONG}", HOSTILE)]


async def test_hostile_texts_of_people_and_hosts_are_plain_text_in_every_message(bot: Bot) -> None:
    answers = await open_hostile(bot)
    running = bot.application
    [incident] = await running.wings.incidents.registry.list_working()
    await bot.post_by_itself(read_utc_time() + timedelta(minutes=1))
    answers += [await bot.ask(member("ana"), f"incident resolve '{HOSTILE}' --although '{HOSTILE}'", PLACE)]
    assert [0] * len(answers) == [answer.exit_code.value for answer in answers]
    answers += [await bot.ask(member("ana"), words, PLACE) for words in ("incident", "incident show 1", "incident report 1")]
    messages = [render(answer, TEXTS) for answer in answers]
    messages += [message for posted in bot.slack.posted if (message := _render(posted.body)) is not None]
    assert {IncidentNotice, IncidentReply, PlainWord} <= {type(posted.body) for posted in bot.slack.posted}
    form = build_modal("{}", HOSTILE, HOSTILE, (incident,), TEXTS)
    messages.append(SlackMessage("note", tuple(form["blocks"][:1])))
    for message in messages:
        assert_harmless(message)
    shown = json.dumps([message.blocks for message in messages] + [form], ensure_ascii=False)
    assert [] == [mark for mark in ("\x00", "\u202e", "\u200b", "<!", "<@U0EVE", "<https") if mark in shown]


def _render(body: object) -> SlackMessage | None:
    """Renders what the bot posts by itself; None for an answer, which is rendered as one."""
    match body:
        case IncidentNotice():
            return render_status(body, TEXTS)
        case IncidentReply():
            return render_reply(body, TEXTS)
        case PlainWord():
            return SlackMessage(escape(body.phrase.render_sentence(TEXTS), MAX_TEXT), ())
    return None


async def test_hostile_texts_are_plain_text_in_the_files_of_the_report(bot: Bot) -> None:
    """Markdown has no markup, no further line and no further cell of theirs, and JSON has their characters."""
    await open_hostile(bot)
    [text] = write_public_files(await bot.ask(member("adam"), "incident report 1", PLACE), TEXTS)
    assert isinstance(text, TextFile)
    table = [line for line in text.text.splitlines() if line.startswith("|")]
    assert {9} == {len(re.findall(r"(?<!\\)\|", line)) + 1 for line in table}
    assert [] == re.findall(r"(?<!\\)[<>*\[\]]|^# h|[\x00\u202e\u200b]", text.text.replace("**", ""), re.MULTILINE)
    [data] = write_public_files(await bot.ask(member("adam"), "incident report 1 --json", PLACE), TEXTS)
    assert isinstance(data, TextFile)
    assert "@channel @U0EVE safe *b*" in json.loads(data.text)["incident"]["title"]


@pytest.mark.parametrize(
    "words",
    [
        'incident open "T {it}" host-a --another --results everyone',
        "incident open {it} host-a --new",
        "incident note '{it}'",
        "incident update {it}",
        'incident correct 1 "{it}"',
        'incident followup "{it}"',
        "incident followup x --who {it}",
        'incident resolve "{it}"',
        'incident resolve x --although "{it}"',
        'incident reopen "{it}"',
        "incident invite {it}",
        "incident add {it}",
    ],
)
async def test_a_secret_is_refused_and_gets_into_no_file(bot: Bot, tmp_path: Path, words: str) -> None:
    await bot.ask(member("ana"), "incident open slow host-a --results everyone", PLACE)
    wide = "".join(chr(ord(each) + 0xFEE0) for each in SECRET)
    for typed in (SECRET, wide):
        answer = await bot.ask(member("ana"), words.format(it=typed), PLACE)
        assert (ExitCode.REFUSED, False) == (answer.exit_code, SECRET in answer.model_dump_json())
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert [] == [each for each in (SECRET, wide) if each.encode() in stored]


async def test_a_person_without_roles_may_note_and_nothing_more_and_a_lead_has_no_further_right(bot: Bot) -> None:
    """A lead is only asked for updates."""
    await bot.ask(member("ana"), "incident open slow host-a --results everyone", PLACE)
    await bot.ask(member("ana"), "incident lead vera", PLACE)
    for who, words, allowed in (
        ("eve", 'incident note "I see it, too"', True),
        ("eve", "incident mitigated", False),
        ("vera", 'incident update "soon"', False),
        ("vera", 'incident resolve "done" --although "it"', False),
        ("vera", "incident invite eve", False),
    ):
        answer = await bot.ask(member(who), words, PLACE)
        assert (who, words, allowed) == (who, words, answer.exit_code is ExitCode.WELL)
