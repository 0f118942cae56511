"""Whether the page can be tested on this machine."""

import pytest

from tests.page.conftest import CHROMIUM


def test_chromium_is_here() -> None:
    """Where it is not, `conftest.py` leaves the tests in the browser out, and this one line says so."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM ON THIS MACHINE: the page was not tested (apt-get install chromium)")
