"""The connection to a server on another machine: verified, or refused."""

from dataclasses import replace
from pathlib import Path

from bot.store.address import PostgresAddress
from bot.store.errors import DatabaseUnavailable
from bot.store.postgres_session import connect
from tests.lab.windows.tls import make_certificates
from tests.postgres import run_server


def find_reason(address: PostgresAddress, ca_file: Path) -> str:
    """Return why the library does not connect; "" if it does."""
    try:
        connect(replace(address, files=(("sslrootcert", str(ca_file)),), is_verified=True)).close()
    except DatabaseUnavailable as error:
        return str(error).partition(" (")[2].partition("). ")[0]
    return ""


def test_a_server_is_believed_by_its_certificate_alone(tmp_path: Path, postgres: PostgresAddress) -> None:
    certificates = make_certificates(tmp_path)
    ca_file, missing = certificates.ca_file, tmp_path / "none"
    assert "server does not support SSL, but SSL was required" == find_reason(postgres, ca_file)
    with run_server((tmp_path / "server.crt", tmp_path / "server.key"), listen_addresses="127.0.0.1,127.0.0.2") as server:
        address = server.create()
        assert "" == find_reason(address, ca_file)
        assert "SSL error: certificate verify failed" == find_reason(address, certificates.stranger_ca_file)
        assert 'server certificate for "localhost" (and 1 other name) does not match host name "127.0.0.2"' == find_reason(
            replace(address, host="127.0.0.2"), ca_file
        )
        assert f'root certificate file "{missing}" does not exist' in find_reason(address, missing)
