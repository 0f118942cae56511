"""Checks what the configuration gives to containers: secrets only by their names, and none of the bot's own. Pure."""

from collections.abc import Collection, Iterator, Sequence

from adapters.phrase import Phrase
from adapters.wsl.description import Variable
from bot.config.references import ReferenceProblem
from bot.security.redaction import Redactor
from bot.security.secret_patterns import is_secret_name
from commands.model.containers import ContainerSpec

_PATTERNS = Redactor()
"""Finds what looks like a secret by itself."""


def find_bad_containers(containers: Sequence[ContainerSpec], own_secrets: Collection[str]) -> Iterator[ReferenceProblem]:
    """Yields variables whose value looks like a secret, and those that would get a secret of the bot itself."""
    for place, container in enumerate(containers):
        for variable in container.variables:
            problem = _find_problem(variable, own_secrets)
            if problem is not None:
                yield ("containers", place, "variables", variable.name), problem


def _find_problem(variable: Variable, own_secrets: Collection[str]) -> Phrase | None:
    if variable.secret_name in own_secrets:
        return Phrase("{name} is a secret of the bot itself. Use another one", name=str(variable.secret_name))
    if variable.secret_name is None and variable.value and _looks_secret(variable):
        return Phrase(
            "looks like a secret. Write the value into a file of secrets_folder, and here {example}",
            example="secret:NAME",
        )
    return None


def _looks_secret(variable: Variable) -> bool:
    return is_secret_name(variable.name) or _PATTERNS.holds_secret(f"{variable.name}={variable.value}")
