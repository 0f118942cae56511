"""What is made of the script's answer: updates, or why there are none to be told of."""

from typing import Any

import pytest

from adapters.windows.updates import ReadUpdates, UnreadUpdates, Update, WindowsUpdates
from tests.adapters.windows.updates_cases import CUMULATIVE, READ_UPDATES
from tests.adapters.windows.updates_cases import told as listed

READ = ReadUpdates()


def read(**differs: Any) -> WindowsUpdates:
    """The answer of a host that has all updates, but for what differs."""
    return READ.parse({**READ_UPDATES.well, **differs})


def test_a_pending_update_is_read_with_its_articles_and_its_rating() -> None:
    answer = read(updates=[listed(CUMULATIVE, rating="Critical", security=True)], total=1)
    title = "2026-02 Cumulative Update for Windows Server 2022 (KB5075999)"

    assert (Update(title=title, articles=("5075999",), rating="Critical", security=True),) == answer.updates
    assert 1 == answer.total


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        pytest.param({"result": 3}, "Windows Update search failed", id="ended with errors: nobody knows what is missing"),
        pytest.param({"result": 4}, "Windows Update search failed", id="failed"),
        pytest.param({"result": 0, "error": -2147024891}, "does not allow remote update queries", id="access denied"),
        pytest.param({"result": 0, "error": 0x80070005}, "does not allow remote update queries", id="the same, unsigned"),
        pytest.param({"result": 0, "error": -2147023838}, "Set-Service wuauserv", id="service disabled"),
        pytest.param(
            {"result": 0, "error": -2145107924, "words": "no\nnet"},
            "failed with 0x8024402C: no net. Check on the host",
            id="any other",
        ),
    ],
)
def test_a_search_that_failed_never_means_that_nothing_is_pending(differs: dict[str, Any], words: str) -> None:
    answer = read(**differs)

    assert isinstance(answer.updates, UnreadUpdates)
    assert words in str(answer.updates.phrase)
    assert (0, False) == (answer.total, answer.restart)


def test_the_date_that_com_has_for_never_is_no_date() -> None:
    assert read(searched_at="1899-12-30T00:00:00.0000000Z").searched_at is None


@pytest.mark.parametrize(
    "differs",
    [
        pytest.param(
            {"updates": [listed(CUMULATIVE, security=True) | {"articles": ["KB1; x"]}]}, id="an article that is none"
        ),
        pytest.param({"updates": [listed(CUMULATIVE, rating="Grave", security=True)]}, id="a rating that is none"),
        pytest.param({"updates": [listed(CUMULATIVE, security=True)] * 201}, id="more than were asked for"),
        pytest.param({"updates": None}, id="no updates"),
        pytest.param({"restart": None}, id="no word on a restart"),
        pytest.param({"error": 2**40}, id="an error without bounds"),
    ],
)
def test_what_the_script_would_not_say_is_refused(differs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read(**differs)
