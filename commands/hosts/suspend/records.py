"""Records by which the end of a run says what it did for a suspended host. Pure.

    suspend  a premise has the RememberedHost; keys of steps: HOST/stop/ID, and others
    resume   keys of steps: HOST/nebula/…, HOST/openresty/…, HOST/start/ID (also where the container runs already)

What a run did follows from signed outcomes (`bot.hosts.rules.suspension`), so that room needs no knowledge of operations.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue, ValidationError

from adapters.phrase import Phrase
from adapters.value import Value
from commands.model.finding import list_some
from commands.model.plan import Plan, Premise, Step
from commands.model.suspension import RememberedContainer, RememberedService

RESUME_WORDS = "host resume"
REMOVE_WORDS = "host remove"
"""Command whose end ends a suspension, too: the host is gone."""

MEMORY_PREMISE = "suspension"
"""Subject of the premise that has the `RememberedHost`."""


class Mark(StrEnum):
    """First word of a step's key behind its host."""

    STOP = "stop"
    """A container is stopped."""
    NEBULA = "nebula"
    """Nebula is started, or is found running."""
    OPENRESTY = "openresty"
    START = "start"
    """A container is started, or is found running."""


class RememberedHost(Value):
    """Facts that a suspension fixes before it stops anything: what a resume restores.

    `containers` are in the order in which they start, `services` as they were before.
    """

    containers: Annotated[tuple[RememberedContainer, ...], Field(max_length=5000)] = ()
    services: tuple[RememberedService, ...] = ()

    def build_premise(self, host: str) -> Premise:
        """Builds the premise of a plan that suspends a host."""
        names = [each.name for each in self.containers]
        phrase = (
            Phrase("a resume of {host} starts {containers}", host=host, containers=list_some(names))
            if names
            else Phrase("a resume of {host} starts no containers", host=host)
        )
        return Premise(host=host, what=MEMORY_PREMISE, value=self.model_dump(mode="json"), phrase=phrase)


def make_key(host: str, mark: Mark, name: str = "") -> str:
    """Makes the key of a step that has a mark: `host-a/stop/0123…`."""
    return "/".join(filter(None, (host, mark.value, name)))


def has_mark(step: Step, host: str, mark: Mark) -> bool:
    """Returns whether a step of a host has a mark."""
    return step.key.startswith(f"{make_key(host, mark)}/")


def find_memory(plan: Plan) -> tuple[str, RememberedHost] | None:
    """Finds the host that a plan suspends, and what it remembers; None in another plan, or in one of another version."""
    premise = next((premise for premise in plan.premises if premise.what == MEMORY_PREMISE), None)
    memory = None if premise is None else _parse_memory(premise.value)
    return None if premise is None or memory is None else (premise.host, memory)


def _parse_memory(value: JsonValue) -> RememberedHost | None:
    try:
        return RememberedHost.model_validate(value)
    except ValidationError:
        return None
