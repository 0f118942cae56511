"""The wheel and the source distribution, built as an installer builds them, and what is in them."""

import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.install import run_first

ROOT = Path(__file__).parents[2]

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

VERSION: str = PYPROJECT["project"]["version"]

SOURCES: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

UV = Path(sys.executable).with_name("uv")

ALSO_OF_THE_BOT = {"markdown-it-py", "multidict", "packaging", "pillow", "pyyaml", "yarl"}
"""What tests import, and libraries of the bot bring along."""


@dataclass(frozen=True)
class Packages:
    """The two wheels, from the checkout and from the source distribution, and that distribution."""

    folder: Path

    @property
    def sdist(self) -> Path:
        return find_one(self.folder, "*.tar.gz")

    @property
    def wheel(self) -> Path:
        return find_one(self.folder / "checkout", "*.whl")

    @property
    def wheel_of_sdist(self) -> Path:
        return find_one(self.folder / "sdist", "*.whl")


def find_one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def build_packages(folder: Path) -> None:
    """Build all three. The second wheel is built from the unpacked distribution alone."""
    build("sdist", ROOT, folder)
    build("wheel", ROOT, folder / "checkout")
    with tarfile.open(Packages(folder).sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    build("wheel", find_one(folder / "unpacked", "*"), folder / "sdist")


def build(kind: str, source: Path, folder: Path) -> None:
    """Build in an environment with what `[build-system]` names. Where uv does not reach the index, build in this one."""
    run_first(
        [UV, "build", f"--{kind}", "--python", sys.executable, "--out-dir", folder, source],
        ["env", f"--chdir={source}", sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
    )


def list_files(wheel: Path) -> dict[str, bytes]:
    """List the files of a wheel with their contents."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def list_sources() -> set[str]:
    """List the files of the checkout that are the product: code and data."""
    files = (file for folder in SOURCES for file in (ROOT / folder).rglob("*") if file.is_file())
    return {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}


def list_development() -> set[str]:
    """List the packages that only development declares."""
    declared, development = PYPROJECT["project"]["dependencies"], PYPROJECT["dependency-groups"]["dev"]
    return {read_name(each) for each in development} - {read_name(each) for each in declared}


def read_name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)
