"""The Pythons of this machine that pyproject.toml promises: one of each minor version, the running one among them."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet

from tests.product.packages import PYPROJECT

PROMISED = SpecifierSet(PYPROJECT["project"]["requires-python"])

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def find_pythons() -> dict[str, Path]:
    """Find the interpreters by their version. Of two of the same version the first counts."""
    found = {RUNNING: Path(sys.executable)}
    for folder in list_folders():
        for file in sorted(folder.glob("python3.*")):
            version = file.name.removeprefix("python")
            if re.fullmatch(r"3\.\d+", version) and PROMISED.contains(version) and os.access(file, os.X_OK):
                found.setdefault(version, file)
    return found


def list_folders() -> Iterator[Path]:
    """List where interpreters are: on PATH, where Debian has them, where pyenv has them.

    pyenv's shims are left out: each of them starts one of its versions, or none.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    path = (Path(folder) for folder in os.get_exec_path())
    yield from (folder for folder in path if folder != pyenv / "shims")
    yield Path("/usr/bin")
    yield from sorted((pyenv / "versions").glob("*/bin"), reverse=True)
