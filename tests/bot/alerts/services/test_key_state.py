"""Alerts on the copies of the CA key: one for each problem, none while all is well."""

from datetime import timedelta

import pytest

from adapters.key_backup import Recipient
from bot.alerts.services.own_state import KeyWatch
from commands.alerts.conditions import Condition
from commands.model.backup import KnownBackups
from commands.model.rotation import Rotation
from tests.commands.canned import NOW
from tests.commands.certificates.ca_key.test_create import ALICE, BOB
from tests.commands.certificates.ca_key.test_judgment import WELL, drill, whole


async def check(known: KnownBackups, *recipients: Recipient) -> list[tuple[str, str, str | None]]:
    async def read() -> KnownBackups:
        return known

    async def find_rotation() -> Rotation | None:
        return None

    signals = await KeyWatch(read, lambda: recipients, find_rotation, lambda: NOW).check()
    assert {Condition.CA_KEY} >= {signal.condition for signal in signals}
    return [(signal.key, signal.severity.value, signal.next) for signal in signals]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (WELL, []),
        (
            KnownBackups(keys=(whole(ALICE, BOB),), drills=(drill(passed_at=None, refused_at=NOW - timedelta(hours=1)),)),
            [("ca-backup/refused", "high", "ca backup drill"), ("ca-backup/drill", "medium", "ca backup drill")],
        ),
        (KnownBackups(), [("ca-backup/copy", "high", "ca backup create --new-recipients")]),
    ],
)
async def test_each_problem_is_a_signal_with_its_remedy(
    known: KnownBackups, expected: list[tuple[str, str, str | None]]
) -> None:
    assert expected == await check(known, ALICE, BOB)
