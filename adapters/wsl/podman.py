"""Flatnet's containers as root's podman lists them with `ps`, and proof that the list is complete.

Without root, podman lists its own empty rootless world with exit code 0. Three programs in one round trip tell the cases
apart: is this root, does the network exist, what is on it. Standard error alone is never a failure, because podman prints
warnings there (cgroups v1).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from adapters.error_text import describe_error
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram


class UnreadPart(Value):
    """One part that could not be read, with the reason. `absent`: it is not there at all, and can be made."""

    phrase: Phrase
    absent: bool = False


MIN_RESTARTS = 3
"""Restarts from which a container that was started just now counts as restarting for ever."""


class Container(Value):
    """One container on the Flatnet network.

    `id` is podman's full one. `state` is podman's own term. `healthy` is None without a health check. `restarts` counts
    restarts by podman since the container was last started by hand. `restarting`: podman starts it again and again, although
    it is "running" at most looks. `image` is the name that it was made with, "" if that is unknown. `started_at` is None if
    it never started.
    """

    name: str
    state: str
    exit_code: int
    healthy: bool | None = None
    restarts: int = 0
    restarting: bool = False
    id: str = ""
    image: str = ""
    started_at: datetime | None = None

    @property
    def runs(self) -> bool:
        """False if its processes have ended or never began. A paused one, or one in between, counts as running."""
        return self.state not in ("exited", "created", "configured", "dead", "removing")


_Word = Annotated[str, StringConstraints(max_length=255)]


class _ListedContainer(BaseModel):
    """One element of `podman ps --format json`, as far as it is read.

    Image and start are for people alone, so one of another shape makes nothing else unreadable.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12,64}$")] = Field(alias="Id", default="")
    names: Annotated[list[_Word], Field(min_length=1, max_length=16)] = Field(alias="Names")
    state: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")] = Field(alias="State")
    status: _Word = Field(alias="Status")
    exit_code: int = Field(alias="ExitCode")
    restarts: Annotated[int, Field(ge=0)] = Field(alias="Restarts", default=0)
    image: Any = Field(alias="Image", default="")
    started_at: Any = Field(alias="StartedAt", default=None)

    def to_container(self) -> Container:
        """Converts the element to a `Container`."""
        return Container(
            id=self.id,
            name=self.names[0],
            state=self.state,
            exit_code=self.exit_code,
            healthy=_parse_health(self.status),
            restarts=self.restarts,
            restarting=self.restarts >= MIN_RESTARTS and _is_between_starts(self.state, self.status),
            image=self.image[:512] if isinstance(self.image, str) else "",
            started_at=_parse_start(self.started_at),
        )


_LIST = TypeAdapter(Annotated[list[_ListedContainer], Field(max_length=5000)])


def build_listing_commands(network: str) -> tuple[Argv, Argv, Argv]:
    """Builds the programs whose results `parse_listing` takes."""
    podman = ("sudo", "-n", "podman")
    return (
        (*podman, "info", "--format", "{{.Host.Security.Rootless}}"),
        (*podman, "network", "exists", network),
        (*podman, "ps", "-a", "--filter", f"network={network}", "--format", "json"),
    )


def parse_listing(completed: Sequence[CompletedProgram], network: str) -> tuple[Container, ...] | UnreadPart:
    """Parses Flatnet's containers, running or not; an `UnreadPart` if the list could not be read or is not root's."""
    info, exists, listed = completed
    if info.code != 0:
        return UnreadPart(phrase=describe_podman_failure(info))
    if info.stdout.strip() != "false":
        return make_rootless_part()
    if exists.code == 1:
        return UnreadPart(
            phrase=Phrase("network {network} not found in podman. Set up Flatnet in WSL2 again", network=network),
            absent=True,
        )
    for answer in (exists, listed):
        if answer.code != 0:
            return UnreadPart(phrase=describe_podman_failure(answer))
    try:
        return tuple(element.to_container() for element in _LIST.validate_json(listed.stdout))
    except ValueError as error:
        return UnreadPart(
            phrase=Phrase(
                "could not parse podman's container list: {why}. Run in WSL2: sudo podman ps --format json",
                why=describe_error(error),
            )
        )


def make_rootless_part() -> UnreadPart:
    """Makes the part for a podman that sudo ran without root: its output describes the user's own, empty storage."""
    return UnreadPart(
        phrase=Phrase("podman is not running as root, so Flatnet's containers are not visible. Allow sudo to run it as root")
    )


SUDO_RULES, SUDO_LOG_RULES = "/etc/sudoers.d/flatnet-bot", "/etc/sudoers.d/flatnet-bot-logs"
"""Files of prepare-wsl.sh with the commands that the bot may run as root. The second one needs sudo 1.9.10."""


def is_refused_by_sudo(answer: CompletedProgram) -> bool:
    """Returns whether sudo did not run the program, although it is there: no rule allows it."""
    last = answer.stderr.strip().rpartition("\n")[2]
    return answer.code == 1 and last.startswith("sudo: ") and not last.endswith("command not found")


def describe_podman_failure(answer: CompletedProgram) -> Phrase:
    """Describes the reason for which podman, run through sudo, failed."""
    why = answer.error_line
    if is_refused_by_sudo(answer):
        return Phrase(
            "could not run podman with sudo: {why}. Run prepare-wsl.sh again, which writes the rules into {file}",
            why=why,
            file=SUDO_RULES,
        )
    match answer.code:
        case 1:  # podman's own failures have 125, sudo's have 1
            return Phrase("could not run podman with sudo: {why}. Install podman in WSL2", why=why)
        case 124 | 137:
            return Phrase("the podman command did not finish. Check for a stuck podman process in WSL2")
        case 126 | 127:
            return Phrase("could not run podman: {why}. Install sudo and podman in WSL2", why=why)
        case _:
            return Phrase("podman failed: {why}. Run in WSL2: sudo podman info", why=why)


_JUST_STARTED = re.compile(r"Up (?:Less than a second|About a minute|\d+ seconds?|[1-9] minutes)\b", re.ASCII)
"""Status of a container that was started less than ten minutes ago."""

_TRANSIENT_STATES = frozenset({"stopped", "stopping", "initialized"})
"""States between an exit and the next start. An exit without another start is "exited"."""


def _is_between_starts(state: str, status: str) -> bool:
    """Returns whether the container is about to be started, or was just started. The text needs no clock of the host."""
    return state in _TRANSIENT_STATES or (state == "running" and _JUST_STARTED.match(status) is not None)


def _parse_start(seconds: object) -> datetime | None:
    """Parses Unix seconds; None for Go's zero time, which stands for never, and for what is no time of this century."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and 0 < seconds < 2**32 else None


def _parse_health(status: str) -> bool | None:
    """Parses the health out of the status, "Up 2 hours (unhealthy)", because podman has no field for it."""
    if status.endswith("(healthy)"):
        return True
    if status.endswith("(unhealthy)"):
        return False
    return None


def can_change_policies(version: str) -> bool:
    """Returns whether podman of this version can change the restart policy of a container: since 5.1. False for ""."""
    numbers = re.match(r"(\d{1,4})\.(\d{1,4})", version, re.ASCII)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (5, 1)
