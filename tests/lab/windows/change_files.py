"""A guarded change as files on a host's disk, as `begin-change.ps1` and `guard.ps1` write it, and read back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from tests.lab.windows.guard import GuardedChange, Nginx, Step, Swap
from tests.lab.windows.state import RECORD

FOLDER = RECORD / "changes"


def write(change: GuardedChange, offset: timedelta) -> dict[str, str]:
    """Names and texts of the files of one change; the host's clock is ahead by `offset`."""
    last: dict[str, Any] = {"state": change.state, "why": change.why, "saved": change.saved}
    if not change.window:
        return {"state-0001.json": json.dumps(last)}
    plan = {
        "window": change.window,
        "swaps": [asdict(swap) for swap in change.swaps],
        "steps": [asdict(step) for step in change.steps],
        "undo": [asdict(step) for step in change.undo],
        "facts": change.has_facts,
    } | ({"term": change.term} if change.term else {})
    begun = {"state": "applying", "why": "", "saved": False, "at": (change.looked_at + offset).isoformat()}
    states = [begun, last] if change.guarded else [begun]
    named = {f"state-{number:04}.json": json.dumps(state) for number, state in enumerate(states, 1)}
    facts = {"facts.json": json.dumps(dict(change.facts))} if change.facts else {}
    return {"change.json": json.dumps(plan)} | named | dict.fromkeys(change.marks, "") | facts


def read(operation: str, files: Mapping[str, str], now: datetime, offset: timedelta) -> GuardedChange | None:
    """A change from its files, looked at `now`; None where no state was recorded, or one that nobody can read."""
    states = sorted(name for name in files if name.startswith("state-"))
    try:
        last = json.loads(files[states[-1]])
        state = last["state"]
        if len(states) == 1 and state == "reverted":
            return GuardedChange.never(operation, now)
        plan = json.loads(files["change.json"])
    except (LookupError, ValueError):
        return None
    return GuardedChange(
        operation=operation,
        window=plan["window"],
        looked_at=now if len(states) > 1 else datetime.fromisoformat(last["at"]) - offset,
        swaps=[Swap(**swap) for swap in plan["swaps"]],
        steps=[_read_step(step) for step in plan["steps"]],
        undo=[_read_step(step) for step in plan["undo"]],
        has_facts=plan["facts"],
        state=state,
        why=last["why"],
        marks={mark for mark in ("confirm", "abort") if mark in files},
        guarded=len(states) > 1,
        saved=last["saved"],
        facts=json.loads(files.get("facts.json", "{}")),
        term=plan.get("term", 0),
    )


def _read_step(step: Mapping[str, Any]) -> Step:
    nginx = step.get("nginx")
    return Step(**{**step, "nginx": None if nginx is None else Nginx(**nginx)})
