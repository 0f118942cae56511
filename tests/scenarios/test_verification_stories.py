"""Backups are verified on the hosts of the lab, and the bot's database returns from one of them."""

import asyncio
from pathlib import Path, PureWindowsPath

from bot.backups.database.restore import DatabasePlaces, RestoredDatabase, restore_database
from bot.config.settings import load_audit_keys
from bot.model.change import ChangeState
from bot.model.request import Failure
from bot.runtime.clock import read_utc_time
from bot.security.secrets import read_secrets
from tests.lab.windows.mesh import PATHS
from tests.scenarios.changing import ADMIN, Shift, shift
from tests.scenarios.conftest import Build, Town, ask

DONE = (ChangeState.DONE, "")
RESTART = "service restart openresty host-a"


def restore(town: Town, backup: str) -> RestoredDatabase:
    """What `flatnet-bot db restore` does while no bot runs."""
    settings = town.settings
    places = DatabasePlaces(settings.database_file, settings.audit_head_file, settings.engine_file)
    keys = load_audit_keys(settings, read_secrets([settings.audit_key_secret], settings.secrets_folder))
    return restore_database(settings.backup_folder.path / backup / "bot.tar", places, keys.all, read_utc_time())


async def refuse(s: Shift, words: str) -> str:
    """The reason for which the administrator does not get what they ask for."""
    answer = await ask(s.house, words)
    assert isinstance(answer.body, Failure), answer.body
    return str(answer.body.phrase)


async def test_a_byte_that_changed_on_a_host_is_found_and_the_others_are_verified(town: Build) -> None:
    async with shift(town) as s:
        card = await s.approved("backup create all --bot")
        assert DONE == await s.ended(card)
        assert "All 4 backups verified" in await s.types(ADMIN, "backup verify")

        name = f"host-a-{card.operation.removeprefix('op-')}"
        file, state = PureWindowsPath(PATHS.backups) / name / "openresty.tar", s.state("host-a")
        content = state.bytes_of(file)
        state.write_bytes(file, content[:700] + b"#" + content[701:], read_utc_time())
        answer = await s.types(ADMIN, "backup verify")
        assert "3 of 4 backups verified. Faults: host-a" in answer
        assert "Copy on the host: openresty.tar was changed" in answer
        assert [] == [path for path in state.files if f"{name}.test" in path.parts]


async def test_after_a_restore_nothing_changes_until_the_loss_is_accepted_and_what_ran_then_is_unknown(town: Build) -> None:
    async with town(hosts=1, lighthouse=True) as t:
        async with t.bot() as house:
            s = Shift(t, house)
            backup = await s.approved("backup create host-a --bot")
            assert DONE == await s.ended(backup)
            later = await s.approved(RESTART)
            assert DONE == await s.ended(later)
        done = await asyncio.to_thread(restore, t, f"flatnet-bot-{backup.operation.removeprefix('op-')}")
        assert [True, True] == [Path(kept).exists() for kept in done.kept]

        async with t.bot() as house:
            s = Shift(t, house)
            assert f"audit accept {done.loss}" in await refuse(s, RESTART)
            assert ChangeState.UNKNOWN is (await s.known(backup)).state
            assert later.operation in await refuse(s, f"op show {later.operation}")

            await ask(house, f"audit accept {done.loss}")
            await ask(house, f"op resolve {backup.operation} done")
            assert DONE == await s.ended(await s.approved(RESTART))
