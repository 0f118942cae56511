"""Twins of the scripts that begin, read, confirm and abort a guarded change, and of the one that reads services."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.change_files import FOLDER
from tests.lab.windows.change_plan import Move, Verb, plan_steps
from tests.lab.windows.guard import GuardedChange, Nginx, Swap
from tests.lab.windows.state import RECORD, Service, WindowsState
from tests.lab.windows.twin import ScriptError, Twin, fail, round_trip

PRIVATE = "PRIVATE KEY-----"
OPERATION = r"[A-Za-z0-9][A-Za-z0-9-]{0,63}"


def _read_change(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    return _status(state, name_change(arguments), changed=False)


def _begin_change(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    operation = name_change(arguments)
    open_root(state)
    if find_change(state, operation) is not None:
        return _status(state, operation, changed=False)
    _look_at_others(state)
    moves = [_read_move(move, arguments["services"], state) for move in arguments["services"]]
    swaps = [_read_swap(swap, moves, False, state) for swap in arguments["swaps"]]
    swaps += [_read_swap(swap, moves, True, state) for swap in arguments["fallbacks"]]
    steps, undo = plan_steps(swaps, moves, arguments["patience"])
    state.register(f"flatnet-bot change {operation}", arguments["guard"])
    change = GuardedChange(operation, arguments["window"], now, swaps, steps, undo, has_facts=not moves)
    change.term = arguments.get("term", 0)
    state.changes[operation] = change
    return _status(state, operation, changed=True)


def open_root(state: WindowsState) -> None:
    """Open the folder of the bot's records, as its scripts do."""
    if state.disk_full:
        raise fail("DiskFull", "less than 1 MB is free on C:")
    check_root(state)


def check_root(state: WindowsState) -> None:
    """Look whether others can enter the folder of the bot's records."""
    if RECORD in state.links:
        raise fail("FolderNotSafe", f"{RECORD} is a link; look at it, then remove it")
    if state.readers.get(RECORD):
        raise fail("FolderNotSafe", f"others than SYSTEM and Administrators can enter {RECORD}; look at it, then remove it")


def _look_at_others(state: WindowsState) -> None:
    folders = {path.parent.name for path in state.files if path.parent.parent == FOLDER} | state.changes.keys()
    for operation in sorted(folders):
        change = find_change(state, operation)
        if change is not None and change.pending:
            raise fail("ChangeUnderWay", f"the change of {operation} is still under way on this host")


def _read_move(move: Mapping[str, Any], moves: Sequence[Mapping[str, Any]], state: WindowsState) -> Move:
    """What runs now, and whether it can be moved at all."""
    name, verb, nginx = move["service"], move["verb"], None if move["nginx"] is None else Nginx(**move["nginx"])
    service = state.service(name)
    if service is None:
        return _read_nginx(move, nginx, state)
    if service.status == "Unknown":
        message = f"Service '{name}' cannot be queried due to the following error: Access is denied."
        raise ScriptError(message, "System.InvalidOperationException", "CouldNotGetServiceInfo,Get-Service")
    if verb == "reload":
        assert nginx is not None
        _check_running(nginx, state)
    else:
        _look_at_service(name, verb, [each["service"].lower() for each in moves if each["verb"] != "reload"], state)
    return Move(name, verb, service.status not in ("Stopped", "StopPending"), reloads=nginx)


def _look_at_service(name: str, verb: Verb, moved: Sequence[str], state: WindowsState) -> None:
    service = state.service(name)
    assert service is not None
    if service.start_type == "Disabled" and verb != "stop":
        raise fail("ServiceDisabled", f"the service {name} is Disabled, so it cannot be started")
    names = ", ".join(needed for needed in service.needed_by if needed.lower() not in moved)
    if names and verb != "start":
        raise fail("ServicesDepend", f"{names} would be stopped with {name} and not started again; stop it first")


def _read_nginx(move: Mapping[str, Any], nginx: Nginx | None, state: WindowsState) -> Move:
    if nginx is None:
        raise fail("ServiceAbsent", f"there is no service {move['service']}")
    if state.program(nginx.program) is None:
        raise fail("NginxAbsent", f"there is neither a service {move['service']} nor {nginx.program}")
    if move["verb"] == "reload":
        _check_running(nginx, state)
    return Move(move["service"], move["verb"], bool(state.nginx_processes), nginx, nginx)


def _check_running(nginx: Nginx, state: WindowsState) -> None:
    if not state.nginx_processes:
        raise fail("NginxNotRunning", f"{nginx.program} is not running, so it cannot reload its configuration")


def _read_swap(given: Mapping[str, Any], moves: Sequence[Move], fallback: bool, state: WindowsState) -> Swap:
    source, target = PureWindowsPath(given["source"]), PureWindowsPath(given["target"])
    if given["kind"] == "folder":
        _check_folder(source, target, state)
        return Swap(given["source"], given["target"], state.has_folder(target), kind="folder", fallback=fallback)
    text = state.files.get(source)
    if text is None:
        raise fail("SourceAbsent", f"there is no file {source}")
    if state.has_folder(target):
        raise fail("TargetNotFile", f"{target} is a folder")
    private = PRIVATE in text
    for move in moves if private else ():
        if move.nginx is None:
            _look_at_account(move.service, state)
    return Swap(given["source"], given["target"], target in state.files, private, fallback=fallback)


