"""Packages and installations, each made once for all workers of pytest-xdist, and a lab for each worker."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from tests.bench.lab import Lab, lab
from tests.product.installation import Installation, install, install_by_pipx
from tests.product.packages import Packages, build_packages
from tests.product.pythons import RUNNING, find_pythons

Install = Callable[[str], Installation]
"""Installs the wheel for a Python of this version."""


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder unless another worker has made it."""
    made = folder.with_name(f"{folder.name}.made")
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of all workers."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def packages(shared: Path) -> Packages:
    return Packages(make_once(shared / "packages", build_packages))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def installed(shared: Path, packages: Packages, home: Path) -> Install:
    def install_for(version: str) -> Installation:
        make = partial(install, find_pythons()[version], packages.wheel)
        return Installation(make_once(shared / f"python{version}", make) / "bin", home)

    return install_for


@pytest.fixture(scope="session")
def product(installed: Install) -> Installation:
    """The wheel of the checkout, for the running Python."""
    return installed(RUNNING)


@pytest.fixture(scope="session")
def product_of_sdist(shared: Path, packages: Packages, home: Path) -> Installation:
    make = partial(install, find_pythons()[RUNNING], packages.wheel_of_sdist)
    return Installation(make_once(shared / "of-sdist", make) / "bin", home)


@pytest.fixture(scope="session")
def product_of_pipx(shared: Path, packages: Packages, home: Path) -> Installation:
    return Installation(make_once(shared / "pipx", partial(install_by_pipx, packages.wheel)) / "bin_dir", home)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder as people have them."""
    folder = tmp_path / "作業 場所"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with a lighthouse and a workspace. Its folder has the configuration."""
    with lab(tmp_path_factory.mktemp("作業 場所"), 3, "--lighthouse", workspace=True) as running:
        yield running
