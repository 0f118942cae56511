"""What `read-updates` answers on which host."""

from collections.abc import Callable
from typing import Any

from adapters.windows.updates import ReadUpdates
from tests.adapters.windows.script_cases import Case, Script, missing
from tests.lab.windows.state import WindowsState
from tests.lab.windows.updates import (
    CRITICAL,
    DEFINITION,
    DENIED,
    PRODUCT,
    RESTART_KEYS,
    SECURITY,
    PendingUpdate,
    UpdateAgent,
)

READ_UPDATES = Script(
    ReadUpdates(),
    {
        "updates": [],
        "total": 0,
        "result": 2,
        "error": 0,
        "words": "",
        "searched_at": "2026-03-01T09:00:00.2500000Z",
        "restart": False,
    },
)

CUMULATIVE = PendingUpdate(
    "2026-02 Cumulative Update for Windows Server 2022 (KB5075999)", ["5075999"], "Critical", [PRODUCT, SECURITY]
)
DEFENDER = PendingUpdate("Security Intelligence Update for Microsoft Defender", ["2267602"], None, [DEFINITION])
SERVICING = PendingUpdate("2026-02 Servicing Stack Update", ["5075902"], None, [SECURITY.upper(), PRODUCT])
TIME_ZONES = PendingUpdate("更新プログラム: time zones", ["1", "2"], "", [CRITICAL])
DRIVER = PendingUpdate("D" * 300, [], "Unspecified", [])


def agent(**given: Any) -> Callable[[WindowsState], None]:
    return lambda state: setattr(state, "updates", UpdateAgent(**given))


def told(update: PendingUpdate, *, rating: str = "", security: bool) -> dict[str, Any]:
    return {"title": update.title[:200], "articles": update.articles, "rating": rating, "security": security}


def awaits_a_restart(key: str) -> Callable[[WindowsState], None]:
    return lambda state: state.registry.append(key)


def refuses_and_awaits_a_restart(state: WindowsState) -> None:
    state.updates = UpdateAgent(pending=[CUMULATIVE], error=DENIED, words="Access is denied. (0x80070005)")
    state.registry.append(RESTART_KEYS[0])


CASES = (
    Case("a host that has all", READ_UPDATES),
    Case(
        "updates of each class: those for security, critical or rated come first, titles are cut",
        READ_UPDATES,
        agent(pending=[DEFENDER, CUMULATIVE, DRIVER, SERVICING, TIME_ZONES]),
        differs={
            "updates": [
                told(CUMULATIVE, rating="Critical", security=True),
                told(SERVICING, security=True),
                told(TIME_ZONES, security=True),
                told(DEFENDER, security=False),
                told(DRIVER, security=False),
            ],
            "total": 5,
        },
    ),
    Case(
        "more updates than are wanted are counted",
        READ_UPDATES,
        agent(pending=[DEFENDER, DRIVER, SERVICING]),
        given={"limit": 1},
        differs={"updates": [told(SERVICING, security=True)], "total": 3},
    ),
    Case(
        "a Windows that refuses to be asked from afar still tells of a restart",
        READ_UPDATES,
        refuses_and_awaits_a_restart,
        differs={"result": 0, "error": DENIED, "words": "Access is denied. (0x80070005)", "restart": True},
    ),
    Case(
        "a search that fails",
        READ_UPDATES,
        agent(pending=[CUMULATIVE], error=-2147023838, words="The service cannot be started"),
        differs={"result": 0, "error": -2147023838, "words": "The service cannot be started"},
    ),
    Case("a search that ends with errors", READ_UPDATES, agent(result=3), differs={"result": 3}),
    Case("a Windows that has never looked", READ_UPDATES, agent(searched_ago=None), differs={"searched_at": None}),
    Case("a restart that a component awaits", READ_UPDATES, awaits_a_restart(RESTART_KEYS[1]), differs={"restart": True}),
    Case(
        "a key beside those two is no restart",
        READ_UPDATES,
        awaits_a_restart(RESTART_KEYS[0].rpartition("\\")[0]),
        differs={"restart": False},
    ),
    Case("an argument that is missing", READ_UPDATES, left_out=frozenset({"limit"}), fails=missing("limit")),
)
