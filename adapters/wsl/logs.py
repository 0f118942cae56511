"""Logs of WSL2: lines about CNI, podman's journal, and the output of a Flatnet container.

Files and the journal are read as the bot's own user, who is in the groups adm and systemd-journal. podman runs as root.
"""

from collections.abc import Sequence

from adapters.errors import ActionFailed
from adapters.inventory import FilePath, PodmanName, WslSide
from adapters.logs import BYTES_LIMIT, SEARCHED_LINES_LIMIT, LogSearch, LogText
from adapters.phrase import Listing, Phrase
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.log_search import (
    SEARCH_BUDGET,
    LogProgram,
    build_search_command,
    build_time_options,
    count_lines_to_request,
    parse_search_output,
)
from adapters.wsl.podman import (
    SUDO_LOG_RULES,
    Container,
    UnreadPart,
    build_listing_commands,
    describe_podman_failure,
    is_refused_by_sudo,
    parse_listing,
)

CNI = "cni"

_JOURNAL = "journalctl"

_PODMAN_ENTRIES = (
    *("_SYSTEMD_UNIT=podman.service", "+"),
    *("UNIT=podman.service", "_PID=1", "+"),
    "SYSLOG_IDENTIFIER=podman",
)
"""Matches of journalctl: the unit's own entries, those of systemd about it, and those of every podman command.

The unit runs only where podman's API is used. A command writes under its identifier, whatever unit it runs in.
"""

NAMES_SHOWN, NAME_LENGTH = 5, 63
"""Containers that are listed if the requested one is missing, and characters shown of each name (the host's text)."""

NO_CONTAINER = "no-container"
"""`ActionFailed.code` of `ReadContainer` if the host has no such container. A missing program has another code."""


class ReadCni(WslAction[LogText]):
    """Reads the lines about CNI in syslog and its rotated files, or in the journal if there is no syslog."""

    program_timeout = SEARCH_BUDGET + 3.0
    deadline = 20.0
    output_limit = BYTES_LIMIT + 64 * 1024

    syslog: FilePath
    search: LogSearch

    @classmethod
    def of(cls, side: WslSide, search: LogSearch) -> "ReadCni":
        """Makes the action for one host's syslog."""
        return cls(syslog=side.syslog, search=search)

    def build_commands(self) -> tuple[Argv, ...]:
        journal = LogProgram(_build_journal_command(self.search, SEARCHED_LINES_LIMIT))
        return (build_search_command(self.search, file=self.syslog, about=CNI, program=journal),)

    def parse(self, completed: Sequence[CompletedProgram]) -> LogText:
        (answer,) = completed
        return _parse_journal_output(answer, self.search, self.syslog)


class ReadPodman(WslAction[LogText]):
    """Reads the journal of podman: of its unit and of its commands."""

    program_timeout = SEARCH_BUDGET + 3.0
    deadline = 20.0
    output_limit = BYTES_LIMIT + 64 * 1024

    search: LogSearch

    @classmethod
    def of(cls, side: WslSide, search: LogSearch) -> "ReadPodman":
        """Makes the action, which is the same for any host."""
        return cls(search=search)

    def build_commands(self) -> tuple[Argv, ...]:
        most = count_lines_to_request(self.search, ends=True)
        journal = (*_build_journal_command(self.search, most), *_PODMAN_ENTRIES)
        return (build_search_command(self.search, program=LogProgram(journal, most)),)

    def parse(self, completed: Sequence[CompletedProgram]) -> LogText:
        (answer,) = completed
        return _parse_journal_output(answer, self.search, _JOURNAL)


