"""The host folder of the copy that leads, in the folders of the others: whole, signed, and never over the work of people."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.errors import FlatnetError
from bot.app.host_file_sharing import FOLLOWED_FILE, HostFileFollower, HostFileKeys, HostFilePublisher
from bot.config.errors import ConfigurationError
from bot.config.host_folder import HostFolder
from bot.config.settings import read_settings
from bot.config.shared_hosts import UnusableHosts
from bot.hosts.tables import HostFilesTable
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, AuditKeys
from bot.store.database import Database

KEY, OTHER_KEY = (AuditKey(letter * MIN_KEY_BYTES) for letter in (b"k", b"o"))
KEYS = AuditKeys(KEY)


def host(name: str, number: int) -> str:
    return f'name = "{name}"\nid = {number}\n[gateway]\nurl = "http://10.100.{number}.1:8080"\n'


@dataclass(frozen=True)
class Machine:
    """A machine with its configuration and its host folder."""

    folder: HostFolder
    publisher: HostFilePublisher
    follower: HostFileFollower
    table: HostFilesTable

    @classmethod
    def make(cls, place: Path, database: Database, keys: AuditKeys = KEYS) -> "Machine":
        place.mkdir()
        file = place / "flatnet.toml"
        file.write_text(
            'data_folder = "data"\n[[hosts]]\nname = "host-a"\nid = 1\n[hosts.gateway]\nurl = "http://10.1.1.1"\n'
        )
        folder, table, derived = HostFolder(place / "data"), HostFilesTable(database), HostFileKeys.derive(keys)
        folder.data_folder.mkdir()
        return cls(folder, HostFilePublisher(folder, table, derived), HostFileFollower(file, folder, derived), table)

    async def follow(self, *, led_last: bool = False) -> bool | str:
        """Whether the folder has changed, or why not."""
        try:
            return await self.follower.follow(self.table, led_last=led_last)
        except FlatnetError as error:
            return str(error)

    @property
    def hosts(self) -> tuple[str, ...]:
        return read_settings(self.folder.data_folder.parent / "flatnet.toml").inventory.names


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path / "flatnet.sqlite3")
    yield opened
    await opened.aclose()


@pytest.fixture
def leader(tmp_path: Path, database: Database) -> Machine:
    return Machine.make(tmp_path / "bot-a", database)


@pytest.fixture
def other(tmp_path: Path, database: Database) -> Machine:
    return Machine.make(tmp_path / "bot-b", database)


async def write(machine: Machine, name: str, content: str | None) -> None:
    """As the leader does it: kept, stored, then written."""
    machine.folder.keep("op-1", name)
    await machine.publisher.publish({name: content})
    if content is None:
        machine.folder.remove(name)
    else:
        machine.folder.write(name, content.encode())
    await machine.publisher.publish({})


async def test_added_edited_and_removed_hosts_are_followed_once(leader: Machine, other: Machine) -> None:
    seen = []
    for content in (host("host-b", 2), host("host-b", 3), None):
        await write(leader, "host-b", content)
        seen.append((await other.follow(), await other.follow(), other.folder.read_files().get("host-b") == content))
    assert ([(True, False, True)] * 3, ("host-a",)) == (seen, other.hosts)


async def test_without_a_stored_folder_there_is_nothing_to_follow(other: Machine) -> None:
    other.folder.write("host-b", host("host-b", 2).encode())
    assert (False, ("host-a", "host-b")) == (await other.follow(), other.hosts)


async def test_the_next_leader_can_roll_back_what_the_former_one_began(leader: Machine, other: Machine) -> None:
    await write(leader, "host-b", host("host-b", 2))
    await other.follow()
    assert other.folder.restore("op-1", "host-b")
    await other.publisher.publish({})
    assert (("host-a",), True, ("host-a",)) == (other.hosts, await leader.follow(), leader.hosts)


@pytest.mark.parametrize("died", ["before it wrote its file", "before it noted that"])
async def test_a_leader_that_died_within_a_write_goes_on_with_what_it_stored(
    leader: Machine, other: Machine, died: str
) -> None:
    content = host("host-b", 2)
    await leader.publisher.publish({})
    await leader.publisher.publish({"host-b": content})
    if died == "before it noted that":
        leader.folder.write("host-b", content.encode())
    await other.follow()
    await leader.follow(led_last=True)
    assert [("host-a", "host-b")] * 2 == [leader.hosts, other.hosts]


async def test_the_last_leader_may_come_with_files_changed_by_hand(leader: Machine, other: Machine) -> None:
    await write(leader, "host-b", host("host-b", 2))
    await other.follow()
    leader.folder.write("host-c", host("host-c", 3).encode())
    assert not await leader.follow(led_last=True)
    await leader.publisher.publish({})
    assert (True, ("host-a", "host-b", "host-c")) == (await other.follow(), other.hosts)


async def test_what_people_changed_here_is_named_and_stays(leader: Machine, other: Machine) -> None:
    await write(leader, "host-b", host("host-b", 2))
    await other.follow()
    by_hand = host("host-b", 9).encode()
    other.folder.write("host-b", by_hand)
    why = await other.follow()
    await write(leader, "host-b", host("host-b", 3))
    assert (why, True) == (await other.follow(), "hosts.d/host-b.toml was changed on this machine" in str(why))
    assert host("host-b", 9) == other.folder.read_files()["host-b"]
    other.folder.write("host-b", host("host-b", 2).encode())
    assert (True, host("host-b", 3)) == (await other.follow(), other.folder.read_files()["host-b"])


@pytest.mark.parametrize("change", ["content = replace(content, '10.100', '10.200')", "number = number + 1", "mac = 'é'"])
async def test_hosts_that_the_leader_did_not_sign_are_refused(
    leader: Machine, other: Machine, database: Database, change: str
) -> None:
    """They say where secrets are sent."""
    await write(leader, "host-b", host("host-b", 2))
    await database.run(lambda connection: connection.exec_driver_sql(f"UPDATE host_files SET {change}") and None)
    assert ("not signed" in str(await other.follow()), ("host-a",)) == (True, other.hosts)


async def test_an_earlier_audit_key_is_recognized_and_the_next_version_has_the_present_one(
    leader: Machine, tmp_path: Path, database: Database
) -> None:
    await write(leader, "host-b", host("host-b", 2))
    renewed = Machine.make(tmp_path / "renewed", database, AuditKeys(OTHER_KEY, (KEY,)))
    assert await renewed.follow()
    await renewed.publisher.publish({})
    assert "not signed" in str(await leader.follow())


async def test_hosts_that_do_not_fit_this_configuration_are_not_written(leader: Machine, other: Machine) -> None:
    await write(leader, "host-b", host("host-b", 1).replace("id = 1", "id = 2"))
    file = other.folder.data_folder.parent / "flatnet.toml"
    file.write_text(file.read_text().replace("id = 1", "id = 2"))
    with pytest.raises(ConfigurationError):
        await other.follower.follow(other.table, led_last=False)
    assert {} == other.folder.read_files()


async def test_a_restored_database_does_not_bring_earlier_hosts_back(
    leader: Machine, other: Machine, database: Database
) -> None:
    await write(leader, "host-b", host("host-b", 2))
    earlier = await leader.table.read()
    assert earlier is not None
    await write(leader, "host-b", None)
    await other.follow()
    restore = "UPDATE host_files SET number = ?, content = ?, mac = ?"
    await database.run(
        lambda connection: connection.exec_driver_sql(restore, (earlier.number, earlier.content, earlier.mac)) and None
    )
    assert ("older than those here" in str(await other.follow()), ("host-a",)) == (True, other.hosts)
    await database.run(lambda connection: connection.exec_driver_sql("DELETE FROM host_files") and None)
    assert "older than those here" in str(await other.follow())
    await leader.publisher.publish({})
    assert (False, ("host-a",)) == (await other.follow(), other.hosts)


async def test_a_damaged_note_of_what_was_followed_is_named(leader: Machine, other: Machine) -> None:
    await leader.publisher.publish({})
    (other.folder.data_folder / FOLLOWED_FILE).write_text("{")
    with pytest.raises(UnusableHosts, match="is damaged"):
        await other.follower.follow(other.table, led_last=False)
