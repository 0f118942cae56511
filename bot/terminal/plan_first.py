"""Approvals in a terminal show the plan first: who approves has read it, and finds there the name to type."""

import re

_APPROVAL = re.compile(r"\s*(?:approval\s+)?approve\s+(op-[0-9a-f]{12})(?:\s|$)", re.IGNORECASE)


def find_plan_words(words: str) -> str | None:
    """Finds the command that shows the plan which a line approves; None for any other line."""
    found = _APPROVAL.match(words)
    return None if found is None else f"op show {found[1].lower()}"
