"""Recipients of copies of the CA key: what the configuration takes, and what it refuses."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.key_backup import parse_recipient
from tests.bot.config.test_settings import GOOD, complaints, settings
from tests.lab.recipients import KeyHolder, make_holder

ALICE, BOB = make_holder("Alice"), make_holder("Bob")


def locate(person: KeyHolder) -> str:
    """The key of a recipient's certificate in the configuration."""
    return f"ca_backups.recipients[{person.name}].certificate_file"


def describe(folder: Path, people: Sequence[KeyHolder], sha256: str = "") -> str:
    """A configuration with these recipients; the last one is pinned to another hash if one is given."""
    text = GOOD
    for number, person in enumerate(people):
        file = folder / f"person-{number}.pem"
        file.write_text(person.certificate)
        pinned = sha256 if sha256 and person is people[-1] else person.sha256
        text += f'\n[[ca_backups.recipients]]\nname = "{person.name}"\n'
        text += f'certificate_file = "{file.name}"\nsha256 = "{pinned}"\n'
    return text


def test_recipients_are_read_from_their_files(tmp_path: Path) -> None:
    read = settings(tmp_path, describe(tmp_path, (ALICE, BOB)))
    assert (ALICE.recipient, BOB.recipient) == read.recipients


def test_without_recipients_the_configuration_is_good(tmp_path: Path) -> None:
    assert () == settings(tmp_path, GOOD).recipients


def test_an_expired_certificate_keeps_no_bot_from_starting(tmp_path: Path) -> None:
    expired = make_holder("Carol", days=1)
    assert (ALICE.recipient, expired.recipient) == settings(tmp_path, describe(tmp_path, (ALICE, expired))).recipients


def test_a_certificate_in_der_is_read_too() -> None:
    encoded = x509.load_pem_x509_certificate(ALICE.certificate.encode()).public_bytes(Encoding.DER)
    assert ALICE.recipient == parse_recipient("Alice", encoded, ALICE.sha256)


def test_one_recipient_is_too_few_and_nobody_counts_twice(tmp_path: Path) -> None:
    few = "needs at least 2 recipients, so that one person alone cannot lose the CA key"
    twice = "two recipients have the same name or the same certificate"
    assert [few] == [text for _, _, text in complaints(tmp_path, describe(tmp_path, (ALICE,)))]
    assert [twice] == [text for _, _, text in complaints(tmp_path, describe(tmp_path, (ALICE, ALICE)))]


def test_two_certificates_of_one_key_are_one_person(tmp_path: Path) -> None:
    again = make_holder("Carol", like=ALICE)
    why = "has the same key as the certificate of Alice. Each recipient needs a key"
    assert [(locate(again), why)] == [
        (key, text) for key, _, text in complaints(tmp_path, describe(tmp_path, (ALICE, again)))
    ]


SIGNING = "is for signing only, so nothing can be encrypted for it. Use one with keyEncipherment"
SMALL = "needs an RSA key of at least 2048 bits. Use another certificate"


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (make_holder("Signer", encrypts=False), SIGNING),
        (make_holder("Coder", purpose=ExtendedKeyUsageOID.CODE_SIGNING), SIGNING),
        (make_holder("Small", key="small"), SMALL),
        (make_holder("Curve", key="ec"), SMALL),
    ],
)
def test_a_certificate_for_which_nothing_can_be_encrypted_is_refused(tmp_path: Path, person: KeyHolder, why: str) -> None:
    assert [(locate(person), why)] == [
        (key, text) for key, _, text in complaints(tmp_path, describe(tmp_path, (ALICE, person)))
    ]


@pytest.mark.parametrize("purpose", [None, ExtendedKeyUsageOID.EMAIL_PROTECTION])
def test_a_certificate_without_a_purpose_or_for_mail_can_be_used(purpose: x509.ObjectIdentifier | None) -> None:
    person = make_holder("Dave", purpose=purpose)
    assert person.recipient == parse_recipient("Dave", person.certificate.encode(), person.sha256)


def test_a_file_with_another_certificate_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    ((key, _, text),) = complaints(tmp_path, describe(tmp_path, (ALICE, BOB), "0" * 64))
    assert (
        locate(BOB),
        f"is not the pinned certificate: its SHA-256 is {BOB.sha256}. Ask the recipient which one is right",
    ) == (
        key,
        text,
    )


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    text = describe(tmp_path, (ALICE, BOB))
    (tmp_path / "person-1.pem").write_text("no certificate")
    unreadable = "holds no readable certificate. Put one certificate there, as PEM or DER"
    assert [(locate(BOB), unreadable)] == [(key, why) for key, _, why in complaints(tmp_path, text)]
    (tmp_path / "person-1.pem").unlink()
    missing = "could not be read (No such file or directory). Check the path"
    assert [(locate(BOB), missing)] == [(key, why) for key, _, why in complaints(tmp_path, text)]
