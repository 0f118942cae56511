"""The control socket: who asks is who the kernel says, and where no bot runs, that is said and nothing else."""

import asyncio
import getpass
import os
import pwd
import re
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from adapters.phrase import Phrase
from bot.control import server as control_server
from bot.control.client import (
    MAX_ANSWER_BYTES,
    ControlForbidden,
    ControlLost,
    ControlRefused,
    ControlUnusable,
    ShownProgress,
    ask,
    read_refusal,
)
from bot.control.output_client import (
    MAX_PATH_BYTES,
    PROGRESS_HEADER,
    AnswerLost,
    AnswerUnreadable,
    NotConnected,
    OutputRequest,
    RequestRefused,
    request_output,
)
from bot.control.server import MAX_REQUEST_BYTES, ControlBackend, serve
from bot.model.output import Form, Output, Terminal
from bot.model.request import Answer, Failure, FailureKind, Request, Surface, SystemIdentity
from commands.model.operation import Progress, ReadProgress
from commands.model.report import Report

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
ROOT = os.getuid() == 0
"""Only root can become somebody else; others try these stories as themselves."""
ME = SystemIdentity(os.getuid(), getpass.getuser())


class Desk:
    """Stands behind the socket: remembers who asked what, answers with the words."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.body: Report | Failure = Report(title=Phrase("Health"), summary=Phrase("{n} host is healthy", n=3))

    async def handle(self, request: Request, progress: Progress) -> Answer:
        self.asked.append(request)
        return Answer(operation="op-1", understood=request.text, body=self.body)

    def doors(self) -> ControlBackend:
        return ControlBackend(self.handle, lambda: NOW, lambda: f"key-{len(self.asked) + 1}", render, render_line)


def render(answer: Answer, form: Form, terminal: Terminal) -> Output:
    """Says what it was asked to render, and in which language."""
    return Output(
        answer.exit_code, f"{form} {terminal.language} {terminal.columns}: {answer.understood}".encode(), "beside\n"
    )


def render_line(seen: ReadProgress, terminal: Terminal) -> str:
    return f"{terminal.language} {terminal.columns}: {seen.answered}/{seen.total}\x1b"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.fixture
async def bot(desk: Desk, path: Path) -> AsyncIterator[None]:
    async with serve(path, desk.doors()):
        yield


@asynccontextmanager
async def raw(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that says what it likes."""
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
        yield session


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A path in a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "control.sock"


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    """What is connected meanwhile, is connected by that user."""
    before = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)


class TestAsking:
    async def test_words_go_in_and_the_answer_comes_out_as_it_was(self, bot: None, desk: Desk, path: Path) -> None:
        answer = await ask(path, "health all", Surface.DO)
        assert answer == Answer(operation="op-1", understood="health all", body=desk.body)
        assert desk.asked == [Request("key-1", ME, "health all", Surface.DO, NOW)]

    async def test_a_failure_is_an_answer_too(self, bot: None, desk: Desk, path: Path) -> None:
        desk.body = Failure(
            kind=FailureKind.USAGE, phrase=Phrase("no such word: {word}", word="helth"), span=(0, 5), suggestions=("health",)
        )
        answer = await ask(path, "helth", Surface.SHELL)
        assert answer is not None
        assert answer.body == desk.body

    async def test_what_a_host_said_that_is_no_text_does_not_spoil_the_answer(
        self, bot: None, desk: Desk, path: Path
    ) -> None:
        desk.body = Report(title=Phrase("Health"), summary=Phrase("{host} says {words}", host="host-a", words="a\ud83d\0"))
        answer = await ask(path, "health", Surface.DO)
        assert answer is not None
        assert isinstance(answer.body, Report)
        assert str(answer.body.summary) == "host-a says a?\0"

    async def test_many_ask_at_once(self, bot: None, desk: Desk, path: Path) -> None:
        answers = await asyncio.gather(*(ask(path, f"health host-{number}", Surface.DO) for number in range(50)))
        assert [answer and answer.understood for answer in answers] == [f"health host-{number}" for number in range(50)]

    async def test_bytes_that_are_no_text_arrive_as_a_visible_escape(self, bot: None, desk: Desk, path: Path) -> None:
        await ask(path, os.fsdecode(b"health \xff"), Surface.DO)
        assert [request.text for request in desk.asked] == [r"health \udcff"]

    @pytest.mark.parametrize("text", ["", "a\0b", "‮", "x" * 50_000, "🚦"])
    async def test_any_words_arrive_as_they_are(self, bot: None, desk: Desk, path: Path, text: str) -> None:
        await ask(path, text, Surface.DO)
        assert [request.text for request in desk.asked] == [text]


