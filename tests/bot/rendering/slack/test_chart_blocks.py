"""Charts that Slack draws: what they show, and Slack's limits on them."""

from typing import Any

import pytest

from adapters.phrase import Texts
from bot.rendering.slack.blocks import MAX_CATEGORIES, MAX_LABEL, STATE_LABELS, make_chart_blocks
from commands.model.chart import Chart, HostHealth
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.commands.model.test_chart import DAYS, SILENT, TROUBLED, certificate, chart, host
from tests.lab.workspace.blocks import MESSAGE, complaints


def points(block: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {one["name"]: {point["label"]: point["value"] for point in one["data"]} for one in block["chart"]["series"]}


def test_hosts_are_counted_by_state_and_day_and_certificates_by_days_left() -> None:
    shown = chart(
        host("host-a", TROUBLED, TROUBLED),
        host("host-b", SILENT),
        host("host-c"),
        certificates=(certificate("host-b", 200), certificate("host-a", 5.9), certificate("host-c", -3)),
    )
    health, certificates = make_chart_blocks(shown, ENGLISH)
    assert ("Health, last 14 days", "Certificate days remaining") == (health["title"], certificates["title"])
    series = points(health)
    assert {"unhealthy": (0, 1, 1), "unreachable": (0, 0, 1), "healthy": (3, 2, 1)} == {
        name: tuple(days.values())[-3:] for name, days in series.items()
    }
    assert [f"{day:%m-%d}" for day in DAYS] == list(series["healthy"])
    assert {"days left": {"host-c": 0, "host-a": 5, "host-b": 200}} == points(certificates)


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
@pytest.mark.parametrize(
    ("shown", "count"),
    [
        (chart(), 0),
        (chart(host("host-a", before=None)), 1),
        (chart(certificates=(certificate("x" * 100, 5), certificate("x" * 101, 6))), 1),
        (
            chart(
                *(host(f"host-{number}", TROUBLED, SILENT) for number in range(254)),
                certificates=tuple(certificate(f"a-certificate-with-a-long-name-{n}", n) for n in range(254)),
            ),
            2,
        ),
        (Chart(days=DAYS[:1], hosts=(HostHealth(host="host-a", days=(TROUBLED,)),), certificates=()), 1),
    ],
    ids=["nothing", "no record", "equal labels", "a large fleet", "one day"],
)
def test_slack_takes_every_chart(shown: Chart, count: int, texts: Texts) -> None:
    blocks = make_chart_blocks(shown, texts)
    assert ([], count) == (list(complaints(blocks, MESSAGE)), len(blocks))


def test_a_day_without_checks_has_no_data_rather_than_no_hosts() -> None:
    """As in the picture and in words: what was not checked is neither healthy nor unhealthy."""
    [health] = make_chart_blocks(chart(host("host-a", before=None), host("host-b", TROUBLED, before=None)), ENGLISH)

    assert {"unhealthy": (0, 1), "no data": (2, 1)} == {
        name: tuple(days.values())[-2:] for name, days in points(health).items()
    }


def test_more_days_than_slack_takes_are_the_newest() -> None:
    days = tuple(DAYS[0].replace(day=number) for number in range(1, 31))
    shown = Chart(days=days, hosts=(HostHealth(host="host-a", days=(TROUBLED,) * 30),), certificates=())
    [health] = make_chart_blocks(shown, ENGLISH)
    assert ("11-30", MAX_CATEGORIES) == (list(points(health)["unhealthy"])[-1], len(points(health)["unhealthy"]))


@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_the_name_of_every_state_fits(texts: Texts) -> None:
    assert all(len(label.render(texts)) <= MAX_LABEL for label in STATE_LABELS.values())
