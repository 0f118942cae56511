"""The SSH connection against the lab's sshd: what it does when all is well, and for everything that can go wrong."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import asyncssh
import pytest
from pydantic import SecretStr

from adapters.action import Effect
from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    FlatnetError,
    HostError,
    HostIdentityError,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.phrase import Phrase
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.description import CreateContainer, Description, Variable
from adapters.wsl.key_cache import KeyCache as Keyring
from adapters.wsl.ssh import MAX_CHANNELS
from adapters.wsl.ssh_errors import REFUSED_KEY_PAUSE
from tests.adapters.wsl.conftest import Connect
from tests.lab.faults import Fault, Wire
from tests.lab.wsl.server import Keys, SshServer, write_access
from tests.lab.wsl.state import WslState


class Who(WslAction[str]):
    """A read."""

    deadline = 10.0
    output_limit = 1024 * 1024

    def build_commands(self) -> tuple[Argv, ...]:
        return (("id",),)

    def parse(self, completed: Sequence[CompletedProgram]) -> str:
        return completed[0].stdout


class HurriedWho(Who):
    """As `Who`, for hosts that never answer."""

    deadline = 0.5


class Change(Who):
    """As `Who`, but it would change something."""

    effect: ClassVar[Effect] = Effect.CHANGE


class HurriedChange(Change):
    """As `Change`, for hosts that never answer."""

    deadline = 1.0


class Podman(Who):
    """A program of root's, with a far-side deadline far below its own."""

    program_timeout = 0.1

    def build_commands(self) -> tuple[Argv, ...]:
        return (("podman", "ps"), ("sudo", "-n", "podman", "ps"), ("id",))

    def parse(self, completed: Sequence[CompletedProgram]) -> str:
        return " ".join(str(answer.code) for answer in completed)


class Unreadable(Who):
    """Its answer is never what it expects."""

    def parse(self, completed: Sequence[CompletedProgram]) -> str:
        raise ValueError("not a number")


ME = "uid=1000(flatnet) gid=1000(flatnet) groups=1000(flatnet)\n"


async def test_one_connection_is_kept_for_many_actions(connect: Connect, server: SshServer) -> None:
    connection = connect()
    assert [ME] * 3 == [await connection.perform(Who()) for _ in range(3)]
    assert server.connections == 1


async def test_concurrent_first_uses_open_one_connection_and_at_most_eight_channels(
    connect: Connect, server: SshServer
) -> None:
    """sshd refuses a session beyond MaxSessions; ours is set to what we promise never to exceed."""
    server.max_sessions = MAX_CHANNELS
    connection = connect()
    assert [ME] * 50 == await asyncio.gather(*(connection.perform(Who()) for _ in range(50)))
    assert (1, MAX_CHANNELS) == (server.connections, server.most_sessions)


async def test_a_lost_connection_is_opened_again_by_its_next_use(connect: Connect, server: SshServer) -> None:
    connection = connect()
    await connection.perform(Who())
    server.wire.fault = Fault.REFUSE
    with pytest.raises(Unreachable):
        await connection.perform(Who())
    server.wire.fault = Fault.NONE
    assert await connection.perform(Who()) == ME


FAULTS: dict[Fault, type[HostError]] = {
    Fault.REFUSE: Unreachable,
    Fault.SWALLOW: DeadlineExceeded,
    Fault.HANG: DeadlineExceeded,
    Fault.GARBAGE: Unreachable,
    Fault.FLOOD: ProtocolError,
    Fault.CLOSE: Unreachable,
    Fault.STALL: DeadlineExceeded,
    Fault.DRIP: DeadlineExceeded,
    Fault.IDENTITY: HostIdentityError,
    Fault.AUTHENTICATION: AuthenticationFailed,
}


def read(fault: Fault) -> Who:
    """A read that ends soon although this fault would let it wait."""
    return HurriedWho() if FAULTS[fault] is DeadlineExceeded else Who()


def change(fault: Fault) -> Change:
    """As `read`, but a change."""
    return HurriedChange() if FAULTS[fault] is DeadlineExceeded else Change()


