"""Logs of WSL2: lines about CNI, podman's journal, and the output of a Flatnet container.

Files and the journal are read as the bot's own user, who is in the groups adm and systemd-journal. podman runs as root.
"""

from collections.abc import Sequence

from adapters.errors import ActionFailed
from adapters.inventory import FilePath, PodmanName, WslSide
from adapters.logs import BYTES_LIMIT, LogText, Search
from adapters.phrase import Listing, Phrase
from adapters.wsl.action import Argv, Completed, WslAction
from adapters.wsl.newest import BUDGET, SEARCHED, newest, read_newest, since_until, wanted
from adapters.wsl.podman import Container, Unread, listing, no_answer, read_listing

CNI = "cni"

_JOURNAL = "journalctl"

NAMED, NAME = 5, 63
"""Containers that are listed if the requested one is missing, and characters shown of each name (the host's text)."""

NO_CONTAINER = "no-container"
"""`ActionFailed.code` of `ReadContainer` if the host has no such container. A missing program has another code."""


class ReadCni(WslAction[LogText]):
    """Reads the lines about CNI in syslog and its rotated files, or in the journal if there is no syslog."""

    each = BUDGET + 3.0
    deadline = 20.0
    output_limit = BYTES_LIMIT + 64 * 1024

    syslog: FilePath
    search: Search

    @classmethod
    def of(cls, side: WslSide, search: Search) -> "ReadCni":
        """Makes the action for one host's syslog."""
        return cls(syslog=side.syslog, search=search)

    def commands(self) -> tuple[Argv, ...]:
        journal = _journal(self.search, SEARCHED)
        return (newest(self.search, file=self.syslog, about=CNI, program=journal),)

    def parse(self, completed: Sequence[Completed]) -> LogText:
        (answer,) = completed
        return _read_journal(answer, self.search, self.syslog)


class ReadPodman(WslAction[LogText]):
    """Reads the journal of the unit podman."""

    each = BUDGET + 3.0
    deadline = 20.0
    output_limit = BYTES_LIMIT + 64 * 1024

    search: Search

    @classmethod
    def of(cls, side: WslSide, search: Search) -> "ReadPodman":
        """Makes the action, which is the same for any host."""
        return cls(search=search)

    def commands(self) -> tuple[Argv, ...]:
        most = wanted(self.search, ends=True)
        return (newest(self.search, program=(*_journal(self.search, most), "--unit", "podman"), most=most),)

    def parse(self, completed: Sequence[Completed]) -> LogText:
        (answer,) = completed
        return _read_journal(answer, self.search, _JOURNAL)


class ReadContainer(WslAction[LogText]):
    """Reads the output of one container of the Flatnet network, both streams, each line with podman's time before it."""

    each = BUDGET + 3.0
    deadline = 25.0
    output_limit = BYTES_LIMIT + 2 * 1024 * 1024  # with podman's list of about 2 kB for each container

    network: PodmanName
    name: PodmanName
    search: Search

    @classmethod
    def of(cls, side: WslSide, name: str, search: Search) -> "ReadContainer":
        """Makes the action for one container of one host."""
        return cls(network=side.network, name=name, search=search)

    def commands(self) -> tuple[Argv, ...]:
        most = wanted(self.search, ends=False)
        logs = ("sudo", "-n", "podman", "logs", "--timestamps", "--tail", str(most), self.name)
        return (*listing(self.network), newest(self.search, program=logs, most=most))

    def parse(self, completed: Sequence[Completed]) -> LogText:
        *listed, answer = completed
        containers = read_listing(listed, self.network)
        if isinstance(containers, Unread):
            raise ActionFailed(containers.phrase, code="unread", maybe_ran=False)
        known = self.name in (container.name for container in containers)
        exists = not (
            answer.code == 125 and answer.stderr.rstrip().endswith("no such container")
        )  # 125 is any failure of podman
        if not (known and exists):
            raise self._not_there(containers, known=known, exists=exists)
        if answer.code in (1, 125):
            raise ActionFailed(no_answer(answer), code=str(answer.code), maybe_ran=False)
        return read_newest(answer, self.search, self.name)

    def _not_there(self, containers: Sequence[Container], *, known: bool, exists: bool) -> ActionFailed:
        """Makes the error for a container that is missing, or not on Flatnet's network."""
        if known:
            phrase, code = (
                Phrase("the container {name} was removed at this moment; its log went with it", name=self.name),
                "gone",
            )
        elif exists:
            code = "foreign"
            phrase = Phrase(
                "the container {name} is not on the network {network}, and only Flatnet's are read",
                name=self.name,
                network=self.network,
            )
        else:
            code = NO_CONTAINER
            phrase = self._among(containers)
        return ActionFailed(phrase, code=code, maybe_ran=False)

    def _among(self, containers: Sequence[Container]) -> Phrase:
        """Describes the missing container and the existing ones."""
        if not containers:
            return Phrase("there is no container {name}, and none at all on Flatnet's network", name=self.name)
        names = Listing(tuple(container.name[:NAME] for container in containers[:NAMED]))
        if len(containers) <= NAMED:
            return Phrase("there is no container {name}; there are: {names}", name=self.name, names=names)
        return Phrase(
            "there is no container {name}; of {n} there are for example: {names}",
            name=self.name,
            n=len(containers),
            names=names,
        )


def _journal(search: Search, most: int) -> Argv:
    """Builds the command that prints the newest entries, oldest first, with a program's bytes unchanged."""
    form = ("--no-pager", "--all", "--output", "short-iso-precise")
    return (_JOURNAL, *form, "--lines", str(most), *since_until(search))


def _read_journal(answer: Completed, search: Search, place: str) -> LogText:
    """Parses journal lines. An empty and an unreadable journal differ only in journalctl's standard error."""
    if "currently not seeing messages" in answer.stderr or "insufficient permissions" in answer.stderr:
        phrase = Phrase(
            "the bot may not read WSL2's journal; put its user into the group systemd-journal (prepare-wsl.sh does)"
        )
        raise ActionFailed(phrase, code="denied", maybe_ran=False)
    if "No journal files were found" in answer.stderr:
        phrase = Phrase("WSL2 keeps no journal; see that systemd runs there: journalctl --list-boots")
        raise ActionFailed(phrase, code="missing", maybe_ran=False)
    return read_newest(answer, search, place)
