"""Term on Windows: a constant script that compares and keeps it, and then runs the script of the change.

    a change: with-term.ps1, {term, script, args} ─┬─▶ the term is kept, then the script runs as it would without one
                                                   └─▶ a higher one is kept: OlderTerm, and the script does not run

The command line is the same with and without it. Reads are sent as ever, and so is everything where there is no term.
"""

from typing import Any

from adapters.action import Effect
from adapters.errors import ActionFailed
from adapters.term import OLDER_TERM, KeptTerm, Term, find_kept_term, make_older_term_error
from adapters.windows.action import WindowsAction
from adapters.windows.powershell import load_script


class KeepTerm(WindowsAction[KeptTerm]):
    """Has the host keep the term. From then on it refuses what carries a lower one.

    Raises `ActionFailed` with the code `OlderTerm` if it keeps a higher one.
    """

    script = "keep-term"
    effect = Effect.CHANGE
    deadline = 9.0
    output_limit = 64_000

    term: Term


def build_request(action: WindowsAction[Any], term: int) -> tuple[str, dict[str, Any]]:
    """Builds the script and the arguments that are sent for an action: those of a change carry the term, if there is one."""
    script = action.load_script()
    if not term or not action.changes or isinstance(action, KeepTerm):
        return script, action.build_arguments()
    return load_script("with-term"), {"term": term, "script": script, "args": action.build_arguments_of_term(term)}


def explain_older_term(failure: ActionFailed, *, maybe_ran: bool) -> ActionFailed:
    """Returns the error for a host that keeps a higher term; another failure unchanged.

    `maybe_ran`: the request was sent once before, and that time its answer was lost.
    """
    terms = find_kept_term(str(failure)) if failure.code == OLDER_TERM else None
    return failure if terms is None else make_older_term_error(*terms, maybe_ran=maybe_ran)
