"""A command in a fork answers like one that was started: else stories with forks would say nothing about users' commands."""

import pytest

from tests.scenarios import forks, processes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("language", ["en_US.UTF-8", "ja_JP.UTF-8"])
@pytest.mark.parametrize(
    "arguments", [("--help",), ("nonsense",), ("do", "health", "--config", "/nonexistent.toml")], ids=" ".join
)
async def test_a_fork_prints_and_ends_as_a_started_command_does(arguments: tuple[str, ...], language: str) -> None:
    """The same words on both streams, and the same exit code."""
    started = await processes.command(*arguments, language=language)
    forked = await forks.command(*arguments, language=language)
    assert (started.returncode, started.stdout, started.stderr) == (forked.returncode, forked.stdout, forked.stderr)
