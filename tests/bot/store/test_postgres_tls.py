"""The connection to a server on another machine: verified, or refused."""

import socket
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

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


class Impostor(Thread):
    """A program that listens where a server of this machine should, offers no TLS, and asks for the password as it is."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heard = b""

    def run(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self.listener.accept()
                with line, suppress(OSError):
                    self.serve(line)

    def serve(self, line: socket.socket) -> None:
        line.settimeout(5)
        while said := line.recv(4096):
            self.heard += said
            line.sendall(b"N" if said.endswith(ASK_TLS) else ASK_PASSWORD)


PASSWORD = "Zq7-secret"
ASK_TLS = (80877103).to_bytes(4, "big")
ASK_PASSWORD = b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big")


def test_a_password_is_shown_to_no_program_that_took_the_port_of_a_server_of_this_machine() -> None:
    impostor = Impostor()
    impostor.start()
    port = impostor.listener.getsockname()[1]
    with pytest.raises(DatabaseUnavailable) as refusal:
        connect(PostgresAddress("flatnet", "127.0.0.1", port, "flatnet", password=SecretStr(PASSWORD)))
    impostor.listener.close()
    assert (True, False) == (b"flatnet" in impostor.heard, PASSWORD.encode() in impostor.heard)
    assert PASSWORD not in "".join(traceback.format_exception(refusal.value))
