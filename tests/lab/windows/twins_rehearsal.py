"""Twins of the scripts of a rehearsal: one makes scratch files, the other reads what became of some of them."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, round_trip
from tests.lab.windows.twins_change import find_change, name_change
from tests.lab.windows.twins_nebula import open_folder, require_ours

USERS = "S-1-5-32-545"
NO_FACTS = dict.fromkeys(("account", "version", "edition", "culture", "ui_culture"), "")


def _make_scratch(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    require_ours(folder)
    open_folder(state, folder)
    for name in arguments["names"]:
        state.write(folder / f"{name}.txt", "rehearsal: old", now)
        state.write(folder / f"{name}.new", "rehearsal: new, as careful as with a PRIVATE KEY-----", now)
        for old, new in ((f"{name}-plain.txt", f"{name}-plain.new"), (f"{name}-folder", f"{name}-folder.new")):
            inside = "scratch.txt" if old.endswith("-folder") else ""
            state.write(folder / old / inside, "rehearsal: old", now)
            state.write(folder / new / inside, "rehearsal: new", now)
        state.readers[folder / f"{name}.txt"] = [USERS]
    return {"changed": True}


def _read_rehearsal(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    operation = name_change(arguments)
    change = find_change(state, operation)
    facts = (change.facts if change is not None else {}) or NO_FACTS
    task = state.tasks.get(f"flatnet-bot change {operation}")
    kept = "" if task is None else task.arguments
    target = PureWindowsPath(arguments["target"])
    words = [_name_text(state.files.get(PureWindowsPath(path))) for path in (target, *arguments["others"])]
    return {
        "operation": operation,
        "state": "absent" if change is None else change.state,
        "why": "" if change is None else change.why,
        "text": words[0] if len(set(words)) == 1 else "other",
        "sddl": state.read_sddl(target) if target in state.files else "",
        "account": facts["account"],
        "powershell": facts["version"],
        "edition": facts["edition"],
        "culture": facts["culture"],
        "ui_culture": facts["ui_culture"],
        "arguments_length": len(kept),
        "arguments_hash": hashlib.sha256(kept.encode()).hexdigest() if kept else "",
        "build": state.os_version if state.wmi else "",
        "clock": round_trip(state.clock(now)),
    }


def _name_text(text: str | None) -> str:
    if text is None:
        return "absent"
    return next((word for word in ("old", "new") if text.startswith(f"rehearsal: {word}")), "other")


TWINS: Mapping[str, Twin] = {"make-scratch": _make_scratch, "read-rehearsal": _read_rehearsal}
