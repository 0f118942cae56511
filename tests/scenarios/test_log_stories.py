"""What people live through in an incident channel: one line typed, and the right lines of the right logs of all hosts."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath

from adapters.inventory import WindowsPaths
from tests.lab.workspace.faults import UPLOAD, Failing, ServerError
from tests.lab.workspace.message import Message
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.test_button_stories import asked, pressed
from tests.scenarios.test_slack_stories import ADMIN, OPERATOR, OPS, shown, unplug
from tests.scenarios.test_talk_stories import BOT, answered

LOG = PureWindowsPath(WindowsPaths.model_validate({}).nebula_log)
TOKEN = "xoxb-123456789012-abcdefghijkl"


def writes(town: Town, host: str, *lines: str, every: float = 1.0) -> None:
    """Nebula on a host has written so, the last line just now."""
    now = datetime.now(UTC)
    begun = now - timedelta(seconds=every * len(lines))
    text = "".join(
        f'time="{begun + timedelta(seconds=every * n):%Y-%m-%dT%H:%M:%SZ}" level={"error" if "failed" in line else "info"} '
        f'msg="{line}"\n'
        for n, line in enumerate(lines, start=1)
    )
    town.fleet[host].windows.state.write(LOG, text, now)


async def said_here(town: Town, user: str, words: str, count: int = 1) -> Message:
    """The newest message that all in the channel see, after somebody typed."""
    before = len(public(town))
    assert (await town.workspace.slash(user, OPS, words)).in_time
    await town.workspace.seen(lambda: len(public(town)) >= before + count, timeout=PATIENCE)
    await town.at_rest()
    return public(town)[-1]


def public(town: Town) -> list[Message]:
    """What stands in the channel itself."""
    return [each for each in town.workspace.messages(OPS) if each.thread_ts in (None, each.ts) and not each.files]


async def file_below(town: Town, message: Message) -> bytes:
    """The file in the thread of a message, once it is there."""
    found = await town.workspace.seen(
        lambda: [each.files[0] for each in town.workspace.thread(OPS, message.ts) if each.files], timeout=PATIENCE
    )
    content = town.workspace.file(found[0])
    assert content is not None
    return content


async def test_somebody_types_one_line_and_has_the_right_lines_of_all_hosts(town: Build) -> None:
    """Merged by time, for all in the channel, about the incident's hosts, all of it as a file in the thread."""
    async with town(hosts=3) as t, t.bot():
        writes(t, "host-a", *(f"one-{n}" for n in range(20)), every=2.0)
        writes(t, "host-b", *(f"two-{n}" for n in range(19)), "handshake failed", every=2.0)
        writes(t, "host-c", "not asked for")
        opened = await said_here(t, ADMIN, 'incident open "502" host-a,host-b --results everyone')
        assert "インシデント 1「502」" in opened.text
        message = await said_here(t, ADMIN, "log nebula --since 1h")
        assert "nebula 40 行" in message.text
        lines = shown(message.blocks)
        assert "one-19" in lines
        assert "handshake failed" in lines
        assert "one-3" not in lines
        assert "not asked for" not in lines
        assert "全体はスレッドにファイルで投稿します" in lines
        text = (await file_below(t, message)).decode()
        assert "# /flatnet log nebula host-a,host-b --since 1h --here" in text
        assert 40 == len([line for line in text.splitlines() if not line.startswith("#")])
        times = [line[:23] for line in text.splitlines() if not line.startswith("#")]
        assert sorted(times) == times


