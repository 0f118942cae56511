"""WinRM by the real pywinrm against a lab host that speaks the real protocol."""

import asyncio
import base64
import random
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed, AuthenticationFailed, FlatnetError, HostError, HostIdentityError, ProtocolError
from adapters.logs import LogSearch
from adapters.phrase import Phrase
from adapters.windows.logs import ReadLog
from adapters.windows.system import ReadSystem
from tests.adapters.windows.winrm_host import ROADS, Change, Road, Say, winrm_host
from tests.lab.windows.powershell import Output
from tests.lab.windows.twin import ScriptError


@pytest.mark.parametrize("road", ROADS)
async def test_a_script_is_carried_out_over(road: Road, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, road) as host:
        assert 42 == await host.connection.perform(Say(what=42))
    assert 0 == host.server.shells


async def test_the_system_of_a_healthy_host_is_read(tmp_path: Path) -> None:
    """The shipped script, by its twin, through the whole road."""
    async with winrm_host(tmp_path) as host:
        host.play_twins()
        system = await host.connection.perform(ReadSystem.of(host.side))
    assert ("Running", "Running", 2) == (system.nebula, system.gateway, system.nginx_processes)


async def test_what_a_script_fails_with_is_told_in_the_words_of_its_action(tmp_path: Path) -> None:
    """Here no log has been written yet."""
    async with winrm_host(tmp_path) as host:
        host.play_twins()
        with pytest.raises(ActionFailed) as caught:
            await host.connection.perform(ReadLog.of(host.side, "nebula", LogSearch(tail=50)))
    path = host.side.paths.nebula_log
    expected = f"log {path} not found. Write the log there, or fix its path in the configuration"
    assert ("LogMissing", expected) == (caught.value.code, str(caught.value))


@pytest.mark.parametrize(
    "text",
    [
        "日本語と絵文字 🗾",
        "'single' \"double\" ‘curly’",
        "`back` $(Get-Date) %PATH% & | > <",
        "two\r\nlines\x00\x1f",
        "</s:Body>",
    ],
)
@pytest.mark.parametrize("road", ["ntlm over http", "basic over https"])
async def test_text_comes_through_unchanged(text: str, road: Road, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, road) as host:
        assert text == await host.connection.perform(Say(what=text))


@pytest.mark.parametrize("road", ["ntlm over http", "ntlm over https"])
async def test_two_megabytes_go_in(road: Road, tmp_path: Path) -> None:
    text = base64.b85encode(_noise(1_600_000)).decode()
    async with winrm_host(tmp_path, road) as host:
        host.script = lambda asked: asked.returned(len(asked.arguments["what"]))
        assert len(text) == await host.connection.perform(Say(what=text))
        assert host.server.requests["Send"] > 6


@pytest.mark.parametrize("road", ["ntlm over http", "ntlm over https"])
async def test_three_megabytes_come_out(road: Road, tmp_path: Path) -> None:
    text = base64.b85encode(_noise(2_400_000)).decode()
    async with winrm_host(tmp_path, road) as host:
        host.script = lambda asked: asked.returned(text)
        assert text == await host.connection.perform(Say())
        assert host.server.requests["Receive"] > 20


