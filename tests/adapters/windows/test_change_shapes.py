"""Shapes of a guarded change: what one may ask for."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.windows.commit_confirm import ServiceMove


@pytest.mark.parametrize(
    "move",
    [
        {"service": "OpenResty", "verb": "reload"},
        {"service": "", "verb": "restart"},
        {"service": "Nebula", "verb": "none"},
    ],
)
def test_what_no_host_could_do_is_no_move(move: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServiceMove.model_validate(move)
