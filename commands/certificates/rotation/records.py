"""Marks by which the end of a run says what it did for a rotation. Pure.

    start   a premise has a RotationStart; the answers of the steps HOST/make and HOST/canary have the certificates
    rounds  keys of steps begin with HOST/trust, HOST/drop, HOST/take-back; HOST/sign signs; HOST/settle ends the rotation

A mark counts for a host if all steps of its part are done and none was rolled back. So the steps of a plan are the one place
that says what it does, and `bot.certificates` needs no knowledge of operations.
"""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue, ValidationError

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from commands.certificates.reading import shorten_fingerprint
from commands.model.plan import Part, Plan, Premise
from commands.model.rotation import Rotation, RotationAuthority

START_PREMISE = "rotation"
"""Subject of the premise that has the `RotationStart`."""


START_WORDS = "ca rotation start"


NEXT_WORDS = "ca rotation next"


FINISH_WORDS = "ca rotation finish"


ABORT_WORDS = "ca rotation abort"


class Mark(StrEnum):
    """First word of a step's key behind its host."""

    MAKE = "make"
    """The new CA is made. Its answer has the `certificate` (PEM)."""
    CANARY = "canary"
    """A certificate of the new CA is signed, and its private key is discarded. Its answer has the `certificate` (PEM)."""
    TRUST = "trust"
    """The new CA is added to the CAs that the host trusts."""
    SIGN = "sign"
    """A certificate is signed. Its issuer says by which CA."""
    DROP = "drop"
    """The old CA is taken out."""
    TAKE_BACK = "take-back"
    """The new CA is taken out again."""
    SETTLE = "settle"
    """The rotation is over: keys are moved and wiped."""


class RotationStart(Value):
    """Facts that a start fixes before it runs: the old CA, the files of the new one on the lighthouse, and whether the old
    one is lost.
    """

    old: RotationAuthority
    certificate_file: str
    key_file: str
    lost: bool = False

    def build_premise(self, host: str) -> Premise:
        """Builds the premise of a plan that starts a rotation. `host` is the lighthouse."""
        old = self.old
        phrase = Phrase(
            "replaces {ca} ({fingerprint}), valid until {at}",
            ca=old.name,
            fingerprint=shorten_fingerprint(old.fingerprint),
            at=Moment(old.ends_at),
        )
        return Premise(host=host, what=START_PREMISE, value=self.model_dump(mode="json"), phrase=phrase)


def make_key(host: str, mark: Mark, name: str = "") -> str:
    """Makes the key of a step that has a mark: `host-a/trust/stage`, or `host-a/sign`."""
    return "/".join(filter(None, (host, mark.value, name)))


def list_marks(part: Part) -> frozenset[Mark]:
    """Lists the marks of a part's steps."""
    words = {step.key.removeprefix(f"{part.host}/").partition("/")[0] for step in part.steps}
    return frozenset(mark for mark in Mark if mark.value in words)


def find_start(plan: Plan) -> RotationStart | None:
    """Finds what a plan that starts a rotation fixes; None in another plan."""
    value = next((premise.value for premise in plan.premises if premise.what == START_PREMISE), None)
    try:
        return None if value is None else RotationStart.model_validate(value)
    except ValidationError:
        return None


def parse_left(arguments: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Parses the hosts that a round goes on without, from the resolved arguments of `ca rotation next`."""
    match arguments.get("leave"):
        case {"parts": list(parts)} | list(parts):
            return tuple(str(name) for name in parts)
        case _:
            return ()


def is_lazy(rotation: Rotation, arguments: Mapping[str, JsonValue]) -> bool:
    """Returns whether hosts drop the old CA with their next restart, from the arguments of `ca rotation finish`."""
    return rotation.lazy or arguments.get("lazy") is True