def test_every_fault_of_the_wire_is_tried() -> None:
    assert set(Fault) - {Fault.NONE} == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_met_at_first_use_ends_within_the_deadline(fault: Fault, connect: Connect, server: SshServer) -> None:
    server.wire.fault = fault
    async with asyncio.timeout(10):
        with pytest.raises(FAULTS[fault]) as caught:
            await connect().perform(read(fault))
    assert caught.value.maybe_ran is False


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in (Fault.IDENTITY, Fault.AUTHENTICATION)])
async def test_a_fault_on_a_kept_connection_ends_within_the_deadline_and_passes(
    fault: Fault, connect: Connect, server: SshServer
) -> None:
    connection = connect()
    await connection.perform(Who())
    server.wire.fault = fault
    async with asyncio.timeout(10):
        with pytest.raises(HostError):
            await connection.perform(read(fault))
    server.wire.fault = Fault.NONE
    assert await connection.perform(Who()) == ME


MAYBE_RAN: dict[Fault, type[HostError]] = {
    Fault.HANG: DeadlineExceeded,
    Fault.STALL: DeadlineExceeded,
    Fault.DRIP: DeadlineExceeded,
    Fault.FLOOD: ProtocolError,
    Fault.CLOSE: OutcomeUnknown,
}


@pytest.mark.parametrize("fault", MAYBE_RAN)
async def test_a_change_whose_answer_is_lost_may_have_run_and_is_not_sent_again(
    fault: Fault, connect: Connect, server: SshServer
) -> None:
    connection = connect()
    await connection.perform(Who())
    server.wire.fault = fault
    with pytest.raises(MAYBE_RAN[fault]) as caught:
        await connection.perform(change(fault))
    assert caught.value.maybe_ran is True
    assert server.lines == 2


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.SWALLOW, Fault.GARBAGE, Fault.IDENTITY, Fault.AUTHENTICATION])
async def test_a_change_that_was_not_sent_did_not_run(fault: Fault, connect: Connect, server: SshServer) -> None:
    server.wire.fault = fault
    with pytest.raises(HostError) as caught:
        await connect().perform(change(fault))
    assert caught.value.maybe_ran is False
    assert server.lines == 0


async def test_of_a_flood_no_more_is_read_than_the_action_allows(connect: Connect, server: SshServer) -> None:
    server.wire.fault = Fault.FLOOD
    with pytest.raises(ProtocolError, match=f"larger than {Who.output_limit} bytes"):
        await connect().perform(Who())


async def test_a_read_whose_answer_is_lost_is_asked_once_more_over_a_new_connection(
    connect: Connect, server: SshServer
) -> None:
    server.wire.fault = Fault.CLOSE
    with pytest.raises(Unreachable):
        await connect().perform(Who())
    assert (2, 2) == (server.connections, server.lines)


async def test_a_command_abandoned_before_its_channel_opened_never_runs(connect: Connect, server: SshServer) -> None:
    """A frozen host that thaws after the deadline must not carry out what we have given up."""
    connection = connect()
    await connection.perform(Who())
    server.wire.fault = Fault.SWALLOW
    with pytest.raises(DeadlineExceeded) as caught:
        await connection.perform(HurriedChange())
    assert caught.value.maybe_ran is False
    server.wire.fault = Fault.NONE
    assert await connection.perform(Who()) == ME
    assert (2, 0) == (server.lines, server.sessions)


async def test_a_host_that_confirmed_no_session_is_asked_again_when_it_is_well(connect: Connect, server: SshServer) -> None:
    """sshd answers keepalives all the while; each question that it leaves open holds a slot, at most for the deadline."""
    connection = connect()
    await connection.perform(Who())
    server.confirms_sessions = False
    async with asyncio.timeout(10):
        asking = [connection.perform(HurriedWho()) for _ in range(MAX_CHANNELS)]
        failures = await asyncio.gather(*asking, return_exceptions=True)
        assert {DeadlineExceeded} == {type(failure) for failure in failures}
        server.confirms_sessions = True
        assert await connection.perform(Who()) == ME