class TestWhoAsks:
    async def test_it_is_the_peer_whatever_a_client_says(self, bot: None, desk: Desk, path: Path) -> None:
        async with raw(path) as client:
            for claim in ({"uid": 0}, {"identity": {"uid": 0, "name": "root"}}, {"surface": "slack"}):
                response = await client.post(
                    "http://bot/ask", json={"text": "health", "surface": "do"} | claim, headers={"X-User": "root"}
                )
                assert response.status == 403
        assert desk.asked == []

    @pytest.mark.parametrize("uid", [65534, 54321] if ROOT else [os.getuid()])
    async def test_another_user_is_that_user_and_one_without_a_name_is_a_number(
        self, desk: Desk, open_path: Path, uid: int
    ) -> None:
        async with serve(open_path, desk.doors()):
            open_path.chmod(0o666)
            with as_user(uid):
                await ask(open_path, "whoami", Surface.DO)
        names = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
        assert [request.identity for request in desk.asked] == [SystemIdentity(uid, names.get(uid, str(uid)))]

    async def test_one_who_may_not_use_the_socket_is_told_so_and_not_that_no_bot_runs(
        self, desk: Desk, open_path: Path
    ) -> None:
        async with serve(open_path, desk.doors()):
            open_path.chmod(0o600 if ROOT else 0)
            with as_user(65534) if ROOT else nullcontext(), pytest.raises(ControlForbidden, match="group"):
                await ask(open_path, "health", Surface.DO)
        assert desk.asked == []

    async def test_socket_and_folder_are_closed_to_others(self, bot: None, path: Path) -> None:
        assert stat.filemode(path.stat().st_mode) == "srw-rw----"
        assert stat.filemode(path.parent.stat().st_mode) == "drwx------"


class TestWhereNoBotRuns:
    async def test_no_socket_means_no_bot(self, path: Path) -> None:
        assert await ask(path, "health", Surface.DO) is None

    async def test_a_socket_that_a_dead_bot_left_means_no_bot(self, path: Path) -> None:
        leave(path)
        assert await ask(path, "health", Surface.DO) is None

    async def test_a_stopped_bot_takes_its_socket_away(self, desk: Desk, path: Path) -> None:
        async with serve(path, desk.doors()):
            assert path.exists()
        assert not path.exists()
        assert await ask(path, "health", Surface.DO) is None


class TestListening:
    async def test_a_dead_bots_socket_is_replaced(self, desk: Desk, path: Path) -> None:
        leave(path)
        async with serve(path, desk.doors()):
            assert await ask(path, "health", Surface.DO) is not None

    async def test_a_living_bots_socket_is_not(self, bot: None, desk: Desk, path: Path) -> None:
        with pytest.raises(ControlUnusable, match="another bot is already listening on"):
            async with serve(path, desk.doors()):
                pass
        assert await ask(path, "health", Surface.DO) is not None

    async def test_what_is_no_socket_is_left_alone(self, desk: Desk, path: Path) -> None:
        path.parent.mkdir()
        path.write_text("a letter")
        with pytest.raises(ControlUnusable, match="exists and is not the control socket"):
            async with serve(path, desk.doors()):
                pass
        assert path.read_text() == "a letter"

    async def test_a_path_too_long_for_a_socket_is_said_with_its_length(self, desk: Desk, tmp_path: Path) -> None:
        longest = tmp_path / ("x" * (MAX_PATH_BYTES - len(os.fsencode(tmp_path)) - 1))
        async with serve(longest, desk.doors()):
            assert await ask(longest, "health", Surface.DO) is not None
        path = longest.with_name(longest.name + "x")
        with pytest.raises(ControlUnusable, match=rf"is {MAX_PATH_BYTES + 1} bytes long \(limit {MAX_PATH_BYTES}\)"):
            async with serve(path, desk.doors()):
                pass
        with pytest.raises(ControlUnusable, match=f"is {MAX_PATH_BYTES + 1} bytes long"):
            await ask(path, "health", Surface.DO)

    async def test_a_folder_that_is_none_is_said(self, desk: Desk, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ControlUnusable, match=r"EEXIST|ENOTDIR"):
            async with serve(tmp_path / "file" / "control.sock", desk.doors()):
                pass

    async def test_a_socket_that_another_bot_put_there_meanwhile_is_not_taken_away(self, desk: Desk, path: Path) -> None:
        async with serve(path, desk.doors()):
            path.unlink()
            leave(path)
        assert path.exists()


