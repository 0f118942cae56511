"""Steps that delete a registration at gateways, and prove that it stays gone. Pure.

delete at each ─▶ wait for the next pulls ─▶ delete at each again ─▶ wait if it had returned anywhere ─▶ look at each
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.gateway.containers import PULL_TIMEOUT, FindContainer, ForgetContainer, Registry
from adapters.phrase import Phrase
from commands.gateways.registrations import GatewayRegistry
from commands.model.plan import PlannedAction, Product, Step

USUAL_INTERVAL = 30
"""Seconds between two pulls of a gateway that does not tell its own interval."""

MARGIN = 5
"""Seconds beyond that."""

PATIENCE = 15.0
"""Seconds beyond the wait in which a gateway must answer."""


def compute_settling(gateways: Sequence[GatewayRegistry]) -> int:
    """Computes the seconds until every gateway has read its peers again: a silent peer makes a gateway wait for it."""
    intervals = [each.registry.interval or USUAL_INTERVAL for each in gateways if isinstance(each.registry, Registry)]
    silent = sum(isinstance(each.registry, HostError) for each in gateways)
    return max([USUAL_INTERVAL, *intervals]) + MARGIN + round(PULL_TIMEOUT) * silent


@dataclass(frozen=True)
class Deletion:
    """Deletion of the registration of a container at some gateways, at least one.

    `id` is the registered one, `name` that of the container. `settling`: seconds until a peer would have brought it back.
    """

    id: str
    name: str
    gateways: tuple[str, ...]
    settling: int

    def list_steps(self) -> Iterator[Step]:
        """Lists the steps in their order. A rollback is impossible: a container registers when it starts."""
        for gateway in self.gateways:
            yield self._build_deletion(gateway, "delete", None)
        yield self._build_look(
            self.gateways[0],
            "wait",
            Phrase("wait {n} s, until the gateways have read their peers again", n=self.settling),
            {"settled": True},
        )
        before = None
        for gateway in self.gateways:
            yield self._build_deletion(gateway, "again", before)
            before = gateway
        for gateway in self.gateways:
            phrase = Phrase("check that {name} has not returned", name=self.name)
            yield self._build_look(gateway, "look", phrase, {"registered": False, "settled": True})

    def _build_deletion(self, gateway: str, stage: str, before: str | None) -> Step:
        """Builds a deletion. Those of the second round tell the next gateway whether it had returned."""
        products = {} if before is None else {"returned": Product(step=f"{before}/again", field="returned")}
        return Step(
            key=f"{gateway}/{stage}",
            host=gateway,
            deed=PlannedAction.of(ForgetContainer(id=self.id), **products),
            phrase=Phrase("delete the registration of {name}", name=self.name)
            if stage == "delete"
            else Phrase("delete it again, if it has returned"),
        )

    def _build_look(self, gateway: str, stage: str, phrase: Phrase, expect: dict[str, bool]) -> Step:
        """Builds a look. The first one waits in any case, the others only if it had returned at any gateway."""
        deleted = "delete" if stage == "wait" else "again"
        products = {"since": Product(step=f"{gateway}/{deleted}", field="at")}
        if stage == "look":
            products["returned"] = Product(step=f"{self.gateways[-1]}/again", field="returned")
        return Step(
            key=f"{gateway}/{stage}",
            host=gateway,
            deed=PlannedAction.of(FindContainer(id=self.id, settling=self.settling), **products),
            phrase=phrase,
            expect=expect,
            patience=self.settling + PATIENCE,
        )
