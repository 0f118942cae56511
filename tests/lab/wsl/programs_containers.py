"""The helper's verbs of containers in a simulated WSL2. `tests/fleet/test_containers.py` has the real ones."""

import hashlib
import json
import re

from tests.lab.wsl.container import ZERO_TIME, Container, read_description
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState
from tests.lab.wsl.storage import Volume

NETWORK = "flatnet"

KEY, ID, OPERATION = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", r"[0-9a-f]{64}", r"[a-z0-9-]{1,64}"
POLICY = r"no|always|unless-stopped|on-failure(:[0-9]{1,6})?"

NO_CONTAINER = f"no container of the network {NETWORK} has this ID"


def run_containers(arguments: list[str], state: WslState) -> Ran | None:
    """What a verb does; None where there is none of that kind."""
    match arguments:
        case ["list"]:
            return Ran(stdout="".join(_line(each, state) for each in list_flatnet(state)))
        case ["show", key] if re.fullmatch(KEY, key):
            return _show(next((each for each in list_flatnet(state) if key in (each.id, each.name)), None), state)
        case ["start" | "stop" | "restart" as verb, key] if re.fullmatch(ID, key):
            found = find(key, state)
            return fail(NO_CONTAINER) if found is None else _move(verb, found, state)
        case ["remove", key] if re.fullmatch(ID, key):
            found = find(key, state)
            if found is not None and found.runs:
                return fail("it runs. Stop it first")
            return _remove(found, state)
        case ["diff", key] if re.fullmatch(ID, key):
            found = find(key, state)
            return fail(NO_CONTAINER) if found is None else Ran(stdout=json.dumps({"files": found.changed_files}) + "\n")
        case ["policy", key, policy] if re.fullmatch(ID, key) and re.fullmatch(POLICY, policy):
            return _set_policy(find(key, state), policy, state)
        case ["create", operation] if re.fullmatch(OPERATION, operation):
            return create(state.given.decode().splitlines(), operation, state)
        case ["unmake", name, operation] if re.fullmatch(KEY, name) and re.fullmatch(OPERATION, operation):
            found = next((each for each in list_flatnet(state) if each.name == name), None)
            return _remove(found, state) if found is None or found.operation == operation else _show(found, state)
        case _:
            return None


def list_flatnet(state: WslState) -> list[Container]:
    return [container for container in state.containers if container.network == NETWORK]


def find(key: str, state: WslState) -> Container | None:
    return next((container for container in list_flatnet(state) if container.id == key), None)


def fail(words: str) -> Ran:
    return Ran(6, stderr=f"flatnet-bot: {words}\n")


def create(lines: list[str], operation: str, state: WslState) -> Ran:
    """Make a container from a description, as podman create does."""
    container = read_description(lines, {image.id: image for image in state.images}, operation)
    if isinstance(container, str):
        return fail(container)
    if any(other.name == container.name for other in state.containers):
        return fail(f"there is a container with the name {container.name}")
    for mount in container.mounts:
        state.volumes.setdefault(mount.volume, Volume(mount.volume))
    state.containers.append(container)
    return _show(container, state)


def _show(container: Container | None, state: WslState) -> Ran:
    return Ran(stdout="" if container is None else _line(container, state))


def _remove(container: Container | None, state: WslState) -> Ran:
    if container is not None:
        state.containers.remove(container)
    return Ran()


def _set_policy(container: Container | None, policy: str, state: WslState) -> Ran:
    if container is None:
        return fail(NO_CONTAINER)
    if state.old_podman and policy != container.policy:
        return fail("podman version 4.9.3 cannot change when a container is started again. 5.1 can")
    container.policy = policy
    return _show(container, state)


def _move(verb: str, container: Container, state: WslState) -> Ran:
    if verb in ("stop", "restart") and container.runs:
        state.end(container)
    container.stopped = verb == "stop"
    if verb == "stop" or container.runs:
        return _show(container, state)
    refused = state.begin(container)
    return Ran(126, stderr=f"Error: unable to start container: {refused}\n") if refused else _show(container, state)


def _line(container: Container, state: WslState) -> str:
    if state.fates.get(container.name) == "loops" and container.runs:
        container.restarts += 1
    said = {
        "id": container.id,
        "name": container.name,
        "image": next(iter(container.image.names), container.image.id),
        "image_id": container.image.id,
        "state": container.state,
        "exit_code": container.exit_code,
        "started_at": ZERO_TIME if container.state == "created" else container.started_at,
        "restarts": container.restarts,
        "address": container.address if container.runs else "",
        "finished_at": container.finished_at,
        "health": container.health or "" if container.runs else "",
        "restart_policy": container.policy,
        "auto_remove": False,
        "pinned_address": container.pinned,
        "memory": container.memory,
        "image_digest": next(iter(container.image.digests), ""),
        "ports": [_describe_port(port) for port in container.ports or ()],
        "volumes": [{"name": it.volume, "path": it.path, "anonymous": it.anonymous} for it in container.mounts],
        "variables": sorted(container.variables),
        "obstacles": container.obstacles,
        "settings": "" if container.obstacles else _hash_settings(container, state),
    }
    return json.dumps(said, separators=(",", ":")) + "\n"


def _describe_port(port: dict[str, object]) -> dict[str, object]:
    return {key: port[key] for key in ("host_ip", "host_port", "container_port", "protocol")}


def _hash_settings(container: Container, state: WslState) -> str:
    """A hash under a key of this host."""
    return hashlib.sha256("\n".join([state.address, *container.describe()]).encode()).hexdigest()
