"""Next round of a rotation: how far each host has come, and which of them the next round changes. Pure.

rotation, certificates of all hosts ─ find_states ─▶ a MemberState each ─ find_round ─▶ what is due, for which hosts

The gate is here: no signature of the new CA while a host does not trust it, unless it is named to be left behind, and no
removal of a CA while a host has a certificate of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commands.certs.rotation_states import MemberState, find_states
from commands.model.rotation import Rotation, RotationStage

__all__ = ["NOTHING_DUE", "MemberState", "NextRound", "Round", "find_round", "find_states", "prepare_signing"]


class Round(StrEnum):
    """Rounds of a rotation. The values are stored with plans."""

    TRUST = "trust"
    SIGN = "sign"
    DROP = "drop"
    RETURN = "return"
    """Trust and a new certificate in one restart, for a host that lacks the trust while others sign already."""
    TAKE_BACK_SIGNATURE = "take-back-signature"
    TAKE_BACK_TRUST = "take-back-trust"
    NONE = "none"


@dataclass(frozen=True)
class NextRound:
    """Round that is due. `change` are the hosts to change, in order. `missing` are those that lack it and did not answer.

    With `missing` and nothing to change, the rotation waits for these hosts.
    """

    round: Round
    change: tuple[MemberState, ...] = ()
    missing: tuple[MemberState, ...] = ()

    @property
    def waits(self) -> bool:
        """True if nothing can be done until a missing host answers or is left behind."""
        return bool(self.missing) and not self.change


NOTHING_DUE = NextRound(Round.NONE)


def find_round(rotation: Rotation, states: Sequence[MemberState], leave: frozenset[str] = frozenset()) -> NextRound:
    """Finds the round that is due. `leave` names hosts that it goes on without."""
    if rotation.stage.ended:
        return NOTHING_DUE
    if rotation.stage is RotationStage.ABORTING:
        return _find_way_back(states, leave)
    if rotation.stage is RotationStage.DROPPING:
        return _find_drop_round(rotation, states, leave)
    if rotation.lost or rotation.stage is RotationStage.SIGNING:
        return _find_signing_round(rotation, states, leave)
    lacking = [each for each in states if each.trusts_new is not True and not _is_left(each, leave)]
    return _split(Round.TRUST, lacking) if lacking else _find_signing_round(rotation, states, leave)


def prepare_signing(rotation: Rotation, leave: frozenset[str], at: datetime) -> Rotation:
    """Returns a rotation as it is while a round signs with the new CA: without the hosts that the round leaves behind.

    With it in the view of a plan, `read_certificates` looks for the new key, and `find_signer` finds the new CA.
    """
    if rotation.stage not in (RotationStage.MADE, RotationStage.TRUSTING, RotationStage.SIGNING):
        return rotation
    left = tuple(rotation.find_member(name).model_copy(update={"left_at": at}) for name in sorted(leave))
    others = tuple(each for each in rotation.members if each.host not in leave)
    return rotation.model_copy(update={"stage": RotationStage.SIGNING, "members": (*others, *left)})


def _find_signing_round(rotation: Rotation, states: Sequence[MemberState], leave: frozenset[str]) -> NextRound:
    """Finds who gets a certificate of the new CA. A host that lacks the trust comes first: it is cut off, or will be."""
    wanted = [each for each in states if each.host not in leave]
    if rotation.lost:
        return _split(Round.RETURN, [each for each in wanted if not each.has_new])
    lacking = [each for each in wanted if each.trusts_new is not True and (each.answered or not each.left)]
    if lacking:
        return _split(Round.RETURN, lacking)
    return _split(Round.SIGN, [each for each in wanted if not each.has_new])


def _find_drop_round(rotation: Rotation, states: Sequence[MemberState], leave: frozenset[str]) -> NextRound:
    """Finds who drops the old CA. A host that answers again without a certificate of the new one gets that first."""
    wanted = [each for each in states if each.host not in leave]
    back = [each for each in wanted if each.answered and not (each.has_new or (rotation.lazy and each.will_have_new))]
    if back:
        return _split(Round.RETURN, back)
    holding = [each for each in wanted if (each.lists_old if rotation.lazy else each.trusts_old) is not False]
    return _split(Round.DROP, holding)


def _find_way_back(states: Sequence[MemberState], leave: frozenset[str]) -> NextRound:
    """Finds who returns to the old CA: first the certificates, then the trust, without which they would be cut off.

    A host that an earlier round left behind returns once it answers. One that is named now does not, also if it answers:
    otherwise a host that cannot be changed would keep the rotation open.
    """
    wanted = [each for each in states if each.host not in leave and (each.answered or not each.left)]
    signed = [each for each in wanted if each.signed_by_new is True or (each.answered and each.signed_by_new is None)]
    if signed:
        return _split(Round.TAKE_BACK_SIGNATURE, signed)
    return _split(Round.TAKE_BACK_TRUST, [each for each in wanted if each.trusts_new is not False])


def _split(due: Round, lacking: Sequence[MemberState]) -> NextRound:
    """Splits those that lack something. The lighthouse is the first to trust, and the last of everything else."""
    if not lacking:
        return NOTHING_DUE
    answered = [each for each in lacking if each.answered]
    lighthouse_last = due not in (Round.TRUST, Round.RETURN)
    change = sorted(answered, key=lambda each: each.read.host.lighthouse is lighthouse_last)
    return NextRound(due, tuple(change), tuple(each for each in lacking if not each.answered))


def _is_left(state: MemberState, leave: frozenset[str]) -> bool:
    return state.left or state.host in leave
