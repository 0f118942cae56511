"""Keyed hashes of secrets, for plans: a plan shows that a secret is the same as when it was approved, and nothing else.

Without the key, no guess at a value can be compared with its hash.
"""

import hmac
from collections.abc import Callable

from bot.security.secrets import FindSecret

PURPOSE = b"secrets in plans"
"""Purpose for which the key is derived from the audit key (`bot.store.chain.AuditKey.derive`)."""


def make_secret_hasher(key: bytes, find: FindSecret) -> Callable[[str], str]:
    """Makes the function that hashes a secret by its name. It raises as `find` for one that is missing."""

    def hash_secret(name: str) -> str:
        text = f"{name}\0{find(name).get_secret_value()}"
        return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    return hash_secret
