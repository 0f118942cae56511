"""The helper's verbs of images and volumes in a simulated WSL2. `tests/fleet/test_images.py` has the real ones."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from tests.lab.wsl.programs_containers import ID, KEY, OPERATION, fail
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState
from tests.lab.wsl.storage import Image, Volume

NAME, DIGEST = r"[a-z0-9][a-zA-Z0-9._/:-]{0,255}", r"sha256:[0-9a-f]{64}"


def run_images(arguments: list[str], state: WslState) -> Ran | None:
    """What a verb does; None where there is none of that kind."""
    match arguments:
        case ["list"]:
            return Ran(stdout="".join(map(_image_line, state.images)))
        case ["storage"]:
            podman = "4.9.3" if state.old_podman else "5.4.2"
            return _say({"free": state.free, "architecture": state.architecture, "podman": podman})
        case ["show", key] if re.fullmatch(ID, key):
            return _say({"present": state.find_image(key) is not None})
        case ["remove", key] if re.fullmatch(ID, key):
            used = any(container.image.id == key for container in state.containers)
            state.images = [image for image in state.images if used or image.id != key]
            return _say({"present": state.find_image(key) is not None})
        case ["pull", name, digest] if re.fullmatch(NAME, name) and re.fullmatch(DIGEST, digest):
            return _pull(name, digest, state)
        case _:
            return None


def _pull(name: str, digest: str, state: WslState) -> Ran:
    found = next((image for image in state.registry if digest in image.digests), None)
    if found is None:
        words = f"initializing source docker://{name}@{digest}: reading manifest: manifest unknown"
        return Ran(125, stderr=f"Error: {words}\n")
    add_image(found, name, state)
    return _say({"present": True})


def add_image(image: Image, name: str, state: WslState) -> None:
    """Have an image, under a name if it has none."""
    have = state.find_image(image.id) or image
    others = [other for other in state.images if other.id != image.id]
    state.images = [*others, have if have.names else replace(have, names=(name,))]


def run_volumes(arguments: list[str], state: WslState) -> Ran | None:
    """What a verb does; None where there is none of that kind."""
    match arguments:
        case ["list"]:
            return Ran(stdout="".join(map(_volume_line, state.volumes.values())))
        case ["measure", name] if re.fullmatch(KEY, name):
            return _measure(name, state)
        case ["unmake", name, operation] if re.fullmatch(KEY, name) and re.fullmatch(OPERATION, operation):
            used = any(mount.volume == name for container in state.containers for mount in container.mounts)
            volume = state.volumes.get(name)
            if volume is not None and volume.operation == operation:
                if used:
                    return fail(f"a container uses the volume {name}")
                del state.volumes[name]
            return _measure(name, state)
        case _:
            return None


def _measure(name: str, state: WslState) -> Ran:
    volume = state.volumes.get(name)
    if volume is None:
        return _say({"present": False, "files": 0, "sha256": ""})
    return _say({"present": True, "files": len(volume.files), "sha256": volume.sha256})


def _image_line(image: Image) -> str:
    said = {
        "id": image.id,
        "names": list(image.names),
        "digests": list(image.digests),
        "size": image.size,
        "architecture": image.architecture,
    }
    return json.dumps(said) + "\n"


def _volume_line(volume: Volume) -> str:
    said = {"name": volume.name, "driver": volume.driver, "options": volume.options, "size": volume.size}
    return json.dumps(said) + "\n"


def _say(said: Mapping[str, object]) -> Ran:
    return Ran(stdout=json.dumps(said) + "\n")
