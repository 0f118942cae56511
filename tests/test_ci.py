"""`.ci/run` installs what the tests need."""

import re
from pathlib import Path

from tests.product.image import PACKAGES

RUN = Path(__file__).parents[1] / ".ci" / "run"


def test_ci_installs_every_package_of_the_fleet_and_of_the_image() -> None:
    """Or they would be skipped there, which only a machine without namespaces may do."""
    (listed,) = re.findall(r"^packages=\(\n(.*?)^\)$", RUN.read_text(), re.MULTILINE | re.DOTALL)
    installed = set(re.sub(r"#.*", "", listed).split())
    assert set() == set(PACKAGES) - installed
