"""The helper's verbs of the plug-in's addresses in a simulated WSL2. `tests/fleet/test_images.py` has the real ones."""

import json

from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState

COPY = "/var/lib/flatnet-bot/allocations.json"
"""Where the file is kept as it was before the last addresses were removed."""


def run_ipam(arguments: list[str], state: WslState) -> Ran | None:
    """What a verb does; None where there is none of that kind."""
    match arguments:
        case ["list"]:
            return Ran(stdout=list_allocations(state))
        case ["look" | "clean"] if "podman" in state.hanging:
            return Ran(6, stderr="flatnet-bot: podman does not answer. Nothing was changed\n")
        case ["look"]:
            uptime = max(int((state.now() - state.booted_at).total_seconds()), 0)
            return _say({"uptime": uptime, "orphans": [_describe(key, ip) for key, ip in _find_orphans(state).items()]})
        case ["clean"]:
            return _clean(state)
        case _:
            return None


def list_allocations(state: WslState) -> str:
    """The plug-in's file."""
    subnet = state.address.rpartition(".")[0]
    handed = {key: address for address, key in state.taken.items()}
    return json.dumps({"subnet": f"{subnet}.0/24", "gateway": state.address, "allocations": handed}) + "\n"


def _clean(state: WslState) -> Ran:
    removed, kept, orphans = [], [], _find_orphans(state)
    for line in state.given.decode().splitlines():
        key, _, address = line.partition(" ")
        if orphans.get(key) == address:
            del state.orphans[key]
            removed.append(_describe(key, address))
        elif state.taken.get(address) == key:
            kept.append(_describe(key, address))
    return _say({"removed": removed, "kept": kept, "copy_file": COPY if removed else ""})


def _find_orphans(state: WslState) -> dict[str, str]:
    known = {container.id for container in state.containers}
    return {key: address for key, address in state.orphans.items() if key not in known}


def _describe(key: str, address: str) -> dict[str, str]:
    return {"container": key, "address": address}


def _say(said: object) -> Ran:
    return Ran(stdout=json.dumps(said) + "\n")