def _check_folder(source: PureWindowsPath, target: PureWindowsPath, state: WindowsState) -> None:
    if not state.has_folder(source):
        raise fail("SourceAbsent", f"there is no folder {source}")
    if target in state.files:
        raise fail("TargetNotFolder", f"{target} is a file")
    if source.drive.lower() != target.drive.lower():
        raise fail("FoldersApart", f"{source} and {target} are on different drives")
    for path in (source, target):
        if path in state.links:
            raise fail("FolderNotSafe", f"{path} is a link; look at it, then remove it")
    inside = {path: text for path, text in state.files.items() if source in path.parents and PRIVATE in text}
    if any(text != state.files.get(target / path.relative_to(source)) for path, text in inside.items()):
        raise fail("KeyInFolder", f"there is a private key in {source}; swap it as a file")


def _look_at_account(name: str, state: WindowsState) -> None:
    service = state.service(name)
    if service is not None and not state.wmi:
        raise ScriptError("Timed out", "System.InvalidOperationException", "HRESULT 0x00040004,Get-CimInstance")
    if service is not None and service.account != "LocalSystem":
        why = "which cannot read a key that is SYSTEM's and Administrators' alone"
        raise fail("ServiceAccount", f"the service {name} runs as {service.account}, {why}")


def _confirm_change(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    operation = name_change(arguments)
    change = find_change(state, operation)
    if change is None:
        raise fail("ChangeAbsent", f"this host knows of no change of {operation}")
    if change.state == "confirmed":
        return _status(state, operation, changed=False)
    if change.state == "applying":
        raise fail("ChangeNotApplied", f"the change of {operation} is not applied yet")
    if change.state == "applied":
        change.marks.add("confirm")
        state.settle(now)
    ended = state.changes[operation].state
    if ended == "applied":
        raise fail("GuardSilent", f"the guard of {operation} does not answer; is its scheduled task running?")
    if ended != "confirmed":
        raise fail("ChangeReverted", f"the change of {operation} is {ended}: {change.why}")
    return _status(state, operation, changed=True)


def _abort_change(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    operation = name_change(arguments)
    change = find_change(state, operation)
    if change is None:
        open_root(state)
        state.changes[operation] = GuardedChange.never(operation, now)
        return _status(state, operation, changed=True)
    if change.state == "confirmed":
        raise fail("ChangeConfirmed", f"the change of {operation} was confirmed; it is not put back any more")
    if change.state not in ("applying", "applied"):
        return _status(state, operation, changed=False)
    change.marks.add("abort")
    state.settle(now)
    if change.state in ("applying", "applied"):
        raise fail("GuardSilent", f"the guard of {operation} does not answer; is its scheduled task running?")
    return _status(state, operation, changed=True)


def _read_services(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    return {
        "nebula": _service(state, arguments["nebula_service"]),
        "gateway": _service(state, arguments["gateway_service"]),
        "nginx_processes": sum(process.name.lower() == "nginx" for process in state.processes),
    }


def _service(state: WindowsState, name: str) -> Any:
    service = state.service(name)
    if service is None:
        return {"name": name, "status": "Absent", "start_type": "Unknown", "since": None}
    if service.status == "Unknown":
        return {"name": name, "status": "Unknown", "start_type": "Unknown", "since": None}
    return {"name": name, "status": service.status, "start_type": service.start_type, "since": _since(state, service)}


def _set_start_types(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    """None is set where one is missing."""
    wanted = [(_find_service(each["name"], state), each["start_type"]) for each in arguments["services"]]
    others = [(service, start_type) for service, start_type in wanted if service.start_type != start_type]
    for service, start_type in others:
        service.start_type = start_type
    return {"changed": bool(others)}


def _find_service(name: str, state: WindowsState) -> Service:
    service = state.service(name)
    if service is None:
        raise fail("ServiceAbsent", f"there is no service {name}")
    if service.status == "Unknown":
        message = f"Service '{name}' cannot be queried due to the following error: Access is denied."
        raise ScriptError(message, "System.InvalidOperationException", "CouldNotGetServiceInfo,Get-Service")
    return service


def _since(state: WindowsState, service: Service) -> str | None:
    if not state.wmi or not service.pid:
        return None
    process = next((process for process in state.processes if process.pid == service.pid), None)
    return None if process is None or process.started_at is None else round_trip(process.started_at)


def name_change(arguments: Mapping[str, Any]) -> str:
    """The operation's id: it names a folder."""
    operation: str = arguments["operation"]
    if not re.fullmatch(OPERATION, operation):
        raise fail("BadOperation", f"{operation} cannot be the name of a change")
    return operation


def find_change(state: WindowsState, operation: str) -> GuardedChange | None:
    """The change of an operation; what is no change although it was recorded cannot be read."""
    states = [path for path in state.files if path.parent == FOLDER / operation and path.match("state-*.json")]
    if states:
        words = "cannot be read; see what that change did, then remove its folder"
        raise fail("ChangeUnreadable", f"{max(states)} {words}")
    return state.changes.get(operation)


def _status(state: WindowsState, operation: str, *, changed: bool) -> Any:
    change = find_change(state, operation)
    now = ("absent", "") if change is None else (change.state, change.why)
    return {"operation": operation, "state": now[0], "why": now[1], "changed": changed}


TWINS: Mapping[str, Twin] = {
    "read-change": _read_change,
    "begin-change": _begin_change,
    "confirm-change": _confirm_change,
    "abort-change": _abort_change,
    "read-services": _read_services,
    "set-start-types": _set_start_types,
}
