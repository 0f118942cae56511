"""Files of hosts as texts and as steps of a plan on the bot itself."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import NotAsked
from adapters.inventory import JoiningHost, RemovedHost
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile
from adapters.phrase import Phrase
from commands.changes.host_files import (
    build_remove_step,
    build_write_step,
    read_host_file,
    render_joining,
    render_member,
    render_removed,
)
from commands.model.operation import CannotPlan
from tests.commands.canned_certs import view

NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)
TABLE: dict[str, Any] = {
    "gateway": {"url": "http://10.100.4.1:8080"},
    "windows": {"url": "https://192.0.2.14:5986/wsman", "paths": {"base": "F:\\flatnet"}},
    "labels": ["tokyo"],
    "id": 4,
    "name": "host-d",
}
HOSTILE = 'a"b\\\n[removed]\n\x1b[31m'


def test_a_member_is_written_as_it_is_read() -> None:
    text = render_member(TABLE)
    assert {**TABLE, "overrides": True} == tomllib.loads(text)
    assert ["name", "id", "overrides", "labels"] == list(tomllib.loads(text))[:4]


def test_a_host_that_is_being_added_has_its_settings_so_far() -> None:
    joining = JoiningHost(name="host-d", id=4, since=NOW, by=HOSTILE, wsl_address="192.0.2.14:2222")
    expected = {**TABLE, "joining": {"since": NOW, "by": HOSTILE, "wsl_address": "192.0.2.14:2222"}}
    assert expected == tomllib.loads(render_joining(TABLE, joining))


def test_a_tombstone_has_no_settings() -> None:
    removed = RemovedHost(name="host-d", id=4, labels=("tokyo",), since=NOW, by="tanaka", lost=True, password_due=True)
    note = {"since": NOW, "by": "tanaka", "lost": True, "password_due": True}
    expected = {"name": "host-d", "id": 4, "labels": ["tokyo"], "removed": note}
    assert expected == tomllib.loads(render_removed(removed))


@pytest.mark.parametrize(
    "build",
    [
        lambda before: build_write_step("op-1", "host-d", "x", before, Phrase("write")),
        lambda before: build_remove_step("op-1", "host-d", before, Phrase("remove")),
    ],
)
def test_a_step_is_proven_by_the_file_that_the_bot_uses_and_so_is_its_rollback(build: Any) -> None:
    step = build(HostFileState(sha256="ab" * 32, active=True))
    assert step.verify is not None
    assert "ab" * 32 == step.deed.arguments["before"]
    assert ([True, "ab" * 32], True) == (
        [step.undone[0].expect["active"], step.undone[0].expect["sha256"]],
        step.verify.expect["active"],
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (HostFileState(sha256="", active=True), None),
        (
            HostFileState(sha256="", active=False),
            "the file of host-d was edited by hand. Reload flatnet-bot, then try again",
        ),
        (NotAsked(Phrase("only a running bot")), "could not read the file of host-d: only a running bot"),
    ],
)
async def test_a_plan_starts_from_the_file_that_the_bot_uses(answer: HostFileState | NotAsked, expected: str | None) -> None:
    async def read(action: LocalAction[Any]) -> Any:
        assert ReadHostFile(name="host-d") == action
        if isinstance(answer, NotAsked):
            raise answer
        return answer

    looking = replace(view(), read_own=read)
    if expected is None:
        assert answer == await read_host_file(looking, "host-d")
        return
    with pytest.raises(CannotPlan) as refused:
        await read_host_file(looking, "host-d")
    assert expected == str(refused.value.phrase)