async def test_a_frozen_host_is_noticed_by_its_silence(connect: Connect, server: SshServer) -> None:
    """The third question without an answer ends the connection, and the read is asked again over a new one."""
    connection = connect(keepalive=0.2)
    await connection.perform(Who())
    server.wire.fault = Fault.SWALLOW
    asking = asyncio.create_task(connection.perform(Who()))
    async with asyncio.timeout(10):
        while server.accepted < 2:
            await asyncio.sleep(0.01)
    server.wire.fault = Fault.NONE
    assert await asking == ME
    assert (2, 2) == (server.connections, server.lines)


async def test_a_cancelled_action_gives_its_channel_back(connect: Connect, server: SshServer) -> None:
    connection = connect()
    server.wire.fault = Fault.HANG
    asking = [asyncio.create_task(connection.perform(Who())) for _ in range(MAX_CHANNELS)]
    while server.sessions < MAX_CHANNELS:
        await asyncio.sleep(0.01)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    server.wire.fault = Fault.NONE
    assert await connection.perform(Who()) == ME
    assert (0, 1) == (server.sessions, server.connections)


async def test_a_refused_key_is_offered_once_however_many_ask(connect: Connect, server: SshServer) -> None:
    """PerSourcePenalties: a handful of refusals shuts out every connection from our address."""
    now = 1000.0
    server.wire.fault = Fault.AUTHENTICATION
    connection = connect(monotonic=lambda: now)
    answers = await asyncio.gather(*(connection.perform(Who()) for _ in range(10)), return_exceptions=True)
    assert {AuthenticationFailed} == {type(answer) for answer in answers}
    server.wire.fault = Fault.NONE
    with pytest.raises(AuthenticationFailed):
        await connection.perform(Who())
    assert server.refusals == 1
    now += REFUSED_KEY_PAUSE
    assert await connection.perform(Who()) == ME


