"""The term in WSL2: what carries it, and what a host that keeps a higher one does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.action import Action, Effect
from adapters.action_registry import ACTIONS, describe_run, get_kind
from adapters.errors import ActionFailed
from adapters.term import KeptTerm
from adapters.wsl.action import WslAction
from adapters.wsl.containers import MoveContainer, ReadContainerState
from adapters.wsl.helper import build_helper_command
from adapters.wsl.ssh import SshConnection
from adapters.wsl.term import KeepTerm, build_commands
from adapters.wsl.volumes import ExportVolume, ImportVolume
from tests.adapters.wsl.conftest import Connect
from tests.lab.wsl.server import SshServer
from tests.lab.wsl.state import Helper
from tests.lab.wsl.storage import Volume

ID = "0123456789abcdef" * 4
STOP, READ = MoveContainer(verb="stop", container=ID), ReadContainerState(container=ID)
SOURCE, SINK = ExportVolume(volume="data"), ImportVolume(volume="data", operation="op-1")


def test_the_term_stands_before_the_verb_of_a_change_and_nowhere_else() -> None:
    """Without a term everything is sent as ever."""
    assert (build_helper_command("term", "17", "containers", "stop", ID),) == build_commands(STOP, 17)
    assert (build_helper_command("term", "17", "volumes", "import", "data", "op-1"),) == build_commands(SINK, 17)
    for action, term in ((STOP, 0), (SINK, 0), (READ, 17), (SOURCE, 17)):
        assert action.build_commands() == build_commands(action, term)
    assert (build_helper_command("term", "keep", "18"),) == build_commands(KeepTerm(term=18), 17)


def test_nothing_but_the_helper_changes_something() -> None:
    """The helper alone compares the term."""
    for action in (each for each in ACTIONS if issubclass(each, WslAction) and each.effect is Effect.CHANGE):
        fields = {name: "x" for name, field in action.model_fields.items() if field.is_required()}
        commands = describe_run(get_kind(action), {}, fields)
        assert isinstance(commands, list)
        assert [[*build_helper_command()]] == [command[:3] for command in commands if isinstance(command, list)]


async def fail(connection: SshConnection, action: Action[Any]) -> tuple[str, bool, str]:
    with pytest.raises(ActionFailed) as caught:
        await connection.perform(action)
    return caught.value.code, caught.value.maybe_ran, str(caught.value).partition(". ")[0]


OLDER = "the host refused this: a later leader (term 18) has already acted there, and this copy has term 17"


async def test_what_waited_until_another_copy_leads_is_refused_when_it_arrives(connect: Connect, server: SshServer) -> None:
    """The machine of the old lead was stopped after it had sent the request."""
    server.state.helper = Helper()
    old, new = connect(find_term=lambda: 17), connect(find_term=lambda: 18)
    web = server.state.containers[0]
    stop = MoveContainer(verb="stop", container=web.id)
    hold = server.state.holds.add("containers stop", "before")
    waiting = asyncio.create_task(fail(old, stop))
    await hold.reached()
    assert KeptTerm(term=18) == await new.perform(KeepTerm(term=18))
    hold.release()
    assert ("OlderTerm", False, OLDER) == await waiting
    assert "running" == web.state
    assert "running" == (await old.perform(ReadContainerState(container=web.id))).state
    assert "exited" == (await new.perform(stop)).state
    assert "exited" == (await connect().perform(stop)).state


async def test_a_stream_of_a_lower_term_is_refused(connect: Connect, server: SshServer) -> None:
    server.state.helper = Helper()
    data = Volume("data", {"a": b"1"})
    await connect().perform(KeepTerm(term=18))

    async def pieces() -> AsyncIterator[bytes]:
        yield data.pack()

    with pytest.raises(ActionFailed) as caught:
        await connect(find_term=lambda: 17).write_stream(SINK, pieces(), lambda: None)
    assert ("OlderTerm", False, {}) == (caught.value.code, caught.value.maybe_ran, server.state.volumes)
    await connect(find_term=lambda: 19).write_stream(SINK, pieces(), lambda: None)
    assert (data.files, "19") == (server.state.volumes["data"].files, server.state.helper.term)


@pytest.mark.parametrize(
    ("helper", "code"),
    [(None, "absent"), (Helper(version=4), "absent"), (Helper(term="x"), "broken"), (Helper(term="19"), "OlderTerm")],
)
async def test_a_host_that_cannot_keep_the_term_says_why(
    helper: Helper | None, code: str, connect: Connect, server: SshServer
) -> None:
    server.state.helper = helper
    assert (code, False) == (await fail(connect(find_term=lambda: 18), KeepTerm(term=18)))[:2]
