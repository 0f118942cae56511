"""Progress of a rotation in one sentence: how many hosts have what its stage gives them, and which are awaited. Pure.

The overview counts what hosts have now; digest, home tab and alerts count the rows, which cost no read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.certs.rotation_states import MemberState
from commands.model.phrases import list_some
from commands.model.rotation import Rotation, RotationMember, RotationStage
from commands.values.arguments import shorten_argument

STAGE_PHRASES: Mapping[RotationStage, Phrase] = {
    RotationStage.MADE: Phrase("new CA made"),
    RotationStage.TRUSTING: Phrase("adding the new CA to all hosts"),
    RotationStage.SIGNING: Phrase("replacing the certificates"),
    RotationStage.DROPPING: Phrase("removing the old CA"),
    RotationStage.DONE: Phrase("completed"),
    RotationStage.ABORTING: Phrase("aborting, the new CA is removed"),
    RotationStage.ABORTED: Phrase("aborted"),
}
"""Stages as they are shown."""

NEXT_COMMANDS: Mapping[RotationStage, str] = {
    RotationStage.MADE: "ca rotation next",
    RotationStage.TRUSTING: "ca rotation next",
    RotationStage.SIGNING: "ca rotation next",
    RotationStage.DROPPING: "ca rotation finish",
    RotationStage.ABORTING: "ca rotation abort",
}
"""Commands that move a rotation on."""


@dataclass(frozen=True)
class Tally:
    """Hosts that have what the stage gives them, and the others. Those that were left behind are among neither."""

    rotation: Rotation
    done: tuple[str, ...]
    awaited: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def phrase(self) -> Phrase:
        """The tally in one sentence."""
        counted = _count(self.rotation, len(self.done), len(self.done) + len(self.awaited) + len(self.left))
        if self.awaited and self.done:
            counted = Phrase("{counted}, waiting for {hosts}", counted=counted, hosts=list_some(self.awaited))
        if self.left:
            counted = Phrase("{counted}, left behind: {hosts}", counted=counted, hosts=list_some(self.left))
        return counted


def describe_members(rotation: Rotation, hosts: Iterable[Host]) -> Phrase:
    """Describes the stage, and how far the rows of these hosts are. One without a Windows side takes no part."""
    names = [host.name for host in hosts if host.windows is not None]
    return Phrase("{stage}: {tally}", stage=STAGE_PHRASES[rotation.stage], tally=tally_members(rotation, names).phrase)


def tally_members(rotation: Rotation, hosts: Sequence[str]) -> Tally:
    """Counts the rows of these hosts."""
    members = [rotation.find_member(host) for host in hosts]
    has = _choose_member_test(rotation)
    return _tally(rotation, [(member.host, has(member), member.left_at is not None) for member in members])


def tally_states(rotation: Rotation, states: Sequence[MemberState]) -> Tally:
    """Counts what hosts have now."""
    has = _choose_state_test(rotation)
    return _tally(rotation, [(state.host, has(state), state.left) for state in states])


def _tally(rotation: Rotation, hosts: Sequence[tuple[str, bool, bool]]) -> Tally:
    return Tally(
        rotation,
        done=tuple(host for host, has, _ in hosts if has),
        awaited=tuple(host for host, has, left in hosts if not has and not left),
        left=tuple(host for host, has, left in hosts if not has and left),
    )


def _choose_member_test(rotation: Rotation) -> Callable[[RotationMember], bool]:
    match rotation.stage:
        case RotationStage.ABORTING | RotationStage.ABORTED:
            return lambda member: member.trusts_at is None and member.signed_at is None
        case RotationStage.DROPPING | RotationStage.DONE:
            return lambda member: member.dropped_at is not None
        case RotationStage.MADE | RotationStage.TRUSTING if not rotation.lost:
            return lambda member: member.trusts_at is not None
        case _:
            return lambda member: member.signed_at is not None and member.trusts_at is not None


def _choose_state_test(rotation: Rotation) -> Callable[[MemberState], bool]:
    match rotation.stage:
        case RotationStage.ABORTING | RotationStage.ABORTED:
            return lambda state: state.trusts_new is False and state.signed_by_new is False
        case RotationStage.DROPPING | RotationStage.DONE:
            return lambda state: (state.lists_old if rotation.lazy and state.answered else state.trusts_old) is False
        case RotationStage.MADE | RotationStage.TRUSTING if not rotation.lost:
            return lambda state: state.trusts_new is True
        case _:
            return lambda state: state.has_new


def _count(rotation: Rotation, done: int, total: int) -> Phrase:
    new, old = (shorten_argument(ca.name) for ca in (rotation.new, rotation.old))
    match rotation.stage:
        case RotationStage.ABORTING | RotationStage.ABORTED:
            return Phrase("{n} of {total} hosts are without {ca} again", n=done, total=total, ca=new)
        case RotationStage.DROPPING | RotationStage.DONE:
            return Phrase("{n} of {total} hosts are without {ca}", n=done, total=total, ca=old)
        case RotationStage.MADE | RotationStage.TRUSTING if not rotation.lost:
            return Phrase("{n} of {total} hosts trust {ca}", n=done, total=total, ca=new)
        case _:
            return Phrase("{n} of {total} hosts have a certificate of {ca}", n=done, total=total, ca=new)