class TestTrouble:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b'{"text": 5, "surface": "do"}',
            b"\xff" * 10,
            b'{"text": "',
            b"[" * 50_000,
            b"x" * (MAX_REQUEST_BYTES + 1),
        ],
    )
    async def test_what_cannot_be_understood_never_reaches_the_desk(
        self, bot: None, desk: Desk, path: Path, body: bytes
    ) -> None:
        async with raw(path) as client:
            response = await client.post("http://bot/ask", data=body)
            assert Failure.model_validate_json(await response.read()).kind is FailureKind.REFUSED
        assert desk.asked == []

    async def test_one_who_never_ends_a_request_is_not_waited_for(
        self, bot: None, desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control_server, "BODY_DEADLINE", 0.05)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"POST /ask HTTP/1.1\r\nHost: bot\r\nContent-Length: 100\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 403")
        writer.close()
        await writer.wait_closed()
        assert desk.asked == []

    async def test_one_who_hangs_up_disturbs_nobody(self, bot: None, desk: Desk, path: Path) -> None:
        for said in (b"", b"POST /ask HT", b"POST /ask HTTP/1.1\r\nHost: bot\r\nContent-Length: 100\r\n\r\n{", b"\0" * 100):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(said)
            writer.close()
            await writer.wait_closed()
        assert await ask(path, "health", Surface.DO) is not None
        assert len(desk.asked) == 1

    async def test_words_beyond_the_limit_are_refused_by_the_bot(self, bot: None, path: Path) -> None:
        with pytest.raises(ControlRefused):
            await ask(path, "x" * MAX_REQUEST_BYTES, Surface.DO)

    async def test_a_bot_that_says_nothing_is_given_up_at_the_deadline(self, desk: Desk, path: Path) -> None:
        gate = asyncio.Event()

        async def silent(request: Request, progress: Progress) -> Answer:
            await gate.wait()
            return await desk.handle(request, progress)

        async with serve(path, ControlBackend(silent, lambda: NOW, lambda: "key", render, render_line)):
            with pytest.raises(ControlLost, match="does not respond"):
                await ask(path, "health", Surface.DO, deadline=0.05)
            gate.set()

    @pytest.mark.parametrize(
        "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", b"\0" * 1000, b"SSH-2.0-OpenSSH_9.2\r\n"]
    )
    async def test_an_answer_that_is_cut_or_another_protocol_is_lost(self, path: Path, answer: bytes) -> None:
        async with stranger(path, answer):
            with pytest.raises(ControlLost):
                await ask(path, "health", Surface.DO)

    @pytest.mark.parametrize("body", [b"{}", b"<html>", b"[" * 10_000, b" " * (MAX_ANSWER_BYTES + 1)])
    async def test_an_answer_of_another_version_is_not_understood(self, path: Path, body: bytes) -> None:
        async with stranger(path, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)):
            with pytest.raises(ControlLost, match="could not parse the running bot's response"):
                await ask(path, "health", Surface.DO)


def leave(path: Path) -> None:
    """A socket at which nobody listens any more, as a killed bot leaves one."""
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


