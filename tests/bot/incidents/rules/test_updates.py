"""Updates for those who wait: what the channel for announcements reads, and what it never does."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.incidents.rules.requests import describe_update, goes_to_all
from bot.locale.texts import get_texts
from bot.model.incident import Incident, IncidentState
from commands.model.finding import Severity

INCIDENT = Incident(
    operation="op-1",
    channel="C0ROOM",
    title="host-a answers 502",
    target="host-a",
    opened_by="ana",
    opened_at=datetime(2026, 1, 31, 2, 58, tzinfo=UTC),
    number=3,
    severity=Severity.HIGH,
    state=IncidentState.MITIGATED,
    was="the certificate of host-a",
)


def test_an_update_has_number_state_severity_and_the_text_and_nothing_else() -> None:
    said = describe_update(INCIDENT, "Logins work again.")
    assert "incident 3 (mitigated, high): Logins work again." == str(said)
    japanese = said.render(get_texts("ja", ZoneInfo("Asia/Tokyo")))
    assert "インシデント 3 (応急対応済み、重要): Logins work again." == japanese


@pytest.mark.parametrize(
    ("private", "requested", "announced"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, True), (None, False, False)],
)
def test_an_update_of_a_private_incident_is_announced_only_on_request(
    private: bool | None, requested: bool, announced: bool
) -> None:
    assert announced is goes_to_all(replace(INCIDENT, private=private), requested=requested)