async def test_buttons_work_on_the_stored_lines_and_ask_no_host_again(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        writes(t, "host-a", *(f"line-{n}" for n in range(45)), "handshake failed")
        first = await t.private_answer(ADMIN, OPS, "log nebula host-a")
        before = asked(t)
        older = await pressed(t, ADMIN, first, "show.older", "Lines 7–26 of 46")
        assert "line-10" in shown(older.blocks)
        grave = await pressed(t, ADMIN, older, "show.errors", "1 of 46 lines · error and above")
        assert "handshake failed" in shown(grave.blocks)
        await t.workspace.click(ADMIN, grave, "filter")
        await t.workspace.seen(lambda: t.workspace.view(ADMIN), timeout=PATIENCE)
        wrong = await t.workspace.submit(ADMIN, {"pattern": "(open", "level": "all"})
        told = "unclosed bracket. Put a backslash before a literal bracket"
        assert {"pattern": f"(open is not allowed in a pattern: {told}"} == wrong.errors
        secret = await t.workspace.submit(ADMIN, {"pattern": "password=a.c", "level": "all"})
        assert ["pattern"] == [*secret.errors]
        await t.workspace.submit(ADMIN, {"pattern": "line-4[0-9]", "level": "all"})

        def filtered() -> bool:
            return any("5 of 46 lines · matching line-4[0-9]" in shown(each.blocks) for each in t.workspace.private(ADMIN))

        await t.workspace.seen(filtered, timeout=PATIENCE)
        assert before == asked(t)


async def test_a_hostile_line_pings_nobody_and_shows_no_secret(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        writes(t, "host-a", "<!channel> come here", f"login with {TOKEN} failed", "\x1b[31mred\x1b[0m `code` <@U0ADMIN>")
        await said_here(t, OPERATOR, 'incident open "hostile" --results everyone')
        message = await said_here(t, OPERATOR, "log nebula --grep 'come|login|red' --tail 3")
        await t.at_rest()
        everything = shown(message.blocks) + message.text
        assert "come here" in everything
        assert "<!channel>" not in message.text
        assert TOKEN not in everything
        assert "[redacted]" in everything
        assert "\\u001b" not in everything
        for call in (*t.workspace.calls("chat.postMessage"), *t.workspace.calls("chat.update")):
            assert TOKEN not in str(call)


async def test_a_file_that_slack_refuses_leaves_the_lines_and_the_button(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        writes(t, "host-a", *(f"line-{n}" for n in range(40)))
        await said_here(t, OPERATOR, 'incident open "502" --results everyone')
        t.workspace.faults.switch_on(UPLOAD, ServerError(500))
        message = await said_here(t, OPERATOR, "log nebula")
        assert "line-39" in shown(message.blocks)
        t.workspace.faults.switch_off(UPLOAD)
        await t.workspace.click(OPERATOR, message, "file")
        assert "line-0" in (await file_below(t, message)).decode()


async def test_an_archived_channel_leaves_the_answer_to_whoever_asked(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        writes(t, "host-a", "here")
        await said_here(t, OPERATOR, 'incident open "502" --results everyone')
        t.workspace.faults.switch_on("chat.postMessage", Failing("is_archived"), times=1)
        before = len(t.answers(OPERATOR))
        await t.workspace.slash(OPERATOR, OPS, "log nebula")
        answer = (await t.workspace.seen(lambda: t.answers(OPERATOR)[before:], timeout=PATIENCE))[-1]
        assert "here" in shown(answer.blocks)


async def test_everything_is_collected_into_one_archive_in_the_thread(town: Build) -> None:
    """And whoever opens it finds a summary first, a timeline, a file for each log, and what is missing."""
    async with town(hosts=3, lighthouse=True) as t, t.bot():
        writes(t, "host-a", "first", f"password={TOKEN} failed")
        unplug(t, "host-b")
        await said_here(t, OPERATOR, 'incident open "all dark" all --results everyone')
        message = await said_here(t, OPERATOR, "log collect --since 1h")
        with zipfile.ZipFile(io.BytesIO(await file_below(t, message))) as archive:
            texts = {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}
            [folder], names = {name.partition("/")[0] for name in archive.namelist()}, list(texts)
        assert re.fullmatch(r"evidence-\d{8}-\d{6}", folder)
        assert ["summary.md", "timeline.txt", "health.md", "health.csv", "changes.md"] == names[:5]
        assert "logs/host-a/nebula.txt" in names
        assert "logs/host-b/nebula.txt" not in names
        assert "host-b: nebula" in texts["summary.md"]
        assert "インシデント 1「all dark」" in texts["summary.md"]
        assert "host-a nebula: エラー 1 件" in texts["summary.md"]
        assert "(Asia/Tokyo)" in texts["timeline.txt"].splitlines()[2]
        assert "first" in texts["timeline.txt"]
        assert TOKEN not in "".join(texts.values())


async def test_what_was_asked_there_is_listed_and_afterwards_the_channel_is_an_ordinary_one(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        await said_here(t, OPERATOR, 'incident open "502" host-a --results everyone')
        second = await t.private_answer(ADMIN, OPS, 'incident open "gateway" --results everyone')
        assert "This channel already belongs to incident 1" in second.text
        await said_here(t, OPERATOR, "health")
        listed = await t.private_answer(ADMIN, OPS, "incident show")
        assert "health host-a --here" in shown(listed.blocks)
        ended = await said_here(t, ADMIN, 'incident resolve "nginx was stopped"')
        assert "が解決: nginx was stopped" in ended.text
        answer = await t.private_answer(ADMIN, OPS, "health")
        assert "All 2 hosts are healthy" in answer.text


async def test_who_ends_it_in_a_direct_message_tells_all_in_its_channel(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        await said_here(t, OPERATOR, 'incident open "502" host-a --results everyone')
        before = len(public(t))
        ended = await t.private_answer(ADMIN, f"D{ADMIN[1:]}", 'incident resolve "nginx was stopped" --incident 1')
        told = (await t.workspace.seen(lambda: public(t)[before:], timeout=PATIENCE))[0]
        assert "resolved at" in ended.text
        assert "が解決: nginx was stopped" in told.text


async def test_a_mention_in_the_channel_is_answered_in_its_thread(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        writes(t, "host-a", "here")
        asked_for = await t.workspace.say(ADMIN, OPS, f"{BOT} log nebula")
        message = await answered(t, OPS, asked_for.ts)
        assert "here" in shown(message.blocks)
