"""Plans of rounds of a rotation, on hosts that are told how far they have come."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.action import Action
from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from adapters.windows.nebula import NebulaFiles
from commands.model.operation import FleetView
from commands.model.plan import Part, Plan, Step
from commands.model.rotation import Rotation, RotationMember, RotationStage
from commands.values.arguments import Target
from tests.commands.canned import NOW, wsl
from tests.commands.canned_certs import CA, Authority, host, view
from tests.commands.canned_rotation import NEXT_CA, held, rotation

LIGHTHOUSE, A, B, C = host("lighthouse", 0), host("host-a", 1), host("host-b", 2), host("host-c", 3)
HOSTS = LIGHTHOUSE, A, B, C
CANARY, _ = NEXT_CA.sign("canary", "10.100.255.254/16", 2000)
AWAY = Unreachable(Phrase("connection refused"))

Said = Mapping[str, object]
"""What hosts say of their certificates, by name; an error for those that do not answer."""


def names(*hosts: str) -> Target:
    return Target(parts=hosts)


def old(host: Host) -> NebulaFiles:
    """It has nothing of the new CA."""
    return held(host, CA)


def trusting(host: Host) -> NebulaFiles:
    return held(host, CA, NEXT_CA)


def signed(host: Host) -> NebulaFiles:
    return held(host, CA, NEXT_CA, signed=NEXT_CA)


def dropped(host: Host) -> NebulaFiles:
    return held(host, NEXT_CA, signed=NEXT_CA)


def sight(of: Rotation | None, said: Said, hosts: tuple[Host, ...] = HOSTS) -> FleetView:
    """A view of these hosts while the CA is being changed."""

    def answer(host: Host) -> Any:
        given = said[host.name]

        def windows(action: Action[Any]) -> object:
            if isinstance(given, NebulaFiles) and isinstance(action, ReadConfiguration):
                return bundle(host, given)
            return given

        return windows

    told = {(each.name, "windows"): answer(each) for each in hosts}
    return replace(view(*hosts, said={**told, **{(each.name, "wsl"): wsl(each) for each in hosts}}), rotation=of)


def bundle(host: Host, files: NebulaFiles) -> ConfigurationFile:
    """The file of CAs of a host, in bytes."""
    assert host.windows is not None
    content = files.ca.encode()
    return ConfigurationFile(
        file=host.windows.paths.ca_certificate, content=content, sha256=hashlib.sha256(content).hexdigest()
    )


def in_stage(stage: RotationStage, *left: str, **given: Any) -> Rotation:
    """A rotation in which some hosts are left behind."""
    given = {"canary": CANARY} | given
    return rotation(stage, *(RotationMember(host=name, left_at=NOW) for name in left), **given)


def keys(plan: Plan, host: str) -> list[str]:
    """Keys of the steps of a host, without its name."""
    return [step.key.removeprefix(f"{host}/") for part in plan.parts if part.host == host for step in part.steps]


def find(plan: Plan, key: str) -> Step:
    return next(step for step in plan.steps if step.key == key)


def parts(plan: Plan) -> list[str]:
    """The hosts of a plan's parts in their order, without those that wipe what a new certificate leaves."""
    return [part.host for part in plan.parts if not wipes(part)]


def wipes(part: Part) -> bool:
    return part.steps[0].key == f"{part.host}/wipe"


def ca_of(step: Step) -> tuple[object, object, object]:
    """Certificate file, key file and fingerprint with which a step signs."""
    given = step.deed.arguments
    return given["ca_certificate"], given["ca_key"], given["ca_fingerprint"]


def fingerprint(ca: Authority, of: Rotation) -> str:
    return of.new.fingerprint if ca is NEXT_CA else of.old.fingerprint
