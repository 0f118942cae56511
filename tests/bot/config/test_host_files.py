"""The host folder: hosts that the bot keeps itself, one file for each."""

from pathlib import Path

import pytest

from bot.config.errors import ConfigurationError
from bot.config.hosts import MAX_HOST_FILE_BYTES, MAX_HOST_FILES, HostFile, find_host_file, replace_host_file
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
    assert [("hosts.d", "", None, "has more than 1000 hosts. Remove those that do not belong there")] == find_complaints(
        file
    )


def test_one_file_too_many_is_refused_before_it_is_written(file: Path) -> None:
    """With it the bot would not start any more."""
    path = file.parent / "var" / "hosts.d" / "host-b.toml"
    others = tuple(HostFile(path.with_name(f"h{number}.toml"), "", {}) for number in range(MAX_HOST_FILES))
    with pytest.raises(ConfigurationError):
        replace_host_file(others, path, HOST_B.encode(), file)


def test_complaints_of_all_files_come_at_once(file: Path) -> None:
    add(file, "host-b", "name = ")
    add(file, "host-c", b"\xff")
    assert ["host-b.toml", "host-c.toml"] == [name for name, *_ in find_complaints(file)]


JOINING = """
name = "host-d"
id = 4
labels = ["osaka"]
[windows]
url = "https://192.0.2.14:5986/wsman"
user = "flatnet"
ca_file = "winrm.pem"
certificate_sha256 = "{pin}"
[joining]
since = 2026-11-30T02:00:00Z
by = "tanaka"
adopt = true
wsl_address = "192.0.2.14:2222"
"""
PINNED = JOINING.replace("{pin}", "ab" * 32)
WAITING = 'name = "host-d"\nid = 4\nlabels = ["osaka"]\n[joining]\nsince = 2026-11-30T02:00:00Z\nby = "tanaka"\n'
REMOVED = 'name = "host-a"\nid = 1\nlabels = ["kobe"]\n[removed]\nsince = 2026-11-30T02:00:00Z\nby = "tanaka"\nlost = true\n'


def test_a_host_that_is_being_added_is_no_member(file: Path) -> None:
    add(file, "host-d", PINNED)
    inventory = read_settings(file).inventory
    joining = inventory.find_joining("host-d")
    assert joining is not None
    assert joining.host is not None
    assert joining.host.windows is not None
    assert (("host-a",), ("host-a", "host-d")) == (inventory.names, tuple(host.name for host in inventory.reachable))
    assert ("ab" * 32, file.parent / "winrm.pem") == (
        joining.host.windows.certificate_sha256,
        joining.host.windows.ca_file,
    )
    assert (4, ("osaka",), True, "192.0.2.14:2222") == (joining.id, joining.labels, joining.adopt, joining.wsl_address)


def test_a_host_without_a_pinned_side_cannot_be_reached(file: Path) -> None:
    add(file, "host-d", WAITING + '[gateway]\nurl = "http://10.100.4.1:8080"\n')
    inventory = read_settings(file).inventory
    assert (("host-a",), None) == (tuple(host.name for host in inventory.reachable), inventory.joining[0].host)


def test_the_secrets_of_a_host_that_is_being_added_are_read_with_the_others(file: Path) -> None:
    add(file, "host-d", PINNED.replace("[windows]", '[windows]\npassword_secret = "its_password"'))
    assert "its_password" in read_settings(file).own_secret_names


def test_settings_are_kept_as_they_were_written(file: Path) -> None:
    """The file of a host is written anew from them: defaults and absolute paths do not belong into it."""
    add(file, "host-d", PINNED)
    tables = read_settings(file).inventory.tables
    assert {"name": "host-a", "id": 1, "gateway": {"url": "http://10.100.1.1:8080"}} == tables["host-a"]
    assert ("winrm.pem", {"name", "id", "labels", "windows"}) == (
        tables["host-d"]["windows"]["ca_file"],  # type: ignore[index, call-overload]
        set(tables["host-d"]),
    )


