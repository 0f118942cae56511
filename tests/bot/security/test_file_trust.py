"""Folders and files that others can change or exchange are found, with the command that mends each."""

import os
from pathlib import Path

import pytest

from bot.security.file_trust import FileTrust, trust_owner_of, trust_users

ME = os.geteuid()
WRITABLE = "{path} is writable by others. Run: chmod {bits} {path}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the bot makes it, two folders below one that is its own."""
    folder = tmp_path / "srv" / "bot" / "var"
    folder.mkdir(parents=True)
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o700)
    database = folder / "flatnet.sqlite3"
    database.touch(0o600)
    return folder


def problems(folder: Path) -> list[str]:
    return [str(problem) for problem in trust_users().find_folder_problems(folder)]


def test_a_folder_as_the_bot_makes_it_has_no_problem(data: Path) -> None:
    assert [] == problems(data)
    assert [] == problems(data / "not" / "there")


@pytest.mark.parametrize("mode", [0o707, 0o1707, 0o702])
def test_a_data_folder_that_all_can_write_is_found_even_if_it_is_sticky(data: Path, mode: int) -> None:
    data.chmod(mode)
    assert [WRITABLE.format(path=data, bits="o-w")] == problems(data)


def test_a_file_that_all_can_write_is_found(data: Path) -> None:
    (data / "flatnet.sqlite3").chmod(0o602)
    assert [WRITABLE.format(path=data / "flatnet.sqlite3", bits="o-w")] == problems(data)


def test_a_folder_above_that_all_can_write_is_found_unless_it_is_sticky(data: Path) -> None:
    above = data.parents[1]
    above.chmod(0o757)
    assert [WRITABLE.format(path=above, bits="o-w")] == problems(data)
    above.chmod(0o1777)
    assert [] == problems(data)


def test_a_folder_behind_a_link_is_judged_and_so_is_the_folder_of_the_link(data: Path, tmp_path: Path) -> None:
    """Whoever can write the folder of a link can let it lead elsewhere."""
    links = tmp_path / "links"
    links.mkdir(0o700)
    (links / "var").symlink_to("../srv/bot/var")
    assert [] == problems(links / "var")
    links.chmod(0o707)
    data.parent.chmod(0o707)
    assert {str(problem).split(" ")[0] for problem in trust_users().find_folder_problems(links / "var")} == {
        str(links),
        str(data.parent),
    }


def test_a_link_in_the_folder_is_followed(data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o700)
    (data / "durable.sqlite3").symlink_to(elsewhere / "durable.sqlite3")
    assert [] == problems(data)
    elsewhere.chmod(0o703)
    assert [WRITABLE.format(path=elsewhere, bits="o-w")] == problems(data)


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert () == trust_users().find_problems(tmp_path / "a" / "file")


@pytest.mark.parametrize("owners", [{4_242}, {4_242, 4_243}])
def test_what_belongs_to_another_user_is_found_all_the_way(data: Path, owners: set[int]) -> None:
    """For a bot that is neither root nor the owner; `/` belongs to root."""
    found = [str(problem) for problem in FileTrust(frozenset(owners)).find_folder_problems(data)]
    assert any(
        each.startswith(f"{data} belongs to ") and "Run the bot as that user, or run: chown " in each for each in found
    )
    assert any(each.startswith(f"{data / 'flatnet.sqlite3'} belongs to ") for each in found)
    assert any(each.startswith("/ belongs to ") for each in found)


def test_an_owner_without_a_name_counts_in_a_container_only(data: Path) -> None:
    """In a rootless container the accounts of the host have no names there; the mode still counts."""
    named = frozenset(range(65_534))
    nameless = os.stat_result((0o100600, 1, 1, 1, 65_534, 65_534, 0, 0, 0, 0))
    assert FileTrust(named)._judge_owner(data, nameless) is not None
    assert FileTrust(named, in_namespace=True)._judge_owner(data, nameless) is None


def test_for_root_the_owner_of_the_data_is_the_bot(data: Path) -> None:
    """`sudo flatnet-bot doctor` examines the bot of another user, whose secrets are that user's."""
    if ME == 0:
        os.chown(data, 4_242, -1)
        assert trust_owner_of(data).owners == {0, 4_242}
    else:
        assert trust_owner_of(data).owners == {0, ME}
    assert trust_owner_of(data / "not there").owners == {0, ME}


def test_a_group_counts_as_others_unless_it_is_trusted(data: Path) -> None:
    """Root's group, with which container engines make volumes, and a user's own group without other members are trusted."""
    owners, group = frozenset({0, ME}), data.stat().st_gid
    (data / "flatnet.sqlite3").chmod(0o660)
    data.chmod(0o773)
    assert [
        WRITABLE.format(path=data, bits="go-w"),
        WRITABLE.format(path=data / "flatnet.sqlite3", bits="g-w"),
    ] == [str(problem) for problem in FileTrust(owners, frozenset()).find_folder_problems(data)]
    assert [WRITABLE.format(path=data, bits="o-w")] == [
        str(problem) for problem in FileTrust(owners, frozenset({group})).find_folder_problems(data)
    ]


def test_root_s_group_is_trusted() -> None:
    assert 0 in trust_users().groups


def test_a_command_for_a_path_with_a_blank_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    folder.chmod(0o707)
    assert [f"{folder} is writable by others. Run: chmod o-w '{folder}'"] == problems(folder)
