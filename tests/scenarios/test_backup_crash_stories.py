"""A bot killed (-9) in the middle of a backup: the next one ends it, and what it calls a backup is whole at both places."""

from pathlib import PureWindowsPath

import pytest

from bot.backups.tables import BackupTable
from bot.model.change import ChangeState
from bot.store.database import Database
from commands.model.backup import Backup
from tests.lab.holds import When
from tests.lab.windows.mesh import PATHS
from tests.scenarios.conftest import Build, Town
from tests.scenarios.crashing import crew

pytestmark = pytest.mark.slow

PLACE = PureWindowsPath(PATHS.backups)


def find_places(t: Town, host: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Files of a host's backups at both places, by name."""
    state, folder = t.fleet[host].windows.state, t.settings.backup_folder.path
    first = {path.relative_to(PLACE).as_posix(): state.bytes_of(path) for path in state.files if path.is_relative_to(PLACE)}
    second = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return first, {path: content for path, content in second.items() if path.startswith(host)}


async def read_rows(t: Town) -> dict[str, Backup]:
    database = Database.open(t.settings.database_file)
    try:
        return {each.host: each for each in (await BackupTable(database).read_known()).backups}
    finally:
        await database.aclose()


@pytest.mark.parametrize(
    ("script", "when", "done"),
    [
        ("pack-backup", "before", True),
        ("pack-backup", "after", True),
        ("read-spool", "before", False),
        ("write-spool", "before", False),
        ("read-spool-state", "after", True),
    ],
)
async def test_a_backup_goes_on_where_the_bot_was_killed(town: Build, script: str, when: When, *, done: bool) -> None:
    """A transfer that a crash broke off is rolled back with its host's part. The other host is backed up all the same."""
    async with town(hosts=2, lighthouse=False) as t:
        async with crew(t) as bots:
            card = await bots.asked("backup create all")
            hold = t.fleet["host-a"].windows.hold(script, when)
            await bots.approves(card)
            await hold.reached()
            await bots.dies()
            hold.release()
            await bots.begins()
            expected = ChangeState.DONE if done else ChangeState.FAILED
            assert expected is await bots.ended(card), bots.rows.record(card.operation).why
            await bots.at_rest()
            await bots.dies()
        rows = await read_rows(t)
        assert ({"host-a", "host-b"} if done else {"host-b"}) == rows.keys()
        for host in ("host-a", "host-b"):
            first, second = find_places(t, host)
            assert (host in rows, True) == (bool(second), first == second)
