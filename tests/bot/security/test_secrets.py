"""Secrets: where they are looked for, and that printing shows nothing."""

from pathlib import Path

import pytest

from bot.security.secrets import MissingSecret, Secrets, SecretsUnusable, read_secrets


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
    with pytest.raises(MissingSecret, match=f"Set FLATNET_AUDIT_KEY or write it to {tmp_path}/audit_key"):
        read_secrets({"audit_key"}, tmp_path)("audit_key")
    with pytest.raises(MissingSecret, match="or set secrets_folder"):
        read_secrets({"audit_key"}, None)("audit_key")


def test_printing_shows_nothing(tmp_path: Path) -> None:
    """Neither the collection nor a secret shows a value."""
    (tmp_path / "audit_key").write_text("hunter2")
    secrets: Secrets = read_secrets({"audit_key"}, tmp_path)
    assert "hunter2" not in f"{secrets!r} {secrets('audit_key')!r} {secrets('audit_key')} {vars(secrets)}"


def test_a_secret_that_anybody_may_change_is_none(tmp_path: Path) -> None:
    """Neither the file nor its folder; the sentence says how to mend it."""
    file = tmp_path / "audit_key"
    file.write_text("key")
    for path, mode in ((file, 0o602), (tmp_path, 0o707)):
        usual = path.stat().st_mode
        path.chmod(mode)
        with pytest.raises(SecretsUnusable, match=f"{path} is writable by others. Run: chmod o-w {path}"):
            read_secrets({"audit_key"}, tmp_path)
        path.chmod(usual)


def test_a_secret_in_a_file_of_another_case_is_checked_as_well(tmp_path: Path) -> None:
    """It is read, too. In a sticky folder another user could have put it there."""
    file = tmp_path / "AUDIT_KEY"
    file.write_text("key")
    assert ("key",) == read_secrets({"audit_key"}, tmp_path).list_values()
    file.chmod(0o602)
    with pytest.raises(SecretsUnusable, match=f"{file} is writable by others"):
        read_secrets({"audit_key"}, tmp_path)


def test_what_is_no_text_is_no_secret(tmp_path: Path) -> None:
    """A foreseen error, so that a reload keeps what it has."""
    (tmp_path / "audit_key").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretsUnusable, match="could not read the secrets"):
        read_secrets({"audit_key"}, tmp_path)


def test_what_is_missing_can_be_said_beforehand(tmp_path: Path) -> None:
    """One sentence for each, before a host is asked."""
    (tmp_path / "audit_key").write_text("key")
    missing = read_secrets({"audit_key", "winrm_password"}, tmp_path).describe_missing()
    assert ["secret winrm_password is missing"] == [str(phrase).partition(".")[0] for phrase in missing]
