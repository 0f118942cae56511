"""Term: the number of a copy's lead. Hosts keep the highest that they have seen, and refuse changes of a lower one.

    copy A leads, term 17 ── a change that waits in a hung machine ──────────────────────────┐
    copy B leads, term 18 ── KeepTerm(18) to each claimed host ─▶ the host keeps 18 ─────────▶ 17 is refused, nothing runs

A term is no part of an action, so it is no part of a plan's digest. Reads carry none. With one copy there is none: 0.
"""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.value import Value

MAX_TERM = 2**53
"""The highest term. JSON, PowerShell and the shell of WSL2 hold it exactly."""

FindTerm = Callable[[], int]
"""Returns the term of the present lead; 0 where there is none, so that hosts keep and compare nothing."""

Term = Annotated[int, Field(ge=1, le=MAX_TERM)]

OLDER_TERM = "OlderTerm"
"""`ActionFailed.code` of a host that has seen a higher term."""


_KEPT = re.compile(r"term ([1-9][0-9]{0,15}) is kept here, and this is of term ([1-9][0-9]{0,15})")
"""The words of our own scripts and of the helper, which are in English on every host."""


class KeptTerm(Value):
    """The term that a host keeps."""

    term: Term


def find_no_term() -> int:
    """Returns 0: one copy has no term."""
    return 0


def find_kept_term(words: str) -> tuple[int, int] | None:
    """Finds the term that a host keeps, and that of the request, in what a script or the helper says; None if not there."""
    found = _KEPT.search(words)
    return None if found is None else (int(found[1]), int(found[2]))


def make_older_term_error(kept: int, term: int, *, maybe_ran: bool = False) -> ActionFailed:
    """Makes the error for a host that keeps a higher term, `kept`. It did nothing of what this request asked."""
    return ActionFailed(
        Phrase(
            "the host refused this: a later leader (term {kept}) has already acted there, and this copy has term {term}. "
            "Nothing needs to be done if another copy leads now. If an older database was restored, an administrator must "
            "accept the loss with audit accept, which raises the term",
            kept=str(kept),
            term=str(term),
        ),
        code=OLDER_TERM,
        maybe_ran=maybe_ran,
    )
