"""`ca backup create`: what is planned from which lighthouse, configuration and earlier copies."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.key_backup import Recipient
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from commands.catalogue import CATALOGUE
from commands.certificates.ca_key.create import KeyBackupCreate
from commands.certificates.operations import CaShow
from commands.language.grammar import parse_operation, render_operation
from commands.model.backup import NO_BACKUPS, KeyBackup, KnownBackups
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.plan import PlannedChange
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA, Said, files, host, view
from tests.lab.recipients import make_holder

LIGHTHOUSE, A = host("lighthouse", 0), host("host-a", 1)
ALICE, BOB, CAROL = (make_holder(name).recipient for name in ("Alice", "Bob", "Carol"))
FINGERPRINT = parse_pem(CA.certificate)[0].fingerprint


def copy(*recipients: Recipient, **given: Any) -> KeyBackup:
    """A copy that was made before."""
    return KeyBackup.model_validate(
        {
            "id": "lighthouse-00000000000a",
            "authority": FINGERPRINT,
            "name": "Flatnet CA",
            "recipients": [each.sha256 for each in recipients],
            "size": 1000,
            "sha256": "1" * 64,
            "certificate_sha256": "2" * 64,
            "manifest_sha256": "3" * 64,
            "at": NOW,
            "operation": "op-00000000000a",
        }
        | given
    )


def look(*recipients: Recipient, known: KnownBackups = NO_BACKUPS, said: Said | None = None) -> FleetView:
    return replace(view(LIGHTHOUSE, A, said=said), recipients=recipients, backups=known)


async def plan(
    *recipients: Recipient, known: KnownBackups = NO_BACKUPS, said: Said | None = None, new: bool = False
) -> PlannedChange:
    return await KeyBackupCreate(new_recipients=new).plan(look(*recipients, known=known, said=said))


async def refuse(*recipients: Recipient, known: KnownBackups = NO_BACKUPS, said: Said | None = None) -> str:
    with pytest.raises(CannotPlan) as caught:
        await plan(*recipients, known=known, said=said)
    return str(caught.value.phrase)


KNOWN = KnownBackups(keys=(copy(ALICE, BOB),))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ca backup create", KeyBackupCreate()),
        ("ca backup create --new-recipients", KeyBackupCreate(new_recipients=True)),
        ("ca show", CaShow()),
    ],
)
def test_the_words_are_understood_beside_those_of_other_commands(words: str, expected: Any) -> None:
    parsed = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert expected == parsed
    assert words == render_operation(parsed)


def test_new_recipients_make_it_critical() -> None:
    assert [Risk.CHANGE, Risk.CRITICAL] == [KeyBackupCreate(new_recipients=new).assessed_risk for new in (False, True)]


async def test_the_plan_names_the_ca_and_the_people_and_is_the_same_each_time() -> None:
    made = await plan(ALICE, BOB, known=KNOWN)
    again = await plan(ALICE, BOB, known=KNOWN)
    assert made == again
    assert {"ca": FINGERPRINT, "recipients": sorted((ALICE.sha256, BOB.sha256))} == {
        each.what: each.value for each in made.plan.premises
    }
    assert () == made.plan.warnings
    assert ("flatnet-bot", "lighthouse") == made.plan.hosts
    assert "lighthouse/key-backup/protect" == made.plan.steps[0].key


async def test_the_plan_holds_no_key() -> None:
    made = await plan(ALICE, BOB, known=KNOWN)
    assert [] == [line for line in CA.key.splitlines()[1:-1] if line in made.model_dump_json()]
    assert "PRIVATE" not in made.model_dump_json()


DIFFER = "the recipients differ from those of lighthouse-00000000000a. Add --new-recipients"


@pytest.mark.parametrize(
    ("recipients", "known", "why"),
    [
        ((), KNOWN, "no recipients configured. Add at least two under [[ca_backups.recipients]] (docs/ca.md)"),
        ((ALICE, CAROL), KNOWN, DIFFER),
        ((ALICE, BOB, CAROL), KNOWN, DIFFER),
        ((ALICE, BOB), KnownBackups(keys=(copy(ALICE, BOB, CAROL),)), DIFFER),
        ((ALICE, BOB), KnownBackups(), "no copy exists yet, so all recipients are new. Add --new-recipients"),
        (
            (ALICE, make_holder("Dave", days=30).recipient),
            KNOWN,
            "the certificate of Dave expired at 2026-01-31 00:00:00 UTC. Put a new one in the configuration",
        ),
        (
            (ALICE, BOB),
            KnownBackups(available=False),
            "could not read which copies there are. Check the database with doctor",
        ),
    ],
)
async def test_recipients_that_nobody_approved_get_no_copy(
    recipients: tuple[Recipient, ...], known: KnownBackups, why: str
) -> None:
    assert why == await refuse(*recipients, known=known)


async def test_the_newest_copy_of_this_ca_counts_not_one_of_another() -> None:
    other = copy(ALICE, CAROL, id="lighthouse-00000000000b", authority=parse_pem(OTHER_CA.certificate)[0].fingerprint)
    assert (await plan(ALICE, BOB, known=KnownBackups(keys=(other, copy(ALICE, BOB))))).plan.steps


async def test_who_is_new_and_who_could_still_open_earlier_copies_is_said() -> None:
    made = await plan(ALICE, CAROL, known=KNOWN, new=True)
    assert [
        "new recipients: Carol. Compare their fingerprints with them in person, not in Slack",
        "1 earlier recipient can still open the earlier copies. If that must end, change the CA",
    ] == list(map(str, made.plan.warnings))


PATH = r"F:\flatnet\config\nebula\ca.key"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            files(LIGHTHOUSE, ca_key_encrypted=True),
            f"the CA key {PATH} has a passphrase. The file itself is the backup: copy it to two safe places",
        ),
        (
            files(LIGHTHOUSE, ca_key=False),
            f"no CA key at {PATH} on lighthouse. If it is kept offline, that file is the backup: keep a second copy of it",
        ),
        (
            Unreachable(Phrase("connection refused")),
            "signing requires the lighthouse lighthouse, but it could not be checked: connection refused",
        ),
    ],
)
async def test_a_key_that_cannot_be_copied_is_refused_with_what_to_do(said: object, why: str) -> None:
    assert why == await refuse(ALICE, BOB, known=KNOWN, said={("lighthouse", "windows"): said})