async def test_noise_on_stdout_is_no_part_of_the_answer(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.script = lambda asked: Output(f"警告\r\n{asked.returned(1).stdout}\r\nbye\r\n")
        assert 1 == await host.connection.perform(Say())


async def test_a_script_that_throws_is_a_failure_with_a_code(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.script = lambda asked: asked.failed(ScriptError("no such service", "System.Exception", "NoService,Get-Service"))
        with pytest.raises(ActionFailed, match="no such service") as caught:
            await host.connection.perform(Say())
        assert ("NoService", 1) == (caught.value.code, host.runs)


@pytest.mark.parametrize(("action", "runs"), [(Change(), 1), (Say(), 2)], ids=["change", "read"])
async def test_a_program_that_crashes_is_no_answer_and_its_words_are_told(action: Say, runs: int, tmp_path: Path) -> None:
    """A read has a process of its own after the one that stays has crashed."""
    async with winrm_host(tmp_path) as host:
        host.script = lambda asked: Output("", "Unhandled exception: メモリ不足", code=0xE0434352)
        with pytest.raises(ProtocolError, match="メモリ不足"):
            await host.connection.perform(action)
        assert runs == host.runs


async def test_an_answer_that_the_action_does_not_understand_is_a_protocol_error(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.script = lambda asked: asked.returned({"nebula": "yes"})
        with pytest.raises(ProtocolError, match="read-system"):
            await host.connection.perform(ReadSystem.of(host.side))


async def test_an_answer_is_parsed_beside_the_event_loop(tmp_path: Path) -> None:
    """A hostile one may take long to refuse, and the loop is everybody's."""

    class Where(Say):
        def parse(self, data: Any) -> Any:
            return threading.current_thread() is threading.main_thread()

    async with winrm_host(tmp_path) as host:
        assert await host.connection.perform(Where()) is False


@pytest.mark.parametrize(
    ("action", "exchanges"),
    [(Say(), {"Send": 1, "Receive": 1}), (Change(), {"Command": 1, "Send": 1, "Receive": 1})],
    ids=["read", "change"],
)
async def test_a_second_action_needs_no_log_in_and_a_read_no_process(
    action: Say, exchanges: dict[str, int], tmp_path: Path
) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        await host.connection.perform(action)
        before = host.server.requests.copy()
        await host.connection.perform(action)
        new = host.server.requests - before
        assert exchanges == {name: n for name, n in new.items() if name != "Signal"}
        assert (1, ["winrm_password"]) == (host.server.connections, host.secrets_read)


async def test_the_answer_does_not_wait_for_the_command_to_be_given_back(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await host.connection.perform(Change())
        assert 0 == host.server.requests["Signal"]
        await host.connection.perform(Change())
        assert 1 == host.server.requests["Signal"]


async def test_actions_on_one_host_take_turns_on_one_connection(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        answers = await asyncio.gather(*(host.connection.perform(Say(what=n)) for n in range(10)))
        assert (list(range(10)), 1, 1) == (answers, host.server.connections, host.server.requests["Create"])


async def test_after_closing_the_next_action_begins_anew(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await host.connection.perform(Say())
        await host.connection.aclose()
        assert 0 == host.server.shells
        assert 1 == await host.connection.perform(Say(what=1))


async def test_closing_what_was_never_opened_does_nothing(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await host.connection.aclose()
        assert 0 == host.server.connections


async def test_an_action_of_another_side_is_a_bug(tmp_path: Path) -> None:
    class Elsewhere(Action[None]):
        deadline = 1.0

    async with winrm_host(tmp_path) as host:
        with pytest.raises(TypeError):
            await host.connection.perform(Elsewhere())


@pytest.mark.parametrize("road", ["ntlm over https", "ntlm over http", "basic over https"])
async def test_a_wrong_password_is_tried_once(road: Road, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, road, password="wrong") as host:
        with pytest.raises(AuthenticationFailed) as caught:
            await host.connection.perform(Say())
        await host.connection.aclose()
        assert (False, 1, 1) == (caught.value.maybe_ran, len(host.secrets_read), host.server.connections)


@pytest.mark.parametrize("road", ["ntlm over https", "basic over https"])
async def test_a_missing_password_is_this_hosts_failure_alone(road: Road, tmp_path: Path) -> None:
    """Whatever the store of secrets raises, the fleet must get a `HostError`."""
    missing = FlatnetError(Phrase("the secret {name} is missing", name="winrm_password"))
    async with winrm_host(tmp_path, road, password=missing) as host:
        with pytest.raises(AuthenticationFailed, match="the secret winrm_password is missing"):
            await host.connection.perform(Say())
        assert 0 == host.server.connections


async def test_a_certificate_of_a_stranger_is_no_log_in(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "certificate") as host:
        host.settings.certificate_names = frozenset({"somebody-else"})
        with pytest.raises(AuthenticationFailed):
            await host.connection.perform(Say())


async def test_an_account_that_is_no_administrator_may_open_no_shell(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.administrator = False
        with pytest.raises(AuthenticationFailed, match="administrator"):
            await host.connection.perform(Say())


async def test_a_host_that_offers_no_ntlm_gets_no_password(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.ntlm = False
        with pytest.raises(AuthenticationFailed):
            await host.connection.perform(Say())


async def test_a_host_signed_by_another_ca_is_not_ours_and_gets_no_password(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "basic over https", ca_file=tmp_path / "stranger-ca.crt") as host:
        with pytest.raises(HostIdentityError):
            await host.connection.perform(Say())
        assert not host.server.requests


async def test_a_certificate_for_another_name_is_not_our_hosts(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, name="127.1") as host:
        with pytest.raises(HostIdentityError):
            await host.connection.perform(Say())


@pytest.mark.parametrize("missing", ["ca_file", "certificate_file"])
async def test_files_that_cannot_be_read_are_named_as_the_reason(missing: str, tmp_path: Path) -> None:
    side: dict[str, Any] = {missing: tmp_path / "missing.pem"}
    async with winrm_host(tmp_path, "certificate", **side) as host:
        with pytest.raises(HostIdentityError, match=missing):
            await host.connection.perform(Say())


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("password", ["S3cret-Passw0rd", "秘密のことば"])
async def test_no_error_shows_the_password(road: Road, password: str, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, road, password=password) as host:
        host.settings.certificate_names = frozenset()
        with pytest.raises(HostError) as caught:
            await host.connection.perform(Say())
    told = "".join(traceback.format_exception(caught.value))
    encoded = base64.b64encode(f"flatnet:{password}".encode()).decode()
    assert password not in told
    assert encoded not in told


async def test_a_proxy_in_the_environment_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with winrm_host(tmp_path) as host:
        assert 1 == await host.connection.perform(Say(what=1))


async def test_a_ca_bundle_in_the_environment_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "stranger-ca.crt"))
    async with winrm_host(tmp_path) as host:
        assert 1 == await host.connection.perform(Say(what=1))


def _noise(size: int) -> bytes:
    """Bytes that gzip cannot make smaller, the same each time."""
    return random.Random(7).randbytes(size)