async def test_another_key_than_the_authorized_one_is_refused(connect: Connect, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    with pytest.raises(AuthenticationFailed):
        await connect(key_file=stranger).perform(Who())


async def test_a_host_that_is_not_in_known_hosts_is_not_trusted_on_first_use(connect: Connect, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(HostIdentityError):
        await connect(known_hosts_file=empty).perform(Who())


async def test_an_agent_and_keys_in_the_home_directory_are_not_used(
    connect: Connect, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our machine holds a key that would be let in; only the configured one counts."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    keys.client.write_private_key(home / ".ssh" / "id_ed25519")
    (home / ".ssh" / "config").write_text(f"Host *\n  IdentityFile {home}/.ssh/id_ed25519\n")
    monkeypatch.setenv("HOME", str(home))
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    with pytest.raises(AuthenticationFailed):
        await connect(key_file=stranger).perform(Who())


async def test_files_that_are_missing_or_broken_are_named(connect: Connect, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("not a key\n")
    missing = tmp_path / "missing"
    for changes, expected in (
        ({"key_file": missing}, AuthenticationFailed),
        ({"key_file": broken}, AuthenticationFailed),
        ({"key_file": tmp_path}, AuthenticationFailed),
        ({"known_hosts_file": missing}, HostIdentityError),
        ({"known_hosts_file": Path("/dev/null")}, HostIdentityError),
    ):
        with pytest.raises(expected) as caught:
            await connect(**changes).perform(Who())
        assert str(next(iter(changes.values()))) in str(caught.value)


async def test_a_missing_passphrase_is_this_host_s_failure_alone(connect: Connect) -> None:
    """Whatever the store of secrets raises, the fleet must get a `HostError`."""

    def missing(name: str) -> SecretStr:
        raise FlatnetError(Phrase("the secret {name} is missing", name=name))

    with pytest.raises(AuthenticationFailed, match="the secret passphrase is missing"):
        await connect(secret=missing, key_passphrase_secret="passphrase").perform(Who())


async def test_a_missing_secret_of_a_container_is_a_failure_before_anything_is_sent(connect: Connect) -> None:
    def missing(name: str) -> SecretStr:
        raise FlatnetError(Phrase("the secret {name} is missing", name=name))

    variable = Variable(name="DB_PASSWORD", secret_name="db_password")
    described = Description(name="shop", image="a" * 64, variables=(variable,))
    with pytest.raises(ActionFailed, match="the secret db_password is missing") as caught:
        await connect(secret=missing).perform(CreateContainer(operation="op-1", description=described))
    assert not caught.value.maybe_ran


async def test_an_encrypted_key_is_opened_with_its_passphrase(connect: Connect, keys: Keys, tmp_path: Path) -> None:
    encrypted = tmp_path / "encrypted"
    encrypted.write_bytes(keys.client.export_private_key("pkcs8-pem", passphrase="open sesame"))
    secrets = {"passphrase": SecretStr("open sesame"), "wrong": SecretStr("sesame")}
    opened = connect(secret=secrets.__getitem__, key_file=encrypted, key_passphrase_secret="passphrase")
    assert await opened.perform(Who()) == ME
    for changes in ({"key_passphrase_secret": "wrong"}, {}):
        with pytest.raises(AuthenticationFailed) as caught:
            await connect(secret=secrets.__getitem__, key_file=encrypted, **changes).perform(Who())
        assert "sesame" not in str(caught.value)


async def test_connections_that_share_keys_decrypt_one_once(connect: Connect, keys: Keys, tmp_path: Path) -> None:
    """Decrypting is slow on purpose, and a fleet has one key for all its hosts."""

    class Counted(Keyring[asyncssh.SSHKey]):
        def read(
            self, file: Path, passphrase: SecretStr | None, read: Callable[[str, str | None], asyncssh.SSHKey]
        ) -> asyncssh.SSHKey:
            def counted(file: str, passphrase: str | None) -> asyncssh.SSHKey:
                decrypted.append(file)
                return read(file, passphrase)

            return super().read(file, passphrase, counted)

    decrypted: list[str] = []
    encrypted = tmp_path / "encrypted"
    encrypted.write_bytes(keys.client.export_private_key("pkcs8-pem", passphrase="open sesame"))
    shared = Counted()
    lines = [
        connect(
            secret=lambda name: SecretStr("open sesame"), keys=shared, key_file=encrypted, key_passphrase_secret="passphrase"
        )
        for _ in range(5)
    ]
    assert [ME] * 5 == await asyncio.gather(*(line.perform(Who()) for line in lines))
    assert [str(encrypted)] == decrypted


async def test_a_session_that_sshd_refuses_did_not_run(connect: Connect, server: SshServer) -> None:
    server.max_sessions = 0
    with pytest.raises(Unreachable) as caught:
        await connect().perform(Change())
    assert caught.value.maybe_ran is False
    assert "MaxSessions" in str(caught.value)


async def test_an_answer_that_cannot_be_parsed_is_a_protocol_error(connect: Connect) -> None:
    with pytest.raises(ProtocolError, match="not a number"):
        await connect().perform(Unreadable())


@pytest.mark.slow
async def test_a_hanging_program_of_root_is_waited_for_no_longer_than_the_far_side_deadline(
    connect: Connect, server: SshServer
) -> None:
    """timeout cannot signal what runs under sudo; the outer one ends the waiting, and the next program runs."""
    server.state.hanging.add("podman")
    assert await connect().perform(Podman()) == "124 137 0"


async def test_many_hosts_of_which_one_is_frozen(keys: Keys, tmp_path: Path, connect: Connect) -> None:
    """One bad host neither delays nor hides the others."""
    servers = [SshServer(WslState.healthy(number), Wire(latency=0.01), keys) for number in range(1, 11)]
    ports = [await server.start() for server in servers]
    servers[3].wire.fault = Fault.SWALLOW
    known = tmp_path / "known"
    known.mkdir()
    known_hosts = write_access(known, keys, ports).known_hosts_file

    def ask(port: int) -> asyncio.Task[str]:
        return asyncio.create_task(connect(port=port, known_hosts_file=known_hosts).perform(Who()))

    asking = [ask(port) for port in ports]
    frozen = asking.pop(3)
    assert [ME] * 9 == await asyncio.gather(*asking)
    assert not frozen.done()
    servers[3].wire.fault = Fault.NONE
    assert ME == await frozen
    for server in servers:
        await server.stop()