@asynccontextmanager
async def stranger(path: Path, answer: bytes) -> AsyncIterator[None]:
    """Somebody else who listens there: takes a whole request, says `answer`, hangs up."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(answer)
        writer.close()

    path.parent.mkdir()
    async with await asyncio.start_unix_server(say, path):
        yield


TERMINAL = Terminal("ja", 100, is_terminal=True, environment={"TERM": "xterm-256color"})


async def output(path: Path, text: str, deadline: float = 5.0) -> Output | None:
    """Ask for output as `do` does, beside the loop on which the bot answers."""
    return await asyncio.to_thread(request_output, path, OutputRequest(text, "table", TERMINAL), deadline)


class TestOutput:
    async def test_the_bot_renders_for_the_terminal_of_the_one_who_asks(self, bot: None, desk: Desk, path: Path) -> None:
        assert Output(0, b"table ja 100: health all", "beside\n") == await output(path, "health all")
        assert desk.asked == [Request("key-1", ME, "health all", Surface.DO, NOW)]

    async def test_bytes_that_are_no_text_arrive_as_a_visible_escape(self, bot: None, desk: Desk, path: Path) -> None:
        await output(path, os.fsdecode(b"health \xff"))
        assert [request.text for request in desk.asked] == [r"health \udcff"]

    async def test_no_socket_means_no_bot(self, path: Path) -> None:
        assert await output(path, "health") is None

    async def test_a_file_that_is_no_socket_means_no_bot(self, path: Path) -> None:
        path.parent.mkdir()
        path.touch()
        assert await output(path, "health") is None

    async def test_a_folder_that_cannot_be_passed_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(NotConnected):
            await output(tmp_path / "file" / "control.sock", "health")

    async def test_words_beyond_the_limit_are_refused_by_the_bot(self, bot: None, path: Path) -> None:
        with pytest.raises(RequestRefused) as refused:
            await output(path, "x" * MAX_REQUEST_BYTES)
        assert "the control socket does not support this" in str(read_refusal(refused.value.document))

    async def test_a_bot_that_says_nothing_is_given_up_at_the_deadline(self, desk: Desk, path: Path) -> None:
        gate = asyncio.Event()

        async def silent(request: Request, progress: Progress) -> Answer:
            await gate.wait()
            return await desk.handle(request, progress)

        async with serve(path, ControlBackend(silent, lambda: NOW, lambda: "key", render, render_line)):
            with pytest.raises(AnswerLost):
                await output(path, "health", deadline=0.05)
            gate.set()

    @pytest.mark.parametrize(
        "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", b"\0" * 1000, b"SSH-2.0-OpenSSH_9.2\r\n"]
    )
    async def test_an_answer_that_is_cut_or_another_protocol_is_lost(self, path: Path, answer: bytes) -> None:
        async with stranger(path, answer):
            with pytest.raises(AnswerLost):
                await output(path, "health")

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b"{}"),
            (200, b'{"exit": 0, "stdout": "?", "stderr": ""}'),
            (200, b'{"exit": 77, "stdout": "", "stderr": ""}'),
            (200, b"[" * 5_000),
            (500, b'{"exit": 0, "stdout": "", "stderr": ""}'),
        ],
    )
    async def test_an_answer_of_another_version_is_not_understood(self, path: Path, status: int, body: bytes) -> None:
        async with stranger(path, b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)):
            with pytest.raises(AnswerUnreadable):
                await output(path, "health")

    async def test_what_cannot_be_rendered_is_said_to_have_been_run(self, desk: Desk, path: Path) -> None:
        """A retry would do it twice, so it must not look like an answer that was lost."""

        def broken(answer: Answer, form: Form, terminal: Terminal) -> Output:
            if not isinstance(answer.body, Failure):
                raise RuntimeError("no")
            return Output(answer.exit_code, str(answer.body.phrase).encode())

        async with serve(path, ControlBackend(desk.handle, lambda: NOW, lambda: "key", broken, render_line)):
            said = await output(path, "health")
        assert said is not None
        assert 5 == said.exit
        assert said.stdout.startswith(b"the command was run, but its result could not be displayed (reference ")

    @pytest.mark.parametrize(
        "wanted", [{"columns": 10_001}, {"columns": 0}, {"form": "html"}, {"environment": {"LINES": "2"}}]
    )
    async def test_a_terminal_that_is_none_is_refused_before_anything_is_done(
        self, bot: None, desk: Desk, path: Path, wanted: dict[str, object]
    ) -> None:
        document = {"form": "table", "columns": 80, "is_terminal": False, "environment": {}} | wanted
        async with raw(path) as session:
            answer = await session.post("http://bot/ask", json={"text": "health", "surface": "do", "output": document})
        assert (403, []) == (answer.status, desk.asked)


class SlowDesk(Desk):
    """Reads two hosts: the first one answers at once, and the second one when the test has seen a line of progress."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self._seen = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def handle(self, request: Request, progress: Progress) -> Answer:
        progress(ReadProgress(2, ("host-b",)))
        await self._seen.wait()
        return await super().handle(request, progress)

    def show(self, line: str) -> None:
        self.shown.append(line)
        self._loop.call_soon_threadsafe(self._seen.set)

    def doors(self) -> ControlBackend:
        """Half a second of a bot whose clock runs faster."""
        return replace(super().doors(), sleep=lambda seconds: asyncio.sleep(seconds / 50))


