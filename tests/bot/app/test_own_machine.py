"""Reads from the bot's own machine: what a server shows at an address, for a plan that is about to trust it."""

import ssl
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.errors import Unreachable
from adapters.local.identities import FindShownIdentities, ProvenSide, ShownIdentities, ShownIdentity
from bot.app.own_machine import add_machine_actions
from bot.changes.services.step_binding import OwnActions
from tests.adapters.windows.winrm_host import winrm_host


@pytest.fixture
def own() -> OwnActions:
    actions = OwnActions()
    add_machine_actions(actions)
    return actions


async def test_the_certificate_at_an_address_is_found_without_a_login(own: OwnActions, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        pem = host.certificates.ca_file.with_name("server.crt").read_text()
        expected = sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        parts = urlsplit(host.side.url)
        find = FindShownIdentities(place="windows", address=parts.hostname or "", port=parts.port or 0)
        found = await own.perform(find)
        assert ShownIdentities(shown=(ShownIdentity(pin=expected, fingerprint=expected),)) == found
        assert (0, []) == (host.runs, host.secrets_read)


@pytest.mark.parametrize("place", ["windows", "wsl"])
async def test_where_no_server_is_nothing_is_shown(own: OwnActions, place: ProvenSide) -> None:
    with pytest.raises(Unreachable):
        await own.perform(FindShownIdentities(place=place, address="127.0.0.1", port=1))
