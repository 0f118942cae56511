"""The source distribution has all that a wheel needs, and its wheel is the checkout's."""

from pathlib import Path

import pytest

from tests.bench.lab import Lab
from tests.product.installation import Installation
from tests.product.packages import Packages, list_files

pytestmark = pytest.mark.slow


def test_its_wheel_has_the_same_files_as_the_checkout_s(packages: Packages) -> None:
    assert list_files(packages.wheel) == list_files(packages.wheel_of_sdist)


@pytest.mark.parametrize(
    ("arguments", "language", "text"),
    [(("doctor",), "en", "All 11 checks passed"), (("do", "health"), "ja", "4 台すべて正常です")],
    ids=["doctor", "health"],
)
def test_its_commands_work(
    product_of_sdist: Installation, fleet: Lab, arguments: tuple[str, ...], language: str, text: str
) -> None:
    ended = product_of_sdist.run(fleet.config.parent, *arguments, language=language)
    assert (0, True) == (ended.returncode, text in ended.stdout), ended


def test_pipx_installs_from_nothing_to_doctor(product_of_pipx: Installation, place: Path) -> None:
    ended = product_of_pipx.run(place, "doctor")
    assert (1, True) == (ended.returncode, "Create it with flatnet-bot init" in ended.stdout), ended
