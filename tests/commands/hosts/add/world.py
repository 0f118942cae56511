"""A fleet that a machine is on its way into: every Windows side is answered by the twins, so plans are made and played."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path, PureWindowsPath
from typing import Any

from adapters.action import Action, Answer, SideName
from adapters.errors import ActionFailed
from adapters.fleet import Fleet
from adapters.gateway.containers import ReadRegistry, Registry
from adapters.inventory import Host, Inventory, JoiningHost, WindowsSide, WslSide
from adapters.local.action import LocalAction
from adapters.local.host_files import HostFileState, ReadHostFile
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from commands.hosts.add.operation import HostAdd
from commands.model.certificates import Identity, KnownIdentities, make_identity
from commands.model.operation import FleetView
from commands.model.plan import PlannedChange
from commands.model.thresholds import Thresholds
from tests.commands import canned, canned_certs
from tests.commands.canned import NOW
from tests.commands.canned_certs import OPERATION
from tests.commands.certificates.rotation.played import Stage
from tests.lab import newcomers
from tests.lab.windows import nebula_cert
from tests.lab.windows.disks import Disk, Expiry, lay_out
from tests.lab.windows.mesh import PATHS, Member, Mesh
from tests.lab.windows.nginx import lay_configuration
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import answer

NEW, NUMBER = "host-d", 4

HEX, SSH_KEY = "ab" * 32, base64.b64encode(b"a key").decode()


def new_host(**given: Any) -> Host:
    """The host that is added, with both sides pinned."""
    made = canned.host(NEW, NUMBER, labels=("tokyo",))
    windows = WindowsSide(
        url="https://192.0.2.14:5986/wsman", user="flatnet", ca_file=Path(__file__), certificate_sha256=HEX
    )
    wsl = WslSide(address="192.0.2.14", key_file="/key", host_key=f"ssh-ed25519 {SSH_KEY}")
    return made.model_copy(update={"windows": windows, "wsl": wsl} | given)


@dataclass
class World:
    """Members that run, and a prepared machine. `view` is what a plan of it is made from."""

    stage: Stage
    members: tuple[Host, ...]
    host: Host
    joining: JoiningHost
    identities: tuple[Identity, ...] = ()
    changes: Mapping[str, Any] = None  # type: ignore[assignment]

    @property
    def new(self) -> WindowsState:
        return self.stage.states[NEW]

    @property
    def view(self) -> FleetView:
        inventory = Inventory(hosts=self.members, joining=(self.joining,))
        fleet = Fleet(inventory, self._connect)
        made = FleetView(fleet, lambda: NOW, Thresholds(), identities=KnownIdentities(self.identities))
        return replace(made, operation_id=OPERATION, read_own=read_host_file, **(self.changes or {}))

    async def plan(self, operation: HostAdd | None = None) -> PlannedChange:
        return await (operation or HostAdd(name=NEW)).plan(self.view)

    def write(self, path: str, text: str, host: str = NEW) -> None:
        """Lay a file on a host."""
        self.stage.states[host].write(PureWindowsPath(path), text, NOW)

    def read(self, path: str, host: str = NEW) -> str:
        """The text of a file on a host; "" if there is none."""
        return self.stage.states[host].files.get(PureWindowsPath(path), "")

    def sign(self, name: str = NEW, address: str = f"10.100.{NUMBER}.1/16", **given: Any) -> Identity:
        """Sign a certificate on the lighthouse by hand, lay pair, CA and configuration on the new machine."""
        signer = self.stage.states["lighthouse"].files
        files = {
            PureWindowsPath("ca.crt"): signer[PureWindowsPath(PATHS.ca_certificate)],
            PureWindowsPath("ca.key"): signer[PureWindowsPath(PATHS.ca_key)],
        }
        words = ["-name", name, "-ip", address, "-groups", given.get("groups", "flatnet,gateway"), "-duration", "1000h"]
        out = ["-out-crt", "h.crt", "-out-key", "h.key"]
        done = nebula_cert.run(["sign", "-ca-crt", "ca.crt", "-ca-key", "ca.key", *out, *words], files, NOW)
        assert 0 == done.code, done.stderr
        self.write(PATHS.host_certificate, files[PureWindowsPath("h.crt")])
        self.write(PATHS.host_key, files[PureWindowsPath("h.key")])
        self.write(PATHS.ca_certificate, self.read(PATHS.ca_certificate, "lighthouse"))
        self.write(PATHS.nebula_config, self.read(PATHS.nebula_config, "host-a"))
        return make_identity(parse_pem(files[PureWindowsPath("h.crt")])[0])

    def _connect(self, host: Host, side: SideName) -> "_Connection":
        return _Connection(self.stage, host, side)


async def read_host_file(action: LocalAction[Any]) -> HostFileState:
    """Answer that the file of the host is the one that the bot uses."""
    assert isinstance(action, ReadHostFile)
    return HostFileState(sha256="ab" * 32, active=True)


class _Connection:
    """One side of one host: Windows by its twins, anything else as if it were well."""

    def __init__(self, stage: Stage, host: Host, side: SideName) -> None:
        self._stage, self._host, self._side = stage, host, side

    async def perform(self, action: Action[Answer]) -> Answer:
        if not isinstance(action, WindowsAction):
            said: Any = (
                Registry(registrations=()) if isinstance(action, ReadRegistry) else canned.well(self._host, self._side)
            )
            return said  # type: ignore[no-any-return]
        state = self._stage.states[self._host.name]
        try:
            answered = action.parse(answer(action.script, action.build_arguments(), state, NOW))
        except ScriptError as error:
            failure = ActionFailed(Phrase("{message}", message=error.message), code=error.id)
            raise action.explain(failure) from error
        return answered  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        pass


def build_world(mend: Callable[[World], None] | None = None, **joining: Any) -> World:
    """A lighthouse, host-a and host-b, and the prepared machine host-d; `mend` makes it different."""
    names = ("lighthouse", "host-a", "host-b")
    states = {name: WindowsState.healthy(number, name) for number, name in enumerate(names)}
    lay_out([Disk(number, name, state) for number, (name, state) in enumerate(states.items())], Expiry(), NOW)
    for number, name in ((1, "host-a"), (2, "host-b")):
        lay_configuration(states[name], number, [f"http://10.100.{3 - number}.1:8080"], NOW)
    states[NEW] = newcomers.make_windows(NUMBER, NEW, NOW)
    stage = Stage(states)
    stage.mesh = Mesh({name: Member(state) for name, state in states.items()}, lambda: stage.now)
    stage.mesh.begin(NOW, [(name, names[0]) for name in names[1:]])
    members = tuple(canned_certs.host(name, number) for number, name in enumerate(names))
    host = new_host()
    known = {"name": NEW, "id": NUMBER, "host": host, "labels": host.labels, "since": NOW - timedelta(days=1), "by": "ana"}
    world = World(stage, members, host, JoiningHost(**{**known, **joining}))
    if mend is not None:
        mend(world)
    return world
