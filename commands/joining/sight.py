"""Sight of a new host: its file, what is on it now, and the member whose configuration it gets. Pure.

The parts of the plan (identity, gateway, WSL2, peers, inventory) are functions of a `NewHost`.
"""

from dataclasses import dataclass

from adapters.inventory import Host, JoiningHost
from adapters.windows.configuration import ConfigurationFile
from adapters.windows.new_host import NewHostState
from adapters.windows.services import Services


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
