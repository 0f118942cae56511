"""Twins of the scripts that keep the term of the bot's lead: by an empty file of that name, the highest one."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.lab.windows.state import TERMS, WindowsState
from tests.lab.windows.twin import Twin, fail
from tests.lab.windows.twins_change import check_root, open_root


def keep_term(term: int, state: WindowsState, now: datetime) -> None:
    """Compare and keep it; `ScriptError` where a higher one is kept."""
    if not state.has_folder(TERMS):
        open_root(state)
    check_root(state)
    kept = find_terms(state)
    if kept and max(kept) > term:
        raise fail("OlderTerm", f"term {max(kept)} is kept here, and this is of term {term}")
    if term in kept:
        return
    state.write(TERMS / str(term), "", now)
    for older in kept:
        state.remove(TERMS / str(older))


def find_terms(state: WindowsState) -> list[int]:
    """The terms that are kept."""
    files = [path for path in state.files if path.parent == TERMS]
    if strange := [path for path in files if not re.fullmatch("[1-9][0-9]{0,15}", path.name)]:
        words = f"is no term; stop all copies of the bot but one, then remove {TERMS}"
        raise fail("TermUnreadable", f"{strange[0]} {words}")
    return [int(path.name) for path in files]


def _keep_term(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    keep_term(arguments["term"], state, now)
    return {"term": arguments["term"]}


TWINS: Mapping[str, Twin] = {"keep-term": _keep_term}
