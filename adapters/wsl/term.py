"""Term in WSL2: a word before the verb of each call of the helper that changes something.

    sudo -n HELPER term 17 containers stop ID     the helper compares and keeps the term, then runs the verb
    sudo -n HELPER term keep 18                   it only keeps it

Reads are sent as ever, and so is everything where there is no term.
"""

from typing import Any

from adapters.action import Effect
from adapters.term import KeptTerm, Term
from adapters.wsl.action import Argv, WslAction
from adapters.wsl.helper import HelperAction, build_helper_command


class KeepTerm(HelperAction[KeptTerm]):
    """Has the helper keep the term. From then on it refuses what carries a lower one.

    Raises `ActionFailed` with the code `OlderTerm` if it keeps a higher one.
    """

    effect = Effect.CHANGE
    program_timeout = 7.0
    deadline = 9.0
    output_limit = 64_000

    term: Term

    def build_commands(self) -> tuple[Argv, ...]:
        return (build_helper_command("term", "keep", str(self.term)),)


def build_commands(action: WslAction[Any], term: int) -> tuple[Argv, ...]:
    """Builds the programs of an action as they are sent: those that change something carry the term, if there is one.

    Only the helper changes something. Another program would run unchecked, so it is a bug (`ValueError`).
    """
    commands = action.build_commands()
    if not term or not action.changes or isinstance(action, KeepTerm):
        return commands
    return tuple(_add_term(command, term) for command in commands)


def _add_term(command: Argv, term: int) -> Argv:
    helper = build_helper_command()
    if command[: len(helper)] != helper:
        raise ValueError(f"{command[0]} knows no term")
    return (*helper, "term", str(term), *command[len(helper) :])
