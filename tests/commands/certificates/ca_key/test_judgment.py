"""Problems of the copies of the CA key: what is said of which copies, recipients and drills."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.key_backup import Recipient
from commands.certificates.ca_key.judgment import choose_key_backup, judge_key_backups
from commands.model.backup import NO_BACKUPS, Drill, KeyBackup, KnownBackups
from commands.model.finding import Severity
from tests.commands.canned import NOW
from tests.commands.certificates.ca_key.test_create import ALICE, BOB, CAROL, FINGERPRINT, copy
from tests.lab.recipients import make_holder

SOON = make_holder("Soon", days=(NOW - make_holder("Alice").recipient.ends_at).days + 36_500 + 20).recipient
EXPIRED = make_holder("Expired", days=1).recipient


def drill(**given: Any) -> Drill:
    usual = {
        "number": 1,
        "authority": FINGERPRINT,
        "public_key": "key",
        "opened_at": NOW - timedelta(days=11),
        "ends_at": NOW - timedelta(days=4),
        "opened_by": "ana",
        "passed_at": NOW - timedelta(days=10),
        "passed_by": "ana",
    }
    return Drill.model_validate(usual | given)


def whole(*recipients: Recipient, **given: Any) -> KeyBackup:
    return copy(*recipients, **{"verified_at": NOW - timedelta(days=1)} | given)


def judge(known: KnownBackups, *recipients: Recipient) -> Mapping[str, Severity]:
    return {
        each.subject.removeprefix("ca-backup/"): each.severity for each in judge_key_backups(known, recipients, None, NOW)
    }


WELL = KnownBackups(keys=(whole(ALICE, BOB),), drills=(drill(),))
OLD = timedelta(days=366)


@pytest.mark.parametrize(
    ("known", "recipients", "expected"),
    [
        pytest.param(WELL, (ALICE, BOB), {}, id="all is well"),
        pytest.param(NO_BACKUPS, (), {}, id="not used at all"),
        pytest.param(KnownBackups(available=False), (ALICE, BOB), {}, id="unknown"),
        pytest.param(NO_BACKUPS, (ALICE, BOB), {"copy": Severity.HIGH}, id="no copy"),
        pytest.param(
            KnownBackups(keys=(copy(ALICE, BOB),), drills=(drill(),)),
            (ALICE, BOB),
            {"copy": Severity.MEDIUM},
            id="never verified",
        ),
        pytest.param(
            KnownBackups(keys=(whole(ALICE, BOB, fault="damaged"),), drills=(drill(),)),
            (ALICE, BOB),
            {"copy": Severity.HIGH},
            id="damaged",
        ),
        pytest.param(WELL, (ALICE, CAROL), {"recipients": Severity.MEDIUM}, id="for others"),
        pytest.param(
            KnownBackups(keys=(whole(ALICE, SOON),), drills=(drill(),)),
            (ALICE, SOON),
            {f"recipient/{SOON.sha256[:12]}": Severity.MEDIUM},
            id="a recipient expires soon",
        ),
        pytest.param(
            KnownBackups(keys=(whole(ALICE, EXPIRED),), drills=(drill(),)),
            (ALICE, EXPIRED),
            {f"recipient/{EXPIRED.sha256[:12]}": Severity.HIGH},
            id="a recipient has expired",
        ),
        pytest.param(KnownBackups(keys=(whole(ALICE, BOB),)), (ALICE, BOB), {"drill": Severity.MEDIUM}, id="no drill yet"),
        pytest.param(
            KnownBackups(keys=(whole(ALICE, BOB),), drills=(drill(authority="0" * 64),)),
            (ALICE, BOB),
            {"drill": Severity.MEDIUM},
            id="a drill of another CA",
        ),
        pytest.param(
            KnownBackups(keys=(whole(ALICE, BOB),), drills=(drill(passed_at=NOW - OLD),)),
            (ALICE, BOB),
            {"drill": Severity.MEDIUM},
            id="a drill of more than a year ago",
        ),
        pytest.param(
            KnownBackups(
                keys=(whole(ALICE, BOB),),
                drills=(drill(number=2, passed_at=None, refused_at=NOW - timedelta(days=1)), drill()),
            ),
            (ALICE, BOB),
            {"refused": Severity.HIGH},
            id="a certificate was refused since",
        ),
        pytest.param(
            KnownBackups(keys=(whole(ALICE, BOB),), drills=(drill(refused_at=NOW - timedelta(days=11)),)),
            (ALICE, BOB),
            {},
            id="a certificate was refused before the right one came",
        ),
    ],
)
def test_problems_follow_from_copies_recipients_and_drills(
    known: KnownBackups, recipients: tuple[Recipient, ...], expected: Mapping[str, Severity]
) -> None:
    assert expected == judge(known, *recipients)


def test_the_newest_copy_counts() -> None:
    older = copy(ALICE, BOB, id="lighthouse-00000000000b")
    known = KnownBackups(keys=(whole(ALICE, BOB), older), drills=(drill(),))
    assert known.keys[0] == choose_key_backup(known, None)
    assert {} == judge(known, ALICE, BOB)
