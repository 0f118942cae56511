"""Steps that prove that a container serves: it runs, is healthy, is registered, and is found through another gateway.

running ─▶ healthy ─▶ registered at its own gateway ─▶ found at another gateway ─▶ still there after a while ─▶ steady

The last two tell a container that ends again and again from one that works: it is "running" at most looks, but podman counts
its restarts. Id, address and that count come from podman when the proof runs, because a start may give others.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from adapters.gateway.containers import Registry
from adapters.gateway.serving import FindServing
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import ReadContainerState
from commands.gateways.forget import compute_settling
from commands.gateways.registrations import GatewayRegistry
from commands.model.plan import PlannedAction, Product, Step

RUNNING_TIMEOUT = 20.0
"""Seconds in which a started container must run."""

HEALTH_TIMEOUT = 120.0
"""Seconds in which a health check must pass. podman runs it every 30 s unless the image says otherwise."""

REGISTRATION_TIMEOUT = 20.0
"""Seconds in which its own gateway must list it. Flatnet's plug-in registers it while it starts."""

SETTLING = 10
"""Seconds after which a container must still be there. One that ends again and again ends sooner, as a rule."""

SETTLING_MARGIN = 15.0
"""Seconds beyond that in which the gateway must answer."""


@dataclass(frozen=True)
class Witness:
    """Another gateway, at which the container must be found within `patience` seconds: its next pull from its peers."""

    host: Host
    patience: float


def find_witness(host: Host, gateways: Sequence[GatewayRegistry], spared: Collection[str] = ()) -> Witness | None:
    """Finds a gateway that proves that others find a container of `host`; None if no other one answered.

    `spared` are names of hosts that must not be asked, such as the other end of a migration.
    """
    able = [
        each.host for each in gateways if isinstance(each.registry, Registry) and each.host.name not in {host.name, *spared}
    ]
    return Witness(able[0], float(compute_settling(gateways))) if able else None


@dataclass(frozen=True)
class ServingProof:
    """Proof that a container serves. `container` is its id, or its name for one that is not made yet.

    `prefix` begins the keys of its steps. `health_timeout` is in seconds. `settling` of 0 leaves out the wait.
    """

    host: Host
    name: str
    container: str
    witness: Witness | None
    prefix: str
    health_timeout: float = HEALTH_TIMEOUT
    settling: int = SETTLING

    def build_steps(self) -> tuple[Step, ...]:
        """Builds the steps of the proof. All of them read."""
        return (*self._build_start_steps(), *self._build_gateway_steps(), self.build_steady_step())

    def build_steady_step(self) -> Step:
        """Builds the last step: it is healthy, and podman has not restarted it since it was found healthy before."""
        phrase = Phrase("check that {name} keeps running", name=self.name)
        return self._build_look("steady", phrase, "steady", RUNNING_TIMEOUT, tolerated=self._take("healthy", "restarts"))

    def _build_start_steps(self) -> Iterator[Step]:
        yield self._build_look("running", Phrase("check that {name} runs", name=self.name), "running", RUNNING_TIMEOUT)
        phrase = Phrase("check that {name} is healthy, if it has a health check", name=self.name)
        yield self._build_look("healthy", phrase, "healthy", self.health_timeout)

    def _build_gateway_steps(self) -> Iterator[Step]:
        if self.host.gateway is not None:
            phrase = Phrase("check that {name} is registered at the gateway of {host}", name=self.name, host=self.host.name)
            yield self._build_search("registered", self.host, phrase, REGISTRATION_TIMEOUT)
        if self.witness is not None:
            phrase = Phrase("check that the gateway of {host} finds {name}", host=self.witness.host.name, name=self.name)
            yield self._build_search("found", self.witness.host, phrase, self.witness.patience)
        if self.host.gateway is not None and self.settling:
            yield self._build_wait()

    def _build_look(self, stage: str, phrase: Phrase, field: str, patience: float, **products: Product) -> Step:
        return Step(
            key=f"{self.prefix}/{stage}",
            host=self.host.name,
            deed=PlannedAction.of(ReadContainerState(container=self.container), **products),
            phrase=phrase,
            expect={field: True},
            patience=patience,
        )

    def _build_search(self, stage: str, gateway: Host, phrase: Phrase, patience: float) -> Step:
        return Step(
            key=f"{self.prefix}/{stage}",
            host=gateway.name,
            deed=_plan_search(0, id=self._take("healthy", "id"), address=self._take("healthy", "address")),
            phrase=phrase,
            expect={"registered": True, "found": True},
            patience=patience,
        )

    def _build_wait(self) -> Step:
        """Builds the look at its own gateway some seconds later, by the gateway's clock."""
        deed = _plan_search(
            self.settling,
            id=self._take("healthy", "id"),
            address=self._take("healthy", "address"),
            since=self._take("registered", "at"),
        )
        return Step(
            key=f"{self.prefix}/settled",
            host=self.host.name,
            deed=deed,
            phrase=Phrase("wait {n} s, and check that {name} is still registered", n=self.settling, name=self.name),
            expect={"registered": True, "found": True, "settled": True},
            patience=self.settling + SETTLING_MARGIN,
        )

    def _take(self, stage: str, field: str) -> Product:
        return Product(step=f"{self.prefix}/{stage}", field=field)


def _plan_search(settling: int, **products: Product) -> PlannedAction:
    """Plans a search at a gateway. Its id and its address are values that earlier steps produce."""
    return PlannedAction.of(FindServing(id="0", address="10.87.0.0", settling=settling), **products)
