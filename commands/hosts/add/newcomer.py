"""Sight of a new host: its file, what is on it now, and the member whose configuration it gets. Pure.

The parts of the plan (identity, gateway, WSL2, peers, inventory) are functions of a `NewHost`.

Situation of a host that is added: what it is, and how far it has come, after each stage. Pure.
"""

from dataclasses import dataclass

from adapters.inventory import Host, JoiningHost
from adapters.local.identities import compute_key_fingerprint
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile
from adapters.windows.new_host import NewHostState
from adapters.windows.services import Services
from commands.changes.commit_confirm import get_windows_side
from commands.changes.host_plan import tell_situations
from commands.model.plan import Part, Plan


@dataclass(frozen=True)
class Pattern:
    """The member whose configuration is the pattern of the new host's.

    `nebula` is its config.yaml, `gateway` its nginx.conf, or None if the new host gets no
    gateway. No file has a key in it: such a file does not leave its host.
    """

    host: Host
    nebula: ConfigurationFile
    gateway: ConfigurationFile | None


@dataclass(frozen=True)
class NewHost:
    """A host that is being added and answered. `operation` is the id of the one that is planned.

    `host` is `joining.host`, whose Windows side is pinned. `services` are those that Windows has now, `state` is what lies
    there.
    """

    joining: JoiningHost
    host: Host
    operation: str
    services: Services
    state: NewHostState
    pattern: Pattern

    @property
    def name(self) -> str:
        return self.host.name

    def make_key(self, name: str) -> str:
        """Makes the key of a step of this host."""
        return f"{self.name}/{name}"


def tell_stages(plan: Plan, host: Host, identity: Part, member: str) -> Plan:
    """Returns the plan with its situations. `identity` is the part after which the host is in the overlay, `member` the key
    of the step that makes it a member.
    """
    told = {identity.steps[-1].key: _describe_arrival(host), member: Phrase("{host} is a member", host=host.name)}
    return tell_situations(plan, _describe_machine(host), told)


def _describe_arrival(host: Host) -> Phrase:
    return Phrase("{host} is in the overlay as {address}, and no member yet", host=host.name, address=str(host.overlay.ip))


def _describe_machine(host: Host) -> Phrase:
    """Describes the machine by what approvers compare at its console."""
    values = {"host": host.name, "id": str(host.id), "address": str(host.overlay.ip)}
    certificate = get_windows_side(host).certificate_sha256
    if host.wsl is None or not host.wsl.host_key:
        return Phrase(
            "{host} is being added with ID {id} ({address}). Its machine shows the certificate {certificate}",
            **values,
            certificate=certificate,
        )
    return Phrase(
        "{host} is being added with ID {id} ({address}). Its machine shows the certificate {certificate} and the SSH host "
        "key {key}",
        **values,
        certificate=certificate,
        key=compute_key_fingerprint(host.wsl.host_key),
    )
