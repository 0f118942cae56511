"""The change of Nebula's CA: its stage, and how far each host has come. Pure.

    MADE ─▶ TRUSTING ─▶ SIGNING ─▶ DROPPING ─▶ DONE
      └────────┴───────────┴─▶ ABORTING ─▶ ABORTED          DROPPING goes only forward

The rows are a projection of signed outcomes and of what was read on hosts (`bot.certificates`). A plan is always made from
what the hosts have now; the rows answer for those that do not answer.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from adapters.value import Value
from commands.model.certificates import Fingerprint, Text

CA_LIMIT = 8_000
"""Characters of the certificate of one CA."""


class RotationStage(StrEnum):
    """Stages of a rotation. The values are stored."""

    MADE = "made"
    TRUSTING = "trusting"
    SIGNING = "signing"
    DROPPING = "dropping"
    DONE = "done"
    ABORTING = "aborting"
    ABORTED = "aborted"

    @property
    def signs_with_new(self) -> bool:
        """True if new certificates come from the new CA."""
        return self in (RotationStage.SIGNING, RotationStage.DROPPING)

    @property
    def ended(self) -> bool:
        return self in (RotationStage.DONE, RotationStage.ABORTED)


class RotationAuthority(Value):
    """One of the two CAs of a rotation: its certificate (PEM), and where its files are on the lighthouse."""

    fingerprint: Fingerprint
    name: Text
    ends_at: AwareDatetime
    certificate: Annotated[str, Field(max_length=CA_LIMIT)]
    certificate_file: str
    key_file: str


class RotationMember(Value):
    """Progress of one host: since when its Nebula trusts the new CA, runs with a certificate of it, and does not trust the
    old one any more. `seen_at` is when the host was last read. `left_at`: the rotation goes on without it, so that it is
    cut off until it returns.
    """

    host: str
    trusts_at: AwareDatetime | None = None
    signed_at: AwareDatetime | None = None
    dropped_at: AwareDatetime | None = None
    seen_at: AwareDatetime | None = None
    left_at: AwareDatetime | None = None


class Rotation(Value):
    """A change of the CA. `operation` started it. `canary` is a certificate of the new CA whose private key was discarded:
    what verifies it trusts the new CA. `lost`: the old CA is not used any more. `lazy`: hosts drop the old CA with their
    next restart.
    """

    number: int
    stage: RotationStage
    old: RotationAuthority
    new: RotationAuthority
    canary: Annotated[str, Field(max_length=CA_LIMIT)] = ""
    lost: bool = False
    lazy: bool = False
    operation: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    members: tuple[RotationMember, ...] = ()

    @property
    def signer(self) -> RotationAuthority:
        """The CA that signs new certificates."""
        return self.new if self.lost or self.stage.signs_with_new else self.old

    def find_member(self, host: str) -> RotationMember:
        """Finds how far a host has come; one without a row has not begun."""
        return next((each for each in self.members if each.host == host), RotationMember(host=host))
