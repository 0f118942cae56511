"""Secrets: from the environment or a secrets directory, and nowhere else.

A secret named `winrm_password` is the variable `FLATNET_WINRM_PASSWORD`, or the file
`winrm_password` in the secrets folder (the layout of systemd credentials and container secrets).
Values are wrapped: printing shows nothing.

Keyed hashes of secrets, for plans: a plan shows that a secret is the same as when it was approved, and nothing else.

Without the key, no guess at a value can be compared with its hash.
"""

import hmac
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, SecretsSettingsSource, SettingsError

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.security.file_trust import FileTrust, trust_users

ENVIRONMENT_PREFIX = "FLATNET_"

FindSecret = Callable[[str], SecretStr]
"""Returns the secret of a name. Raises `MissingSecret` or `SecretsUnusable`."""


class MissingSecret(FlatnetError):
    """A required secret does not exist."""


class SecretsUnusable(FlatnetError):
    """The secrets folder cannot be read, its content is not text, or every user may change it."""


class Secrets:
    """The secrets that the configuration names, read once. Call it with a name."""

    def __init__(self, values: dict[str, SecretStr | None], folder: Path | None) -> None:
        self._values = values
        self._folder = folder

    def __call__(self, name: str) -> SecretStr:
        """Return the secret of that name. Raises `MissingSecret`, which names the places that were searched."""
        value = self.find(name)
        if value is None:
            raise MissingSecret(_explain_missing(name, self._folder))
        return value

    def find(self, name: str) -> SecretStr | None:
        """Return the secret of that name; None if it is missing."""
        value = self._values.get(name)
        return value if value is not None and value.get_secret_value() else None

    def describe_missing(self) -> tuple[Phrase, ...]:
        """Return one sentence for each missing secret."""
        return tuple(_explain_missing(name, self._folder) for name, value in self._values.items() if not value)

    def list_values(self) -> tuple[str, ...]:
        """Return all values that must never be shown (`bot.security.redaction`)."""
        return tuple(value.get_secret_value() for value in self._values.values() if value)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


def read_secrets(names: Iterable[str], folder: Path | None, trust: FileTrust | None = None) -> Secrets:
    """Look up each name in the environment, then in the folder. Raises `SecretsUnusable` if others can change it.

    Without `trust` only root and the user of this process may own the folder and its files.
    """

    fields: dict[str, Any] = dict.fromkeys(sorted(set(names)), (SecretStr | None, None))
    wanted = create_model("Wanted", __base__=BaseSettings, **fields)
    found = dict(EnvSettingsSource(wanted, env_prefix=ENVIRONMENT_PREFIX)())
    if folder is not None:
        found = _read_folder(wanted, folder, trust or trust_users()) | found
    return Secrets({name: SecretStr(found[name]) if name in found else None for name in fields}, folder)


def _read_folder(wanted: type[BaseSettings], folder: Path, trust: FileTrust) -> dict[str, Any]:
    """Read the secrets in the folder, if it exists. Raises `SecretsUnusable` if it cannot be read or trusted."""
    try:
        if not folder.is_dir():
            return {}
        names = frozenset(name.lower() for name in wanted.model_fields)
        given = sorted(path for path in folder.iterdir() if path.name.lower() in names)  # pydantic ignores the case
        for problem in trust.find_problems(folder, *given):
            raise SecretsUnusable(problem)
        return SecretsSettingsSource(wanted, secrets_dir=folder, env_prefix="")()
    except (SettingsError, OSError, UnicodeDecodeError) as error:
        raise SecretsUnusable(
            Phrase(
                "could not read the secrets in {folder}. Check the owner, and that they are UTF-8 text", folder=str(folder)
            )
        ) from error


def _explain_missing(name: str, folder: Path | None) -> Phrase:
    variable = ENVIRONMENT_PREFIX + name.upper()
    if folder is None:
        return Phrase(
            "secret {name} is missing. Set {variable}, or set secrets_folder in the configuration",
            name=name,
            variable=variable,
        )
    return Phrase(
        "secret {name} is missing. Set {variable} or write it to {file}",
        name=name,
        variable=variable,
        file=str(folder / name),
    )


PURPOSE = b"secrets in plans"
"""Purpose for which the key is derived from the audit key (`bot.store.audit_chain.AuditKey.derive`)."""


def make_secret_hasher(key: bytes, find: FindSecret) -> Callable[[str], str]:
    """Makes the function that hashes a secret by its name. It raises as `find` for one that is missing."""

    def hash_secret(name: str) -> str:
        text = f"{name}\0{find(name).get_secret_value()}"
        return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    return hash_secret
