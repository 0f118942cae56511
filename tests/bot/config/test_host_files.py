"""The host folder: hosts that the bot keeps itself, one file for each."""

from pathlib import Path

import pytest

from bot.config.errors import ConfigurationError
from bot.config.host_files import MAX_HOST_FILE_BYTES, MAX_HOST_FILES, find_host_file
from bot.config.settings import read_settings

MAIN = """
[defaults.gateway]
proxy = "http://192.0.2.9:3128"
[[hosts]]
name = "host-a"
id = 1
[hosts.gateway]
url = "http://10.100.1.1:8080"
"""
HOST_B = 'name = "host-b"\nid = 2\nlabels = ["tokyo"]\n[gateway]\nurl = "http://10.100.2.1:8080"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "flatnet.toml"
    written.write_text(MAIN)
    return written


def add(file: Path, name: str, content: str | bytes) -> Path:
    """A file in the host folder of the default data folder."""
    path = find_host_file(file.parent / "var", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def find_complaints(file: Path) -> list[tuple[str, str, int | None, str]]:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(file)
    return [((each.file or file).name, each.key, each.line, str(each.phrase)) for each in caught.value.complaints]


def test_hosts_of_the_folder_come_after_those_of_the_file_with_the_same_defaults(file: Path) -> None:
    add(file, "host-c", HOST_B.replace("host-b", "host-c").replace("id = 2", "id = 3"))
    add(file, "host-b", HOST_B)
    add(file, "host-b", HOST_B).with_suffix(".toml.bak").write_text("not read")
    hosts = read_settings(file).hosts
    assert ["host-a", "host-b", "host-c"] == [host.name for host in hosts]
    assert ["http://192.0.2.9:3128"] * 3 == [host.gateway and host.gateway.proxy for host in hosts]


def test_the_folder_is_in_the_configured_data_folder(file: Path) -> None:
    file.write_text('data_folder = "data"\n' + file.read_text())
    add(file, "host-b", HOST_B)
    assert ("host-a",) == read_settings(file).inventory.names
    (file.parent / "var").rename(file.parent / "data")
    assert ("host-a", "host-b") == read_settings(file).inventory.names


def test_a_file_without_hosts_is_enough_if_the_folder_has_some(file: Path) -> None:
    file.write_text("")
    add(file, "host-b", HOST_B)
    assert ("host-b",) == read_settings(file).inventory.names


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("name = \n", ("host-b.toml", "", 1, "invalid TOML: Invalid value")),
        (b"\n# \xe9\n", ("host-b.toml", "", 2, "is not UTF-8. Save it as UTF-8")),
        (b"#" * (MAX_HOST_FILE_BYTES + 1), ("host-b.toml", "", None, "is larger than 64000 bytes")),
        ("a = " + "[" * 10_000, ("host-b.toml", "", None, "is nested too deeply")),
        (HOST_B.replace("host-b", "host-c"), ("host-b.toml", "name", None, "must be host-b, as the file is called")),
        (HOST_B.replace("id = 2", 'id = "x"'), ("host-b.toml", "hosts[host-b].id", 2, "must be a whole number")),
        (
            HOST_B.replace("http:", "ftp:"),
            (
                "host-b.toml",
                "hosts[host-b].gateway.url",
                5,
                "must be a URL such as http://10.100.1.1:8080, without a user name",
            ),
        ),
        (
            HOST_B.replace("2", "1", 1),
            ("flatnet.toml", "hosts", None, "several hosts have the ID 1. Use a different ID for each"),
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_line(
    file: Path, content: str | bytes, expected: tuple[str, str, int | None, str]
) -> None:
    add(file, "host-b", content)
    assert [expected] == find_complaints(file)


def test_a_host_in_both_places_is_refused(file: Path) -> None:
    add(file, "host-a", HOST_B.replace("host-b", "host-a"))
    assert [
        ("flatnet.toml", "hosts", None, "several hosts are named host-a. Use a different name for each")
    ] == find_complaints(file)


def test_a_link_is_not_followed(file: Path) -> None:
    elsewhere = file.parent / "elsewhere.toml"
    elsewhere.write_text(HOST_B)
    add(file, "host-b", HOST_B).unlink()
    find_host_file(file.parent / "var", "host-b").symlink_to(elsewhere)
    assert [("host-b.toml", "", None, "is a link. Replace it by the file itself")] == find_complaints(file)


def test_more_files_than_a_fleet_has_hosts_are_refused(file: Path) -> None:
    for number in range(MAX_HOST_FILES + 1):
        add(file, f"h{number}", HOST_B)
    assert [("hosts.d", "", None, "has more than 254 hosts. Remove those that do not belong there")] == find_complaints(file)


def test_complaints_of_all_files_come_at_once(file: Path) -> None:
    add(file, "host-b", "name = ")
    add(file, "host-c", b"\xff")
    assert ["host-b.toml", "host-c.toml"] == [name for name, *_ in find_complaints(file)]
