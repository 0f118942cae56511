"""`ca rotation finish`: takes the old CA out of every host, one by one, and wipes its key at the end.

all hosts ─ read ─▶ what keeps the old CA in use ─▶ DROP: a HostPlan each, the lighthouse last ─▶ settle ─▶ PlannedChange

settle: the new key takes the place of the old one, which is wiped. Only the way forward is left from the first host on.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PureWindowsPath
from typing import Annotated, ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.authority import CURVE_NAMES, InstallAuthority, WipeAuthority
from commands.certificates.reading import read_certificates
from commands.certificates.renewal_obstacles import find_rotation_authority
from commands.certificates.rotation.bundle_round import BundleRound, plan_bundles
from commands.certificates.rotation.records import Mark, make_key
from commands.certificates.rotation.round_request import RotationRound, require_rotation
from commands.certificates.rotation.rounds import Round, RoundSight, assemble_round, find_round, find_states
from commands.certificates.rotation.successor import find_spare_network
from commands.changes.commit_confirm import get_windows_side
from commands.changes.host_plan import HostPlan
from commands.model.certificates import KnownIdentities
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost, Part, PlannedAction, PlannedChange, Step
from commands.model.rotation import Rotation, RotationStage
from commands.values.arguments import Flag, shorten_argument


class RotationFinish(RotationRound):
    """Finish the change of the CA: the old one is taken out everywhere, host by host, and its key is wiped."""

    words: ClassVar = ("ca", "rotation", "finish")
    risk: ClassVar = Risk.CRITICAL
    matter: ClassVar = Matter.AUTHORITY
    summary: ClassVar = Phrase("finish changing the CA: every host drops the old CA, and the old key is wiped")
    example: ClassVar = "ca rotation finish"
    label: ClassVar = Phrase("finish changing the CA")

    lazy: Annotated[bool, Flag(Phrase("restart nothing: each host drops the old CA with its next restart"))] = False

    async def plan(self, view: FleetView) -> PlannedChange:
        rotation = require_rotation(view, self.only)
        _require_stage(rotation)
        await _require_drill(rotation, view)
        sight = await self._look(rotation, view)
        _require_new_certificates(sight)
        _require_no_dependents(sight, view.identities, frozenset(each.name for each in view.fleet.inventory.removed))
        dropping = BundleRound(
            Mark.DROP, sight.rotation, sight.seen, tuple(state.read for state in sight.change), lazy=sight.rotation.lazy
        )
        planned: tuple[HostPlan | LeftOutHost, ...] = await plan_bundles(dropping, view)
        if _is_last(sight) and not any(isinstance(each, LeftOutHost) for each in planned):
            planned = (*planned, _plan_settling(sight))
        return _warn_of_no_return(assemble_round(sight, planned, view.fleet.inventory, ()), rotation)

    async def _look(self, rotation: Rotation, view: FleetView) -> RoundSight:
        """Looks at all hosts, as they are while the old CA is taken out."""
        inventory = view.fleet.inventory
        update = {"stage": RotationStage.DROPPING, "lazy": self.lazy or rotation.lazy}
        dropping = rotation.model_copy(update=update)
        leave = self.find_left(inventory)
        seen = await read_certificates(inventory.hosts, replace(view, rotation=dropping))
        states = find_states(dropping, seen)
        asked = frozenset(host.name for host in self.resolve_hosts(inventory))
        return RoundSight(self, dropping, seen, states, find_round(dropping, states, leave), asked, leave)


def _require_stage(rotation: Rotation) -> None:
    if rotation.stage not in (RotationStage.SIGNING, RotationStage.DROPPING):
        words = "ca rotation abort" if rotation.stage is RotationStage.ABORTING else "ca rotation next"
        raise CannotPlan(Phrase("no host is ready to drop the old CA. Go on with {words}", words=words))


async def _require_drill(rotation: Rotation, view: FleetView) -> None:
    """Requires that a person opened the copy of the new key: with the old one wiped, it is the only one."""
    if not view.backups.available:
        raise CannotPlan(Phrase("the records of drills could not be read, so it is unknown if the new key can be restored"))
    passed = [each for each in view.backups.drills if each.authority == rotation.new.fingerprint and each.passed_at]
    if not any([await view.attest(each) for each in passed]):
        raise CannotPlan(
            Phrase(
                "the copy of the key of {ca} was never opened. Run {words} first",
                ca=shorten_argument(rotation.new.name),
                words="ca backup drill",
            )
        )


def _require_new_certificates(sight: RoundSight) -> None:
    """Requires a certificate of the new CA on each host. One without it could not return by itself afterwards."""
    lazy = sight.rotation.lazy
    lacking = [
        state.host
        for state in sight.states
        if state.host not in sight.leave and not (state.has_new or (lazy and state.will_have_new))
    ]
    if lacking:
        raise CannotPlan(
            Phrase(
                "{hosts} have no certificate of the new CA, or could not be checked. Run {words}, or leave them behind: "
                "{option}",
                hosts=list_some(lacking),
                words="ca rotation next",
                option=f"--leave {','.join(lacking)}",
            )
        )


def _require_no_dependents(sight: RoundSight, identities: KnownIdentities, removed: frozenset[str]) -> None:
    """Requires that no member takes part with the old CA, also outside the configuration. Removed hosts are refused."""
    if not identities.available:
        raise CannotPlan(Phrase("the ledger of certificates could not be read, so it is unknown who needs the old CA"))
    changed = {state.host for state in sight.states if state.has_new} | removed
    found = identities.find_dependents(sight.rotation.old.fingerprint, sight.seen.now)
    dependents = list(dict.fromkeys(shorten_argument(each.name) for each in found if each.name not in changed))
    if dependents:
        raise CannotPlan(
            Phrase(
                "seen in the last 30 days with a certificate of {ca}: {names}. They would be cut off. "
                "Renew their certificates",
                ca=shorten_argument(sight.rotation.old.name),
                names=list_some(dependents),
            )
        )


def _warn_of_no_return(made: PlannedChange, rotation: Rotation) -> PlannedChange:
    """Adds the warning that a change of the CA cannot be aborted any more, while it can be."""
    if rotation.stage is RotationStage.DROPPING:
        return made
    warning = Phrase("it cannot be aborted once the first host has dropped {ca}", ca=shorten_argument(rotation.old.name))
    plan = made.plan.model_copy(update={"warnings": (warning, *made.plan.warnings)})
    return made.model_copy(update={"plan": plan})


def _is_last(sight: RoundSight) -> bool:
    """Returns whether no host has the old CA in its file after this round, except those that are left behind."""
    away = [state for state in sight.due.missing if state.host not in sight.leave]
    return sight.due.round in (Round.DROP, Round.NONE) and not away and len(sight.change) == len(sight.due.change)


def _plan_settling(sight: RoundSight) -> HostPlan:
    """Plans the end of the rotation on the lighthouse, in a part of its own: what is wiped cannot be rolled back."""
    lighthouse = sight.seen.lighthouse
    assert lighthouse is not None
    _require_same_place(sight.rotation, lighthouse.host)
    warning = Phrase(
        "the key of {ca} will be wiped at the end. Afterwards, it exists only in copies that were made of it",
        ca=shorten_argument(sight.rotation.old.name),
    )
    return HostPlan(
        part=Part(host=lighthouse.host.name, steps=tuple(_build_steps(sight, lighthouse.host))), warnings=(warning,)
    )


def _require_same_place(rotation: Rotation, lighthouse: Host) -> None:
    """Requires that the configuration names the place where the old key lies: that one is wiped."""
    place = get_windows_side(lighthouse).paths.ca_key
    if PureWindowsPath(place) != PureWindowsPath(rotation.old.key_file):
        raise CannotPlan(
            Phrase(
                "the old key is at {old}, but the configuration has {path}. Set ca_key of {host} back until this is done",
                old=rotation.old.key_file,
                path=place,
                host=lighthouse.name,
            )
        )


def _build_steps(sight: RoundSight, lighthouse: Host) -> Iterator[Step]:
    rotation, paths = sight.rotation, get_windows_side(lighthouse).paths
    new = find_rotation_authority(rotation.new)
    if new is None:
        raise CannotPlan(Phrase("the record of the new CA is damaged. Run {words}", words="ca rotation"))
    folder = str(PureWindowsPath(rotation.new.key_file).parent)
    yield Step(
        key=make_key(lighthouse.name, Mark.SETTLE, "install"),
        host=lighthouse.name,
        deed=PlannedAction.of(
            InstallAuthority(
                folder=folder,
                nebula_cert_exe=paths.nebula_cert_exe,
                ca_key=paths.ca_key,
                ca=paths.ca_certificate,
                fingerprint=rotation.new.fingerprint,
                curve=CURVE_NAMES[new.curve],
                network=find_spare_network(new, lighthouse),
            )
        ),
        phrase=Phrase(
            "put the key of {new} in its usual place, and wipe the key of {old}",
            new=shorten_argument(rotation.new.name),
            old=shorten_argument(rotation.old.name),
        ),
    )
    yield Step(
        key=make_key(lighthouse.name, Mark.SETTLE, "tidy"),
        host=lighthouse.name,
        deed=PlannedAction.of(WipeAuthority(folder=folder)),
        phrase=Phrase("remove the working folder"),
    )