def test_a_file_takes_the_place_of_a_table_only_if_it_says_so(file: Path) -> None:
    main = file.read_text() + '[[hosts]]\nname = "host-c"\nid = 3\n[hosts.gateway]\nurl = "http://10.100.3.1:8080"\n'
    file.write_text(main)
    add(file, "host-a", 'name = "host-a"\nid = 1\noverrides = true\n[gateway]\nurl = "http://10.100.1.9:8080"\n')
    inventory = read_settings(file).inventory
    assert ("host-a", "host-c") == inventory.names
    assert "http://10.100.1.9:8080" == (inventory.hosts[0].gateway and inventory.hosts[0].gateway.url)
    file.write_text(main.replace("http://10.100.3.1", "ftp://10.100.3.1"))
    assert [("flatnet.toml", "hosts[host-c].gateway.url", 13)] == [each[:3] for each in find_complaints(file)]


def test_a_tombstone_hides_the_table_of_its_host(file: Path) -> None:
    add(file, "host-a", REMOVED)
    add(file, "host-b", HOST_B.replace("id = 2", "id = 1"))
    inventory = read_settings(file).inventory
    assert (("host-b",), [("host-a", 1, True)]) == (
        inventory.names,
        [(each.name, each.id, each.lost) for each in inventory.removed],
    )


def test_grants_and_schedules_may_name_a_removed_host(file: Path) -> None:
    """Its removal could not be completed otherwise."""
    extra = (
        '[[people]]\nname = "tanaka"\nroles = ["viewer"]\n[[grants]]\nroles = ["viewer"]\noperations = ["disk"]\n'
        'labels = ["kobe"]\n[[schedules]]\nname = "look"\nwords = "disk host-a"\ncron = "0 9 * * *"\nowner = "tanaka"\n'
    )
    file.write_text(file.read_text() + extra)
    add(file, "host-b", HOST_B)
    add(file, "host-a", REMOVED)
    assert ("host-b",) == read_settings(file).inventory.names
    add(file, "host-a", REMOVED.replace("kobe", "nara"))
    assert [("flatnet.toml", "grants[1].labels[1]")] == [each[:2] for each in find_complaints(file)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (WAITING.replace("id = 4", "id = 0"), ("host-d.toml", "hosts[host-d].id", 2, "must be ≥ 1")),
        (WAITING.replace("by =", "from ="), ("host-d.toml", "hosts[host-d].joining.by", 4, "is required")),
        (
            WAITING.replace("labels", "label"),
            ("host-d.toml", "hosts[host-d].joining.label", 4, "unknown setting. Did you mean labels?"),
        ),
        (WAITING + 'name = "x"\n', ("host-d.toml", "hosts[host-d].joining.joining.name", 4, "unknown setting. Remove it")),
        (WAITING.replace("2026-11-30T02:00:00Z", "2026-11-30T02:00:00"), ("host-d.toml", "hosts[host-d].joining.since", 5)),
        (WAITING.replace("id = 4", "id = 1"), ("flatnet.toml", "", None)),
        ('name = "host-d"\nid = 4\njoining = 1\n', ("host-d.toml", "hosts[host-d].joining.joining", 3)),
        (PINNED.replace("https", "ftp"), ("host-d.toml", "hosts[host-d].windows.url", 6)),
        (
            JOINING.replace("{pin}", ""),
            (
                "host-d.toml",
                "hosts[host-d].windows",
                5,
                "has no pinned identity. Remove the table, then run host add again",
            ),
        ),
    ],
)
def test_a_bad_file_of_a_host_that_is_being_added_is_refused_with_its_place(
    file: Path, content: str, expected: tuple[object, ...]
) -> None:
    add(file, "host-d", content)
    assert expected in [each[: len(expected)] for each in find_complaints(file)]


def test_the_configuration_file_itself_has_no_such_tables(file: Path) -> None:
    file.write_text(file.read_text() + '[[removed]]\nname = "host-b"\n')
    assert [("flatnet.toml", "removed", None, "unknown setting. Remove it")] == find_complaints(file)
