"""Actions on the host folder: the file and the running configuration change together, or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.errors import ActionFailed
from adapters.local.host_files import HostFileState, ReadHostFile, RemoveHostFile, RestoreHostFile, WriteHostFile
from bot.app.application import Application, open_application
from bot.app.host_files import HostFileActions
from bot.app.reload import ConfigurationReloader
from bot.changes.services.step_binding import OwnActions
from bot.config.host_folder import HostFolder
from bot.config.settings import read_settings

HOST = 'name = "host-b"\nid = 2\n[gateway]\nurl = "http://10.100.2.1:8080"\n'


def hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Bot:
    """A bot with its data folder, and what it can do on itself."""

    application: Application
    folder: HostFolder
    own: OwnActions

    @property
    def names(self) -> tuple[str, ...]:
        return self.application.dispatcher.hosts.names

    async def read(self) -> tuple[str, bool]:
        state = await self.own.perform(ReadHostFile(name="host-b"))
        assert isinstance(state, HostFileState)
        return state.sha256, state.active


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "audit_key").write_text("k" * 64)
    file = tmp_path / "flatnet.toml"
    file.write_text(
        'secrets_folder = "secrets"\n[[hosts]]\nname = "host-a"\nid = 1\n[hosts.gateway]\nurl = "http://10.1.1.1"\n'
    )
    settings = read_settings(file)
    async with open_application(settings) as application:
        reloader = ConfigurationReloader(file, settings, application)
        async with aclosing(reloader):
            folder, own = HostFolder(settings.data_folder), application.wings.changes.own_actions
            HostFileActions(folder, reloader, lambda: application.dispatcher.hosts).add_to(own)
            yield Bot(application, folder, own)


def writing(content: str = HOST, before: str = "") -> WriteHostFile:
    return WriteHostFile(operation="op-1", name="host-b", content=content, before=before)


async def test_a_written_host_is_used_at_once(bot: Bot) -> None:
    assert ("", True) == await bot.read()
    await bot.own.perform(writing())
    assert (("host-a", "host-b"), (hash_text(HOST), True)) == (bot.names, await bot.read())


async def test_the_same_write_again_changes_nothing(bot: Bot) -> None:
    """A repetition after a crash finds its own work."""
    await bot.own.perform(writing())
    again = await bot.own.perform(writing())
    assert HostFileState(sha256=hash_text(HOST), active=True, changed=False) == again


async def test_a_write_can_be_rolled_back(bot: Bot) -> None:
    await bot.own.perform(writing())
    await bot.own.perform(RestoreHostFile(operation="op-1", name="host-b"))
    assert (("host-a",), ("", True)) == (bot.names, await bot.read())


async def test_a_removed_host_is_forgotten_and_can_come_back(bot: Bot) -> None:
    await bot.own.perform(writing())
    await bot.own.perform(RemoveHostFile(operation="op-2", name="host-b", before=hash_text(HOST)))
    assert (("host-a",), ("", True)) == (bot.names, await bot.read())
    await bot.own.perform(RestoreHostFile(operation="op-2", name="host-b"))
    assert (("host-a", "host-b"), (hash_text(HOST), True)) == (bot.names, await bot.read())


@pytest.mark.parametrize("content", ["name = ", HOST.replace("id = 2", "id = 1"), HOST.replace("host-b", "host-c")])
async def test_a_host_that_cannot_be_used_leaves_no_trace(bot: Bot, content: str) -> None:
    await bot.own.perform(writing())
    with pytest.raises(ActionFailed) as failed:
        await bot.own.perform(WriteHostFile(operation="op-2", name="host-b", content=content, before=hash_text(HOST)))
    assert not failed.value.maybe_ran
    assert (("host-a", "host-b"), (hash_text(HOST), True)) == (bot.names, await bot.read())


async def test_a_host_that_cannot_be_used_is_never_written(bot: Bot) -> None:
    """A crash right after the write would leave a bot that does not start."""
    with pytest.raises(ActionFailed):
        await bot.own.perform(writing(HOST.replace("id = 2", "id = 1")))
    assert [] == list(bot.folder.data_folder.glob("hosts.d/*")) + list(bot.folder.data_folder.glob("changes/*"))


async def test_a_file_that_was_changed_meanwhile_is_not_overwritten(bot: Bot) -> None:
    by_hand = HOST.replace("10.100.2.1", "10.100.2.9")
    bot.folder.write("host-b", by_hand.encode())
    for action in (writing(), RemoveHostFile(operation="op-1", name="host-b", before=hash_text(HOST))):
        with pytest.raises(ActionFailed, match="changed meanwhile"):
            await bot.own.perform(action)
    assert hash_text(by_hand) == bot.folder.hash_file("host-b")


async def test_a_file_that_hides_a_table_of_the_configuration_is_not_removed(bot: Bot) -> None:
    """Without it a removed host would be a member again."""
    hidden = 'name = "host-z"\nid = 9\n[joining]\nsince = 2026-11-25T00:00:00Z\nby = "ana"\n'
    file = bot.folder.data_folder.parent / "flatnet.toml"
    table = '[[hosts]]\nname = "host-z"\nid = 9\n[hosts.gateway]\nurl = "http://10.100.9.1:8080"\n'
    await bot.own.perform(WriteHostFile(operation="op-1", name="host-z", content=hidden, before=""))
    file.write_text(file.read_text() + table)

    with pytest.raises(ActionFailed, match="would be a member again"):
        await bot.own.perform(RemoveHostFile(operation="op-2", name="host-z", before=hash_text(hidden)))
    assert (hash_text(hidden), ("host-a",)) == (bot.folder.hash_file("host-z"), bot.names)


async def test_a_file_that_the_bot_does_not_use_yet_is_not_active(bot: Bot) -> None:
    bot.folder.write("host-b", HOST.encode())
    assert (hash_text(HOST), False) == await bot.read()


async def test_a_folder_that_others_can_change_is_not_used(bot: Bot) -> None:
    """A host names the key that the bot trusts."""
    await bot.own.perform(writing())
    (bot.folder.data_folder / "hosts.d").chmod(0o777)
    with pytest.raises(ActionFailed, match="chmod"):
        await bot.own.perform(
            WriteHostFile(operation="op-2", name="host-b", content=HOST + "# newer\n", before=hash_text(HOST))
        )
    assert hash_text(HOST) == bot.folder.hash_file("host-b")


async def test_writes_at_the_same_time_take_turns(bot: Bot) -> None:
    third = HOST.replace("host-b", "host-c").replace("id = 2", "id = 3")
    await asyncio.gather(
        bot.own.perform(writing()),
        bot.own.perform(WriteHostFile(operation="op-2", name="host-c", content=third, before="")),
    )
    assert ("host-a", "host-b", "host-c") == bot.names


JOINING = (
    'name = "host-b"\nid = 2\n[windows]\nurl = "https://192.0.2.12:5986/wsman"\nuser = "flatnet"\nca_file = "ca.pem"\n'
    f'certificate_sha256 = "{"ab" * 32}"\n'
    '[joining]\nsince = 2026-11-30T02:00:00Z\nby = "ana"\n'
)


async def test_a_host_that_is_being_added_is_used_at_once_and_is_no_member(bot: Bot) -> None:
    await bot.own.perform(writing(JOINING))
    inventory = bot.application.dispatcher.hosts
    assert (("host-a",), (hash_text(JOINING), True)) == (bot.names, await bot.read())
    assert inventory.find_reachable("host-b") is not None
    bot.folder.write("host-b", JOINING.replace("5986", "5987").encode())
    assert False is (await bot.read())[1]


async def test_a_tombstone_takes_a_member_away_and_its_rollback_brings_it_back(bot: Bot) -> None:
    tombstone = 'name = "host-b"\nid = 2\n[removed]\nsince = 2026-11-30T02:00:00Z\nby = "ana"\n'
    await bot.own.perform(writing())
    await bot.own.perform(WriteHostFile(operation="op-2", name="host-b", content=tombstone, before=hash_text(HOST)))
    assert (("host-a",), (hash_text(tombstone), True)) == (bot.names, await bot.read())
    await bot.own.perform(RestoreHostFile(operation="op-2", name="host-b"))
    assert ("host-a", "host-b") == bot.names


async def test_a_file_that_hides_a_table_is_not_removed(bot: Bot) -> None:
    """The host was removed, and reserved again: without a file it would be the member that it once was."""
    await bot.own.perform(writing())
    again = JOINING.replace("host-b", "host-a").replace("id = 2", "id = 1")
    await bot.own.perform(WriteHostFile(operation="op-2", name="host-a", content=again, before=""))
    with pytest.raises(ActionFailed, match="the configuration file has host-a, which would be a member again"):
        await bot.own.perform(RemoveHostFile(operation="op-3", name="host-a", before=hash_text(again)))
    assert (("host-b",), hash_text(again)) == (bot.names, bot.folder.hash_file("host-a"))


async def test_the_other_copies_are_told_before_a_file_is_written_and_when_it_is_used_or_back(
    bot: Bot, tmp_path: Path
) -> None:
    """The bot may die between the two: the next copy that leads then goes on with what was to be written."""
    told: list[tuple[dict[str, str | None], bool]] = []

    async def share(changes: Mapping[str, str | None]) -> None:
        told.append((dict(changes), bot.folder.hash_file("host-b") != ""))

    reloader, own = (
        ConfigurationReloader(tmp_path / "flatnet.toml", read_settings(tmp_path / "flatnet.toml"), bot.application),
        OwnActions(),
    )
    HostFileActions(bot.folder, reloader, lambda: bot.application.dispatcher.hosts, share).add_to(own)
    async with aclosing(reloader):
        await own.perform(writing())
        await own.perform(RestoreHostFile(operation="op-1", name="host-b"))
        await own.perform(writing())
        await own.perform(RemoveHostFile(operation="op-2", name="host-b", before=hash_text(HOST)))
    written, removed = [({"host-b": HOST}, False), ({}, True)], [({"host-b": None}, True), ({}, False)]
    assert [*written, ({}, False), *written, *removed] == told