class ReadContainer(WslAction[LogText]):
    """Reads the output of one container of the Flatnet network, both streams, each line with podman's time before it."""

    program_timeout = SEARCH_BUDGET + 3.0
    deadline = 25.0
    output_limit = BYTES_LIMIT + 2 * 1024 * 1024  # with podman's list of about 2 kB for each container

    network: PodmanName
    name: PodmanName
    search: LogSearch

    @classmethod
    def of(cls, side: WslSide, name: str, search: LogSearch) -> "ReadContainer":
        """Makes the action for one container of one host."""
        return cls(network=side.network, name=name, search=search)

    def build_commands(self) -> tuple[Argv, ...]:
        most = count_lines_to_request(self.search, ends=False)
        logs = ("sudo", "-n", "podman", "logs", "--timestamps", "--tail", str(most), self.name)
        program = LogProgram(logs, most, stamps=True)
        return (*build_listing_commands(self.network), build_search_command(self.search, program=program))

    def parse(self, completed: Sequence[CompletedProgram]) -> LogText:
        *listed, answer = completed
        containers = parse_listing(listed, self.network)
        if isinstance(containers, UnreadPart):
            raise ActionFailed(containers.phrase, code="unread", maybe_ran=False)
        known = self.name in (container.name for container in containers)
        absent = answer.code == 125 and answer.stderr.rstrip().endswith("no such container")  # 125 is any failure of podman
        if absent or (answer.code == 0 and not known):
            raise self._make_missing_error(containers, known=known, exists=not absent)
        if is_refused_by_sudo(answer):
            phrase = Phrase(
                "could not run podman logs with sudo: {why}. Run prepare-wsl.sh again, which writes the rule into {file} "
                "(needs sudo 1.9.10 or newer)",
                why=answer.error_line,
                file=SUDO_LOG_RULES,
            )
            raise ActionFailed(phrase, code="refused", maybe_ran=False)
        if answer.code in (1, 125):
            raise ActionFailed(describe_podman_failure(answer), code=str(answer.code), maybe_ran=False)
        return parse_search_output(answer, self.search, self.name)

    def _make_missing_error(self, containers: Sequence[Container], *, known: bool, exists: bool) -> ActionFailed:
        """Makes the error for a container that is missing, or not on Flatnet's network."""
        if known:
            phrase, code = (
                Phrase("container {name} was just removed, together with its log", name=self.name),
                "gone",
            )
        elif exists:
            code = "foreign"
            phrase = Phrase(
                "container {name} is not on the network {network}. Only Flatnet containers can be read",
                name=self.name,
                network=self.network,
            )
        else:
            code = NO_CONTAINER
            phrase = self._describe_containers(containers)
        return ActionFailed(phrase, code=code, maybe_ran=False)

    def _describe_containers(self, containers: Sequence[Container]) -> Phrase:
        """Describes the missing container and the existing ones."""
        if not containers:
            return Phrase("no container {name}. Flatnet's network has no containers", name=self.name)
        names = Listing(tuple(container.name[:NAME_LENGTH] for container in containers[:NAMES_SHOWN]))
        if len(containers) <= NAMES_SHOWN:
            return Phrase("no container {name}. Available: {names}", name=self.name, names=names)
        return Phrase(
            "no container {name}. {n} available, for example: {names}",
            name=self.name,
            n=len(containers),
            names=names,
        )


def _build_journal_command(search: LogSearch, most: int) -> Argv:
    """Builds the command that prints the newest entries, oldest first, with a program's bytes unchanged."""
    form = ("--no-pager", "--all", "--output", "short-iso-precise")
    return (_JOURNAL, *form, "--lines", str(most), *build_time_options(search))


def _parse_journal_output(answer: CompletedProgram, search: LogSearch, place: str) -> LogText:
    """Parses journal lines. An empty and an unreadable journal differ only in journalctl's standard error."""
    if "currently not seeing messages" in answer.stderr or "insufficient permissions" in answer.stderr:
        phrase = Phrase(
            "no permission to read WSL2's journal. Add the bot's user to the group systemd-journal (prepare-wsl.sh does "
            "this)"
        )
        raise ActionFailed(phrase, code="denied", maybe_ran=False)
    if "No journal files were found" in answer.stderr:
        phrase = Phrase("WSL2 has no journal. Check that systemd is running: journalctl --list-boots")
        raise ActionFailed(phrase, code="missing", maybe_ran=False)
    return parse_search_output(answer, search, place)
