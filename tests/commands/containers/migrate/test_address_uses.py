"""Where configuration files of gateways name the address of a container."""

from ipaddress import IPv4Address

import pytest

from adapters.errors import Unreachable
from adapters.windows.configuration import Configuration, ListedFile
from commands.containers.migrate.address_uses import GatewayConfiguration, find_address_uses, list_unread
from commands.gateways.files import ConfigurationFiles
from tests.commands.containers.canned_containers import A, B
from tests.commands.containers.migrate.canned_migration import BASE, MAIN
from tests.commands.gateways.canned_registrations import LATE

ADDRESS = IPv4Address("10.87.1.10")


def configured(text: bytes, *others: ListedFile) -> GatewayConfiguration:
    main = ListedFile(file=MAIN, state="present", sha256="c" * 64)
    return GatewayConfiguration(A, ConfigurationFiles(MAIN, Configuration(base=BASE, files=(main, *others)), {MAIN: text}))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"http {\n  server 10.87.1.10:80;\n  # also 10.87.1.10\n}", (2, 3)),
        (b"proxy_pass http://10.87.1.10;", (1,)),
        (b"upstream is at 10.87.1.10.", (1,)),
        (b"server 10.87.1.100; server 110.87.1.10; server 10.87.1.10.5;", ()),
        (b"\xff\xfe 10.87.1.10 \x00", (1,)),
        (b"server 10.87.1.11;", ()),
    ],
)
def test_lines_that_name_the_address_and_no_longer_number(text: bytes, lines: tuple[int, ...]) -> None:
    assert tuple(line for use in find_address_uses(ADDRESS, (configured(text),)) for line in use.lines) == lines


def test_the_place_is_named_by_host_file_and_line() -> None:
    (use,) = find_address_uses(ADDRESS, (configured(b"\n\n10.87.1.10"),))
    assert str(use.place) == "host-a: nginx.conf, line 3"


def test_files_that_could_not_be_read_are_unknown() -> None:
    outside = configured(b"", ListedFile(file=r"D:\other.conf", state="outside"))
    assert list_unread((configured(b""), outside, GatewayConfiguration(B, Unreachable(LATE)))) == ("host-a", "host-b")
