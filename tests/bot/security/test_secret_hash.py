"""Keyed hashes of secrets: the same for the same value, another one for everything else."""

import pytest
from pydantic import SecretStr

from bot.security.secrets import PURPOSE, MissingSecret, Secrets, make_secret_hasher
from bot.store.audit_chain import AuditKey

KEY = AuditKey(b"k" * 32).derive(PURPOSE)


def hash_secret(name: str, value: str, key: bytes = KEY) -> str:
    return make_secret_hasher(key, Secrets({name: SecretStr(value)}, None))(name)


def test_it_changes_with_the_name_the_value_and_the_key_and_with_nothing_else() -> None:
    usual = hash_secret("db_password", "correct horse")
    assert usual == hash_secret("db_password", "correct horse")
    other_key = AuditKey(b"x" * 32).derive(PURPOSE)
    others = {
        hash_secret("db_password", "correct horse "),
        hash_secret("other", "correct horse"),
        hash_secret("db_password", "correct horse", other_key),
        hash_secret("db_password", "correct horse", AuditKey(b"k" * 32).derive(b"something else")),
    }
    assert len(others | {usual}) == 5
    assert "horse" not in usual


def test_a_missing_secret_says_where_it_is_expected() -> None:
    with pytest.raises(MissingSecret, match="FLATNET_DB_PASSWORD"):
        make_secret_hasher(KEY, Secrets({}, None))("db_password")
