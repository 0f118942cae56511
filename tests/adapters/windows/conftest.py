"""What the tests of the Windows side share."""

import os
from collections.abc import Iterator

import pytest

from tests.lab.windows.pwsh import Pwsh, find_pwsh


@pytest.fixture(scope="session")
def pwsh() -> Iterator[Pwsh]:
    """A real PowerShell 7; without one, the tests that need it are skipped."""
    program = find_pwsh(os.environ)
    if program is None:
        pytest.skip("NO POWERSHELL: the Windows scripts themselves were not run; put pwsh on PATH or set FLATNET_PWSH")
    running = Pwsh(program)
    yield running
    running.close()
