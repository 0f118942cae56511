"""Arguments of `host add`: what is a name, an address, an id, a label, a fingerprint, and what is refused."""

import pytest

from adapters.inventory import Inventory, RemovedHost
from commands.catalogue import CATALOGUE
from commands.hosts.add.operation import HostAdd
from commands.language.grammar import parse_operation, render_operation
from commands.values.arguments import BadArgument
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW, host

HEX = "0123456789abcdef" * 4


def parse(text: str) -> HostAdd:
    parsed = parse_operation(normalize_text(text), CATALOGUE, CATALOGUE)
    assert isinstance(parsed, HostAdd)
    return parsed


@pytest.mark.parametrize(
    "name",
    [
        "a" * 64,
        "host.d",
        "host_d",
        "ホスト",
        "host-",
        "-d",
        "--id",
        "Host-d",
        "host d",
        "../host-d",
        "host-d;reboot",
        "all",
        "flatnet-bot",
        "",
    ],
)
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises((BadArgument, GrammarError)):
        parse(f'host add "{name}" --windows 192.0.2.14')


@pytest.mark.parametrize("name", ["d", "a" * 63, "host-d", "4"])
def test_what_a_certificate_and_a_file_can_be_called_is_a_name(name: str) -> None:
    assert name == parse(f"host add {name}").name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--windows 192.0.2.14", {"windows": "192.0.2.14"}),
        ("--windows PC-14.Example.com:5986", {"windows": "pc-14.example.com:5986"}),
        ("--wsl 192.0.2.14:2222", {"wsl": "192.0.2.14:2222"}),
        ("--id 254", {"id": 254}),
        ("--label tokyo,db,tokyo", {"label_": ("tokyo", "db")}),
        ("--adopt", {"adopt": True}),
        (f"--windows-fingerprint {HEX.upper()}", {"windows_fingerprint": HEX}),
        (
            f"--windows-fingerprint {':'.join(HEX[at : at + 2] for at in range(0, 64, 2))}",
            {"windows_fingerprint": HEX},
        ),
        (f"--wsl-fingerprint SHA256:{'A' * 43}", {"wsl_fingerprint": f"SHA256:{'A' * 43}"}),
    ],
)
def test_options_are_understood_as_this_and_written_back(typed: str, meant: dict[str, object]) -> None:
    parsed = parse(f"host add host-d {typed}")

    assert meant == parsed.model_dump(include=set(meant))
    assert parsed == parse(render_operation(parsed))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("--windows https://192.0.2.14", "not an address"),
        ("--windows 192.0.2.999", "not an address"),
        ("--windows 192.0.2.14:70000", "not an address"),
        ("--windows user@192.0.2.14", "not an address"),
        ("--wsl 192.0.2.14:", "not an address"),
        ("--id 0", "ID 0 is the lighthouse"),
        ("--id 255", "Use 1 to 254"),
        ("--id four", "Use 1 to 254"),
        ("--label Tokyo", "cannot be a label"),
        ("--label tokyo,,db", "cannot be a label"),
        ("--windows-fingerprint 0123456789ABCDEF0123456789ABCDEF01234567", "SHA-1 thumbprint"),
        ("--windows-fingerprint zzzz", "64 hexadecimal digits"),
        ("--wsl-fingerprint MD5:00:11", "fingerprint of an SSH host key"),
    ],
)
def test_other_values_are_refused_with_the_reason(typed: str, why: str) -> None:
    with pytest.raises(GrammarError, match=why):
        parse(f"host add host-d {typed}")


def test_rights_are_judged_by_the_labels_that_the_new_host_will_have() -> None:
    add = parse("host add host-d --windows 192.0.2.14 --label tokyo,db")

    (new,) = add.resolve_hosts(Inventory(hosts=(host("host-a", 1),)))

    assert ("host-d", ("tokyo", "db")) == (new.name, new.labels)


def test_the_labels_of_a_removed_host_of_that_name_count_too() -> None:
    removed = RemovedHost(name="host-d", id=9, labels=("osaka",), since=NOW, by="ana")
    judged = parse("host add host-d --label tokyo").resolve_hosts(Inventory(removed=(removed,)))

    assert [("tokyo",), ("osaka",)] == [each.labels for each in judged]
