"""The composition root: a house opens whole or not at all, and its audit log is not for everybody."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.action import SideName
from adapters.errors import FlatnetError
from bot.app.application import Application, open_application
from bot.audit_log.files import HeadUnavailable
from bot.config.settings import Settings, read_settings
from bot.model.request import Answer, ExitCode, Identity, Membership, Request, SlackIdentity, Surface, SystemIdentity
from bot.runtime.clock import read_utc_time
from bot.runtime.connections import make_connector
from bot.security.redaction import Redactor
from bot.security.secrets import MissingSecret, read_secrets
from bot.store.audit_chain import AuditKeyTooShort
from bot.store.errors import DatabaseDamaged, DatabaseInUse
from commands.model.operation import Role

HOSTS = """
[[hosts]]
name = "lighthouse"
id = 0
lighthouse = true
[hosts.windows]
url = "https://127.0.0.1:5986/wsman"
ca_file = "ca.pem"
user = "flatnet"

[[hosts]]
name = "host-a"
id = 1
[hosts.wsl]
address = "127.0.0.1"
user = "flatnet"
key_file = "key"
known_hosts_file = "known_hosts"
[hosts.gateway]
url = "http://127.0.0.1:8080"
"""

ANA = SystemIdentity(1000, "ana")


def settings(folder: Path, *, roles: str = "administrator") -> Settings:
    """A configuration with ana, one host without a gateway, and one without Windows."""
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "audit_key").write_text("k" * 64)
    (folder / "secrets" / "winrm_password").write_text("-")
    file = folder / "flatnet.toml"
    person = f'[[people]]\nname = "ana"\nsystem = ["ana"]\nslack = ["U0ANA"]\nroles = ["{roles}"]\n'
    file.write_text(f'secrets_folder = "secrets"\n{person}{HOSTS}')
    return read_settings(file)


async def test_the_address_of_the_heartbeat_is_a_secret_that_is_never_shown(tmp_path: Path) -> None:
    settings(tmp_path)
    file, url = tmp_path / "flatnet.toml", "https://beats.example/t0ken"
    (tmp_path / "secrets" / "heartbeat_url").write_text(f"{url}\n")
    file.write_text(f'{file.read_text()}\n[alerts]\nheartbeat_url_secret = "heartbeat_url"\n')
    async with open_application(read_settings(file)) as house:
        found = house.dispatcher.config.heartbeat_url
        assert found is not None
        assert url == found.get_secret_value()
        assert url not in house.redactor.redact(f"could not fetch {url}")


def last_event(known: Settings) -> tuple[str, str]:
    """Kind and actor."""
    with closing(sqlite3.connect(known.database_file)) as line:
        kind, actor = line.execute("select kind, actor from audit order by sequence desc").fetchone()
    return kind, actor


async def verified(house: Application, who: Identity) -> Answer:
    return await house.answer_request(Request("key", who, "audit verify", Surface.DO, read_utc_time()))


@pytest.mark.parametrize("role", Role)
async def test_only_administrators_and_security_verify_the_audit_log(tmp_path: Path, role: Role) -> None:
    """Who does and who tries is recorded."""
    known = settings(tmp_path, roles=role)
    async with open_application(known) as house:
        answer = await verified(house, ANA)
    allowed = role in (Role.ADMINISTRATOR, Role.SECURITY)
    assert (ExitCode.WELL if allowed else ExitCode.REFUSED) is answer.exit_code
    assert ("audit_read" if allowed else "refusal", "ana") == last_event(known)


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (SystemIdentity(1001, "eve"), "system:eve"),
        (SlackIdentity("T0OTHER", "U0ANA", Membership.STRANGER), "slack:T0OTHER/U0ANA"),
        (SlackIdentity("T0OURS", "U0EVE", Membership.MEMBER), "slack:T0OURS/U0EVE"),
    ],
)
async def test_whom_nobody_configured_is_refused_by_what_is_known_of_them(tmp_path: Path, who: Identity, name: str) -> None:
    """A stranger with a known id is still a stranger."""
    known = settings(tmp_path)
    async with open_application(known) as house:
        assert ExitCode.REFUSED is (await verified(house, who)).exit_code
    assert ("refusal", name) == last_event(known)


class Noting(Redactor):
    """Knows in which threads it worked."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def redact(self, text: str) -> str:
        self.threads.add(threading.get_ident())
        return super().redact(text)


async def test_answers_are_searched_for_secrets_beside_the_loop(tmp_path: Path) -> None:
    """An archive takes seconds, and Slack waits for three."""
    noting = Noting()
    async with open_application(settings(tmp_path)) as house:
        await verified(replace(house, redactor=noting), ANA)
    assert noting.threads
    assert threading.get_ident() not in noting.threads


def no_key(known: Settings) -> None:
    assert known.secrets_folder is not None
    (known.secrets_folder / "audit_key").unlink()


def short_key(known: Settings) -> None:
    assert known.secrets_folder is not None
    (known.secrets_folder / "audit_key").write_text("short")


def head_in_the_way(known: Settings) -> None:
    known.audit_head_file.mkdir(parents=True)


def no_database(known: Settings) -> None:
    known.data_folder.mkdir()
    known.database_file.write_bytes(b"a letter to my aunt, longer than a header\n" * 100)


@pytest.mark.parametrize(
    ("break_it", "raised"),
    [
        (no_key, MissingSecret),
        (short_key, AuditKeyTooShort),
        (head_in_the_way, HeadUnavailable),
        (no_database, DatabaseDamaged),
    ],
)
async def test_a_house_that_cannot_open_gives_back_what_it_had_taken(
    tmp_path: Path, break_it: Callable[[Settings], None], raised: type[FlatnetError]
) -> None:
    """It says so each time, and never that another bot has the database."""
    known = settings(tmp_path)
    break_it(known)
    for _ in range(2):
        with pytest.raises(raised):
            async with open_application(known):
                pass


async def test_a_second_house_on_the_same_database_does_not_open_until_the_first_is_closed(tmp_path: Path) -> None:
    known = settings(tmp_path)
    async with open_application(known):
        with pytest.raises(DatabaseInUse):
            async with open_application(known):
                pass
    async with open_application(known):
        pass


@pytest.mark.parametrize(
    ("host", "sides"), [("lighthouse", {"windows"}), ("host-a", {"wsl", "gateway"})], ids=["lighthouse", "host-a"]
)
async def test_each_side_that_a_host_has_is_connected_and_no_other(tmp_path: Path, host: str, sides: set[SideName]) -> None:
    """Nothing is opened yet: a connection opens on its first use."""
    known = settings(tmp_path)
    found = next(each for each in known.hosts if each.name == host)
    all_sides: tuple[SideName, ...] = ("windows", "wsl", "gateway")
    with ThreadPoolExecutor(1) as pool:
        connect = make_connector(read_secrets(known.secret_names, known.secrets_folder), pool)
        for side in all_sides:
            if side in sides:
                await connect(found, side).aclose()
            else:
                with pytest.raises(KeyError, match=f"{host} has no {side} side"):
                    connect(found, side)