class TestProgress:
    """A bot that takes its time sends lines of progress before the answer."""

    async def test_do_shows_lines_in_the_language_and_width_of_its_terminal(self, path: Path) -> None:
        slow = SlowDesk()
        async with serve(path, slow.doors()):
            wanted = OutputRequest("health", "table", TERMINAL, slow.show)
            said = await asyncio.to_thread(request_output, path, wanted)
        assert Output(0, b"table ja 100: health", "beside\n") == said
        assert [" 100: 1/2"] == slow.shown

    async def test_the_shell_shows_them_too_and_gets_the_same_answer(self, path: Path) -> None:
        slow = SlowDesk()
        async with serve(path, slow.doors()):
            answer = await ask(path, "health", Surface.SHELL, wanted=ShownProgress("ja", 90, slow.show))
        assert answer == Answer(operation="op-1", understood="health", body=slow.body)
        assert ["ja 90: 1/2"] == slow.shown

    async def test_an_answer_at_once_has_none(self, bot: None, path: Path) -> None:
        shown: list[str] = []
        assert await ask(path, "health", Surface.SHELL, wanted=ShownProgress("en", 80, shown.append)) is not None
        wanted = OutputRequest("health", "table", TERMINAL, shown.append)
        assert await asyncio.to_thread(request_output, path, wanted) is not None
        assert [] == shown

    async def test_a_client_that_leaves_stops_nothing(self, path: Path) -> None:
        slow = SlowDesk()
        async with serve(path, slow.doors()), raw(path) as session:
            asked = {"text": "health", "surface": "do"}
            response = await session.post("http://bot/ask", json=asked, headers={PROGRESS_HEADER: "80"})
            await response.content.readline()
            response.close()
            slow.show("")
            async with asyncio.timeout(30):
                while not slow.asked:
                    await asyncio.sleep(0.005)

    @pytest.mark.parametrize("columns", ["0", "-1", "10001", "wide", "٣", "1" * 400, ""])
    async def test_a_terminal_that_is_none_gets_the_answer_alone(self, bot: None, path: Path, columns: str) -> None:
        async with raw(path) as session:
            asked = {"text": "health", "surface": "do"}
            response = await session.post("http://bot/ask", json=asked, headers={PROGRESS_HEADER: columns})
            assert (200, "application/json") == (response.status, response.content_type)

    @pytest.mark.parametrize(
        "body",
        [b"", b'{"progress": "1/2"}\n', b'{"progress": "1/2"}\n{"exit": 0, "stdout"', b'{"progress": 7}\nnothing\n[]'],
    )
    async def test_an_answer_that_is_missing_or_cut_after_its_progress_is_not_taken_for_one(
        self, path: Path, body: bytes
    ) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(body)
        wanted = OutputRequest("health", "table", TERMINAL, lambda line: None)
        async with stranger(path, head + body):
            with pytest.raises((AnswerLost, AnswerUnreadable)):
                await asyncio.to_thread(request_output, path, wanted)
            with pytest.raises(ControlLost):
                await ask(path, "health", Surface.SHELL, wanted=ShownProgress("en", 80, lambda line: None))
