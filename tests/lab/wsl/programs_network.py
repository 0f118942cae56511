"""Flatnet's network in a simulated podman with CNI.

`tests/test_wsl_helper.py` has the real verbs with CNI, `tests/fleet/test_helper.py` with netavark.
"""

import json

from tests.lab.wsl.programs_backup import CONFLIST, PLUGIN
from tests.lab.wsl.programs_containers import NETWORK, fail, list_flatnet
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState


def run_network(verb: str, state: WslState) -> Ran:
    """What one of the verbs does."""
    present, own = NETWORK in state.networks, _subnet(state)
    if verb == "create" and present and _has(state) != own:
        return fail(f"the network {NETWORK} is there and is not {own}. Fix it first: podman network inspect {NETWORK}")
    if verb == "create" and not present:
        return _create(state)
    if verb == "remove" and present:
        return _remove(state)
    return _show(state)


def _create(state: WslState) -> Ran:
    if PLUGIN not in state.plugin.files:
        return fail(f"Flatnet's plug-in is not there: {PLUGIN}. Install it first")
    state.networks.add(NETWORK)
    state.network_subnet, state.network_made = "", True
    plugin = {"type": "flatnet", "bridge": state.bridge, "ipam": {"type": "flatnet-ipam", "subnet": _subnet(state)}}
    conflist = {"cniVersion": "1.0.0", "name": NETWORK, "plugins": [plugin]}
    state.plugin.files = {**state.plugin.files, CONFLIST: json.dumps(conflist, indent=2).encode() + b"\n"}
    return _show(state)


def _remove(state: WslState) -> Ran:
    if not state.network_made:
        return fail(f"this helper did not make the network {NETWORK} as it is now, so it stays")
    if used := len(list_flatnet(state)):
        return fail(f"{used} containers are on the network {NETWORK}, so it stays")
    state.networks.discard(NETWORK)
    state.network_made = state.bridge_exists = state.bridge_up = False
    state.plugin.files = {path: content for path, content in state.plugin.files.items() if path != CONFLIST}
    return _show(state)


def _show(state: WslState) -> Ran:
    present, subnet = NETWORK in state.networks, _subnet(state)
    said = {
        "backend": "cni",
        "network": NETWORK,
        "subnet": subnet,
        "state": "absent" if not present else "ready" if _has(state) == subnet else "other",
        "file": CONFLIST,
        "own": present and state.network_made,
        "plugin": PLUGIN in state.plugin.files,
        "containers": len(list_flatnet(state)),
    }
    return Ran(stdout=json.dumps(said, separators=(",", ":")) + "\n")


def _subnet(state: WslState) -> str:
    return f"{state.address.rpartition('.')[0]}.0/24"


def _has(state: WslState) -> str:
    """The subnet that the network has."""
    return state.network_subnet or _subnet(state)
