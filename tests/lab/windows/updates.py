"""The Windows Update Agent of a simulated host, and the twin of the script that asks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.lab.windows.state import WindowsState

SECURITY, CRITICAL, DEFINITION, PRODUCT = (
    "0fa1201d-4330-4fa8-8ae9-b877473b6441",
    "e6cf1350-c01b-414d-a61f-263d14d133b4",
    "e0789628-ce08-4437-be74-2495b842f43b",
    "fdfe8200-9d98-44ba-a12a-772282bf60ef",
)
"""Ids of categories: three classes, and Windows Server 2022 as a product."""

DENIED = -2147024891
"""E_ACCESSDENIED, 0x80070005."""

_CURRENT = PureWindowsPath(r"SOFTWARE\Microsoft\Windows\CurrentVersion")
RESTART_KEYS = (
    str(_CURRENT / r"WindowsUpdate\Auto Update\RebootRequired"),
    str(_CURRENT / r"Component Based Servicing\RebootPending"),
)
"""Keys of HKLM that are there while a restart is awaited."""

_RATINGS = ("Critical", "Important", "Moderate", "Low")


@dataclass
class PendingUpdate:
    """An update as the agent lists it; `rating` is None where it has none."""

    title: str
    articles: list[str] = field(default_factory=list)
    rating: str | None = None
    categories: list[str] = field(default_factory=lambda: [PRODUCT])


@dataclass
class UpdateAgent:
    """What the agent says. `error` is a HRESULT with its `words`: a refusal comes before the search, all else from it.

    `result` is the OperationResultCode; `searched_ago` seconds since Windows last looked, None where it never did.
    """

    pending: list[PendingUpdate] = field(default_factory=list)
    result: int = 2
    error: int = 0
    words: str = ""
    searched_ago: float | None = 10_800.0


def read_updates(arguments: Mapping[str, Any], state: "WindowsState", now: datetime) -> Any:
    """The twin of `read-updates`."""
    agent, limit = state.updates, arguments["limit"]
    searched_at = None if agent.searched_ago is None else state.clock(now) - timedelta(seconds=agent.searched_ago)
    told = [_told(update) for update in agent.pending] if not agent.error else []
    told.sort(key=lambda update: not update["security"])
    return {
        "updates": told[:limit],
        "total": len(told),
        "result": agent.result if not agent.error else 0,
        "error": agent.error,
        "words": agent.words if agent.error else "",
        "searched_at": None if searched_at is None else f"{searched_at:%Y-%m-%dT%H:%M:%S.%f}0Z",
        "restart": any(key in state.registry for key in RESTART_KEYS),
    }


def _told(update: PendingUpdate) -> dict[str, Any]:
    rating = update.rating if update.rating in _RATINGS else ""
    return {
        "title": update.title[:200],
        "articles": update.articles,
        "rating": rating,
        "security": bool(rating) or bool({SECURITY, CRITICAL} & {category.lower() for category in update.categories}),
    }
