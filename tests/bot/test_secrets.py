"""Secrets: where they are looked for, and that printing shows nothing."""

from pathlib import Path

import pytest

from bot.secrets import MissingSecret, Secrets, read_secrets


def test_a_secret_lies_in_the_environment_or_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins; white space around a file's content does not count."""
    (tmp_path / "winrm_password").write_text(" from the file\n")
    (tmp_path / "audit_key").write_text("key\n")
    monkeypatch.setenv("FLATNET_WINRM_PASSWORD", "from the environment")
    secrets = read_secrets({"winrm_password", "audit_key"}, tmp_path)
    assert "from the environment" == secrets("winrm_password").get_secret_value()
    assert "key" == secrets("audit_key").get_secret_value()


def test_only_what_the_configuration_names_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other variables and files are none of the bot's business."""
    monkeypatch.setenv("AUDIT_KEY", "without the prefix")
    (tmp_path / "other").write_text("x")
    secrets = read_secrets({"audit_key"}, tmp_path)
    for name in ("audit_key", "other"):
        with pytest.raises(MissingSecret):
            secrets(name)


def test_a_missing_secret_says_where_it_is_looked_for(tmp_path: Path) -> None:
    """Both places, so that either can be mended; an empty one is a missing one."""
    (tmp_path / "audit_key").write_text("\n")
    with pytest.raises(MissingSecret, match=f"set FLATNET_AUDIT_KEY or write it to {tmp_path}/audit_key"):
        read_secrets({"audit_key"}, tmp_path)("audit_key")
    with pytest.raises(MissingSecret, match="name a secrets_folder"):
        read_secrets({"audit_key"}, None)("audit_key")


def test_printing_shows_nothing(tmp_path: Path) -> None:
    """Neither the collection nor a secret shows a value."""
    (tmp_path / "audit_key").write_text("hunter2")
    secrets: Secrets = read_secrets({"audit_key"}, tmp_path)
    assert "hunter2" not in f"{secrets!r} {secrets('audit_key')!r} {secrets('audit_key')} {vars(secrets)}"
