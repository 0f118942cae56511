"""The town that the bot of before left."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.scenarios.conftest import no_proxy
from tests.upgrade.past import Past, restored

__all__ = ["no_proxy"]

Build = Callable[..., AbstractAsyncContextManager[Past]]


@pytest.fixture
def past(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Build:
    """`async with past() as p:` builds one."""
    return partial(restored, tmp_path_factory.mktemp("t"), monkeypatch)
