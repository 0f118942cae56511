"""Members outside the configuration."""

from datetime import timedelta

from commands.model.certificates import Identity, IdentityKind
from tests.commands.canned import NOW


def member_of(issuer: str, name: str = "laptop") -> Identity:
    """A member that was seen three days ago with a certificate of that CA."""
    return Identity(
        fingerprint=f"{len(name):064x}",
        kind=IdentityKind.NEBULA,
        name=name,
        address="10.100.9.1",
        issuer=issuer,
        ends_at=NOW + timedelta(days=30),
        seen_at=NOW - timedelta(days=3),
    )
