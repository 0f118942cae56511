"""Steps of the encrypted copy of a CA key."""

import json

from adapters.action import BOT_NAME
from adapters.nebula.certificates import parse_pem
from commands.certificates.ca_key.steps import KeySource, build_key_backup_steps
from commands.model.plan import Part, Plan, Product
from commands.model.plan_digest import compute_digest
from tests.adapters.windows.key_backup_cases import CA_KEY, PEOPLE
from tests.adapters.windows.nebula_hosts import CA
from tests.commands.canned_certs import OPERATION, host

LIGHTHOUSE = host("lighthouse", 0)
RECIPIENTS = tuple(person.recipient for person in PEOPLE)
KNOWN = KeySource(LIGHTHOUSE, OPERATION, r"F:\flatnet\config\nebula\ca.key", CA, parse_pem(CA)[0].fingerprint)
MADE_LATER = KeySource(
    LIGHTHOUSE,
    OPERATION,
    r"F:\flatnet\operations\op-0123456789ab\ca.key",
    Product(step="lighthouse/make", field="certificate"),
    Product(step="lighthouse/make", field="fingerprint"),
)


def plan(source: KeySource) -> Plan:
    steps = build_key_backup_steps(source, RECIPIENTS, lambda name: f"lighthouse/key/{name}")
    return Plan(parts=(Part(host="lighthouse", steps=steps),))


def test_the_key_is_encrypted_moved_to_the_bot_and_read_back_at_both_places() -> None:
    expected = [
        ("lighthouse/key/protect", "lighthouse", "windows.ProtectKey"),
        ("lighthouse/key/fetch-key", BOT_NAME, "bot.WriteKeyFile"),
        ("lighthouse/key/fetch-certificate", BOT_NAME, "bot.WriteKeyFile"),
        ("lighthouse/key/fetch-manifest", BOT_NAME, "bot.WriteKeyFile"),
        ("lighthouse/key/check-first", "lighthouse", "windows.ReadKeyCopy"),
        ("lighthouse/key/check-second", BOT_NAME, "bot.ReadStoredKey"),
    ]
    assert expected == [(step.key, step.host, step.deed.kind) for step in plan(KNOWN).steps]


def test_every_step_that_writes_can_be_rolled_back() -> None:
    assert all(step.undo is not None for step in plan(KNOWN).steps if step.deed.is_change)


def test_both_copies_have_folders_named_after_lighthouse_and_operation() -> None:
    protect, fetch, *_ = plan(KNOWN).steps
    assert r"F:\flatnet\backups\ca\lighthouse-0123456789ab" == protect.deed.arguments["folder"]
    assert "lighthouse-0123456789ab" == fetch.deed.arguments["backup"]


def test_the_key_of_a_ca_that_an_earlier_step_makes_is_copied_too() -> None:
    protect, *_, check = plan(MADE_LATER).steps
    assert {"certificate", "fingerprint"} == set(protect.deed.products)
    assert "fingerprint" == check.deed.products["authority"].field
    produced = {"lighthouse/make": {"certificate": CA, "fingerprint": parse_pem(CA)[0].fingerprint}}
    assert protect.deed.build_action(produced)


def test_what_is_approved_names_the_recipients_and_never_holds_the_key() -> None:
    for source in (KNOWN, MADE_LATER):
        stored = plan(source).model_dump_json()
        assert all(person.sha256 in stored for person in PEOPLE)
        assert [] == [line for line in CA_KEY.splitlines()[1:-1] if json.dumps(line).strip('"') in stored]
        assert compute_digest(plan(source), "ca backup create", {})
