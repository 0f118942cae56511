"""The command line loads what a command needs, and nothing else: counted in modules, for seconds depend on the machine."""

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

HOUSE = frozenset(
    [
        "aiohttp",
        "alembic",
        "asyncssh",
        "babel",
        "cryptography",
        "dbos",
        "matplotlib",
        "prompt_toolkit",
        "requests",
        "slack_bolt",
        "slack_sdk",
        "sqlalchemy",
        "sqlmodel",
        "structlog",
        "winrm",
    ]
)
"""Libraries that no help text needs. Typer itself loads pydantic as soon as it parses a command's arguments."""

LIGHT = {
    "bot.__main__",
    "bot.cli",
    "bot.model",
    "bot.model.output",
    "bot.terminal",
    "bot.terminal.localized_commands",
    "bot.terminal.plain_request",
}
"""The project's modules that the command line itself loads."""

HOSTS_ONLY = """
secrets_folder = "secrets"
[[hosts]]
name = "host-a"
id = 1
[hosts.windows]
url = "http://127.0.0.1:1/wsman"
user = "bot"
allow_http = true
"""

PROGRAM = """
import contextlib, io, json, sys
from bot.__main__ import main
sys.argv = ["flatnet-bot", *json.loads(sys.argv[1])]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    main()
print(json.dumps(sorted(sys.modules)))
"""


def modules(*arguments: str, language: str = "C.UTF-8") -> list[str]:
    """The modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"LC_ALL": language},
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@contextmanager
def answering(path: Path, body: bytes) -> Iterator[None]:
    """A bot that gives every request the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            """Logs nothing: the peer of a Unix socket has no address."""

    with socketserver.UnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("arguments", [("--help",), ("do", "--help"), ("audit", "verify", "--help"), ("manifest",)])
def test_help_loads_no_part_of_the_house(arguments: tuple[str, ...]) -> None:
    loaded = modules(*arguments)
    assert set() == HOUSE & set(loaded)
    assert LIGHT == own(loaded)


def test_help_in_japanese_loads_its_catalogue_besides() -> None:
    loaded = modules("--help", language="ja_JP.UTF-8")
    assert {"babel"} == HOUSE & set(loaded)
    assert LIGHT | {"bot.terminal.cli_translations"} == own(loaded)


def test_the_version_loads_no_part_of_the_house() -> None:
    loaded = modules("--version")
    assert set() == HOUSE & set(loaded)
    assert LIGHT | {"bot.runtime", "bot.runtime.version"} == own(loaded)


def own(loaded: list[str]) -> set[str]:
    """The project's modules among them."""
    return {name for name in loaded if name.startswith(("bot.", "commands.", "adapters."))}


@pytest.mark.parametrize("language", ["C.UTF-8", "ja_JP.UTF-8"])
def test_a_request_to_a_running_bot_loads_the_standard_library_alone(tmp_path: Path, language: str) -> None:
    """A bot that refuses at once stands for one that answers: what is loaded before is the same."""
    config = tmp_path / "flatnet.toml"
    config.write_text('socket_file = "control.sock"', encoding="utf-8")
    with answering(tmp_path / "control.sock", b'{"exit": 0, "stdout": "", "stderr": ""}'):
        loaded = modules("do", "whoami", "--config", str(config), language=language)
    assert set() == (HOUSE | {"typer", "pydantic", "rich"}) & set(loaded)
    assert not {"adapters.phrase", "commands.catalogue", "bot.config.settings", "bot.cli"} & set(loaded)


def test_a_request_that_this_process_answers_loads_no_client_of_a_running_bot(tmp_path: Path) -> None:
    """No bot runs, as the control socket said: aiohttp would be a third of the time."""
    config = tmp_path / "flatnet.toml"
    config.write_text(HOSTS_ONLY, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "audit_key").write_text("k" * 64)
    loaded = modules("do", "whoami", "--config", str(config))
    assert "bot.app.application" in loaded
    assert set() == {"aiohttp", "prompt_toolkit", "asyncssh", "winrm", "dbos", "matplotlib", "slack_sdk"} & set(loaded)


def test_a_configuration_that_cannot_be_used_is_refused_before_a_host_or_the_database_is_loaded(tmp_path: Path) -> None:
    loaded = modules("do", "whoami", "--config", str(tmp_path / "missing.toml"))
    assert set() == {"asyncssh", "winrm", "adapters.gateway.client", "dbos", "alembic"} & set(loaded)
