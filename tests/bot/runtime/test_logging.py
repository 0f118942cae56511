"""The log: JSON lines that hold no secret and no local variable, and libraries that keep quiet."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from adapters.inventory import Inventory
from bot.runtime.logging import Level, configure_logs
from bot.security.redaction import Redactor
from bot.security.secret_patterns import MARK
from bot.security.secrets import read_secrets

LIBRARIES = ("aiohttp.access", "alembic", "asyncio", "asyncssh", "slack_bolt", "slack_sdk", "spnego", "urllib3")

SECRET = "hunter2-and-nobody-else"


class Log:
    """What was logged, read back."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """A log of its own; afterwards everything that logs is as it was before."""
    root, ours = logging.getLogger(), logging.getLogger("bot")
    before = root.handlers, root.level, ours.level
    try:
        yield Log()
    finally:
        root.handlers, root.level, ours.level = before
        structlog.reset_defaults()


def logger(log: Log, level: Level = "info") -> Any:
    """A logger of ours that was never used before: one that was keeps the configuration of its first time."""
    configure_logs(level, log.stream)
    return structlog.get_logger("bot.made_up")


def test_a_line_is_one_json_object_that_says_when_who_and_how_bad(log: Log) -> None:
    logger(log).warning("a host is slow", host="host-a", seconds=3)
    (line,) = log.lines
    assert {"event": "a host is slow", "host": "host-a", "seconds": 3, "level": "warning", "logger": "bot.made_up"} == {
        name: value for name, value in line.items() if name != "timestamp"
    }
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "\x9b2J", "\u202e", "東京", "\ud83d", "\0"])
def test_foreign_text_makes_no_second_line_and_moves_no_cursor(log: Log, text: str) -> None:
    """Whatever a host says, it comes as plain ASCII on the line of its event."""
    logger(log).info(text, said=text)
    (line,) = log.lines
    assert (text, text) == (line["event"], line["said"])
    assert log.text.rstrip("\n").isascii()
    assert log.text.rstrip("\n").isprintable()


def test_a_traceback_has_no_local_variables(log: Log) -> None:
    """They may hold what nobody may read; where it happened and what it was is there."""

    def fail(password: str) -> None:
        raise ZeroDivisionError(len(password))

    try:
        fail(SECRET)
    except ZeroDivisionError:
        logger(log).exception("unexpected error", reference="7f3a")
    (line,) = log.lines
    assert "7f3a" == line["reference"]
    assert "ZeroDivisionError" == line["exception"][0]["exc_type"]
    assert "fail" == line["exception"][0]["frames"][-1]["name"]
    assert "locals" not in log.text
    assert SECRET not in log.text


def test_an_exception_that_libraries_log_has_no_local_variables_either(log: Log) -> None:
    configure_logs("debug", log.stream)

    def fail(password: str) -> None:
        raise ValueError(len(password))

    try:
        fail(SECRET)
    except ValueError:
        logging.getLogger("slack_bolt").exception("a listener failed")
    assert "ValueError" == log.lines[0]["exception"][0]["exc_type"]
    assert SECRET not in log.text


def test_wrapped_secrets_print_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, inside other values, and inside what the bot keeps them in."""
    monkeypatch.setenv("FLATNET_WINRM_PASSWORD", SECRET)
    secrets = read_secrets(["winrm_password"], None)
    assert SECRET == secrets("winrm_password").get_secret_value()
    logger(log, "debug").debug(
        "%s", secrets, password=secrets("winrm_password"), nested={"of": [SecretStr(SECRET)]}, all=secrets, type=Inventory
    )
    assert SECRET not in log.text
    assert "**********" in log.text


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_libraries_say_only_what_is_wrong(log: Log, level: Level, library: str) -> None:
    """In detail they would speak of every request, and some of them of passwords."""
    configure_logs(level, log.stream)
    foreign = logging.getLogger(f"{library}.inside")
    foreign.debug("in detail")
    foreign.info("GET /api/health 200")
    foreign.warning("something is odd")
    assert ["something is odd"] == [line["event"] for line in log.lines]


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_counts_for_the_bot(log: Log, level: Level, said: list[str]) -> None:
    ours = logger(log, level)
    for each in ("debug", "info", "warning", "error"):
        getattr(ours, each)(each)
    assert said == [line["event"] for line in log.lines]


def test_a_secret_goes_wherever_it_turns_up_in_a_line(log: Log) -> None:
    """A canary: as a value, within a text, in a nested field, in its name, in an object's own words, in an exception."""

    class Careless:
        def __repr__(self) -> str:
            return f"<Careless {SECRET}>"

    ours = logger(log, "debug")
    configure_logs("debug", log.stream, Redactor([SECRET]))
    ours.info(f"it is {SECRET}", said=SECRET, nested={"of": [f"x{SECRET}x"], SECRET: 1}, careless=Careless(), many=(SECRET,))
    ours.info("%s", SECRET)
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError:
        ours.exception("unexpected error")
        logging.getLogger("slack_bolt").exception("with %s", SECRET)
    assert 4 == len(log.lines)
    assert SECRET not in log.text
    assert 10 == log.text.count(MARK)


def test_what_looks_like_a_secret_goes_even_before_the_secrets_are_read(log: Log) -> None:
    """The first lines of a start may already speak of one."""
    logger(log).info("cannot log in", body="password=hunter2", token="xoxb-12345678-abcdefgh")
    assert ("password=[redacted]", MARK) == (log.lines[0]["body"], log.lines[0]["token"])
