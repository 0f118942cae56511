"""Trust in files: finds what lets other users change or exchange a file of the bot.

    path ─ every folder and link on the way, then itself ─ owner and mode ─▶ one sentence with its fix, for each problem

Others are all users but root, the user of this process and the owners that a caller names. A folder above may be writable
by others if it is sticky (`/tmp`), because they cannot exchange what is not theirs there.

A group counts as others, except root's (container engines provide volumes as `root:root 0775`) and the user's own one
without other members. In a user namespace (a rootless container) the accounts of the host have no names. What belongs to
one of them is judged by its mode alone.
"""

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.phrase import Phrase

ROOT = 0

MAX_LINKS = 40
"""Maximum number of links on the way to a file, as in Linux."""

_ACCESS_LIST = "system.posix_acl_access"
_WHOLE_MAP = ["0", "0", "4294967295"]
_UNNAMED_OWNER = 65534
"""Owner that the kernel shows in a user namespace for accounts outside of it."""


@dataclass(frozen=True)
class FileTrust:
    """The ids of users and groups that may change files of the bot.

    `in_namespace`: owners outside of this user namespace have no name.
    """

    owners: frozenset[int]
    groups: frozenset[int] = frozenset({ROOT})
    in_namespace: bool = False

    def find_problems(self, *paths: Path) -> tuple[Phrase, ...]:
        """Finds the problems of files or folders, and of all that leads there. None for one that does not exist."""
        return self._judge(dict(each for path in paths for each in _walk(path)), None)

    def find_folder_problems(self, folder: Path) -> tuple[Phrase, ...]:
        """Finds the problems of a folder in which the bot creates files, and of the files that are there."""
        return self._judge(dict(each for path in (folder, *_list_files(folder)) for each in _walk(path)), folder.resolve())

    def _judge(self, seen: Mapping[Path, os.stat_result], used: Path | None) -> tuple[Phrase, ...]:
        """Judges all that was seen. In the folder `used` others must not even create files of their own."""
        problems = (
            self._judge_owner(path, state)
            or (None if _is_mode_irrelevant(path, state, used) else self._judge_mode(path, state))
            for path, state in seen.items()
        )
        return tuple(problem for problem in problems if problem is not None)

    def _judge_owner(self, path: Path, state: os.stat_result) -> Phrase | None:
        if state.st_uid in self.owners or (self.in_namespace and state.st_uid == _UNNAMED_OWNER):
            return None
        return Phrase(
            "{path} belongs to {owner}, who can exchange it. Run the bot as that user, or run: {command}",
            path=str(path),
            owner=_get_user_name(state.st_uid),
            command=shlex.join(("chown", *_list_link_options(state), _get_user_name(os.geteuid()), str(path))),
        )

    def _judge_mode(self, path: Path, state: os.stat_result) -> Phrase | None:
        """Returns the problem of a file or folder that others may write. An access list may name anyone."""
        everyone = bool(state.st_mode & stat.S_IWOTH)
        group = bool(state.st_mode & stat.S_IWGRP) and (state.st_gid not in self.groups or _has_access_list(path))
        if not everyone and not group:
            return None
        bits = "go-w" if everyone and group else "o-w" if everyone else "g-w"
        return Phrase(
            "{path} is writable by others. Run: {command}", path=str(path), command=shlex.join(("chmod", bits, str(path)))
        )


def trust_users(*more: int) -> FileTrust:
    """Trusts root, the user of this process, and `more`."""
    owners = frozenset({ROOT, os.geteuid(), *more})
    return FileTrust(owners, frozenset({ROOT, *_find_private_groups(owners)}), _is_in_user_namespace())


def trust_owner_of(folder: Path) -> FileTrust:
    """Trusts root, the user of this process, and for root also the owner of the bot's data: root may examine any bot."""
    state = _read_state(folder) if os.geteuid() == ROOT else None
    return trust_users() if state is None else trust_users(state.st_uid)


def _is_mode_irrelevant(path: Path, state: os.stat_result, used: Path | None) -> bool:
    """Returns whether a mode does not matter: a link's, and a sticky folder's unless it is the `used` one."""
    return stat.S_ISLNK(state.st_mode) or (
        stat.S_ISDIR(state.st_mode) and bool(state.st_mode & stat.S_ISVTX) and path != used
    )


def _list_link_options(state: os.stat_result) -> tuple[str, ...]:
    return ("-h",) if stat.S_ISLNK(state.st_mode) else ()


def _find_private_groups(users: Iterable[int]) -> Iterator[int]:
    """Yields the users' own groups (of their name) that have no other members."""
    for user in users:
        try:
            owner = pwd.getpwuid(user)
            group = grp.getgrgid(owner.pw_gid)
        except KeyError:
            continue
        if group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}:
            yield group.gr_gid


def _has_access_list(path: Path) -> bool:
    try:
        return bool(os.getxattr(path, _ACCESS_LIST))
    except OSError:
        return False  # none, or a file system without them


def _walk(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yields every folder and link on the way to a path, then what is there; ends early at what does not exist."""
    at, rest, links = Path("/"), list(reversed(path.absolute().parts[1:])), 0
    yield at, at.lstat()
    while rest:
        name = rest.pop()
        here = at.parent if name == ".." else at / name
        state = _read_state(here)
        if state is None or links > MAX_LINKS:
            return
        yield here, state
        if stat.S_ISLNK(state.st_mode):
            links += 1
            target = here.readlink()
            rest.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
            at = Path("/") if target.is_absolute() else at
        else:
            at = here


def _list_files(folder: Path) -> tuple[Path, ...]:
    """Lists the files and links in a folder. A control socket has a group of its own, which may write."""
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(Path(entry.path) for entry in entries if entry.is_symlink() or entry.is_file()))
    except OSError:
        return ()


def _read_state(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None  # the bot cannot use it either, and says so then


def _get_user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _is_in_user_namespace() -> bool:
    try:
        return Path("/proc/self/uid_map").read_text(encoding="ascii").split() != _WHOLE_MAP
    except OSError:
        return False
